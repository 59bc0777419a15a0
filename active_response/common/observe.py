"""What a response would have done while it only observed, summed up from its log."""

import posix as os
import sys

from active_response.common.files import check_info
from active_response.common.home import Home
from active_response.common.jsontext import parse_json, to_json
from active_response.common.log import LOG, LOG_LIMIT
from active_response.common.refusal import Refused
from active_response.common.words import member

TARGETS = ("address", "container", "image")  # what a response acts on


class Tally:
    """How often a response would have acted on one target, or refused to."""

    def __init__(self) -> None:
        self.times = 0
        self.rules: "list[str]" = []
        self.first = ""
        self.last = ""
        self.name = ""

    def count(self, entry: "dict[str, object]") -> None:
        """Count one line of the log."""
        time, rule = str(entry.get("time", "")), str(entry.get("rule_id", ""))
        self.times += 1
        self.first = self.first or time
        self.last = time
        self.name = str(entry.get("name", ""))
        if rule and rule not in self.rules:
            self.rules.append(rule)


def report(home: Home) -> int:
    """Print, for each target, what this response would have done to it: one JSON object a line, most often first."""
    lines, since = log_lines(home), ""
    would: "dict[str, Tally]" = {}
    refused: "dict[str, int]" = {}
    for line in lines:
        try:
            entry = member(parse_json(line), "cicd")
        except ValueError:
            continue
        since = since or str(entry.get("time", ""))
        if entry.get("response") != home.response:
            continue
        if entry.get("result") == "would":
            target = next((str(entry[key]) for key in TARGETS if entry.get(key)), "")
            would.setdefault(target, Tally()).count(entry)
        elif entry.get("result") == "refused":
            reason = str(entry.get("reason", ""))
            refused[reason] = refused.get(reason, 0) + 1
    for target, tally in sorted(would.items(), key=lambda item: -item[1].times):
        summary = {"target": target, "name": tally.name, "times": tally.times, "rules": tally.rules}
        summary.update(first=tally.first, last=tally.last)
        sys.stdout.write(to_json({key: value for key, value in summary.items() if value}) + "\n")
    total = sum(tally.times for tally in would.values())
    sys.stdout.write(to_json({"targets": len(would), "times": total, "since": since, "refused": refused}) + "\n")
    return 0


def log_lines(home: Home) -> "list[str]":
    """Return the lines of the log and of the one before it. Raises OSError; Refused when others could change them.

    The folder above belongs to the user wazuh: no link is followed, and a foreign file is not read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        folder = os.open(home.logs, flags | os.O_DIRECTORY)
    except FileNotFoundError:
        return []
    data = b""
    try:
        check_info(os.fstat(folder), home.logs, "the log's folder")
        for name in (LOG + ".1", LOG):
            try:
                file = os.open(name, flags, dir_fd=folder)
            except FileNotFoundError:
                continue
            try:
                info = os.fstat(file)
                check_info(info, home.logs + "/" + name, "the log")
                if info.st_mode & 0o170000 != 0o100000:
                    raise Refused("permissions", "not a plain file: %s/%s" % (home.logs, name))
                while len(data) < 4 * LOG_LIMIT:
                    part = os.read(file, 1048576)
                    if not part:
                        break
                    data += part
            finally:
                os.close(file)
    finally:
        os.close(folder)
    return data.decode("utf-8", "replace").split("\n")
