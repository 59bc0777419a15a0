"""Audit records as auditd writes them and the agent joins them: for tests beside rules and for corpora.

An argument is written in quotes, or in hexadecimal digits when it holds a blank, a quote or anything that is not
printable ASCII (``audit_log_n_untrustedstring`` in the kernel's ``kernel/audit.c``); one of more than 7,500 characters
comes in pieces (``audit_log_execve_info``). The process title has the arguments again, at most 128 bytes of them.
"""

from __future__ import annotations

from dataclasses import dataclass

_PIECE = 7500
_TITLE = 128
_UNSET = "4294967295"
#: What runs when a name is called: links that systems put in the way, and scripts of interpreters.
_PROGRAMS = {
    "sh": "/usr/bin/dash", "python": "/usr/bin/python3.11", "python3": "/usr/bin/python3.11",
    "nc": "/usr/bin/nc.openbsd",
    "npm": "/usr/bin/node", "npx": "/usr/bin/node", "yarn": "/usr/bin/node", "pnpm": "/usr/bin/node",
    "iptables": "/usr/sbin/xtables-nft-multi", "awk": "/usr/bin/mawk",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One joined record. ``args``: of a program that was started; ``path``: a file that was opened instead."""

    args: tuple[str, ...] = ()
    path: str = ""
    exe: str = ""
    key: str = "cicd_runner_exec"
    cwd: str = "/home/runner/_work/app/app"
    syscall: str = ""
    success: str = "yes"
    auid: str = _UNSET
    uid: str = "1001"
    ppid: str = "1200"


#: The names that a test may set.
SETTINGS = ("exe", "key", "cwd", "syscall", "success", "auid", "uid", "ppid")


def untrusted(text: str) -> str:
    """A text as the kernel writes it: quoted, or in digits."""
    raw = text.encode("utf-8", "surrogateescape")
    if all(0x21 <= byte <= 0x7E and byte != 0x22 for byte in raw):
        return f'"{text}"'
    return raw.hex().upper()


def record(one: Record) -> str:
    """The record as the manager gets it."""
    name = one.args[0] if one.args else ""
    exe = one.exe or (f"{one.cwd}/{name[2:]}" if name.startswith("./") else "") or _program(name or "cat")
    number = "msg=audit(1767225600.123:4711):"
    syscall = one.syscall or ("59" if one.args else "257")
    users = f"auid={one.auid} uid={one.uid} gid={one.uid}"
    users += "".join(f" {kind}={one.uid}" for kind in ("euid", "suid", "fsuid", "egid", "sgid", "fsgid"))
    tty, session = ("(none)", _UNSET) if one.auid == _UNSET else ("pts0", "3")
    parts = [
        (
            f"type=SYSCALL {number} arch=c000003e syscall={syscall} success={one.success} exit=0 a0=55d0 a1=55d1 "
            f"a2=55d2 a3=8 items=2 ppid={one.ppid} pid=1201 {users} tty={tty} ses={session} "
            f'comm={untrusted(exe.rpartition("/")[2][:15])} exe={untrusted(exe)} key="{one.key}"'
        )
    ]
    if one.args:
        arguments = " ".join(_argument(place, text) for place, text in enumerate(one.args))
        parts.append(f"type=EXECVE {number} argc={len(one.args)} {arguments}")
    parts.append(f"type=CWD {number}  cwd={untrusted(one.cwd)}")
    if one.path:
        parts.append(
            f"type=PATH {number} item=0 name={untrusted(one.path)} inode=42 dev=08:01 mode=0100600 ouid={one.uid} "
            f"ogid={one.uid} rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0"
        )
    title = "\0".join(one.args or (exe.rpartition("/")[2],)).encode("utf-8", "surrogateescape")[:_TITLE]
    parts.append(f"type=PROCTITLE {number} proctitle={title.hex().upper()}")
    return " ".join(parts)


def _program(name: str) -> str:
    if name.startswith("/"):
        return {"/bin/sh": "/usr/bin/dash"}.get(name, name)
    return _PROGRAMS.get(name, f"/usr/bin/{name}")


def _argument(place: int, text: str) -> str:
    value = untrusted(text)
    if len(value) <= _PIECE:
        return f"a{place}={value}"
    quote = value[:1] if value.startswith('"') else ""
    bare = value.strip('"')
    pieces = [bare[start : start + _PIECE] for start in range(0, len(bare), _PIECE)]
    written = " ".join(f"a{place}[{number}]={quote}{piece}{quote}" for number, piece in enumerate(pieces))
    return f"a{place}_len={len(bare)} {written}"
