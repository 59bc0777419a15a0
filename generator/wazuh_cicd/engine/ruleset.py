"""From folders or files in memory to a ruleset that sessions can run on."""

from __future__ import annotations

import gc
import time as clock
from typing import TYPE_CHECKING

from wazuh_cicd.engine.cache import key_of, load, store, worth_it
from wazuh_cicd.engine.decode.decoders import DecoderSet, load_decoders
from wazuh_cicd.engine.judge.conditions import settle
from wazuh_cicd.engine.judge.plans import make_plan
from wazuh_cicd.engine.judge.ruletree import RuleTree
from wazuh_cicd.engine.load.cdb import CdbList
from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles, read_folder
from wazuh_cicd.engine.load.messages import ERROR, NOTE, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.rulexml import RuleReader
from wazuh_cicd.engine.load.xmlreader import read_xml, to_bytes
from wazuh_cicd.engine.session import Session
from wazuh_cicd.errors import RulesetError
from wazuh_cicd.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.judge.plans import Plan
    from wazuh_cicd.engine.judge.rulemodel import Rule


# Plans of the category roots that are remembered; see ``plans``.
_REMEMBERED = 1024

# The manager's code for "no test session", which follows every reason.
NO_SESSION = 7311


class RulesetLoadError(RulesetError):
    """A ruleset that a manager refuses to load.

    Attributes:
        messages: everything that it logs while loading, the reason last.
    """

    def __init__(self, messages: Sequence[LoadMessage]) -> None:
        """Keep the messages; the errors among them become findings."""
        refused = [message for message in messages if message.severity in {ERROR, NOTE} and message.code != NO_SESSION]
        super().__init__([_finding(message) for message in refused])
        self.messages = tuple(messages)


def _finding(message: LoadMessage) -> Finding:
    code = str(message.code) if message.code else "load"
    rule = str(message.rule) if message.rule else ""
    return Finding(message.path, message.line, message.column, code, message.text, rule=rule)


class Ruleset:
    """Decoders, rules and lists, ready to run. Shared by its sessions; nothing in it changes any more.

    Attributes:
        messages: what the manager logs while loading.
        decoders: the decoders.
        tree: the rules.
        options: the settings it was loaded with.
    """

    def __init__(
        self, tree: RuleTree, decoders: DecoderSet, messages: Sequence[LoadMessage], options: EngineOptions
    ) -> None:
        """Put a ruleset together; use ``load_ruleset``."""
        self.tree = tree
        self.decoders = decoders
        self.messages = tuple(messages)
        self.options = options
        self._local_time = clock.gmtime if options.utc else clock.localtime
        self._plans: dict[tuple[str, int, bytes | None], Plan] = {}

    def settle(self, rule: Rule) -> None:
        """Compile the conditions of a rule; done when it is tried first, since most rules never are."""
        settle(rule, local_time=self._local_time)

    def plan(self, event: Event) -> Plan:
        """Return the plan of the category roots for an event."""
        key = (event.category, event.decoder_id, event.program_name)
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= _REMEMBERED:
                self._plans.clear()
            roots = [root for root in self.tree.roots if root.rule.category == event.category]
            plan = self._plans[key] = make_plan(roots, event, self.settle)
        return plan

    @property
    def rules(self) -> Mapping[int, Rule]:
        """The loaded rules by id."""
        return self.tree.rules

    @property
    def testable(self) -> bool:
        """Whether logtest and the server API accept the ruleset: they refuse any that logs an error."""
        return all(message.severity != ERROR for message in self.messages)

    def session(self, *, clock: Callable[[], float] = clock.time) -> Session:
        """Start a session with an empty memory."""
        return Session(self, time=clock)


