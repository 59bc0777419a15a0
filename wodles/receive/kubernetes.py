"""Kubernetes' audit events from any provider, in the shape that an API server writes (``audit.k8s.io/v1``).

An API server's webhook sends a list of them. EKS writes each as it is into CloudWatch; AKS writes it as text into the
``properties.log`` of a record of Azure Monitor; GKE translates it into an entry of Cloud Logging, which is translated
back here. What GKE leaves out (groups, stages, the values of annotations) cannot be brought back.
"""

import base64
import re
import zlib
from typing import Any, Dict, Iterator, List, Tuple

from wodles.receive.envelope import EVENTS_OF_ONE, Made
from wodles.receive.lines import LINE_BYTES, BodyError, encode, read_json, read_object, shorten_texts

_STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
# google.rpc.Code, and the status of HTTP that the API server answers in that case.
_CODES = {
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    16: 401,
}
_SUBRESOURCES = frozenset(
    [
        "exec",
        "attach",
        "portforward",
        "proxy",
        "log",
        "status",
        "scale",
        "eviction",
        "binding",
        "token",
        "approval",
        "finalize",
        "ephemeralcontainers",
        "rollback",
        "resize",
    ]
)
_TRUNCATED = "audit.k8s.io/truncated"
_TIMED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z[ \t]+(?=\{)")


def audit_events(body: bytes) -> Made:
    """Return the events of a list that an API server's webhook sent. Raises ``BodyError``."""
    items = read_object(body).get("items")
    if not isinstance(items, list):
        raise BodyError("no list of audit events")
    return audit_lines(items)


def audit_lines(items: List[Any], provider: str = "") -> Made:
    """Return the line of each audit event; one that is too long loses its bodies, as the API server itself does it."""
    if len(items) > EVENTS_OF_ONE * 4:
        raise BodyError("too many events in one delivery")
    lines = []
    losses: List[Dict[str, str]] = []
    strange = 0
    for item in items:
        if not isinstance(item, dict) or not item.get("auditID") or item.get("stage") not in _STAGES:
            strange += 1
            continue
        # Entries of a list leave out what the list says; a file's lines say it.
        event: Dict[str, Any] = {"kind": "Event", "apiVersion": "audit.k8s.io/v1"}
        event.update(item)
        line = encode(event)
        if len(line) > LINE_BYTES:
            size = len(line)
            line, what = _shortened_event(event)
            verb = str(event.get("verb", ""))[:40]
            losses.append(
                {
                    "source": provider or "kubernetes",
                    "what": what,
                    "bytes": str(size),
                    "verb": verb,
                    "delivery": str(event["auditID"])[:64],
                }
            )
        lines.append(line)
    if strange and not lines:
        raise BodyError("no entry is an audit event")
    if strange:  # the others are not lost for it
        losses.append({"source": provider or "kubernetes", "what": "entries", "entries_left_out": str(strange)})
    return Made(tuple(lines), tuple(losses))


def _shortened_event(event: Dict[str, Any]) -> Tuple[bytes, str]:
    """Leave out first what the server answered, then what was asked; the annotation is the API server's own."""
    notes = event.get("annotations")
    event["annotations"] = dict(notes if isinstance(notes, dict) else {}, **{_TRUNCATED: "true"})
    for key in ("responseObject", "requestObject"):
        if event.pop(key, None) is not None:
            line = encode(event)
            if len(line) <= LINE_BYTES:
                return line, key
    for most in (2000, 200):
        line = encode(shorten_texts(event, most))
        if len(line) <= LINE_BYTES:
            return line, "texts"
    kept = (
        "kind",
        "apiVersion",
        "level",
        "auditID",
        "stage",
        "requestURI",
        "verb",
        "user",
        "objectRef",
        "responseStatus",
    )
    short = {key: event[key] for key in kept if key in event}
    short["annotations"] = {_TRUNCATED: "true"}
    if isinstance(short.get("user"), dict):
        short["user"] = {"username": short["user"].get("username")}
    line = encode(shorten_texts(short, 2000))
    if len(line) > LINE_BYTES:
        raise BodyError("an audit event that cannot be shortened")
    return line, "payload"


def pushed_events(body: bytes) -> "Tuple[Made, str]":
    """Return the event of a push of Pub/Sub, and the message's id. Raises ``BodyError``.

    An entry of Cloud Logging that is no audit event of Kubernetes becomes no line: a sink can hold others.
    """
    message = read_object(body).get("message")
    if not isinstance(message, dict) or not isinstance(message.get("data"), str):
        raise BodyError("no message with data")
    try:
        data = base64.b64decode(message["data"], validate=True)
    except ValueError:
        raise BodyError("the data of the message is not base64") from None
    number = message.get("messageId") or message.get("message_id")
    if not isinstance(number, str) or not 0 < len(number) <= 64 or not number.isdigit():
        raise BodyError("the message has no id")
    entry = read_object(data)
    if not is_cluster_entry(entry):
        return Made(()), number
    return audit_lines([from_gke(entry)], "gke"), number


def is_cluster_entry(entry: Dict[str, Any]) -> bool:
    """Say whether an entry of Cloud Logging is about a call of a cluster's API."""
    payload = entry.get("protoPayload")
    return isinstance(payload, dict) and payload.get("serviceName") == "k8s.io"


def _part(owner: Dict[str, Any], key: str) -> Dict[str, Any]:
    value = owner.get(key)
    return value if isinstance(value, dict) else {}


def from_gke(entry: Dict[str, Any]) -> Dict[str, Any]:
    """Return the audit event that an entry of Cloud Logging was made from, as far as it says."""
    payload = _part(entry, "protoPayload")
    labels = _part(entry, "labels")
    identity = _part(payload, "authenticationInfo")
    caller = _part(payload, "requestMetadata")
    place = _part(_part(entry, "resource"), "labels")
    method = str(payload.get("methodName") or "")
    name = str(payload.get("resourceName") or "")
    reference, address = _object_of(name, method)
    operation = _part(entry, "operation")
    time = entry.get("timestamp")
    event: Dict[str, Any] = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Request" if payload.get("request") else "Metadata",
        "auditID": str(operation.get("id") or entry.get("insertId") or "unknown"),
        "stage": "ResponseComplete",
        "requestURI": address,
        "verb": method.rpartition(".")[2],
        "user": {"username": str(identity.get("principalEmail") or "")},
    }
    if identity.get("authoritySelector"):
        event["impersonatedUser"] = {"username": str(identity["authoritySelector"])}
    if caller.get("callerIp"):
        event["sourceIPs"] = [str(caller["callerIp"])]
    if caller.get("callerSuppliedUserAgent"):
        event["userAgent"] = str(caller["callerSuppliedUserAgent"])
    if reference:
        event["objectRef"] = reference
    event["responseStatus"] = _status_of(payload)
    for ours, theirs in (("requestObject", "request"), ("responseObject", "response")):
        given = payload.get(theirs)
        if isinstance(given, dict):
            event[ours] = {key: value for key, value in given.items() if key != "@type"}
    event["requestReceivedTimestamp"] = event["stageTimestamp"] = time
    event["annotations"] = _notes_of(payload, labels)
    event["kubernetes"] = {
        "provider": "gke",
        "cluster": str(place.get("cluster_name") or ""),
        "location": str(place.get("location") or ""),
        "project": str(place.get("project_id") or ""),
    }
    return event


