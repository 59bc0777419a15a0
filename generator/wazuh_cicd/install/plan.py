"""What would change: files, ``ossec.conf`` blocks, what is kept, and what forbids the installation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wazuh_cicd.findings import Finding, Severity
from wazuh_cicd.install.desired import EMPTY_LIST, is_list, is_loaded, list_name
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.indexed import is_indexed
from wazuh_cicd.install.ossecconf import Conf, blocks_of, read_conf, with_blocks, without_blocks
from wazuh_cicd.install.record import ADVICE, Record, digest
from wazuh_cicd.install.target import NOTHING, RELOAD, RESTART

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wazuh_cicd.install.desired import Desired
    from wazuh_cicd.install.target import Target
    from wazuh_cicd.install.tree import Facts


#: The version of an installation whose record is lost.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """One file that will be written or removed.

    Attributes:
        path: below the manager's folder.
        before: its content now; None when it is not there.
        after: its content then; None when it goes.
        facts: owner and mode that the content had elsewhere and keeps; None: those of the place.
    """

    path: str
    before: bytes | None
    after: bytes | None
    facts: Facts | None = None

    @property
    def kind(self) -> str:
        """``add``, ``change`` or ``delete``."""
        if self.before is None:
            return "add"
        return "delete" if self.after is None else "change"


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from what is there to what is wanted.

    Attributes:
        changes: in the order in which they are made; the record last.
        problems: an error forbids the installation, a warning is worth reading first.
        kept: lists with local edits that stay as they are.
        left_out: files that this transport cannot bring.
        left_behind: files on the record that it cannot remove, whether they are there or not.
        record: what is installed now; None for nothing.
        activation: what makes it live.
        switches: what of the site's choices would become different, in words.
        stale: files that were edited after the manager loaded them.
        id_base: where the rules' ids begin, now or then.
    """

    changes: tuple[Change, ...]
    problems: tuple[Finding, ...] = ()
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()
    record: Record | None = None
    activation: str = NOTHING
    switches: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    id_base: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What forbids it."""
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)


@dataclass(slots=True)
class _Draft:
    changes: list[Change] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    now: dict[str, bytes | None] = field(default_factory=dict)
    then: dict[str, bytes] = field(default_factory=dict)

    def error(self, code: str, path: str, message: str, fix: str) -> None:
        self.problems.append(Finding(path, 0, 0, code, message, fix))

    def warn(self, code: str, path: str, message: str, fix: str) -> None:
        self.problems.append(Finding(path, 0, 0, code, message, fix, Severity.WARNING))


def installed(target: Target) -> Record | None:
    """What is installed there, by its record; by the names of files where the record is lost; None for nothing."""
    for place in dict.fromkeys((target.record_path, ADVICE)):
        data = target.read(place)
        if data is not None:
            return Record.load(data, place)
    ours = dict.fromkeys(target.ours(), "")
    return Record(UNKNOWN, 0, files=ours) if ours else None


def stale_files(target: Target, record: Record, now_there: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """Files of ours whose content is not known to be what the manager has loaded.

    Args:
        target: the manager.
        record: what is installed.
        now_there: the content of each file that was looked at.
    """
    found = []
    for path in sorted(filter(is_loaded, record.files)):
        now = now_there.get(path)
        if now is not None and digest(now) != record.loaded.get(path) and not target.loaded_since(path):
            found.append(path)
    return tuple(found)


def waiting(record: Record, stale: tuple[str, ...]) -> tuple[str, ...]:
    """The same in words; a record that says nothing of what was loaded gets one line."""
    if stale and not record.loaded:
        return ("it is not known whether the manager has loaded what lies there",)
    return tuple(f"{path} was written after the manager loaded it" for path in stale)


def switches(record: Record | None, desired: Desired) -> tuple[str, ...]:
    """What of the version and the site's choices would become different, in words."""
    new = desired.record
    if record is None or desired.is_removal:
        return ()
    lines = []
    if record.version == UNKNOWN:
        lines.append(f"takes over an installation without a record: {new.settings}")
    else:
        if record.version != new.version:
            lines.append(f"installs version {new.version} in place of {record.version}")
        lines += new.settings.switches(record.settings)
    return tuple(lines)


