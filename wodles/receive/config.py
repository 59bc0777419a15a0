"""The receiver's configuration and secrets, checked before anything listens."""

import ipaddress
import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Tuple, Union

from wodles.receive.errors import RefusedError
from wodles.receive.own_files import read_own_file

RECEIVE_CONFIG = "/etc/cicd-receive/receive.json"
SECRETS_FOLDER = "/etc/cicd-receive/secrets"
SECRET_BYTES = 16  # shorter ones can be guessed from one signed delivery
SOURCE_KINDS = ("github", "gitea", "harbor", "registry", "kubernetes", "pubsub")
SIGNED_KINDS = ("github", "gitea")  # their senders sign; the others show a token
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Endpoint(NamedTuple):
    """One path that is listened to.

    ``secrets`` are those of the file, the newest and the ones before it; ``signed`` says that they sign the body, and
    are no token. ``clients`` are names of client certificates that need no token.
    """

    kind: str
    name: str
    path: str
    secrets: Tuple[bytes, ...]
    signed: bool
    clients: Tuple[str, ...] = ()
    silent_minutes: int = 0
    body_bytes: int = 0


class Settings(NamedTuple):
    """Everything of the configuration file; ``docs/receiver.md`` says what each key means."""

    listen: Tuple[str, ...] = ("127.0.0.1:8471",)
    certificate: str = ""
    key: str = ""
    client_authority: str = ""
    plain: bool = False
    proxies: Tuple[Network, ...] = ()
    output: str = "/var/log/cicd-receive"
    rotate_bytes: int = 64 << 20
    kept_files: int = 4
    free_bytes: int = 64 << 20
    waiting_bytes: int = 64 << 20
    body_bytes: int = 25 << 20
    bodies_bytes: int = 128 << 20
    connections: int = 512
    peer_connections: int = 64
    peer_requests: int = 12000
    peer_refusals: int = 60
    head_seconds: int = 10
    body_seconds: int = 60
    idle_seconds: int = 75
    endpoints: Tuple[Endpoint, ...] = ()


_NUMBERS = {
    "rotate_bytes": (1 << 16, 4 << 30),
    "kept_files": (1, 100),
    "free_bytes": (0, 1 << 40),
    "waiting_bytes": (1 << 20, 1 << 30),
    "body_bytes": (1 << 10, 64 << 20),
    "bodies_bytes": (1 << 20, 4 << 30),
    "connections": (8, 20000),
    "peer_connections": (1, 20000),
    "peer_requests": (1, 10000000),
    "peer_refusals": (1, 1000000),
    "head_seconds": (1, 120),
    "body_seconds": (1, 600),
    "idle_seconds": (1, 600),
}
_TEXTS = ("certificate", "key", "client_authority", "output")
_LISTS = ("listen", "proxies")
_SILENT = {"github": 1440, "gitea": 1440, "kubernetes": 15, "pubsub": 60}  # minutes; others may rest for ever
_ENDPOINT_KEYS = ("secret", "clients", "silent_minutes", "signed", "body_bytes")


def wrong(detail: str) -> RefusedError:
    """Return the error for a configuration that cannot be used."""
    return RefusedError("configuration", detail)


def read_config(path: str) -> Settings:
    """Read and check the configuration with its secrets. Raises ``RefusedError`` with the first thing that is wrong."""
    text = read_own_file(path, 1 << 20, "the configuration")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise wrong("%s:%d: not JSON" % (path, line)) from None
    try:
        return checked_config(given)
    except RefusedError as error:
        raise RefusedError(error.reason, "%s: %s" % (path, error.detail)) from None


def checked_config(given: object) -> Settings:
    """Complete a configuration with the defaults and read its secrets."""
    if not isinstance(given, dict):
        raise wrong("not a JSON object")
    values: Dict[str, Any] = {}
    for key, value in given.items():
        values[key] = _checked(key, value)
    settings = Settings(**values)
    if bool(settings.certificate) != bool(settings.key):
        raise wrong("'certificate' and 'key' belong together")
    if settings.client_authority and not settings.certificate:
        raise wrong("'client_authority' needs 'certificate' and 'key'")
    if not settings.output.startswith("/"):
        raise wrong("'output' is not an absolute path")
    if not settings.endpoints:
        raise wrong("'endpoints' names none")
    for endpoint in settings.endpoints:
        if endpoint.clients and not settings.client_authority:
            raise wrong("'clients' of %s needs 'client_authority'" % endpoint.path)
    if not settings.certificate and not settings.plain:
        _check_plain(settings)
    return settings


