"""Deliveries a second of the receiver, beside a minimal one of aiohttp and uvloop with the same checks and fsync.

``python benchmarks/receive.py [--payload FILE] [--deliveries N] [--python PYTHON]``: both receivers run one after the
other, twice, on the same disk, with the same signed deliveries over kept connections; PYTHON is an interpreter that has
aiohttp and uvloop. Printed are deliveries a second, the time that half and 99 of 100 deliveries took, and how much
memory the receiver held after a quarter and at the end.

The one beside does what a receiver must: it checks the signature over the raw bytes, parses, drops addresses, writes
one line and waits for the disk before it answers; deliveries that arrive meanwhile share one fsync. It has no limits,
no envelope of other sources, no replay check and no events about itself.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wazuh_cicd.content.programs import programs

SECRET = "correct-horse-battery-staple"  # noqa: S105 - of the benchmark alone
BESIDE = """
import asyncio, hashlib, hmac, json, os, sys
import uvloop
from aiohttp import web

SECRET = sys.argv[3].encode()
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
waiting = []
wake = asyncio.Event()

def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if not k.endswith("_url") and k not in ("url", "node_id")}
    return [plain(item) for item in value] if isinstance(value, list) else value

def write(data):
    os.write(file, data)
    os.fdatasync(file)

async def writer():
    loop = asyncio.get_running_loop()
    while True:
        await wake.wait()
        wake.clear()
        batch = waiting[:]
        waiting.clear()
        await loop.run_in_executor(None, write, b"".join(line for line, _ in batch))
        for _, done in batch:
            done.set_result(None)
        if waiting:
            wake.set()

async def github(request):
    body = await request.read()
    signature = request.headers.get("X-Hub-Signature-256", "")
    if not hmac.compare_digest("sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest(), signature):
        return web.Response(status=401)
    payload = json.loads(body)
    about = {"event": request.headers["X-GitHub-Event"], "delivery": request.headers["X-GitHub-Delivery"],
             "actor": payload["sender"]["login"], "repo": payload["repository"]["full_name"]}
    event = {"integration": "cicd-github-webhook", "github": about, "webhook": plain(payload)}
    done = asyncio.get_running_loop().create_future()
    waiting.append((json.dumps(event, separators=(",", ":")).encode() + b"\\n", done))
    wake.set()
    await done
    return web.Response(text="OK")

async def main():
    app = web.Application(client_max_size=25 << 20)
    app.router.add_post("/github", github)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    await writer()

uvloop.install()
asyncio.run(main())
"""


def requests_of(payload: bytes, count: int, start: int) -> list[bytes]:
    """Signed deliveries; a number in each body, so that no two are the same."""
    found = []
    for number in range(start, start + count):
        body = b'{"number_of_benchmark":%d,%s' % (number, payload.lstrip()[1:])
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        head = (
            "POST /github HTTP/1.1\r\nHost: receiver.example.com\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
            "Accept: */*\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\n"
            f"X-GitHub-Delivery: 72d3162e-cc78-11e3-{number:016}\r\n"
            f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


def drive(port: int, payload: bytes, count: int, connections: int, on_part: object = None) -> tuple[float, list[float]]:
    """Send so many deliveries over kept connections; seconds, without the time for signing, and each one's time."""
    poll = select.epoll()
    links = {}
    for _ in range(connections):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        links[link.fileno()] = link
        poll.register(link.fileno(), select.EPOLLIN)
    took: list[float] = []
    seconds = 0.0
    done = 0
    while done < count:
        part = requests_of(payload, min(5000, count - done), done)
        done += len(part)
        began = time.perf_counter()
        sent: dict[int, float] = {}
        for fd, link in links.items():
            if part:
                sent[fd] = time.perf_counter()
                link.sendall(part.pop())
        while sent:
            for fd, _ in poll.poll():
                answer = links[fd].recv(4096)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"a delivery failed: {answer[:80]!r}")
                now = time.perf_counter()
                took.append(now - sent.pop(fd))
                if part:
                    sent[fd] = now
                    links[fd].sendall(part.pop())
        seconds += time.perf_counter() - began
        if callable(on_part):
            on_part(done)
    for link in links.values():
        link.close()
    return seconds, took


def memory(pid: int) -> int:
    """The memory that a process holds, in KiB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.split("VmRSS:")[1].split()[0])


def run(
    command: list[str], port: int, payload: bytes, arguments: argparse.Namespace, environment: dict[str, str]
) -> None:
    """Start one receiver, send, print."""
    process = subprocess.Popen(command, env=environment)
    held: dict[int, int] = {}

    def note(done: int) -> None:
        held[done] = memory(process.pid)

    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        seconds, took = drive(port, payload, arguments.deliveries, arguments.connections, note)
    finally:
        process.terminate()
        process.wait()
    took.sort()
    early = held[min(held, key=lambda done: abs(done - arguments.deliveries / 4))]
    name = "aiohttp" if "aiohttp" in command[-1] else "cicd-receive"
    half, most = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
    print(f"{name:13} {arguments.deliveries / seconds:8.0f} a second", end="   ")
    print(f"half within {half:.1f} ms, 99 of 100 within {most:.1f} ms", end="   ")
    print(f"memory {early} KiB, at the end {list(held.values())[-1]} KiB")


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--payload", type=Path, help="a push of GitHub, as JSON; a small one is made up without it")
    parser.add_argument("--deliveries", type=int, default=10000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--python", default=sys.executable, help="an interpreter with aiohttp and uvloop")
    parser.add_argument("--only", choices=("receive", "beside"), help="measure one of them")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    made = {"sender": {"login": "a"}, "repository": {"full_name": "acme/app"}, "commits": [{"id": "a" * 40}] * 10}
    payload = arguments.payload.read_bytes() if arguments.payload else json.dumps(made).encode()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name).resolve()
        (folder / "receive").write_bytes(programs()["wodles/cicd/cicd-receive"])
        (folder / "beside.py").write_text(BESIDE)
        (folder / "main").write_text(SECRET)
        (folder / "main").chmod(0o600)
        settings = {
            "output": str(folder), "listen": ["127.0.0.1:28471"], "rotate_bytes": 4 << 30, "peer_requests": 10000000,
            "peer_connections": 1000,
            "endpoints": {"github": {"secret": "main"}},
        }  # fmt: skip
        environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(folder)}
        print(f"payload {len(payload)} bytes, {arguments.connections} connections, {arguments.deliveries} deliveries")
        for number in range(arguments.rounds):
            # An output of its own: deliveries that stand in one already would not be written again.
            (folder / str(number)).mkdir()
            settings["output"] = str(folder / str(number))
            (folder / "receive.json").write_text(json.dumps(settings))
            if arguments.only != "beside":
                own = [sys.executable, "-I", str(folder / "receive"), "--config", str(folder / "receive.json")]
                run(own, 28471, payload, arguments, environment)
            if arguments.only != "receive":
                command = [
                    arguments.python,
                    str(folder / "beside.py"),
                    "28472",
                    str(folder / "beside.json"),
                    SECRET,
                    "aiohttp",
                ]
                run(command, 28472, payload, arguments, environment)


if __name__ == "__main__":
    main()
