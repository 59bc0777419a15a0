"""The events of forges and registries, each in the envelope that ``docs/sources/`` describes.

Wazuh takes top-level keys such as ``action``, ``status``, ``id`` and ``user`` for fields of its own; so everything a
sender wrote stands one level lower.
"""

import re
import urllib.parse
from typing import Any, Dict, List, NamedTuple, Tuple

from wodles.receive.config import Endpoint
from wodles.receive.lines import (
    FIELDS,
    LINE_BYTES,
    BodyError,
    encode,
    fold_fields,
    read_json,
    read_object,
    shorten_texts,
)
from wodles.receive.payload import fitted, without_addresses

EVENTS_OF_ONE = 2000  # events that one delivery may hold
_WORD = re.compile(rb"[A-Za-z0-9_.-]{1,64}\Z")
_FORGES = (("forgejo", b"x-forgejo-"), ("gitea", b"x-gitea-"), ("gogs", b"x-gogs-"))

Headers = Dict[bytes, bytes]


class Made(NamedTuple):
    """What a delivery became: its lines, and of each that lost something what it lost."""

    lines: Tuple[bytes, ...]
    losses: Tuple[Dict[str, str], ...] = ()


def word(headers: Headers, name: bytes) -> str:
    """Return a header that is one plain word. Raises ``BodyError`` for anything else, absence included."""
    value = headers.get(name, b"")
    if not _WORD.match(value):
        raise BodyError("the header %s is missing or odd" % name.decode("ascii"))
    return value.decode("ascii")


def delivery_id(endpoint: Endpoint, headers: Headers) -> str:
    """Return the id that the sender gave a delivery; empty where its kind has none. Raises ``BodyError``."""
    if endpoint.kind == "github":
        return word(headers, b"x-github-delivery")
    if endpoint.kind == "gitea":
        return word(headers, _forge(headers)[1] + b"delivery")
    for name in (b"x-delivery-id", b"x-request-id"):
        if endpoint.kind == "generic" and name in headers:
            return word(headers, name)
    return ""


def _forge(headers: Headers) -> Tuple[str, bytes]:
    for name, prefix in _FORGES:
        if prefix + b"event" in headers:
            return name, prefix
    raise BodyError("no header names the event")


def github_event(headers: Headers, body: bytes, same: str) -> Made:
    """Return the event of a delivery of GitHub; ``same`` is another delivery that had the same body."""
    event = word(headers, b"x-github-event")
    about = {"event": event, "delivery": word(headers, b"x-github-delivery")}
    return _forge_event("github", about, headers, body, same)


def gitea_event(headers: Headers, body: bytes, same: str) -> Made:
    """Return the event of a delivery of Gitea, Forgejo or Gogs."""
    forge, prefix = _forge(headers)
    about = {"event": word(headers, prefix + b"event"), "forge": forge, "delivery": word(headers, prefix + b"delivery")}
    return _forge_event("gitea", about, headers, body, same)


def _forge_event(kind: str, about: Dict[str, str], headers: Headers, body: bytes, same: str) -> Made:
    if headers.get(b"content-type", b"").lower().startswith(b"application/x-www-form-urlencoded"):
        body = _form_payload(body)
    payload = read_object(body)
    about["actor"] = _text(payload, "sender", "login")
    about["org"] = _text(payload, "organization", "login") or _text(payload, "organization", "username")
    about["repo"] = _text(payload, "repository", "full_name")
    for key in ("workflow_run", "workflow_job"):
        run = payload.get(key)
        number = run.get("id" if key == "workflow_run" else "run_id") if isinstance(run, dict) else None
        if isinstance(number, (int, str)) and number and kind == "github":
            about["run_id"] = str(number)[:40]
            break
    envelope: Dict[str, Any] = {
        "integration": "cicd-%s-webhook" % kind,
        kind: {key: text for key, text in about.items() if text},
    }
    envelope["webhook"] = without_addresses(payload)
    if same:
        envelope[kind]["same_body_as"] = same
    line, loss = fitted(envelope)
    if loss:
        loss = dict(
            loss,
            source=kind,
            delivery=about["delivery"],
            event_of=about["event"],
            repo=about["repo"],
            actor=about["actor"],
        )
    return Made((line,), (loss,) if loss else ())


def _form_payload(body: bytes) -> bytes:
    for part in body.split(b"&"):
        if part.startswith(b"payload="):
            return urllib.parse.unquote_to_bytes(part[8:].replace(b"+", b" "))
    raise BodyError("the form has no payload")


