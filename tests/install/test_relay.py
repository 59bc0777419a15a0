"""The relay into a container: it carries frames, says why it ended, and stays closed."""

from __future__ import annotations

import contextlib
import gc
import json
import socketserver
import struct
import sys
import threading

import pytest

from wazuh_cicd.manager.errors import Unreachable
from wazuh_cicd.manager.logtest import SocketEngine
from wazuh_cicd.manager.sockets import RelayChannel

DATA = {"token": "00000001", "output": {"rule": {"id": "7"}}, "alert": True}
ANSWER = json.dumps({"error": 0, "data": DATA}).encode()


class Logtest(socketserver.StreamRequestHandler):
    """Says the same to every event."""

    def handle(self):
        asked.append(json.loads(self.rfile.read(struct.unpack("<I", self.rfile.read(4))[0]))["command"])
        self.wfile.write(struct.pack("<I", len(ANSWER)) + ANSWER)


asked = []


@pytest.fixture
def logtest(tmp_path):
    asked.clear()
    with socketserver.UnixStreamServer(str(tmp_path / "logtest"), Logtest) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield str(tmp_path / "logtest")
        server.shutdown()


def test_a_session_that_is_forgotten_after_the_relay_was_closed_does_not_start_it_anew(logtest):
    channel = RelayChannel([sys.executable], logtest)
    with contextlib.closing(channel):
        session = SocketEngine(channel).open_session()
        assert session.process("x").rule_id == 7
    del session
    gc.collect()
    assert asked == ["log_processing"]
    with pytest.raises(Unreachable, match="the relay is closed"):
        channel.ask(b"{}")


def test_a_relay_that_ended_says_why_and_is_started_anew(tmp_path, logtest):
    with contextlib.closing(RelayChannel([sys.executable], str(tmp_path / "none"))) as channel:
        for _ in range(2):
            with pytest.raises(Unreachable, match="FileNotFoundError"):
                channel.ask(b"{}")
        channel.path = logtest
        assert json.loads(channel.ask(b'{"command": "x"}'))["error"] == 0
