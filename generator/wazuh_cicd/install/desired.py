"""What shall be on the manager when the installation is done."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd import __version__
from wazuh_cicd.engine.load.cdb import parse_line
from wazuh_cicd.errors import UsageError
from wazuh_cicd.install.record import Record, digest, kind_of
from wazuh_cicd.spec.model import ASKED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wazuh_cicd.render import Package
    from wazuh_cicd.spec import TestEvent

#: A rule of a generated file, with its id.
RULE = re.compile(rb'<rule id="(\d+)".*?</rule>', re.DOTALL)
_LIST_LINE = re.compile(rb"<list>\s*([^<\s]+)\s*</list>")
LISTS = "etc/lists/"
_LOADED = ("etc/rules/", "etc/decoders/", LISTS)
# The API takes no empty list. The key cannot be met: no event field holds this text.
EMPTY_LIST = b"wazuh_cicd_empty_list:placeholder\n"
# What the API takes as a line of a list (validate_cdb_list in framework/wazuh/core/cdb_list.py of Wazuh 4.14).
_API_LINE = re.compile(r'(?:"[\w\-: ]+"|[^:"\s]+):(?:"[\w\-: ]*"|[^:"]*)')


@dataclass(frozen=True, slots=True)
class Probe:
    """A live round trip: these events, sent in a fresh session, must end at this rule.

    Attributes:
        source: the rule's source.
        rule_id: as on the target.
        name: the rule's name.
        events: text and location of each.
    """

    source: str
    rule_id: int
    name: str
    events: tuple[tuple[bytes, str], ...]


@dataclass(frozen=True, slots=True)
class Desired:
    """The goal.

    Attributes:
        files: by path below the manager's folder; lists may be kept as they are instead (local edits).
        ruleset_lines: what ``<ruleset>`` needs.
        top: the ``<ossec_config>`` for everything else; may be empty.
        record: to be written last.
        rule_ids: the file of each rule.
        probes: the round trips of ``verify``.
        unsayable: keys of entries that a list had to lose, by the list's path: the API takes no such line.
    """

    files: Mapping[str, bytes]
    ruleset_lines: tuple[str, ...]
    top: bytes
    record: Record
    rule_ids: Mapping[int, str]
    probes: tuple[Probe, ...] = field(default=(), repr=False)
    unsayable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_removal(self) -> bool:
        """Whether nothing shall be left."""
        return not self.files


def is_loaded(path: str) -> bool:
    """Whether analysisd reads this file."""
    return path.startswith(_LOADED)


def is_list(path: str) -> bool:
    """Whether the path is one of a CDB list."""
    return path.startswith(LISTS)


def list_name(path: str) -> str:
    """The list's own name, whichever of its two places it has."""
    return path.rsplit("/", 1)[-1].removeprefix("cicd_")


def is_ours(path: str) -> bool:
    """Whether a file belongs to this package: by its name alone, whatever any record says."""
    return kind_of(path) is not None


def is_program(path: str) -> bool:
    """Whether the manager runs this file as root."""
    return path.startswith(("active-response/", "wodles/"))


def nothing() -> Desired:
    """The goal of an uninstallation."""
    return Desired({}, (), b"", Record(__version__, 0), {})


def desired_from(
    package: Package,
    *,
    sources: Collection[str] = (),
    responses: Collection[str] = (),
    internal: bool = False,
    observe: bool = False,
    status: str = ASKED[0],
    runbook_url: str = "",
    flat_lists: bool = False,
    indexer: str = "",
    indexer_ca: str = "",
    indexed: Mapping[str, bytes] | None = None,
) -> Desired:
    """The goal that a rendered package stands for.

    Args:
        package: see ``render_package``.
        sources: recorded; the package already holds only these.
        responses: the switches to turn on.
        internal: ``block-ip`` may block internal, private and shared addresses, too.
        observe: the responses only log what they would do.
        status: recorded; the package already begins with it.
        runbook_url: recorded; the package already names the pages.
        flat_lists: put lists at ``etc/lists/cicd_NAME``: the API can write no folder below ``etc/lists`` and no empty
            list.

        indexer: recorded; the address of the indexer.
        indexer_ca: recorded; the CA file to trust there.
        indexed: what the indexer gets, by path (``indexed.indexer_goal``).

    Raises:
        UsageError: an unknown response, ``internal`` without ``block-ip``, or ``observe`` without any.
    """
    fragments = _fragments(package, responses, internal=internal, observe=observe)
    files: dict[str, bytes] = {}
    lines: list[str] = []
    for path, data in package.files.items():
        if not path.startswith("manager/"):
            continue
        place = path.removeprefix("manager/")
        if place.startswith("ossec.conf.d/"):
            if place.endswith("/ruleset.xml"):
                lines += [f"<list>{found[1].decode()}</list>" for found in _LIST_LINE.finditer(data)]
        elif place.startswith("active-response/bin/") and not _is_wanted(place, responses):
            continue
        else:
            files[place] = data
    unsayable: dict[str, tuple[str, ...]] = {}
    if flat_lists:
        flat: dict[str, bytes] = {}
        for path, data in files.items():
            place = _flat(path)
            if is_list(path):
                flat[place], lost = for_api(data)
                if lost:
                    unsayable[place] = lost
            else:
                flat[place] = _flat_names(path, data)
        files = flat
        lines = [line.replace("etc/lists/cicd/", "etc/lists/cicd_") for line in lines]
    rules: dict[int, str] = {}
    ids: dict[int, str] = {}
    for path, data in files.items():
        if path.startswith("etc/rules/"):
            for found in RULE.finditer(data):
                ids[int(found[1])] = path
                rules[int(found[1])] = digest(found[0])[:16]
    files |= indexed or {}
    top = b"".join(fragments[name].strip(b"\n") + b"\n" for name in sorted(responses))
    record = Record(
        __version__,
        package.id_base,
        tuple(sorted(sources)),
        tuple(sorted(responses)),
        {path: digest(data) for path, data in files.items()},
        rules,
        internal=internal,
        observe=observe,
        status=status,
        runbook_url=runbook_url,
        indexer=indexer,
        indexer_ca=indexer_ca,
    )
    return Desired(files, tuple(lines), top, record, ids, _probes(package, set(ids)), unsayable)