def load_ruleset(
    folders: Sequence[Path | RulesetFiles] = (),
    *,
    files: RulesetFiles | Mapping[str, bytes] | None = None,
    options: EngineOptions | None = None,
    cache: bool = True,
) -> Ruleset:
    """Load rulesets together, as one manager would.

    Args:
        folders: laid out like a manager's (``decoders/``, ``rules/``, ``lists/``, also below ``etc/`` and
            ``ruleset/``), or read before; all files are ordered together by base name.
        files: more files, in memory, behind those of the folders; by path (``etc/rules/x.xml``) or sorted already.
        options: settings of the manager.
        cache: whether a compiled cache of the files may be read and written.

    Raises:
        RulesetLoadError: the manager would refuse to load it.
        UsageError: a folder is not there or holds no ruleset.
    """
    options = options or EngineOptions()
    together = RulesetFiles()
    for source in folders:
        together += source if isinstance(source, RulesetFiles) else read_folder(source)
    if files is not None:
        together += files if isinstance(files, RulesetFiles) else RulesetFiles.from_paths(files)
    messages: list[LoadMessage] = []
    # Loading makes some hundred thousand objects that all stay: looking for garbage among them takes half of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _load(together, options, messages, use_cache=cache and worth_it(together))
    except FatalLoadError as error:
        messages += error.messages
        messages.append(LoadMessage(ERROR, NO_SESSION, f"({NO_SESSION}): Failure to initializing session"))
        raise RulesetLoadError(messages) from None
    finally:
        if collecting:
            gc.enable()


def _ordered(files: Sequence[tuple[str, bytes]], excluded: Sequence[str] = ()) -> list[tuple[str, bytes]]:
    named = [(name.rpartition("/")[2].encode("utf-8", "surrogateescape"), name, data) for name, data in files]
    named.sort(key=lambda item: item[0])
    skipped = {name.encode() for name in excluded}
    return [(name, data) for base, name, data in named if base not in skipped]


def _load(files: RulesetFiles, options: EngineOptions, messages: list[LoadMessage], *, use_cache: bool) -> Ruleset:
    lists = {
        name.removesuffix(".cdb").encode("utf-8", "surrogateescape"): CdbList.parse(data)
        for name, data in files.lists.items()
    }
    key = key_of(files, options) if use_cache else ""
    kept = load(key, lists, messages) if use_cache else None
    if kept is not None:
        decoders, tree = kept
    else:
        decoders = load_decoders(_ordered(files.decoders), messages)
        tree = RuleTree(messages)
        _load_rules(files, options, tree, decoders, lists)
        if use_cache:
            store(key, decoders, tree)
    return Ruleset(tree, decoders, messages, options)


def _load_rules(
    files: RulesetFiles,
    options: EngineOptions,
    tree: RuleTree,
    decoders: DecoderSet,
    lists: Mapping[bytes, CdbList],
) -> None:
    for path, data in _ordered(files.rules, options.exclude_rules):
        reader = RuleReader(
            path,
            tree.messages,
            decoders.id_of,
            lists,
            options.default_timeframe,
            options.alert_level,
            options.mail_level,
            tree.__contains__,
        )
        for rule in _rules(reader, data):
            tree.add(rule)


def _rules(reader: RuleReader, data: bytes) -> Iterator[Rule]:
    """Yield the rules of one file; the caller adds each to the tree before the next is read."""
    if not data:
        return
    groups = read_xml(data, reader.path)
    if not groups:
        text = f"(1202): Configuration error at '{reader.path}'."
        raise FatalLoadError(LoadMessage(ERROR, 1202, text, reader.path))
    for group in groups:
        if group.tag.lower() != "group":
            reader.fail(group, (0, f'rules_op: Invalid root element "{group.tag}".Only "group" is allowed'))
        if len(group.attributes) != 1 or group.attributes[0][0].lower() != "name":
            reader.fail(group, (0, f"rules_op: Invalid root element '{group.tag}'.Only the group name is allowed"))
    for group in groups:
        if not group.children:
            reader.fail(group, (0, f"Group '{group.tag}' without any rule."))
        name = to_bytes(group.attributes[0][1])
        for position, node in enumerate(group.children):
            rule = reader.read(node, name, position)
            if rule is not None:
                reader.check_patterns(rule, node)
                yield rule
