# ruff: noqa: INP001 - copied into a container, imported by nobody
"""Healthy means: an event goes into logtest and a verdict comes out. Runs inside the manager's container."""

import json
import socket
import struct
import sys

EVENT = {"event": "health", "log_format": "syslog", "location": "health"}
BODY = json.dumps(
    {"version": 1, "origin": {"name": "health", "module": "health"}, "command": "log_processing", "parameters": EVENT}
).encode()

try:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(50)
        connection.connect("/var/ossec/queue/sockets/logtest")
        connection.sendall(struct.pack("<I", len(BODY)) + BODY)
        stream = connection.makefile("rb")
        answer = json.loads(stream.read(struct.unpack("<I", stream.read(4))[0]))
except (OSError, ValueError, struct.error) as error:
    sys.exit(f"logtest does not answer: {error}")
if answer.get("error") or "output" not in answer.get("data", {}):
    sys.exit(f"logtest cannot judge: {answer}")