def _check_plain(settings: Settings) -> None:
    """Refuse to show tokens to a network: without TLS, only this machine's proxy may reach the receiver."""
    for place in settings.listen:
        host, _ = split_place(place)
        if not host.startswith("/") and not ipaddress.ip_address(host).is_loopback:
            raise wrong("'listen' %s without a certificate: add one, or 'plain': true behind a proxy" % place)


def _checked(key: str, value: Any) -> Any:
    if key in _NUMBERS:
        return whole_number(key, value, *_NUMBERS[key])
    if key in _TEXTS:
        if not isinstance(value, str):
            raise wrong("'%s' is not a text" % key)
        return value
    if key == "plain":
        if not isinstance(value, bool):
            raise wrong("'plain' is neither true nor false")
        return value
    if key in _LISTS:
        texts = text_list(key, value)
        if key == "listen":
            for place in texts:
                split_place(place)
            return texts
        try:
            return tuple(ipaddress.ip_network(text) for text in texts)
        except ValueError:
            raise wrong("'proxies' names something that is no network") from None
    if key == "endpoints":
        return _endpoints(value)
    raise wrong("'%s' is no key of it" % str(key)[:40])


def whole_number(key: str, value: Any, lowest: int, highest: int) -> int:
    """Return a whole number within its bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise wrong("'%s' is no whole number from %d to %d" % (key, lowest, highest))
    return value


def text_list(key: str, value: Any) -> Tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong("'%s' is not a list of texts" % key)
    return tuple(value)


def split_place(place: str) -> Tuple[str, int]:
    """Return host and port of ``192.0.2.1:8443`` or ``[2001:db8::1]:8443``."""
    host, _, port = place.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        raise wrong("'listen' is not ADDRESS:PORT: %s" % place[:60]) from None
    if not 0 <= number < 65536:
        raise wrong("'listen' has no such port: %s" % place[:60])
    return host, number


def _endpoints(value: Any) -> Tuple[Endpoint, ...]:
    if not isinstance(value, dict):
        raise wrong("'endpoints' is not an object")
    found: List[Endpoint] = []
    for kind, given in value.items():
        if kind == "generic":
            if not isinstance(given, dict):
                raise wrong("'generic' is not an object of names")
            for name, inner in given.items():
                if not _NAME.match(name):
                    raise wrong("'generic' has a name that is not of a-z, 0-9 and -")
                found.append(_endpoint("generic", name, inner))
        elif kind in SOURCE_KINDS:
            found.append(_endpoint(kind, kind, given))
        else:
            raise wrong("'endpoints' has no kind '%s'" % str(kind)[:40])
    return tuple(found)


def _endpoint(kind: str, name: str, given: Any) -> Endpoint:
    path = "/" + kind + ("/" + name if kind == "generic" else "")
    if not isinstance(given, dict):
        raise wrong("'%s' is not an object" % path)
    for key in given:
        if key not in _ENDPOINT_KEYS:
            raise wrong("%s has no key '%s'" % (path, str(key)[:40]))
    clients = text_list("clients", given.get("clients", []))
    if clients and kind in SIGNED_KINDS:
        raise wrong("%s is signed: 'clients' does not go with it" % path)
    secrets: Tuple[bytes, ...] = ()
    if "secret" in given:
        secrets = read_secrets(given["secret"])
    if not secrets and not clients:
        raise wrong("%s has no 'secret'%s" % (path, "" if kind in SIGNED_KINDS else " and no 'clients'"))
    signed = given.get("signed", kind in SIGNED_KINDS or kind == "generic")
    if not isinstance(signed, bool) or (kind != "generic" and "signed" in given):
        raise wrong("%s: 'signed' is true or false, and only of generic ones" % path)
    silent = whole_number("silent_minutes", given.get("silent_minutes", _SILENT.get(kind, 0)), 0, 100000)
    size = whole_number("body_bytes", given.get("body_bytes", 0), 0, 64 << 20)
    return Endpoint(kind, name, path, secrets, signed, clients, silent, size)


def read_secrets(name: Any) -> Tuple[bytes, ...]:
    """Read a secret's file: one secret a line, the newest first.

    It is a credential of systemd's (``LoadCredential=``) where there is one of this name, or else a file of the folder
    ``/etc/cicd-receive/secrets`` that only root, or we, can change.
    """
    if not isinstance(name, str) or not _FILE_NAME.match(name):
        raise wrong("'secret' is the name of a file: letters, digits, . _ -")
    path = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY") or SECRETS_FOLDER, name)
    text = read_own_file(path, 65536, "the secret", secret=True)
    found = tuple(line.strip().encode() for line in text.splitlines() if line.strip())
    if not found:
        raise wrong("the secret %s is empty" % path)
    if any(len(secret) < SECRET_BYTES for secret in found):
        raise wrong("the secret %s has a line of fewer than %d characters" % (path, SECRET_BYTES))
    return found