def _text(payload: Dict[str, Any], key: str, inner: str) -> str:
    owner = payload.get(key)
    value = owner.get(inner) if isinstance(owner, dict) else None
    return value[:300] if isinstance(value, str) else ""


def harbor_events(body: bytes) -> Made:
    """Return the events of a notification of Harbor, one for each artifact that it names."""
    payload = without_addresses(read_object(body))
    about: Dict[str, Any] = {"event": _named(payload, "type"), "actor": _named(payload, "operator")}
    about["time"] = payload.get("occur_at")
    data = payload.get("event_data")
    if not isinstance(data, dict):
        raise BodyError("no event_data")
    repository = data.get("repository")
    if isinstance(repository, dict):
        about.update(
            project=_named(repository, "namespace"),
            repo=_named(repository, "repo_full_name"),
            visibility=_named(repository, "repo_type"),
        )
    rest = {key: value for key, value in data.items() if key not in ("resources", "repository")}
    resources = data.get("resources")
    found = []
    for resource in resources if isinstance(resources, list) and resources else [{}]:
        if not isinstance(resource, dict):
            raise BodyError("a resource is no object")
        event = {key: value for key, value in about.items() if value}
        event.update(tag=resource.get("tag"), digest=resource.get("digest"))
        overview = {key: value for key, value in resource.items() if key not in ("tag", "digest")}
        event["resource"] = dict(overview, **rest)
        found.append({key: value for key, value in event.items() if value})
    return _plain_events("cicd-harbor", "harbor", found)


def registry_events(body: bytes) -> Made:
    """Return the events of a notification of a registry (distribution), one line each."""
    events = read_object(body).get("events")
    if not isinstance(events, list):
        raise BodyError("no events")
    found = []
    for given in events:
        if not isinstance(given, dict):
            raise BodyError("an event is no object")
        event = without_addresses(given)
        target = event.get("target") if isinstance(event.get("target"), dict) else {}
        request = event.get("request") if isinstance(event.get("request"), dict) else {}
        address = request.get("addr")
        about = {
            "event": event.get("action"),
            "delivery": event.get("id"),
            "actor": _text(event, "actor", "name"),
            "repo": target.get("repository"),
            "tag": target.get("tag"),
            "digest": target.get("digest"),
            "address": address.rpartition(":")[0].strip("[]") if isinstance(address, str) else "",
            "registry": request.get("host"),
            "method": request.get("method"),
            "user_agent": request.get("useragent"),
            "media_type": target.get("mediaType"),
            "time": event.get("timestamp"),
        }
        found.append({key: value for key, value in about.items() if isinstance(value, str) and value})
    return _plain_events("cicd-registry", "registry", found)


def generic_events(name: str, delivery: str, body: bytes, same: str) -> Made:
    """Return the events of a sender without an envelope of its own; a list is one event an entry."""
    value = read_json(body)
    found = []
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise BodyError("not a JSON object")
        event = {"name": name, "delivery": delivery, "same_body_as": same}
        found.append(dict({key: text for key, text in event.items() if text}, body=item))
    return _plain_events("cicd-generic", "generic", found)


def _named(owner: Dict[str, Any], key: str) -> str:
    value = owner.get(key)
    return value[:300] if isinstance(value, str) else ""


def _plain_events(integration: str, kind: str, events: List[Dict[str, Any]]) -> Made:
    if len(events) > EVENTS_OF_ONE:
        raise BodyError("too many events in one delivery")
    lines = []
    losses = []
    for event in events:
        envelope = {"integration": integration, kind: event}
        fold_fields(envelope, FIELDS)
        line = encode(envelope)
        if len(line) > LINE_BYTES:
            size = len(line)
            for most in (8000, 2000, 500, 100):
                line = encode(
                    {"integration": integration, kind: shorten_texts(event, most), "receiver": {"cut": "texts"}}
                )
                if len(line) <= LINE_BYTES:
                    break
            else:
                short = {key: value for key, value in event.items() if isinstance(value, str)}
                line = encode(
                    {"integration": integration, kind: shorten_texts(short, 300), "receiver": {"cut": "payload"}}
                )
                if len(line) > LINE_BYTES:
                    raise BodyError("an event that cannot be shortened")
            losses.append({"source": kind, "what": "texts", "bytes": str(size)})
        lines.append(line)
    return Made(tuple(lines), tuple(losses))
