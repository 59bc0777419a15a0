"""What the receiver gets from its host and says to it: sockets and notices of systemd, the journal, TLS files."""

import os
import socket
import ssl
import sys
from typing import List

from wodles.receive.config import Settings
from wodles.receive.errors import RefusedError


def say(text: str) -> None:
    """Write to the journal, or wherever standard error goes: what concerns the operator and no event can say."""
    try:
        sys.stderr.write("cicd-receive: %s\n" % text)
        sys.stderr.flush()
    except OSError:
        pass


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the context for certificate and key. Raises ``RefusedError`` when they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_COMPRESSION | getattr(ssl, "OP_NO_RENEGOTIATION", 0)
    versions = getattr(ssl, "TLSVersion", None)
    if versions is None:  # before Python 3.7
        context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    else:
        setattr(context, "minimum_version", versions.TLSv1_2)  # noqa: B010 - Python 3.6 does not have it
    try:
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.client_authority:
            context.load_verify_locations(settings.client_authority)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ValueError) as error:
        raise RefusedError(
            "tls", "%s: %s" % (settings.certificate, getattr(error, "strerror", "") or "unusable")
        ) from None
    return context


def given_sockets() -> List[socket.socket]:
    """Return the sockets that systemd hands over (sd_listen_fds), none when it hands over none."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return []
    count = os.environ.pop("LISTEN_FDS", "0")
    return [socket.socket(fileno=3 + number) for number in range(int(count) if count.isdigit() else 0)]


def tell_systemd(text: str) -> None:
    """Send a line to systemd (sd_notify), if it asked for it."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        link.connect("\0" + path[1:] if path[0] == "@" else path)
        link.send(text.encode())
    except OSError:
        pass
    finally:
        link.close()
