"""What is cut off an event before any decoder sees it: origin, header, host, program.

Headers are recognised by the bytes at fixed places alone, never by what they mean: ``abc de fg:hi:jk `` is a date. The
tests run on every event, JSON included, in the order of ``_HEADERS``; the first that fits wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from wazuh_cicd.engine.decode.event import Event
from wazuh_cicd.engine.load.messages import ERROR, LoadMessage

# Bytes. What logtest keeps of a location.
_LOCATION_SIZE = 2048
_DOUBLED = re.compile(rb"[|:]")


class PredecodeError(Exception):
    """An event that the manager does not process; carries the message it answers with."""

    def __init__(self, message: LoadMessage) -> None:
        """Keep the message."""
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True, slots=True)
class _Header:
    """One shape of a header.

    Attributes:
        name: what it is called here.
        size: shortest event that is tested for it.
        places: the bytes that must stand at an offset, as a regular expression for one byte.
        cut: number of bytes taken off.
        shown: where in the event the timestamp of the alert stands.
        named: whether host and program follow.
    """

    name: str
    size: int
    places: dict[int, str]
    cut: int
    shown: tuple[int, int]
    named: bool = True


_ISO = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_BLANK = " "

_HEADERS = (
    _Header("rfc3164", 17, {3: " ", 6: " ", 9: ":", 12: ":", 15: " "}, 16, (0, 15)),
    _Header("proftpd", 24, {4: "-", 7: "-", 10: " ", 13: ":", 16: ":", 19: ","}, 24, (0, 23)),
    _Header("iso", 33, {**_ISO, 22: ":", 25: " "}, 26, (0, 25)),
    _Header("iso_milliseconds", 33, {**_ISO, 19: r"\.", 26: ":"}, 30, (0, 29)),
    _Header("iso_microseconds", 33, {**_ISO, 19: r"\.", 29: ":"}, 33, (0, 32)),
    _Header("iso_fraction", 33, {**_ISO, 19: r"\."}, 32, (0, 31)),
    _Header("year_first", 21, {0: "[0-9]", 4: " ", 8: " ", 11: " ", 14: ":", 17: ":", 20: " "}, 21, (0, 20)),
    _Header(
        "macos",
        33,
        {0: "[0-9]", 4: "-", 7: "-", 10: " ", 13: ":", 16: ":", 19: r"\.", 26: "[+-]", 31: " "},
        32,
        (0, 31),
    ),
    _Header(
        "xferlog", 28, {3: " ", 7: " ", 10: " ", 13: ":", 16: ":", 19: " ", 24: " ", 26: " "}, 25, (0, 24), named=False
    ),
    _Header("snort", 24, {2: "/", 5: "-", 8: ":", 11: ":", 14: r"\.", 21: " "}, 23, (0, 21), named=False),
    _Header("suricata", 28, {2: "/", 5: "/", 10: "-", 13: ":", 16: ":", 19: r"\.", 26: " "}, 28, (0, 26), named=False),
    _Header(
        "apache",
        27,
        {0: r"\[", 4: " ", 8: " ", 11: " ", 14: ":", 17: ":", 20: " ", 25: r"\]"},
        27,
        (1, 25),
        named=False,
    ),
    _Header("asl", 26, {0: r"\[", 1: "T", 5: " ", 10: r"\.", 13: r"\.", 16: " ", 19: ":"}, 25, (0, 0), named=False),
    _Header(
        "squid",
        32,
        {0: "1", **dict.fromkeys((1, 2, 3, 13), "[0-9]"), 10: r"\.", 14: " ", 21: " "},
        14,
        (0, 14),
        named=False,
    ),
    _Header(
        "squid",
        32,
        {0: "1", **dict.fromkeys((1, 2, 3, 13), "[0-9]"), 10: r"\.", 14: " ", 22: " "},
        14,
        (0, 14),
        named=False,
    ),
)


def _compile() -> re.Pattern[bytes]:
    shapes = []
    for number, header in enumerate(_HEADERS):
        places = "".join(header.places.get(offset, ".") for offset in range(max(header.places) + 1))
        shapes.append(f"(?P<h{number}>(?=.{{{header.size}}}){places})")
    return re.compile("|".join(shapes).encode(), re.DOTALL)


_ANY_HEADER = _compile()

_WORD = re.compile(rb"[()\-./0-9@A-Z_a-z]*")
_SOLARIS = re.compile(rb": ")
_HOST_END = b" "
# What may follow the name of the program; the text behind it is the log.
_PROGRAM_END = re.compile(rb": ?|\[[0-9]+\](?:: ?| )")
_FACILITY = re.compile(rb"\|[a-z][A-Za-z0-9]*:[A-Za-z0-9]* ")
_PROGRAM_END_AIX = re.compile(rb": |\[[0-9]+\]: ")
_BROKEN_PID = re.compile(rb"\[[0-9]+")
_ID_TAG = b"[ID "
_ASL_TAG = re.compile(rb"\[(Sender|Message|Host) ")
# The host that an alert shows is looked up once more, by another rule than the one that rules see.
_SHOWN_HOST = re.compile(rb"[A-Z][a-z][a-z] [ 0123][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] ([^ ]+)")


def shown_hostname(full_log: bytes) -> bytes | None:
    """What the alert prints as ``predecoder.hostname``; not always what ``<hostname>`` in a rule sees."""
    found = _SHOWN_HOST.match(full_log)
    return found.group(1) if found else None


def predecode(raw: bytes, location: str, *, manager_hostname: bytes, time: float = 0.0) -> Event:
    """Start an event: find out its origin and take the header off.

    Args:
        raw: the event as received; ends at the first NUL.
        location: ``/path`` or, for an event of an agent, ``[id] (name) address->/path``.
        manager_hostname: stands in where neither header nor agent give a host.
        time: seconds since the epoch at reception.

    Raises:
        PredecodeError: the location starts with ``[`` and has no ``]``.
    """
    location = _shortened(location)
    event = Event(raw.partition(b"\0")[0], location, hostname=manager_hostname, time=time)
    _cut_header(event)
    if location.startswith(("[", "(")):
        _read_origin(event, location)
    return event


@lru_cache(maxsize=1024)
def _shortened(location: str) -> str:
    """Return what logtest keeps of a location: up to a NUL, and what fits when ``|`` and ``:`` have been doubled."""
    location = location.partition("\0")[0]
    if len(location) * 4 < _LOCATION_SIZE // 2:
        return location
    raw = location.encode("utf-8", "surrogateescape")
    kept = written = 0
    while kept < len(raw) and written < _LOCATION_SIZE - 1:
        found = _DOUBLED.search(raw, kept)
        plain = (found.start() if found else len(raw)) - kept
        if found is None or written + plain >= _LOCATION_SIZE - 1:
            plain = min(plain, _LOCATION_SIZE - written)
            kept += plain
            written += plain
        else:
            kept += plain + 1
            written += plain + 2
    return raw[:kept].decode("utf-8", "surrogateescape")


def _read_origin(event: Event, location: str) -> None:
    numbered = location.startswith("[")
    if numbered:
        closing = location.find("]")
        if closing < 0:
            raise PredecodeError(LoadMessage(ERROR, 1106, "(1106): String not correctly formatted."))
        event.agent_id = location[1:closing]
        location = location[closing + 2 :]
        event.location = location
        event.origin = location
        event.hostname = b""
    if not location.startswith("("):
        return
    name, closed, rest = location[1:].partition(")")
    _, arrow, path = location.partition(">")
    event.origin = path if arrow else None
    if closed:  # the byte behind is passed over, whatever it is
        event.agent_ip = rest[1:].partition("-")[0].encode("utf-8", "surrogateescape")
    if numbered:  # else the alert shows the host of the header for the agent
        event.hostname = name.encode("utf-8", "surrogateescape") if closed else b""
    event.agent_name = event.hostname


def _cut_header(event: Event) -> None:
    log = event.full_log
    # A German "Mär" counts as three bytes for the tests, but not for the cut.
    found = _ANY_HEADER.match(log[:1] + log[2:] + b" " if log[1:3] == b"\xc3\xa4" else log)
    if found is None:
        return
    header = _HEADERS[int(str(found.lastgroup)[1:])]
    begin, end = header.shown
    if header.named:
        event.timestamp = log[begin:end]
        cut = header.cut
        if log[cut : cut + 1] == b" ":
            cut += 1
        _cut_names(event, log, cut, end)
    elif header.name == "asl":
        event.after_nul = False
        _read_asl(event, log)
    elif header.name == "squid":
        rest = log[header.cut :].lstrip(b" ")
        event.timestamp = log[: len(log) - len(rest) - 1]
        event.log = rest
    else:
        event.timestamp = log[begin:end]
        event.log = log[header.cut :]
        event.after_nul = header.cut == end + 1


def _cut_names(event: Event, log: bytes, begin: int, nul: int) -> None:
    """Take host and program off the text that starts at ``begin``.

    Args:
        event: the event.
        log: all of it.
        begin: where the text starts.
        nul: where the manager has ended the last text that it cut off; a NUL stands there.
    """
    ends = len(log)
    host_end = _end_of_word(log, begin)
    if log.startswith(b": ", host_end):
        event.program_name = log[begin:host_end]
        begin = host_end + 2
    elif log.startswith(_HOST_END, host_end):
        event.hostname = log[begin:host_end]
        nul = host_end
        begin = host_end + 1
        word_end = _end_of_word(log, begin)
        if found := _PROGRAM_END.match(log, word_end):
            event.program_name = log[begin:word_end]
            nul = word_end
            begin = found.end()
        elif found := _FACILITY.match(log, word_end):
            begin, ends = _cut_aix_program(event, log, begin, found.end())
    if event.program_name is not None and log.startswith(_ID_TAG, begin):
        closing = log.find(b"]", begin + len(_ID_TAG))
        if closing >= 0:
            begin = closing + 2
    event.log = log[begin:ends]
    event.after_nul = begin == nul + 1


def _cut_aix_program(event: Event, log: bytes, facility: int, begin: int) -> tuple[int, int]:
    """Read the program behind ``facility|severity:info ``.

    A word that nothing closes is not given back as elsewhere: the program is then the whole rest of the line. Behind a
    number that is not closed the manager ends the text, and the log is what stands before.

    Args:
        event: the event.
        log: all of it.
        facility: where the facility starts.
        begin: where the program starts.

    Returns:
        Where the log starts, and where it ends.
    """
    word_end = _end_of_word(log, begin)
    if found := _PROGRAM_END_AIX.match(log, word_end):
        event.program_name = log[begin:word_end]
        return found.end(), len(log)
    if _BROKEN_PID.match(log, word_end):
        event.program_name = log[begin:word_end]
        return facility, word_end
    event.program_name = log[begin:]
    return word_end, len(log)


def _end_of_word(log: bytes, begin: int) -> int:
    found = _WORD.match(log, begin)
    return found.end() if found else begin


def _read_asl(event: Event, log: bytes) -> None:
    """Read ``[Sender x]``, ``[Message x]`` and ``[Host x]`` of the Apple system log; the first of each counts."""
    begin = 25
    end = len(log)  # the closing bracket of what was read ends the texts before it, too
    position = begin
    message: tuple[int, int] | None = None
    while found := _ASL_TAG.search(log, position):
        tag = found.group(1)
        position = found.end()
        if (tag == b"Sender" and event.program_name is not None) or (tag == b"Message" and message is not None):
            continue
        closing = log.find(b"]", position)
        if closing < 0:
            if tag == b"Message":
                message = (position, len(log))
            break
        if tag == b"Message":
            message = (position, closing)
        elif tag == b"Sender":
            event.program_name = log[position:closing]
            end = min(end, closing)
        else:
            event.hostname = log[position:closing]
            end = min(end, closing)
            break
        position = closing + 1
    event.log = log[message[0] : message[1]] if message else log[begin:end]