def make_plan(target: Target, desired: Desired, *, activate: bool = True) -> Plan:
    """Compare. Nothing is changed.

    Args:
        target: the manager.
        desired: the goal.
        activate: whether the manager will load what is written.

    Raises:
        InstallError: the manager's files cannot be read.
    """
    draft = _Draft()
    record = installed(target)
    old = dict(record.files) if record else {}
    files = {path: data for path, data in desired.files.items() if target.can_write(path)}
    draft.left_out = sorted(set(desired.files) - set(files))
    written = _written(target, files, old, draft)
    removed: list[Change] = []
    for path, keys in sorted(desired.unsayable.items()):
        if files.get(path) == next((c.after for c in written if c.path == path), None):
            draft.warn(
                "I117",
                path,
                f"loses {len(keys)} of its entries: the API takes no key such as {keys[0]!r}",
                "add them on the manager itself if you need them",
            )
    draft.left_behind = sorted(path for path in set(old) - set(desired.files) if not target.can_read(path))
    for path in old:
        if path not in files and target.can_read(path) and (before := target.read(path)) is not None:
            if is_list(path) and old[path] and digest(before) != old[path] and list_name(path) not in _names(files):
                draft.warn(
                    "I104", path, "was edited by hand and goes; its content stays in the backup", "copy it first"
                )
            removed.append(Change(path, before, None))
    confs = _conf_changes(target, desired, draft)
    if not any(finding.code == "I111" for finding in draft.problems):
        _check_ids(target, desired, set(old) | set(files), draft)
    draft.changes = [
        *sorted((c for c in written if is_list(c.path)), key=lambda c: c.path),
        *confs,
        *sorted((c for c in written if not is_list(c.path)), key=lambda c: c.path),
        # Rules go before the decoders they name, decoders before the lists.
        *sorted((c for c in removed if "/rules/" in c.path), key=lambda c: c.path),
        *sorted((c for c in removed if "/rules/" not in c.path), key=lambda c: (is_list(c.path), c.path)),
    ]
    draft.changes = in_order(draft.changes)
    activation = _activation(draft.changes)
    stale: tuple[str, ...] = ()
    if record and not desired.is_removal and activate and target.is_running():
        stale = stale_files(target, record, draft.now)
    if stale and activation == NOTHING:
        activation = RELOAD
    loaded: Mapping[str, str] = record.loaded if record else {}
    if activate and activation != NOTHING:
        loaded = {path: digest(data) for path, data in draft.then.items() if is_loaded(path)}
    draft.changes += _record_changes(target, desired, loaded)
    return Plan(
        tuple(draft.changes),
        tuple(draft.problems),
        tuple(draft.kept),
        tuple(draft.left_out),
        tuple(draft.left_behind),
        record,
        activation,
        switches(record, desired),
        stale,
        desired.record.id_base or (record.id_base if record else 0),
    )


def in_order(changes: Iterable[Change]) -> list[Change]:
    """What lies on the indexer comes last: what goes there in one order, what is written in the opposite one.

    By their names a pipeline stands before the template that asks for it.
    """
    changes = list(changes)
    there = sorted((change for change in changes if is_indexed(change.path)), key=lambda change: change.path)
    gone = [change for change in reversed(there) if change.after is None]
    put = [change for change in there if change.after is not None]
    return [*(change for change in changes if not is_indexed(change.path)), *gone, *put]


def _written(target: Target, files: Mapping[str, bytes], old: Mapping[str, str], draft: _Draft) -> list[Change]:
    """The files that get another content."""
    written: list[Change] = []
    moved = {list_name(path): path for path in old if is_list(path)}
    for path, data in files.items():
        before = draft.now[path] = target.read(path)
        after = data
        facts: Facts | None = None
        if is_list(path):
            after, facts = _list_after(target, path, data, before, old, moved, draft)
        draft.then[path] = after
        if before is not None and path not in old and before != after:
            draft.error(
                "I102", path, "a file of this name is there and is not ours", "rename or remove it, then plan again"
            )
        edited = before is not None and digest(before) not in (old.get(path), digest(data))
        if edited and old.get(path) and not is_list(path):
            draft.warn(
                "I103", path, "was edited by hand; the edits go (a backup is kept)", "move them to a file of your own"
            )
        if before != after:
            written.append(Change(path, before, after, facts))
    return written


def _record_changes(target: Target, desired: Desired, loaded: Mapping[str, str]) -> list[Change]:
    """The record of the new state; one that was left by another way of installing goes."""
    note = None if desired.is_removal else replace(desired.record, loaded=loaded).dump()
    changes = []
    for place in dict.fromkeys((ADVICE, target.record_path)):
        noted = target.read(place)
        after = note if place == target.record_path else None
        if noted != after:
            changes.append(Change(place, noted, after))
    return changes


def _names(files: Mapping[str, bytes]) -> set[str]:
    return {list_name(path) for path in files if is_list(path)}


