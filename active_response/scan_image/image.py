"""What is a reference of an image, and which one an event is about."""

from active_response.common.refusal import Refused
from active_response.common.request import Request
from active_response.common.words import HEX, WORD
from active_response.scan_image.config import Config

LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def parse_image(text: object) -> str:
    """Return a reference or id of an image if that is all that ``text`` is. Raises Refused("not-an-image").

    The grammar is that of distribution/reference: ``[host[:port]/]path[:tag][@sha256:digest]``, or ``sha256:`` and 64
    digits, or 12 to 64 digits: nothing that a shell, a command line or a file name could take for something else.
    """
    if not isinstance(text, str) or not 1 <= len(text) <= 512:
        raise Refused("not-an-image", "not a text of 1 to 512 characters")
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise Refused("not-an-image", text[:96])
    if not at and is_digest(text):
        return text
    if not is_name(rest):
        raise Refused("not-an-image", text[:96])
    return text


def is_name(text: str) -> bool:
    """Whether ``text`` is a reference without a digest: ``[host[:port]/]path[:tag]``."""
    before, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    if colon and (not 1 <= len(tag) <= 128 or tag.strip(WORD + "_.-") or tag[0] in ".-"):
        return False
    parts = [*before.split("/"), name] if slash else [name]
    if len(parts) > 1 and ("." in parts[0] or ":" in parts[0] or parts[0] == "localhost"):
        host, colon, port = parts.pop(0).partition(":")
        bad_port = colon and (not port or len(port) > 5 or port.strip("0123456789"))
        if bad_port or not host or host.strip(WORD + ".-") or host[0] in ".-" or host[-1] in ".-" or ".." in host:
            return False
    return all(map(is_path_part, parts))


def is_digest(text: str) -> bool:
    """Whether ``text`` is `sha256:` and 64 hexadecimal digits."""
    return len(text) == 71 and text.startswith("sha256:") and not text[7:].strip(HEX)


def is_path_part(text: str) -> bool:
    """Whether ``text`` is lower-case words joined by one of ``. _ __`` or hyphens."""
    if not text or text.strip(LOWER + "._-") or text[0] not in LOWER or text[-1] not in LOWER:
        return False
    return not any(pair in text for pair in ("..", "___", "._", "_.", "-.", ".-", "-_", "_-"))


def image_of(request: Request, config: Config) -> str:
    """Return the image to scan. Raises Refused."""
    # An image's labels stand among the attributes of an event about it, and whoever built it wrote them: `image` there
    # is what he says. The id of a container is no image.
    kind = request.values("data.docker.Type")
    for path in request.paths("target", config.fields):
        among = ".Attributes." in path
        if (among and kind != "container") or (kind == "container" and not among and "docker." in path):
            continue
        value = request.values(path)
        if value is not None:
            return parse_image(value)
    raise Refused("no-image", "the alert has none of: " + ", ".join(config.fields)[:256])


def reason_of(request: Request) -> str:
    """Return the word of the event that says what happened to the image: pull, create, ..."""
    for path in ("data.docker.Action", "data.docker.status", "docker.Action"):
        word = request.values(path)
        if isinstance(word, str) and 1 <= len(word) <= 32 and not word.strip(LOWER + "_-"):
            return word
    return "event"
