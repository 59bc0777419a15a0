"""The lines that execd writes to a script's standard input, and hostile ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LINE_LIMIT = 65536  # bytes: OS_MAXSTR, what analysisd sends and execd reads at most


def alert(data: Mapping[str, Any] | None = None, *, rule: str = "112010", level: int = 10) -> dict[str, Any]:
    """Return an alert as analysisd writes it, with ``data`` as its decoded fields."""
    return {
        "timestamp": "2026-01-25T10:00:00.123+0000",
        "rule": {
            "level": level,
            "description": "drill",
            "id": rule,
            "firedtimes": 1,
            "mail": False,
            "groups": ["cicd"],
        },
        "agent": {"id": "001", "name": "build-1", "ip": "192.0.2.10"},
        "manager": {"name": "wazuh.manager.example.com"},
        "id": "1769335200.12345",
        "decoder": {"name": "json"},
        "data": dict(data or {}),
        "location": "drill",
    }


def message(
    command: str,
    found: Mapping[str, Any],
    *,
    extra_args: Sequence[str] = (),
    program: str = "active-response/bin/cicd-block-ip",
) -> bytes:
    """Return the line of a Wazuh 4 execd: ``command`` is add or delete."""
    body = {
        "version": 1,
        "origin": {"name": "node01", "module": "wazuh-execd"},
        "command": command,
        "parameters": {"extra_args": list(extra_args), "alert": dict(found), "program": program},
    }
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def message5(command: str, fields: Mapping[str, Any], *, timeout: int = 0, extra: str = "") -> bytes:
    """Return the line of a Wazuh 5 execd: ``command`` is enable or disable, ``fields`` are of the common schema."""
    response: dict[str, Any] = {
        "name": "drill",
        "executable": "drill",
        "extra_arguments": extra,
        "location": "local",
        "agent_id": "001",
        "type": "stateful" if timeout else "stateless",
    }
    if timeout:
        response["stateful_timeout"] = timeout
    agent = {"id": "001", "name": "build-1"}
    body = {
        "wazuh": {"active_response": response, "agent": agent, "rule": {"id": "112010"}},
        **fields,
        "command": command,
    }
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def hostile_texts(canary: str) -> Iterator[str]:
    """Yield values that an attacker may put where an address, a name or an image is expected.

    Args:
        canary: path of a file that must never come into being; the values try to create it.
    """
    for quoted in (
        f"$(touch {canary})",
        f"`touch {canary}`",
        f"; touch {canary};",
        f"| touch {canary}",
        f"\n touch {canary}",
    ):
        yield quoted
        yield "192.0.2.1" + quoted
        yield "192.0.2.1'" + quoted
        yield '192.0.2.1"' + quoted
    yield from (
        "", " ", "192.0.2.1 ", "192.0.2.1\n", "192.0.2.1, 198.51.100.1", "192.0.2.0/24", "192.0.2", "3221225985",
        "0300.0.2.1", "0xc0000201", "192.000.002.001", "192.0.2.1:22", "[2001:db8::1]", "fe80::1%lo",
        "::ffff:192.0.2.1/96", "::ffff:127.0.0.1", "localhost", "-j ACCEPT", "--help", "192.0.2.1\x00",
        "\ufeff192.0.2.1", "\uff11\uff19\uff12.0.2.1", "1" * 60000, "../../../etc/passwd", "{{7*7}}", "%s%n", "\ud800",
        "0.0.0.0", "::", "127.0.0.1", "::1", "169.254.169.254", "224.0.0.1", "255.255.255.255",  # noqa: S104 - data
    )  # fmt: skip


def hostile_lines() -> Iterator[tuple[str, bytes]]:
    """Yield lines that are not what execd promises, each with its name."""
    good = message("add", alert({"srcip": "198.51.100.7"}))
    yield "nothing at all", b""
    yield "an empty line", b"\n"
    yield "no JSON", b"add - 198.51.100.7\n"
    yield "cut in the middle", good[: len(good) // 2] + b"\n"
    yield "no line end", good[:-1]
    yield "not an object", b"[1,2,3]\n"
    yield "null", b"null\n"
    yield "command of another kind", good.replace(b'"add"', b'{"a":1}')
    yield "unknown command", good.replace(b'"add"', b'"explode"')
    yield "no parameters", b'{"version":1,"command":"add"}\n'
    yield "parameters of another kind", b'{"version":1,"command":"add","parameters":[]}\n'
    yield "alert of another kind", b'{"version":1,"command":"add","parameters":{"alert":"x"}}\n'
    yield "extra_args of another kind", message("add", alert()).replace(b'"extra_args":[]', b'"extra_args":{"a":1}')
    yield "unknown extra_args", message("add", alert({"srcip": "198.51.100.7"}), extra_args=["--evil", "x=y"])
    yield "nested too deep", b'{"command":"add","parameters":' + b"[" * 20000 + b"]" * 20000 + b"}\n"
    yield "a number without end", b'{"command":"add","version":' + b"9" * 60000 + b"}\n"
    yield "bytes that are no text", good.replace(b"198.51", b"\xff\xfe\x80")
    yield "a NUL", good.replace(b"198.51", b"198\x00.51")
    yield "longer than the limit", b'{"command":"add","x":"' + b"a" * (4 * LINE_LIMIT) + b'"}\n'