def _notes_of(payload: Dict[str, Any], labels: Dict[str, Any]) -> Dict[str, Any]:
    notes = {key: value for key, value in labels.items() if isinstance(value, str) and "k8s.io/" in key}
    notes = {key: value for key, value in notes.items() if key != _TRUNCATED}
    granted = payload.get("authorizationInfo")
    for entry in granted if isinstance(granted, list) else []:
        if isinstance(entry, dict) and "authorization.k8s.io/decision" not in notes:
            notes["authorization.k8s.io/decision"] = "allow" if entry.get("granted") else "forbid"
    return notes


def _status_of(payload: Dict[str, Any]) -> Dict[str, Any]:
    status = _part(payload, "status")
    answer = _part(payload, "response")
    if answer.get("kind") == "Status" and isinstance(answer.get("code"), int):
        return {key: answer[key] for key in ("status", "reason", "message", "code") if key in answer}
    code = status.get("code")
    if not isinstance(code, int) or code == 0:
        return {"code": 200}
    found: Dict[str, Any] = {"status": "Failure", "code": _CODES.get(code, code if code >= 100 else 500)}
    if isinstance(status.get("message"), str):
        found["message"] = status["message"]
    return found


def _object_of(name: str, method: str) -> "Tuple[Dict[str, Any], str]":
    """Return what a call was about, and its address, from ``core/v1/namespaces/NS/pods/NAME/exec``."""
    parts = [part for part in name.split("/") if part]
    if len(parts) < 3 or not re.match(r"v[0-9]", parts[1]):
        return {}, "/" + "/".join(parts)
    group, version, rest = ("" if parts[0] == "core" else parts[0]), parts[1], parts[2:]
    address = "/".join((["", "api"] if not group else ["", "apis", group]) + [version] + rest)
    reference: Dict[str, Any] = {}
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        reference["namespace"] = rest[1]
        rest = rest[2:]
    reference["resource"] = rest[0]
    if rest[0] == "namespaces" and len(rest) > 1:
        reference["namespace"] = rest[1]
    if len(rest) > 1:
        reference["name"] = rest[1]
    if len(rest) > 2:
        reference["subresource"] = rest[2]
    else:  # a call without a name has its subresource in the method's name alone
        words = method.split(".")
        if len(words) > 2 and words[-2] in _SUBRESOURCES and words[-3] == rest[0]:
            reference["subresource"] = words[-2]
    if group:
        reference["apiGroup"] = group
    reference["apiVersion"] = version
    return reference, address


