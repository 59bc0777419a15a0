"""One block, and the clocks that tell when it ends."""

import time

from active_response.block_ip.addresses import Address


class Clock:
    """What time it is, by the clock that cannot be set and by the one on the wall."""

    def __init__(self) -> None:
        self.mono = int(time.monotonic() * 1000)  # milliseconds since boot
        self.wall = int(time.time() * 1000)  # milliseconds since 1970
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            self.boot = int(file.read(8), 16) | 1  # which boot `mono` belongs to; never 0


class Record:
    """One block."""

    __slots__ = ("added", "address", "admin", "backend", "boot", "count", "ends_mono", "ends_wall", "rule", "timeout")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.backend = 0
        self.admin = 0  # 1: blocked by the administrator; an event's delete leaves it alone
        self.boot = 0  # the boot that ends_mono belongs to
        self.rule = 0
        self.ends_wall = 0  # milliseconds since 1970
        self.ends_mono = 0  # milliseconds since boot
        self.added = 0  # seconds since 1970
        self.timeout = 0  # seconds
        self.count = 0  # how often it was asked for

    def left(self, clock: Clock) -> int:
        """Return the milliseconds until it ends, not more than it was given."""
        # From before a reboot, only the wall clock went on.
        left = self.ends_mono - clock.mono if self.boot == clock.boot else self.ends_wall - clock.wall
        return max(0, min(left, self.timeout * 1000))

    def end_in(self, milliseconds: int, clock: Clock) -> None:
        """Set the end."""
        self.boot = clock.boot
        self.ends_mono = clock.mono + milliseconds
        self.ends_wall = clock.wall + milliseconds
        self.timeout = (milliseconds + 999) // 1000
