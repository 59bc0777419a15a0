"""The decoders that analysisd has as code: ``<plugin_decoder>``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine.decode import jsontext
from wazuh_cicd.engine.decode.jsonobject import JsonObject
from wazuh_cicd.engine.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.decode.event import Event
    from wazuh_cicd.engine.load.decoderdefinition import DecoderDefinition

    # Takes the event, the decoder that is recorded for it, and the text to read.
    Plugin = Callable[[Event, DecoderDefinition, bytes], None]

# Top-level keys of a JSON event that are static fields. ``user`` is one only while there is no dstuser.
_JSON_STATICS = {
    name: name.decode()
    for name in (
        b"srcip",
        b"dstip",
        b"srcport",
        b"dstport",
        b"protocol",
        b"action",
        b"srcuser",
        b"dstuser",
        b"id",
        b"status",
        b"url",
        b"data",
        b"extra_data",
    )
} | {b"systemname": "system_name", b"user": "dstuser"}

FORWARDED_ALERT = "ossec-alert"


def decode_json(event: Event, info: DecoderDefinition, text: bytes) -> None:
    """Flatten a JSON object into fields. A text that is no JSON object gives none."""
    try:
        top = jsontext.parse(text)
    except jsontext.JsonError:
        return
    if not isinstance(top, JsonObject):
        return
    statics, dynamics, index = event.statics, event.dynamics, event.index()
    for name, value in jsontext.flatten(top, discard_null=info.json_discard_null, csv=info.json_csv):
        static = _JSON_STATICS.get(name.path) if name.at_top else None
        if static is None or (name.path == b"user" and statics.get("dstuser")):
            dynamics.append((name.path, value))
            if name.lowered not in index:
                index[name.lowered] = value
        else:
            statics[static] = value
    event.drop_surplus()


_PF_HEAD = re.compile(rb"[^)]*\) ([pb])")
_PF_SOURCE = re.compile(rb"[^:]*: ([^ ]*) ")
_PF_TARGET = re.compile(rb"> ([^:]*): *(.?)", re.DOTALL)
_PF_PROTOCOLS = {b"u": b"UDP", b"i": b"ICMP"}
_PF_PARTS = 4  # behind so many parts of an address stands the port


def decode_pf(event: Event, info: DecoderDefinition, text: bytes) -> None:
    """Read a line of OpenBSD's packet filter: ``rule 2/(match) pass in on xl0: address.port > address.port: ...``."""
    del info
    head = _PF_HEAD.match(text)
    if head is None:
        return
    statics = event.statics
    statics["action"] = b"pass" if head.group(1) == b"p" else b"block"
    source = _PF_SOURCE.match(text, head.end())
    if source is None:
        return
    _set_pf_address(statics, "src", source.group(1))
    target = _PF_TARGET.match(text, source.end())
    if target is None:
        return
    _set_pf_address(statics, "dst", target.group(1))
    if target.group(2):
        statics["protocol"] = _PF_PROTOCOLS.get(target.group(2), b"TCP")


def _set_pf_address(statics: dict[str, bytes], side: str, text: bytes) -> None:
    parts = text.split(b".", _PF_PARTS)
    statics[f"{side}ip"] = b".".join(parts[:_PF_PARTS])
    if len(parts) > _PF_PARTS:
        statics[f"{side}port"] = parts[_PF_PARTS]


# Number -> field, and the bytes that are kept of it.
_SYMANTEC_FIELDS = {b"11": ("srcip", 128), b"10": ("dstuser", 128), b"60": ("url", 1024)}
_SYMANTEC_ID = 9


def decode_symantec(event: Event, info: DecoderDefinition, text: bytes) -> None:
    """Read ``20070717,73613,1=5,11=address,10=user,3=1,2=2`` of Symantec Web Security, from the first comma on."""
    del info
    found: dict[str, bytes] = {}
    position = text.find(b",") + 1
    while position > 0:
        end = text.find(b",", position)
        piece = text[position : end if end >= 0 else len(text)]
        if piece.startswith((b"2=", b"3=")) and "id" not in found:
            found["id"] = text[position : position + _SYMANTEC_ID]  # commas are no end of it
            position = text.find(b",", position + _SYMANTEC_ID) + 1
            continue
        number, equals, value = piece.partition(b"=")
        if equals and number in _SYMANTEC_FIELDS:
            name, size = _SYMANTEC_FIELDS[number]
            found.setdefault(name, value[:size])
        position = end + 1
    event.statics.update(found)


_SONICWALL_HEAD = compile_pattern("osregex", rb"pri=(\d) c=(\d+) m=(\d+) ", captures=True)
_SONICWALL_HOSTS = compile_pattern(
    "osregex", rb"src=(\d+.\d+.\d+.\d+):(\d+):\S+ dst=(\d+.\d+.\d+.\d+):(\d+):\S*", captures=True
)
_SONICWALL_PROTOCOL = 6  # bytes that are kept
_SONICWALL_ATTACK = b"32"
_SONICWALL_ACTIONS = {
    **dict.fromkeys((b"36", b"37", b"38", b"173", b"174"), b"drop"),
    **dict.fromkeys((b"98", b"597", b"598"), b"pass"),
    b"537": b"close",
}


def decode_sonicwall(event: Event, info: DecoderDefinition, text: bytes) -> None:
    """Read ``pri=6 c=1 m=98 ... src=address:port:zone dst=address:port:zone proto=tcp/80`` of a SonicWall."""
    del info
    head = _SONICWALL_HEAD.search(text)
    if head is None:
        return
    statics = event.statics
    statics["status"], kind, statics["id"] = head.groups
    hosts = _SONICWALL_HOSTS.search(text, head.end)
    if hosts is None:
        return
    statics["srcip"], statics["srcport"], statics["dstip"], statics["dstport"] = hosts.groups
    rest = text[hosts.end :]
    if text[: hosts.end].endswith(b":"):  # elsewhere the blank that ends the zone counts to what was matched
        rest = rest.removeprefix(b" ")
    if rest.startswith(b"proto="):
        statics["protocol"] = rest[len(b"proto=") :].partition(b"/")[0][:_SONICWALL_PROTOCOL]
    if kind == _SONICWALL_ATTACK:
        event.category = "ids"
        return
    event.category = "firewall"
    if statics["id"] in _SONICWALL_ACTIONS:
        statics["action"] = _SONICWALL_ACTIONS[statics["id"]]


def decode_alert(event: Event, info: DecoderDefinition, text: bytes) -> None:
    """Take an alert that another manager forwards, and any other text: no tree of rules is tried on it."""
    del info, text
    event.category = FORWARDED_ALERT


PLUGINS: dict[str, Plugin] = {
    "PF_Decoder": decode_pf,
    "SymantecWS_Decoder": decode_symantec,
    "SonicWall_Decoder": decode_sonicwall,
    "OSSECAlert_Decoder": decode_alert,
    "JSON_Decoder": decode_json,
}
