"""Why a scanner failed, from its exit code and its log."""

import re
import signal

from wodles.scan.process import Outcome

# The first pattern that matches the scanner's log names the reason; order matters (a time-out may mention a network).
_LOG_REASONS = (
    ("cache_locked", r"cache may be in use by another process"),
    ("disk_full", r"no space left on device"),
    ("timeout", r"context deadline exceeded|analysis? (?:timed|has timed) ?out"),
    ("db_missing", r"cannot be specified on the first run|database does not exist"),
    (
        "db_missing",
        r"vulnerability database (?:is )?not (?:found|initialized)|failed to load vulnerability db: (?:no|unable)",
    ),
    ("db_schema", r"version of DB schema doesn'?t match|unsupported (?:database|db) schema|not a v\d+ database"),
    ("db_stale", r"database was built .{1,40} ago \(max allowed age"),
    ("cache_corrupt", r"DB may be corrupted|database (?:disk image )?is malformed|invalid database|bolt.{0,30}invalid"),
    ("cache_corrupt", r"layer cache missing|file is not a database|bad db checksum|database checksum invalid"),
    ("rate_limited", r"TOOMANYREQUESTS|429 Too Many|status code 429|rate limit"),
    ("denied", r"\bDENIED\b|UNAUTHORIZED|401 Unauthorized|403 Forbidden|authentication required"),
    ("db_update_failed", r"failed to download (?:vulnerability|Java) DB|OCI artifact error"),
    ("db_update_failed", r"(?:unable|failed) to update (?:vulnerability )?db"),
    ("out_of_memory", r"out of memory|cannot allocate memory"),
    (
        "no_image",
        r"unable to initialize an? (?:image|fs|artifact|archive)[^:]{0,30}scanner|MANIFEST_UNKNOWN|No such image",
    ),
    ("no_image", r"image not found|could not fetch image|no such file or directory|unable to find the specified image"),
    ("unknown_os", r"[Uu]nsupported os"),
)


def classify(outcome: Outcome) -> str:
    """Name the reason why a scanner failed, from its exit code and its log, of which no byte is kept."""
    if outcome.ended_by:
        return outcome.ended_by
    if outcome.code in (-signal.SIGKILL, 137):
        return "out_of_memory"
    for reason, pattern in _LOG_REASONS:
        if re.search(pattern, outcome.log):
            return reason
    return "scanner_failed"
