"""A running receiver, made from the bundle, and senders for it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import scan_kit

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "correct-horse-battery-staple"  # noqa: S105 - of the tests alone
OLDER = "the-secret-of-last-quarter-1"


def interpreters():
    """The running Python, and 3.6 where it is installed."""
    return scan_kit.interpreters()


class Receiver:
    """The program in a process of its own."""

    def __init__(self, program: Path, folder: Path, interpreter: str = sys.executable, **settings: object) -> None:
        self.folder = folder
        self.program = program
        self.interpreter = interpreter
        self.out = folder / "out"
        self.out.mkdir(exist_ok=True)
        secrets = folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "main").write_text(f"{SECRET}\n{OLDER}\n")
        (secrets / "main").chmod(0o600)
        endpoints = {
            name: {"secret": "main"} for name in ("github", "gitea", "harbor", "registry", "kubernetes", "pubsub")
        }
        endpoints["generic"] = {"argo": {"secret": "main"}, "open": {"secret": "main", "signed": False}}
        self.settings = {
            "listen": ["127.0.0.1:0"],
            "output": str(self.out),
            "free_bytes": 0,
            "endpoints": endpoints,
        } | settings
        self.config = folder / "receive.json"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.links: list[socket.socket] = []

    def write_config(self) -> None:
        self.config.write_text(json.dumps(self.settings))
        self.config.chmod(0o600)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "CREDENTIALS_DIRECTORY": str(self.folder / "secrets")}

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        self.write_config()
        return subprocess.run(
            [self.interpreter, self.program, *arguments], env=self.environment, capture_output=True, text=True,
            timeout=60, check=False, **options,
        )  # fmt: skip

    def start(self, **options: object) -> Receiver:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings["listen"] = [f"127.0.0.1:{self.port}"]
        self.write_config()
        return self.start_again(**options)

    def start_again(self, **options: object) -> Receiver:
        with (self.folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [self.interpreter, self.program, "--config", self.config],
                env=self.environment,
                stderr=errors,
                **options,
            )
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:  # noqa: PERF203 - the wait is what the loop is for
                assert self.process.poll() is None, self.stderr()
                time.sleep(0.01)
            else:
                return self
        raise AssertionError("the receiver does not listen")

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(20)

    def lines(self) -> list[str]:
        """What was written, the older file first."""
        files = sorted(
            self.out.glob("events.json*"), key=lambda path: -int(path.suffix[1:]) if path.suffix != ".json" else 0
        )
        return [line for path in files for line in path.read_text(encoding="utf-8").split("\n") if line]

    def events(self) -> list[dict]:
        """The events of senders."""
        return [event for event in map(json.loads, self.lines()) if event.get("integration") != "cicd-receive"]

    def notes(self, kind: str = "") -> list[dict]:
        """What it said of itself."""
        found = [
            event["receive"] for event in map(json.loads, self.lines()) if event.get("integration") == "cicd-receive"
        ]
        return [note for note in found if not kind or note["event"] == kind]

    def connect(self) -> socket.socket:
        """A connection; it is closed at the end of the test."""
        self.links.append(socket.create_connection(("127.0.0.1", self.port), timeout=20))
        return self.links[-1]

    def end(self) -> None:
        """Leave nothing behind."""
        for link in self.links:
            link.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def send(self, path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> int:
        """Send one request on a connection of its own; the status, 0 when there was no answer."""
        with self.connect() as link:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                link.sendall(request(path, body, headers, method))
            return read_status(link)

    def github(self, event: str, payload: object, delivery: str = "d-1", secret: str = SECRET, **more: str) -> int:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.send("/github", body, {**github_headers(event, delivery, body, secret), **more})

    def token(self, path: str, payload: object, secret: str = SECRET) -> int:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.send(path, body, {"Authorization": f"Bearer {secret}"})


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github_headers(event: str, delivery: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={sign(body, secret)}",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
    }


def request(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: receiver.example.com", *(f"{k}: {v}" for k, v in headers.items())]
    if not any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def read_status(link: socket.socket) -> int:
    """The status of the next answer; 0 when the connection ends without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            part = link.recv(4096)
        except (ConnectionResetError, TimeoutError):
            return 0
        if not part:
            return 0
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
    while len(rest) < length:
        part = link.recv(4096)
        if not part:
            break
        rest += part
    return int(head.split()[1])
