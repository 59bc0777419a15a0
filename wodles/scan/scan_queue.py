"""Requests of ``cicd-scan-image``, one file each in the queue's folder."""

import io
import json
import os
import re
import stat
from typing import List, NamedTuple, Tuple

from wodles.scan.targets import REFERENCE
from wodles.scan.text import clean


class Request(NamedTuple):
    """A request of ``cicd-scan-image``: scan this image now."""

    path: str
    image: str
    reason: str


_REQUEST_NAME = re.compile(r"[0-9]{10,20}-[0-9a-f]{4,64}\.json\Z")


def read_queue(directory: str) -> Tuple[List[Request], List[str]]:
    """Read the scan queue, oldest first: good requests, and the paths of malformed ones."""
    good: List[Request] = []
    bad: List[str] = []
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return [], []
    for name in names:
        path = os.path.join(directory, name)
        if not name.endswith(".json") or name.startswith("."):
            continue  # being written
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with io.open(descriptor, "rb") as stream:
                if not _REQUEST_NAME.match(name) or not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ValueError
                data = stream.read(4097)
            if len(data) > 4096:
                raise ValueError
            document = json.loads(data.decode("utf-8"))
            image = document["image"]
            if document["version"] != 1 or not isinstance(image, str) or not REFERENCE.match(image):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            bad.append(path)
            continue
        good.append(Request(path, image, clean(document.get("reason"), 30) or "request"))
    return good, bad
