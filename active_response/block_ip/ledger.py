"""The ledger: what is blocked, until when, and how much of it."""

import _struct
import posix as os

from active_response.block_ip.addresses import MAPPED, Address
from active_response.block_ip.record import Clock, Record
from active_response.common.deadline import lock_in_time
from active_response.common.files import open_state
from active_response.common.home import Home
from active_response.common.refusal import Failed, Refused

LEDGER = "block-ip.ledger"
RING_MINUTES = 10240  # minutes of expiry that the ledger counts by; more than TIMEOUT_LIMIT + SLACK
NEVER_USED, USED, DROPPED = 0, 1, 2  # states of a place in the ledger


class Ledger:
    """A file of fixed size with a place for each block, found by its address; all access under one lock.

    The size is reserved once, so a full disk cannot stop it; a record is 64 bytes inside one page and written with one
    call, so a killed process leaves the old or the new record. Beside the records it counts the new blocks of the last
    minute and, by the minute in which they end, all blocks, so that neither costs more with many entries.

    Layout, little-endian: header (64 bytes: magic, version, salt, boot, minute swept), 64 x (second, count),
    RING_MINUTES x count, then from DATA on BUCKETS x SLOTS records.
    """

    MAGIC = b"cicdblk\x01"
    HEADER = _struct.Struct("<8s16sIIQ")
    RECORD = _struct.Struct("<16sBBBBIIQQQIII")
    SECONDS = _struct.Struct("<128I")
    BUCKETS = 16384
    SLOTS = 16
    PROBES = 8
    SECONDS_AT = 64
    RING_AT = 1024
    DATA = 65536
    SIZE = DATA + BUCKETS * SLOTS * 64

    def __init__(self, home: Home) -> None:
        self.lack = ""  # why it is kept in memory, until the next boot
        self.created = False
        try:
            self._open(home.state)
            if os.access(home.memory + "/" + LEDGER, os.F_OK):
                self.boot = 0  # what was blocked meanwhile, the kernel tells
                os.unlink(home.memory + "/" + LEDGER)
        except OSError as error:
            # A disk that is full, or read-only by now, must not be a reason to block nobody.
            self.lack = "%s: %s" % (home.state, error.strerror)
            try:
                self._open(home.memory)
            except (OSError, Refused) as second:
                raise Failed("ledger", "%s; %s" % (self.lack, second)) from None

    def _open(self, path: str) -> None:
        """Open the ledger in a folder, make it if need be, and take the lock. Raises OSError, Refused, Failed."""
        folder = open_state(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.file = os.open(LEDGER, flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            lock_in_time(self.file)
            self.clock = Clock()
            header = os.pread(self.file, self.HEADER.size, 0)
            if os.fstat(self.file).st_size != self.SIZE or not header.startswith(self.MAGIC):
                self._create()
                header = os.pread(self.file, self.HEADER.size, 0)
        except Exception:
            os.close(self.file)
            raise
        _, salt, self.boot, _, self.swept = self.HEADER.unpack(header)
        self.salt = int.from_bytes(salt, "little") | 1

    def _create(self) -> None:
        os.ftruncate(self.file, 0)
        try:
            os.posix_fallocate(self.file, 0, self.SIZE)
            # The magic comes last: a ledger that was not finished is begun again.
            header = self.HEADER.pack(self.MAGIC, os.urandom(16), 0, 0, 0)
            os.pwrite(self.file, header, 0)
        except OSError:
            os.ftruncate(self.file, 0)  # what little room there is belongs to others
            raise
        self.created = True

    def close(self) -> None:
        """Give up the lock."""
        os.close(self.file)

    def _buckets(self, address: Address) -> "list[int]":
        mixed = (int.from_bytes(address.key, "little") + address.length) * self.salt
        first = (mixed ^ mixed >> 61) % ((1 << 127) - 1) % self.BUCKETS
        return [(first + step) % self.BUCKETS for step in range(self.PROBES)]

    def _unpack(self, data: bytes, at: int) -> "Record | None":
        values = self.RECORD.unpack_from(data, at)
        if values[2] != USED or values[-1] != self._check(data[at : at + 60]):
            return None
        record = Record(Address(values[0][12:] if values[0].startswith(MAPPED) else values[0], values[1]))
        (
            record.backend,
            record.admin,
            record.boot,
            record.rule,
            record.ends_wall,
            record.ends_mono,
            record.added,
            record.timeout,
            record.count,
        ) = values[3:12]
        return record

    @staticmethod
    def _check(data: bytes) -> int:
        words: "tuple[int, ...]" = _struct.unpack("<15I", data)
        return (sum(words) ^ 0x5BD1E995) & 0xFFFFFFFF

    def _pack(self, record: Record) -> bytes:
        body = self.RECORD.pack(
            record.address.key,
            record.address.length,
            USED,
            record.backend,
            record.admin,
            record.boot,
            record.rule,
            record.ends_wall,
            record.ends_mono,
            record.added,
            record.timeout,
            record.count,
            0,
        )[:60]
        return body + _struct.pack("<I", self._check(body))

    def find(self, address: Address) -> "tuple[int, Record | None]":
        """Return where in the file the address's record is or goes, and the record if it has one that lives.

        Raises Failed when all the places it may go to are taken.
        """
        key = address.key + bytes([address.length])
        free = -1
        for bucket in self._buckets(address):
            start = self.DATA + bucket * self.SLOTS * 64
            data = os.pread(self.file, self.SLOTS * 64, start)
            for at in range(0, self.SLOTS * 64, 64):
                used = data[at + 17] == USED
                if used and data[at : at + 17] == key:
                    record = self._unpack(data, at)
                    return start + at, record if record and record.left(self.clock) else None
                if free < 0:
                    record = self._unpack(data, at) if used else None
                    if not record or not record.left(self.clock):
                        free = start + at
            if NEVER_USED in data[17::64]:
                break  # a bucket that was never full has not flowed over into the next
        if free < 0:
            raise Failed("ledger", "no place left for this address")
        return free, None

    def put(self, at: int, record: Record, before: "Record | None") -> None:
        """Write a record at its place, in the stead of ``before``."""
        self._count(record, 1)
        self.write(at, record)
        if before:
            self._count(before, -1)

    def write(self, at: int, record: Record) -> None:
        """Write a record, and leave the counting to the caller."""
        os.pwrite(self.file, self._pack(record), at)

    def drop(self, at: int, record: Record) -> None:
        """Take a record out."""
        self.clear(at)
        self._count(record, -1)

    def clear(self, at: int) -> None:
        """Clear a place, and leave the counting to the caller."""
        os.pwrite(self.file, b"\0" * 17 + bytes([DROPPED]) + b"\0" * 46, at)

    def _count(self, record: Record, step: int) -> None:
        at = self.RING_AT + record.ends_mono // 60000 % RING_MINUTES * 4
        count = _struct.unpack("<I", os.pread(self.file, 4, at))[0]
        os.pwrite(self.file, _struct.pack("<I", max(0, count + step)), at)

    def total(self) -> int:
        """Return how many blocks there are; those that ended within this minute may still count."""
        minute = self.clock.mono // 60000
        ring: "list[int]" = list(
            _struct.unpack("<%dI" % RING_MINUTES, os.pread(self.file, RING_MINUTES * 4, self.RING_AT))
        )
        if self.swept < minute:
            for passed in range(max(self.swept, minute - RING_MINUTES), minute):
                ring[passed % RING_MINUTES] = 0
            os.pwrite(self.file, _struct.pack("<%dI" % RING_MINUTES, *ring), self.RING_AT)
            self._write_header(minute)
        return sum(ring)

    def _write_header(self, swept: int) -> None:
        os.pwrite(self.file, _struct.pack("<IIQ", self.boot, 0, swept), 24)
        self.swept = swept

    def recent(self) -> int:
        """Return how many blocks were new within the last 60 seconds."""
        second = self.clock.mono // 1000
        values: "tuple[int, ...]" = self.SECONDS.unpack(os.pread(self.file, 512, self.SECONDS_AT))
        return sum(values[at + 1] for at in range(0, 128, 2) if 0 <= second - values[at] < 60)

    def note_new(self) -> None:
        """Count one new block for this minute's ceiling."""
        second = self.clock.mono // 1000
        at = self.SECONDS_AT + second % 64 * 8
        then, count = _struct.unpack("<II", os.pread(self.file, 8, at))
        os.pwrite(self.file, _struct.pack("<II", second, count + 1 if then == second else 1), at)

    def records(self) -> "tuple[list[tuple[int, Record]], list[int]]":
        """Return all blocks that have time left, with their places, and the places of those that have none."""
        living: "list[tuple[int, Record]]" = []
        ended: "list[int]" = []
        block = self.SLOTS * 64 * 256
        for start in range(self.DATA, self.SIZE, block):
            data = os.pread(self.file, block, start)
            if data.count(0) == len(data):
                continue
            for at in range(0, len(data), 64):
                if data[at + 17] == USED:
                    record = self._unpack(data, at)
                    if record and record.left(self.clock):
                        living.append((start + at, record))
                    else:
                        ended.append(start + at)
        return living, ended

    def rebuild_counts(self, records: "list[Record]") -> None:
        """Count all blocks anew; the records' times are in this boot's."""
        ring = [0] * RING_MINUTES
        for record in records:
            ring[record.ends_mono // 60000 % RING_MINUTES] += 1
        if self.boot != self.clock.boot:
            os.pwrite(self.file, b"\0" * 512, self.SECONDS_AT)
        os.pwrite(self.file, _struct.pack("<%dI" % RING_MINUTES, *ring), self.RING_AT)
        self.boot = self.clock.boot
        self._write_header(self.clock.mono // 60000)
