"""The decoders that analysisd has as code: ``<plugin_decoder>``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.engine import jsontext

if TYPE_CHECKING:
    from wazuh_cicd.engine.decodermodel import Decoder, Plugin
    from wazuh_cicd.engine.event import Event

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


def decode_json(event: Event, info: Decoder, text: bytes) -> None:
    """Flatten a JSON object into fields. A text that is no JSON object gives none."""
    try:
        top = jsontext.parse(text)
    except jsontext.JsonError:
        return
    if not isinstance(top, jsontext.JsonObject):
        return
    statics, dynamics, index = event.statics, event.dynamics, event.index()
    for name, value in jsontext.flatten(top, discard_null=info.json_discard_null, csv=info.json_csv):
        static = _JSON_STATICS.get(name.path) if name.at_top else None
        if static is None or (name.path == b"user" and "dstuser" in statics):
            dynamics.append((name.path, value))
            if name.lowered not in index:
                index[name.lowered] = value
        else:
            statics[static] = value
    event.drop_surplus()


_PF = re.compile(rb"[^)]*\) (?:(p)|b)[^:]*: ([^ ]+) > ([^ :]+)(?:: *([A-Za-z]*))?", re.DOTALL)
_PF_PORTS = 4  # an address with this many dots carries a port behind the last


def decode_pf(event: Event, info: Decoder, text: bytes) -> None:
    """Read a line of OpenBSD's packet filter: ``rule 2/(match) pass in on xl0: address.port > address.port: ...``."""
    del info
    found = _PF.match(text)
    if not found:
        return
    statics = event.statics
    statics["action"] = b"pass" if found.group(1) else b"block"
    for side, address in (("src", found.group(2)), ("dst", found.group(3))):
        if address.count(b".") == _PF_PORTS:
            address, _, statics[f"{side}port"] = address.rpartition(b".")  # noqa: PLW2901 - the port is taken off
        statics[f"{side}ip"] = address
    word = (found.group(4) or b"").lower()
    statics["protocol"] = {b"udp": b"UDP", b"icmp": b"ICMP"}.get(word, b"TCP")


def decode_symantec(event: Event, info: Decoder, text: bytes) -> None:
    """Read ``20070717,73613,1=5,11=address,10=user,3=1,2=2`` of Symantec Web Security."""
    del info
    statics = event.statics
    position = 0
    for piece in text.split(b","):
        if piece.startswith(b"11="):
            statics["srcip"] = piece[3:]
        elif piece.startswith(b"10="):
            statics["dstuser"] = piece[3:]
        elif piece.startswith(b"60="):
            statics["url"] = piece[3:]
        elif piece.startswith(b"3="):
            statics["id"] = text[position:]
        position += len(piece) + 1


def decode_sonicwall(event: Event, info: Decoder, text: bytes) -> None:
    """Read the ``pri= msg= src= dst= proto=`` pairs of a SonicWall line."""
    del info
    statics = event.statics
    for key, name in ((b"pri=", "status"), (b"proto=", "protocol")):
        value = _pair(text, key)
        if value is not None:
            statics[name] = value
    begin = text.find(b'msg="')
    end = text.find(b'"', begin + 5)
    if begin >= 0 and end >= 0:
        statics["action"] = text[begin + 5 : end]
    for key, side in ((b"src=", "src"), (b"dst=", "dst")):
        value = _pair(text, key)
        if value is not None:
            address, _, rest = value.partition(b":")
            statics[f"{side}ip"] = address
            port = rest.partition(b":")[0]
            if port:
                statics[f"{side}port"] = port


def _pair(text: bytes, key: bytes) -> bytes | None:
    begin = text.find(b" " + key)
    return None if begin < 0 else text[begin + 1 + len(key) :].partition(b" ")[0]


_ALERT = re.compile(rb"(?:ossec: )?Alert Level: [0-9]+; Rule: [0-9]+ - ")


def decode_alert(event: Event, info: Decoder, text: bytes) -> None:
    """Recognise an alert that another manager forwarded: it keeps its own rule, and no tree is tried on it."""
    del info
    if _ALERT.match(text):
        event.category = FORWARDED_ALERT


PLUGINS: dict[str, Plugin] = {
    "PF_Decoder": decode_pf,
    "SymantecWS_Decoder": decode_symantec,
    "SonicWall_Decoder": decode_sonicwall,
    "OSSECAlert_Decoder": decode_alert,
    "JSON_Decoder": decode_json,
}
