"""Who sent a request: signatures, tokens and client certificates, compared in constant time."""

import hmac
from hashlib import sha256
from typing import Any, Dict, Optional, Tuple

from wodles.receive.config import Endpoint

_SIGNATURES = {
    "github": (b"x-hub-signature-256",),
    "gitea": (b"x-forgejo-signature", b"x-gitea-signature", b"x-gogs-signature", b"x-hub-signature-256"),
    "generic": (b"x-signature-256", b"x-hub-signature-256"),
}
_TOKEN_HEADERS = (b"authorization", b"x-auth-token")


def given_signature(endpoint: Endpoint, headers: Dict[bytes, bytes]) -> bytes:
    """Return the signature that a request brings, in lower-case hexadecimal digits; empty when it brings none."""
    for name in _SIGNATURES.get(endpoint.kind, ()):
        value = headers.get(name, b"")
        if value:
            value = value.lower()
            return value[7:] if value.startswith(b"sha256=") else value
    return b""


def check_signature(endpoint: Endpoint, signature: bytes, body: bytes) -> bool:
    """Say whether one of the secrets signs these bytes (HMAC-SHA256). All secrets are tried."""
    found = False
    for secret in endpoint.secrets:
        wanted = hmac.new(secret, body, sha256).hexdigest().encode("ascii")
        found |= hmac.compare_digest(wanted, signature)
    return found


def check_token(endpoint: Endpoint, headers: Dict[bytes, bytes], query: str, client: str) -> str:
    """Return why a request shows no right to send here; empty when it does.

    The right is a client certificate of a listed name, or one of the secrets: as ``Authorization``, with or without
    ``Bearer``, as ``X-Auth-Token``, or for Pub/Sub, which can send no header of ours, as ``?token=`` of the address.
    """
    if client and client in endpoint.clients:
        return ""
    given = b""
    for name in _TOKEN_HEADERS:
        value = headers.get(name, b"")
        if value:
            given = value[7:].strip() if value[:7].lower() == b"bearer " else value
            break
    if endpoint.kind == "pubsub":
        for part in query.split("&"):
            if part.startswith("token="):
                given = part[6:].encode("ascii", "replace")
    if not given:
        return "token_missing"
    found = False
    for secret in endpoint.secrets:
        found |= hmac.compare_digest(secret, given)
    return "" if found else "token_invalid"


def client_name(certificate: Optional[Dict[str, Any]]) -> str:
    """Return the common name of a client certificate that TLS has verified; empty when there is none."""
    names = []
    for part in (certificate or {}).get("subject", ()):
        names += [value for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 and isinstance(names[0], str) else ""


class Seen:
    """Deliveries that were written, at most so many: each by its id and its signature or digest.

    The id is in a header that nobody signs, so that the same body can come under another id. Such a one is written,
    because some bodies are really sent twice, and the event says so.
    """

    def __init__(self, most: int = 20000) -> None:
        """Take how many to remember."""
        self.most = most
        self._ids: Dict[Tuple[str, str], bytes] = {}
        self._bodies: Dict[bytes, str] = {}

    def repeated(self, path: str, delivery: str, digest: bytes) -> bool:
        """Say whether this very delivery was written already."""
        return self._ids.get((path, delivery)) == digest

    def body_of(self, digest: bytes, delivery: str) -> str:
        """Return the other delivery that had the same body; empty when there is none."""
        other = self._bodies.get(digest, "")
        return other if other != delivery else ""

    def add(self, path: str, delivery: str, digest: bytes) -> None:
        """Remember a delivery that is on disk; forget the oldest beyond the limit."""
        self._ids[path, delivery] = digest
        self._bodies.setdefault(digest, delivery)
        while len(self._ids) > self.most:
            del self._ids[next(iter(self._ids))]
        while len(self._bodies) > self.most:
            del self._bodies[next(iter(self._bodies))]
