"""Recorded answers of a real manager, and the comparison of an engine's answers with them.

Cases that bring their own decoders, rules and lists are folders with a ``case.json``, or several such folders in one
``.txtar`` file: a text archive in which the line ``-- folder/name --`` stands before each file. ``.jsonl`` files hold
one case a line, which runs on rulesets given from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wazuh_cicd.engine.decode.jsontext import room_for_nesting
from wazuh_cicd.engine.load.files import EngineOptions, RulesetFiles, read_folder
from wazuh_cicd.engine.load.messages import ERROR, WARNING, LoadMessage
from wazuh_cicd.engine.ruleset import RulesetLoadError, load_ruleset
from wazuh_cicd.engine.session import REQUEST_CODES, SESSION_MESSAGES
from wazuh_cicd.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wazuh_cicd.engine.judge.verdict import Verdict
    from wazuh_cicd.engine.session import Ruleset

# The manager on which the recordings were made.
RECORDING_MANAGER = "wz-manager"
# Keys that differ from run to run and are not recorded.
VOLATILE = frozenset({"timestamp", "id", "manager"})
# Recordings without a clock of their own start here; only distances matter.
EPOCH = 1_700_000_000.0

_MISSING = object()
_CODE = re.compile(r"\((\d+)\)")
_MEMBER = re.compile(rb"^-- (\S+) --\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place in which an answer differs from the recorded one.

    Attributes:
        key: path of the key, ``event 3: rule.firedtimes``.
        expected: the recorded value; ``<absent>`` when there is none.
        found: the engine's value.
    """

    key: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.key}: expected {self.expected}, got {self.found}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case: passed when there is no difference and no reason to skip it."""

    name: str
    difference: Difference | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded session.

    Attributes:
        name: path of the folder, or archive and folder, or file, line and title.
        content: the parsed ``case.json`` or line.
        files: the decoders, rules and lists that ``content`` names; None for a line of a ``.jsonl`` file.
    """

    name: str
    content: dict[str, Any] = field(repr=False)
    files: Mapping[str, bytes] | None = field(default=None, repr=False)

    @property
    def wants_stock(self) -> bool:
        """Whether the case runs on the stock ruleset."""
        return bool(self.content.get("with_stock_ruleset"))


def find_cases(path: Path) -> Iterator[Case]:
    """Yield the cases below a folder, or those of a ``.txtar`` or ``.jsonl`` file.

    Raises:
        UsageError: the path is not there, holds no case, or a case cannot be read.
    """
    if path.is_file() and path.suffix in _READERS:
        yield from _READERS[path.suffix](path)
        return
    if not path.is_dir():
        raise UsageError(f"{path}: neither a folder with cases nor a .txtar or .jsonl file")
    found = False
    for file in sorted(path.rglob("case.json")):
        found = True
        members = {member.name: member.read_bytes() for member in file.parent.iterdir() if member.is_file()}
        yield _own_files(str(file.parent), members)
    for suffix, read in _READERS.items():
        for file in sorted(path.rglob(f"*{suffix}")):
            found = True
            yield from read(file)
    if not found:
        raise UsageError(f"{path}: no case.json, .txtar or .jsonl file below it")


def _read_archive(path: Path) -> Iterator[Case]:
    """The cases of a text archive, in its order."""
    before, *pieces = _MEMBER.split(path.read_bytes())
    folders: dict[str, dict[str, bytes]] = {}
    for name, data in zip(pieces[::2], pieces[1::2], strict=True):
        folder, _, member = name.decode("utf-8", "replace").rpartition("/")
        folders.setdefault(folder, {})[member] = data
    if before.strip() or not folders:
        raise UsageError(f"{path}:1: a case starts with a line '-- NAME/case.json --'")
    for folder, members in folders.items():
        yield _own_files(f"{path}:{folder}", members)


def _own_files(name: str, members: Mapping[str, bytes]) -> Case:
    """A case with its own files."""
    if "case.json" not in members:
        raise UsageError(f"{name}: has no case.json")
    content = _parse(members["case.json"], f"{name}/case.json")
    for key in ("expect", "loads", "load_messages"):
        if key not in content:
            raise UsageError(f"{name}/case.json: lacks '{key}'")
    if not isinstance(content.get("lists") or {}, dict):
        raise UsageError(f"{name}/case.json: 'lists' is no object")
    wanted = [*_names(content, "decoders"), *_names(content, "rules"), *(content.get("lists") or {}).values()]
    for file in wanted:
        if file not in members:
            raise UsageError(f"{name}/case.json: names the file '{file}', which is not there")
    return Case(name, content, {file: members[file] for file in wanted})


