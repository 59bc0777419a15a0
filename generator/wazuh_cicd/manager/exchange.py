"""One HTTP exchange that ends, whatever the server does, and what is checked before it begins.

The time limits of requests and of the sockets below are for each read: a server that sends a byte now and then, or one
``100 Continue`` after the other, is within them for ever. So an exchange runs beside us and is left when its time is
over.
"""

from __future__ import annotations

import ssl
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from wazuh_cicd.errors import UsageError
from wazuh_cicd.manager.errors import ManagerError

if TYPE_CHECKING:
    from pathlib import Path

    import requests

_PART = 1 << 16


class Endless(ManagerError):  # noqa: N818 - reads as what it says
    """The answer is too long, or takes too long as a whole."""


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    timeout: float,
    longest: float,
    largest: int,
    **options: Any,  # noqa: ANN401 - as requests'
) -> requests.Response:
    """One request without redirects, and its whole answer.

    Args:
        session: that sends it.
        method: of HTTP.
        url: the whole address.
        timeout: seconds for a connection and for each read.
        longest: seconds for all of it.
        largest: bytes of the answer, unpacked.
        options: of ``requests.Session.request``.

    Raises:
        Endless: one of the two limits is reached.
        requests.RequestException: as requests does.
    """
    give_up = time.monotonic() + longest
    results: SimpleQueue[requests.Response | Exception] = SimpleQueue()

    def work() -> None:
        try:
            answer = session.request(method, url, timeout=timeout, allow_redirects=False, stream=True, **options)
            data = bytearray()
            for part in answer.iter_content(_PART):
                data += part
                if len(data) > largest or time.monotonic() > give_up:
                    answer.close()
                    raise Endless(f"{url}: an answer without end")  # noqa: TRY301 - handed over as the others are
            answer._content = bytes(data)  # noqa: SLF001 - as its own property does
            results.put(answer)
        except Exception as error:  # noqa: BLE001 - raised by who waits for it
            results.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        found = results.get(timeout=longest)
    except Empty:
        raise Endless(f"{url}: an answer without end") from None
    if isinstance(found, Exception):
        raise found
    return found


def tls_context(ca: Path | None, option: str) -> ssl.SSLContext:
    """Trust the CA of a file and nothing else; None: those of the system.

    Raises:
        UsageError: the file of that option holds no certificate.
    """
    try:
        if ca is not None and not ca.is_file():
            raise OSError("no such file")  # noqa: TRY301 - a pipe would stop us for ever
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {str(ca)!r}: holds no certificate in PEM form ({error})") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def split_address(url: str, option: str) -> SplitResult:
    """The parts of an address that an option names.

    Raises:
        UsageError: it is none.
    """
    try:
        parts = urlsplit(url)
        known = parts.port is None or parts.port > 0
    except ValueError:
        known = False
    if not known or not url.isprintable() or " " in url:
        raise UsageError(f"{option} {url!r}: is no address")
    return parts