def _fragments(package: Package, responses: Collection[str], *, internal: bool, observe: bool) -> dict[str, bytes]:
    """The bindings of each response, with what the site allows them."""
    fragments = {
        path.rsplit("/response-", 1)[1].removesuffix(".xml"): data
        for path, data in package.files.items()
        if "ossec.conf.d/response-" in path
    }
    unknown = sorted(set(responses) - set(fragments))
    if unknown:
        known = ", ".join(sorted(fragments)) or "none in this selection"
        raise UsageError(f"--respond {','.join(unknown)}: no rule has such a response; there are: {known}")
    if internal:
        if "block-ip" not in responses:
            raise UsageError("--internal says what block-ip may do; add --respond block-ip")
        allowed = b"<extra_args>internal=yes address="  # docs/active-response.md
        fragments["block-ip"] = fragments["block-ip"].replace(b"<extra_args>address=", allowed)
    if observe:
        if not responses:
            raise UsageError("--observe says how responses begin; add --respond")
        fragments = {name: _observing(data) for name, data in fragments.items()}
    return fragments


def _observing(fragment: bytes) -> bytes:
    """Bindings whose calls do nothing but say what they would do (``docs/active-response.md``)."""
    with_arguments = fragment.replace(b"<extra_args>", b"<extra_args>observe=yes ")
    plain = rb"(\n *)(<executable>[^<]*</executable>)(?!\s*<extra_args>)"
    return re.sub(plain, rb"\1\2\1<extra_args>observe=yes</extra_args>", with_arguments)


def _is_wanted(place: str, responses: Collection[str]) -> bool:
    return place.rsplit("/", 1)[-1].removeprefix("cicd-") in responses


def _flat(path: str) -> str:
    return path.replace("etc/lists/cicd/", "etc/lists/cicd_", 1)


def _flat_names(path: str, data: bytes) -> bytes:
    return data.replace(b">etc/lists/cicd/", b">etc/lists/cicd_") if path.startswith("etc/rules/") else data


def for_api(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A list as the API takes it: quotes where it wants them, a placeholder instead of nothing.

    Returns:
        The text, and the keys of the entries that cannot be written so that the API takes them: a key with a colon or
        a blank may hold nothing but letters, digits, ``_``, ``-``, colons and blanks.
    """
    lines: list[str] = []
    lost: list[str] = []
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        entry = parse_line(line.encode("utf-8", "surrogateescape"))
        if _API_LINE.fullmatch(line) or entry is None:
            lines.append(line)
            continue
        key, value = (part.decode("utf-8", "surrogateescape") for part in entry)
        quoted = f'"{key}":' + (f'"{value}"' if ":" in value else value)
        if _API_LINE.fullmatch(quoted):
            lines.append(quoted)
        else:
            lost.append(key)
    text = "".join(f"{line}\n" for line in lines)
    return text.encode("utf-8", "surrogateescape") or EMPTY_LIST, tuple(lost)


def _probes(package: Package, ids: set[int]) -> tuple[Probe, ...]:
    found = []
    for rule in package.specs.rules:
        # No event ends at a rule that lets all of them go on.
        for test in () if rule.noalert else rule.tests:
            events: tuple[TestEvent, ...] = tuple(test.events)
            # Simulated pauses cannot be had from a manager; what needs none is asked in one go.
            if test.expect != "fires" or any(e.log is None for e in events) or sum(e.after for e in events) > 0:
                continue
            number = package.rule_id(rule.name)
            if number in ids:
                pairs = tuple((e.log or b"", e.location) for e in events)
                found.append(Probe(rule.source, number, rule.name, pairs))
            break
    return tuple(found)


def one_per_source(probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """The first of each source."""
    first: dict[str, Probe] = {}
    for probe in probes:
        first.setdefault(probe.source, probe)
    return tuple(first.values())