def _names(content: dict[str, Any], kind: str) -> list[str]:
    names = content.get(kind) or []
    return [names] if isinstance(names, str) else names


def _read_lines(path: Path) -> Iterator[Case]:
    """The cases of a ``.jsonl`` file."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.strip():
            content = _parse(line, f"{path}:{number}")
            title = " / ".join(str(content[key]) for key in ("section", "case") if key in content)
            yield Case(f"{path}:{number} {title}", content)


_READERS: dict[str, Callable[[Path], Iterator[Case]]] = {".txtar": _read_archive, ".jsonl": _read_lines}


def _parse(text: bytes, where: str) -> dict[str, Any]:
    try:
        with room_for_nesting():
            content = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where}: not JSON: {error}") from None
    if not isinstance(content, dict) or "events" not in content:
        raise UsageError(f"{where}: not a recorded case (an object with 'events' and 'expect')")
    return content


def recording_options() -> EngineOptions:
    """Return the settings under which the recordings were made."""
    return EngineOptions(manager=RECORDING_MANAGER, utc=True)


def case_files(case: Case) -> RulesetFiles:
    """Return the decoders, rules and lists that a case brings."""
    files = case.files or {}

    def chosen(kind: str) -> tuple[tuple[str, bytes], ...]:
        return tuple((name, files[name]) for name in _names(case.content, kind))

    lists = {name: files[file] for name, file in (case.content.get("lists") or {}).items()}
    return RulesetFiles(chosen("decoders"), chosen("rules"), lists)


def run_case(case: Case, stock: RulesetFiles | None, rulesets: Ruleset | None, *, texts: bool = False) -> Outcome:
    """Run one case and compare.

    Args:
        case: the case.
        stock: the stock ruleset, for the cases that want it.
        rulesets: what the cases without files of their own run on.
        texts: compare the wording of messages as well, not only their codes.
    """
    with room_for_nesting():
        return _run_case(case, stock, rulesets, texts=texts)


def _run_case(case: Case, stock: RulesetFiles | None, rulesets: Ruleset | None, *, texts: bool) -> Outcome:
    if case.files is None:
        if rulesets is None:
            return Outcome(case.name, skipped="needs --ruleset")
        return Outcome(case.name, _compare_lines(case, rulesets))
    files = case_files(case)
    if case.wants_stock:
        if stock is None:
            return Outcome(case.name, skipped="needs --stock")
        files = stock + files
    try:
        loaded = load_ruleset(files=files, options=recording_options())
    except RulesetLoadError as error:
        return Outcome(case.name, _compare_refusal(case, error.messages, fatal=True, texts=texts))
    if not loaded.testable:
        return Outcome(case.name, _compare_refusal(case, loaded.session_messages, fatal=False, texts=texts))
    return Outcome(case.name, _compare_session(case, loaded, texts=texts))


def _compare_refusal(case: Case, messages: Sequence[LoadMessage], *, fatal: bool, texts: bool) -> Difference | None:
    expected = {"loads": case.content["loads"], "fatal": case.content.get("fatal")}
    found = {"loads": False, "fatal": fatal}
    difference = first_difference("", expected, found)
    return difference or _compare_messages(
        "load_messages", case.content["load_messages"], messages[-SESSION_MESSAGES - 1 :], texts=texts
    )


def _compare_session(case: Case, ruleset: Ruleset, *, texts: bool) -> Difference | None:
    content = case.content
    if not content["loads"]:
        return Difference("loads", "false", "true")
    now = EPOCH
    if recorded := content.get("clock_utc"):
        now = datetime.fromisoformat(recorded.replace("Z", "+00:00")).timestamp()
    session = ruleset.session()
    load_messages = list(ruleset.session_messages)
    differences: list[Difference | None] = []
    for number, (event, expected) in enumerate(zip(content["events"], content["expect"] or [], strict=True)):
        now += event.get("pause_s", 0)
        verdict = session.process(event["log"], event["location"], time=now)
        if number == 0 and verdict.failed and not _refused_request(verdict):
            # Without an output the messages of the first event stand among those of loading.
            load_messages += verdict.messages
        differences.append(_compare_event(number, event, expected, verdict, texts=texts))
    loading = _compare_messages("load_messages", content["load_messages"], load_messages, texts=texts)
    return next((difference for difference in [loading, *differences] if difference), None)


def _compare_event(
    number: int, event: dict[str, Any], expected: dict[str, Any], verdict: Verdict, *, texts: bool
) -> Difference | None:
    where = f"event {number}"
    if expected.get("no_output") or verdict.failed:
        if bool(expected.get("no_output")) != verdict.failed:
            return Difference(f"{where}: no_output", str(expected.get("no_output", False)), str(verdict.failed))
        if number == 0 or (_refused_request(verdict) and "messages" not in expected):
            return None
        return _compare_messages(f"{where}: messages", expected.get("messages", []), verdict.messages, texts=texts)
    found: dict[str, Any] = {"rule": None, **verdict.output, "alert": verdict.logtest_alert}
    _simplify(found, event["log"])
    for key in ("decoder", "predecoder", "data"):
        if not found.get(key):
            found.pop(key, None)
    if found.get("location") == event["location"]:
        found.pop("location", None)
    else:
        found.setdefault("location", None)
    if not event["location"].startswith("["):
        found.pop("agent", None)
    wanted = {key: value for key, value in expected.items() if key not in {"messages", "tried"}}
    difference = first_difference(f"{where}: ", wanted, found)
    if difference is None and "tried" in expected:
        difference = first_difference(f"{where}: ", {"tried": expected["tried"]}, {"tried": verdict.tried})
    if difference is None:
        difference = _compare_messages(
            f"{where}: messages", expected.get("messages", []), verdict.messages, texts=texts
        )
    return difference


def _refused_request(verdict: Verdict) -> bool:
    """Whether the manager did not take the request at all: what it says then is no message of the event."""
    return any(message.code in REQUEST_CODES for message in verdict.messages)


def _compare_lines(case: Case, ruleset: Ruleset) -> Difference | None:
    session = ruleset.session()
    for number, (log, expected) in enumerate(zip(case.content["events"], case.content["expect"], strict=True)):
        verdict = session.process(log, time=EPOCH)
        found = dict(verdict.output)
        _simplify(found, log)
        if found.get("full_log", log) is None:
            del found["full_log"]  # these recordings leave it out as they do a log that equals the event
        found.pop("agent", None)
        wanted = dict(expected["output"])
        difference = first_difference(
            f"event {number}: ", {"alert": expected["alert"], **wanted}, {"alert": verdict.logtest_alert, **found}
        )
        if difference:
            return difference
    return None


def _simplify(found: dict[str, Any], log: str) -> None:
    """Leave out what recordings leave out."""
    for key in VOLATILE:
        found.pop(key, None)
    full_log = found.pop("full_log", None)
    if full_log != log:
        found["full_log"] = full_log


def _compare_messages(
    where: str, expected: Sequence[str], found: Sequence[LoadMessage], *, texts: bool
) -> Difference | None:
    shown = [str(message) for message in found if message.severity in {WARNING, ERROR}]
    wanted: Sequence[str] = expected
    if not texts:
        shown, wanted = [_code(text) for text in shown], [_code(text) for text in expected]
    return None if list(wanted) == shown else Difference(where, json.dumps(list(wanted)), json.dumps(shown))


def _code(text: str) -> str:
    """Reduce a message to severity and code, which are stable."""
    found = _CODE.search(text)
    return text.split(":", 1)[0] + (f" {found.group(1)}" if found else "")


def first_difference(where: str, expected: Any, found: Any) -> Difference | None:  # noqa: ANN401  (JSON)
    """Return the first key, in the order of the recorded answer, whose value differs; None when all agree."""
    if isinstance(expected, dict) and isinstance(found, dict):
        prefix = where if not where or where.endswith(": ") else f"{where}."
        for key in [*expected, *(key for key in found if key not in expected)]:
            difference = first_difference(f"{prefix}{key}", expected.get(key, _MISSING), found.get(key, _MISSING))
            if difference:
                return difference
        return None
    if type(expected) is type(found) and expected == found:
        return None
    return Difference(where, _shown(expected), _shown(found))


def _shown(value: Any) -> str:  # noqa: ANN401  (JSON)
    return "<absent>" if value is _MISSING else json.dumps(value, ensure_ascii=True)


def load_all(folders: Sequence[Path]) -> RulesetFiles:
    """Read several folders into one ruleset."""
    files = RulesetFiles()
    for folder in folders:
        files += read_folder(folder)
    return files
