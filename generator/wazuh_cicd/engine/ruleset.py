"""From folders or files in memory to a ruleset that sessions can run on."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from wazuh_cicd.engine.cache import (
    FileMark,
    Kept,
    base_of,
    file_digest,
    key_of,
    load,
    load_beginning,
    store,
    worth_it,
)
from wazuh_cicd.engine.decode.decoders import load_decoders
from wazuh_cicd.engine.judge.ruletree import RuleTree
from wazuh_cicd.engine.load.cdb import CdbList
from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles, read_folder
from wazuh_cicd.engine.load.messages import ERROR, NOTE, FatalLoadError, LoadMessage
from wazuh_cicd.engine.load.rulecontext import RuleContext
from wazuh_cicd.engine.load.rulereader import read_rules
from wazuh_cicd.engine.session import Ruleset
from wazuh_cicd.errors import RulesetError
from wazuh_cicd.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# The manager's code for "no test session", which follows every reason.
NO_SESSION = 7311

# When this part of the rules was kept already, the rest is read anew each time: that takes less than to keep it.
_WELL_BEGUN = 0.75


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
    if not use_cache:
        loaded = _load_decoders(files, messages)
        _load_rules(_ordered(files.rules, options.exclude_rules), options, loaded, lists)
    else:
        loaded = load(key_of(files, options), messages) or _load_changed(files, options, messages, lists)
    return Ruleset(loaded.tree, loaded.decoders, lists, options)


def _load_changed(
    files: RulesetFiles,
    options: EngineOptions,
    messages: list[LoadMessage],
    lists: Mapping[bytes, CdbList],
) -> Kept:
    """Load a ruleset of which nothing, or the beginning alone, is kept."""
    base = base_of(files, options)
    ordered = _ordered(files.rules, options.exclude_rules)
    loaded = load_beginning(base, [file_digest(name, data) for name, data in ordered], messages)
    begun = 0 if loaded is None else len(loaded.tree.ordered)
    if loaded is None:
        loaded = _load_decoders(files, messages)
    _load_rules(ordered[len(loaded.marks) :], options, loaded, lists)
    if begun < len(loaded.tree.ordered) * _WELL_BEGUN:
        store(key_of(files, options), base, loaded)
    return loaded


def _load_decoders(files: RulesetFiles, messages: list[LoadMessage]) -> Kept:
    decoders = load_decoders(_ordered(files.decoders), messages)
    return Kept(decoders, RuleTree(messages, decoders.id_of), [])


def _load_rules(
    ordered: Sequence[tuple[str, bytes]], options: EngineOptions, loaded: Kept, lists: Mapping[bytes, CdbList]
) -> None:
    """Read rule files and give each rule its place."""
    decoders, tree, marks = loaded
    for path, data in ordered:
        overwrites = False
        context = RuleContext(
            path,
            tree.messages,
            lambda name: decoders.id_of(name) is not None,
            lists,
            tree.rules.__contains__,
            options.default_timeframe,
            options.alert_level,
            options.mail_level,
        )
        for rule in read_rules(context, data):
            tree.add(rule)
            overwrites = overwrites or rule.overwrite
        marks.append(FileMark(file_digest(path, data), len(tree.ordered), len(tree.messages), overwrites))
