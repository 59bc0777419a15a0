"""What the tests that touch this machine need, checked, and named as a Debian or Ubuntu machine installs it."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

import pytest

#: Which marker belongs to which ``--with``, and so to which target of the Makefile.
TARGETS = {"root": "root", "kernel": "root", "docker": "docker"}
BUSYBOX = Path("/bin/busybox")
_PROGRAMS = {
    "root": {
        "ip": "iproute2", "nft": "nftables", "ipset": "ipset", "iptables": "iptables", "conntrack": "conntrack",
        "strace": "strace", "sshd": "openssh-server", "ssh": "openssh-client", "sshpass": "sshpass",
    },
    "docker": {
        "dockerd": "docker.io", "docker": "docker.io or docker-cli", "containerd": "containerd",
        "debootstrap": "debootstrap",
    },
}  # fmt: skip
_PT_INTERP = 3


def missing(group: str) -> list[str]:
    """What is not here of what a group's tests need, each with the package that brings it."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = [
        f"{program} (package {package})"
        for program, package in _PROGRAMS[group].items()
        if not shutil.which(program, path=places)
    ]
    if group == "docker" and not is_static(BUSYBOX):
        found.append(f"a static {BUSYBOX} (package busybox-static)")
    return ["root", *found] if os.geteuid() else found


def is_static(program: Path) -> bool:
    """Whether a program runs in an empty container: an ELF file that names no loader (elf(5), ``PT_INTERP``)."""
    try:
        data = program.read_bytes()
    except OSError:
        return False
    if data[:5] != b"\x7fELF\x02":
        return False
    (begin,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    return all(struct.unpack_from("<I", data, begin + number * size)[0] != _PT_INTERP for number in range(count))


def need_busybox() -> Path:
    """The static busybox that images are made of; skips without one."""
    if not is_static(BUSYBOX):
        pytest.skip(f"needs a static {BUSYBOX} (Debian, Ubuntu: package busybox-static)")
    return BUSYBOX
