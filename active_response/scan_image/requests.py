"""The queue of the scanner: a file for each image that is asked for."""

import posix as os
import time

from active_response.common.deadline import lock_in_time
from active_response.common.files import open_folder, open_state, replace_file
from active_response.common.home import Home
from active_response.common.jsontext import parse_json, to_json
from active_response.common.refusal import Refused
from active_response.common.words import repository
from active_response.scan_image.config import Config
from active_response.scan_image.image import is_digest


def open_queue(home: Home) -> int:
    """Return the queue's folder, opened, made if need be. Raises OSError."""
    try:
        return os.open(home.queue + "/scan-queue", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        folder = open_folder(home.queue + "/scan-queue", 0o770)
    if os.fstat(folder).st_uid == os.geteuid():
        os.fchmod(folder, 0o770)
    return folder


def open_lock(home: Home) -> int:
    """Take the lock on the queue, in a folder of ours alone: whoever may write the queue must not be able to hold us.

    Raises OSError; Failed when it cannot be had in time.
    """
    folder = open_state(home.state)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open("scan-image.lock", flags, 0o600, dir_fd=folder)
    finally:
        os.close(folder)
    lock_in_time(file)
    return file


def sha256(data: bytes) -> str:
    """Return the SHA-256 of ``data`` in hexadecimal."""
    try:
        from _sha2 import sha256 as digest  # noqa: PLC0415 - hashlib loads more than all the rest
    except ImportError:
        try:
            from _sha256 import sha256 as digest  # noqa: PLC0415 - its name before Python 3.12
        except ImportError:
            from hashlib import sha256 as digest  # noqa: PLC0415
    name: str = digest(data).hexdigest()
    return name


def enqueue(home: Home, config: Config, image: str, reason: str, rule: str) -> str:
    """Put a request into the queue, whole or not at all. Return its name; an empty string when one waits already.

    The folder may be written by the group wazuh, so it is held open and no link in it is followed. Raises Refused at
    the ceiling, OSError.
    """
    held = open_lock(home)
    folder = open_queue(home)
    try:
        mark = "-" + sha256(image.encode("ascii"))[:16] + ".json"
        waiting = [name for name in os.listdir(folder) if name.endswith(".json")]
        if any(name.endswith(mark) for name in waiting):
            return ""
        if len(waiting) >= config.max_pending:
            raise Refused("ceiling-total", "%d requests wait" % len(waiting))
        if len(waiting) >= config.max_of_repository:
            # Only now, because it costs reading them: whoever pulls many images must not fill the queue for all.
            alike = sum(1 for line in read_requests(folder) if repository_of(line) == name_of(image))
            if alike >= config.max_of_repository:
                raise Refused("ceiling-total", "%d requests of one repository wait" % alike)
        now = time.time()
        name = "%d%s" % (int(now * 1000000000), mark)
        text = to_json({"version": 1, "image": image, "reason": reason, "requested": int(now), "rule": rule}) + "\n"
        replace_file(folder, name, text.encode("ascii"), shared=True)
        return name
    finally:
        os.close(folder)
        os.close(held)


def repository_of(line: str) -> str:
    """Return the repository of the image that a request asks for; others may write there, so it may be any text."""
    try:
        request = parse_json(line)
    except ValueError:
        return "?"
    image = request.get("image") if isinstance(request, dict) else None
    return name_of(image) if isinstance(image, str) else "?"


def name_of(image: str) -> str:
    """Return an image's repository; ids, which have none, count as one."""
    return "" if is_digest(image) else repository(image)


def read_requests(folder: int) -> "list[str]":
    """Return what waits, oldest first. Others may write here: nothing but plain small files is read, and no link."""
    found: "list[str]" = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".json") or name.startswith("."):
            continue
        try:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            continue
        try:
            if os.fstat(file).st_mode & 0o170000 == 0o100000:
                text = os.read(file, 4096).decode("utf-8", "replace").strip()
                found.append("".join(char if char.isprintable() else "?" for char in text))
        finally:
            os.close(file)
    return found