def unwrapped(provider: str, data: bytes) -> Iterator[bytes]:
    """Return the audit events of an exported file, one line each. Raises ``BodyError`` at what is none.

    Args:
        provider: ``aks``, ``gke`` or ``eks``.
        data: the file, packed with gzip or not: one JSON value, or one a line.
    """
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    for entry in _values(data):
        for item in _AUDIT_OF[provider](entry):
            for line in audit_lines([item], provider).lines:
                yield line


def _unpacked(data: bytes, most: int = 1 << 30) -> bytes:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = reader.decompress(data, most)
    except zlib.error:
        raise BodyError("a damaged gzip file") from None
    if reader.unconsumed_tail:
        raise BodyError("a gzip file that holds more than 1 GiB")
    return found


def _values(data: bytes) -> Iterator[Any]:
    """Return the values of a file: a list's entries, one object, or one value a line."""
    start = data.lstrip()[:1]
    try:
        whole = read_json(data)
    except BodyError:
        if start == b"[":
            raise
    else:
        yield from whole if isinstance(whole, list) else [whole]
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.decode("utf-8", "replace").strip()
        if text:
            try:
                yield read_json(_TIMED.sub("", text).encode())
            except BodyError:
                raise BodyError("line %d is not JSON" % number) from None


def _text_events(text: Any) -> Iterator[Any]:
    """Return the audit event that a text holds, if it is one."""
    if isinstance(text, str) and '"auditID"' in text:
        yield read_json(text.encode())


def _of_aks(entry: Any) -> Iterator[Any]:
    records = entry.get("records") if isinstance(entry, dict) else None
    for record in records if isinstance(records, list) else [entry]:
        if not isinstance(record, dict):
            raise BodyError("a record is no object")
        if record.get("category") in ("kube-audit", "kube-audit-admin"):
            properties = record.get("properties")
            if isinstance(properties, str):
                properties = read_json(properties.encode())
            yield from _text_events(properties.get("log") if isinstance(properties, dict) else None)


def _of_gke(entry: Any) -> Iterator[Any]:
    if not isinstance(entry, dict):
        raise BodyError("an entry is no object")
    if is_cluster_entry(entry):
        yield from_gke(entry)


def _of_eks(entry: Any) -> Iterator[Any]:
    if not isinstance(entry, dict):
        raise BodyError("an entry is no object")
    for key in ("logEvents", "events"):
        if isinstance(entry.get(key), list):
            for inner in entry[key]:
                yield from _text_events(inner.get("message") if isinstance(inner, dict) else None)
            return
    if "auditID" in entry:
        yield entry
    else:
        yield from _text_events(entry.get("@message") or entry.get("message"))


_AUDIT_OF = {"aks": _of_aks, "gke": _of_gke, "eks": _of_eks}