def _list_after(  # noqa: PLR0917 - one decision, one place
    target: Target,
    path: str,
    shipped: bytes,
    before: bytes | None,
    old: Mapping[str, str],
    moved: Mapping[str, str],
    draft: _Draft,
) -> tuple[bytes, Facts | None]:
    """A list's content: the shipped one, unless somebody on the site has edited it; and whose it stays."""
    place = moved.get(list_name(path), path)
    now = before if place == path else target.read(place)
    if now is None:
        return shipped, None
    if old.get(place) in (digest(now), ""):
        # Untouched. Without a record nobody knows: then what is there is taken for the site's own.
        if old[place]:
            return shipped, None
    elif place not in old:
        return shipped, None
    if now not in (shipped, EMPTY_LIST, b""):
        draft.kept.append(path)
    if not now and target.flat_lists:
        return shipped, None
    return now, None if place == path else target.facts(place)


def _check_ids(target: Target, desired: Desired, ours: set[str], draft: _Draft) -> None:
    if desired.is_removal:
        return
    site = target.site_rules(ours)
    for line in target.unread:
        draft.warn("I118", "", f"rules that were not compared with ours: {line}", "look for ids of ours there yourself")
    clashes = sorted(set(site) & set(desired.rule_ids))
    for number in clashes:
        for rule in site[number]:
            if rule.overwrite:
                draft.warn(
                    "I105",
                    rule.path,
                    f"rule {number} overwrites ours",
                    "check that it still says what you want after this upgrade",
                )
            else:
                draft.error(
                    "I101",
                    rule.path,
                    f"rule {number} has an id of ours ({desired.rule_ids[number]}): analysisd would drop one of them",
                    f"move our block with --id-base {_free_base(site, desired)}",
                )


def _free_base(site: Mapping[int, object], desired: Desired) -> int:
    first, last = min(desired.rule_ids), max(desired.rule_ids)
    base = desired.record.id_base
    offset, width = first - base, last - base
    for candidate in range(110000, 990000, 1000):
        if not any(number in site for number in range(candidate + offset, candidate + width + 1)):
            return candidate
    return base


def _conf_changes(target: Target, desired: Desired, draft: _Draft) -> list[Change]:
    changes = []
    for path in target.conf_paths():
        data = target.read(path)
        if data is None:
            draft.error("I110", path, "is missing", "mend the manager first")
            continue
        try:
            conf = read_conf(data)
        except InstallError as error:
            draft.error("I111", path, str(error), "run wazuh-analysisd -t")
            continue
        if not desired.is_removal:
            _check_conf(path, conf, desired, draft)
        if len(conf.rulesets) != 1 and desired.ruleset_lines:
            continue
        lines = [line for line in desired.ruleset_lines if line[len("<list>") : -len("</list>")] not in conf.lists]
        if desired.is_removal:
            after = without_blocks(data)
        elif blocks_of(data) == (tuple(lines), desired.top.replace(b"\r\n", b"\n")):
            after = data
        else:
            after = with_blocks(data, lines, desired.top)
        if after != data:
            changes.append(Change(path, data, after))
    return changes


def _check_conf(path: str, conf: Conf, desired: Desired, draft: _Draft) -> None:
    if len(conf.rulesets) != 1:
        draft.error(
            "I112",
            path,
            f"has {len(conf.rulesets)} <ruleset> blocks",
            "exactly one is needed: of several only the last counts, and it alone names the folders that are read",
        )
        return
    for folder, known in (("etc/rules", conf.rule_dirs), ("etc/decoders", conf.decoder_dirs)):
        needed = any(name.startswith(f"{folder}/") for name in desired.files)
        if needed and folder not in (name.rstrip("/") for name in known):
            tag = "rule_dir" if folder == "etc/rules" else "decoder_dir"
            draft.error("I113", path, f"its <ruleset> block does not read {folder}", f"add <{tag}>{folder}</{tag}>")
    names = {name.rsplit("/", 1)[-1] for name in desired.files}
    draft.problems.extend(
        Finding(path, 0, 0, "I114", f"excludes our file {name}", "remove the exclusion, or leave the source out")
        for name in conf.excluded
        if name.rsplit("/", 1)[-1] in names
    )
    if desired.top and conf.last_response_disabled and conf.enabled_responses:
        draft.warn(
            "I115",
            path,
            f"its last <active-response> is disabled, which switches off {conf.enabled_responses} that are not;"
            " with ours behind it they work again",
            "remove those that must stay off",
        )
    for name in conf.commands:
        if f"<name>{name}</name>".encode() in desired.top:
            draft.error("I116", path, f"has a command named {name} already", "rename or remove it")


def _activation(changes: list[Change]) -> str:
    """What analysisd needs to take notice: a reload reads rules, decoders, lists and the ruleset block anew."""
    needs = NOTHING
    for change in changes:
        if change.path.endswith("ossec.conf"):
            tops = blocks_of(change.before or b"")[1], blocks_of(change.after or b"")[1]
            if tops[0] != tops[1]:
                return RESTART
            needs = RELOAD
        elif is_loaded(change.path):
            needs = RELOAD
    return needs
