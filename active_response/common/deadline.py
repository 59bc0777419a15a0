"""How long a response may take, and waiting that keeps to it."""

import errno
import fcntl
import time

from active_response.common.refusal import Failed

START = time.monotonic()
HARD_DEADLINE = 5  # seconds after which the kernel ends this process, whatever it does: execd waits for us
SOFT_DEADLINE = 4.0  # seconds after which we give up by ourselves, and say so in the log


class Budget:
    """How long this run may take; more for an administrator's command than for execd."""

    seconds = SOFT_DEADLINE


def time_left() -> float:
    """Return the seconds left for this run. Raises Failed when there are none."""
    left = START + Budget.seconds - time.monotonic()
    if left <= 0:
        raise Failed("deadline", "gave up after %.1f s" % Budget.seconds)
    return left


def lock_in_time(file: int) -> None:
    """Take the lock on an open file or folder. Raises Failed when it cannot be had in time."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # noqa: PERF203 - the wait is what the loop is for
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
            time_left()
            time.sleep(0.002)
        else:
            return
