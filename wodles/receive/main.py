"""Receive webhooks and pushed audit events, and write each as a line that Wazuh reads.

Started by systemd (socket activation), in a container, or by hand. A delivery is answered with 200 after its
line is on disk, and with 503 when it cannot be; so a sender that repeats what failed loses nothing. The program prints
only what concerns its operator, to standard error; what concerns analysts is an event.

Standard library and Python 3.6 only: this program is copied to hosts that have no pip. ``docs/receiver.md`` explains
the configuration and the events.
"""

import os
import sys
import time
from typing import List, Optional

from wodles.receive.config import RECEIVE_CONFIG, read_config
from wodles.receive.errors import RefusedError
from wodles.receive.host import say
from wodles.receive.kubernetes import unwrapped
from wodles.receive.lines import BodyError
from wodles.receive.notes import own_line
from wodles.receive.server import Server
from wodles.receive.setup_text import setup_text
from wodles.receive.spool import EVENTS

USAGE = (
    """usage: cicd-receive [--config FILE] [--check | --health]
       cicd-receive --unwrap aks|gke|eks FILE

Receive webhooks and pushed audit events; write each as a line that Wazuh reads.

  --config FILE   JSON file, see docs/receiver.md (default: %s)
  --check         check the configuration; print what each sender must be configured with
  --health        print an event when the receiver has written nothing for three minutes
  --unwrap KIND   print the Kubernetes audit events of a file that a provider exported (- reads standard input)
"""
    % RECEIVE_CONFIG
)
UNWRAP_BYTES = 1 << 30
QUIET_SECONDS = 180  # a receiver writes an event every minute


class UsageError(Exception):
    """A command line that cannot be understood."""


def main(argv: Optional[List[str]] = None) -> int:
    """Parse the command line and do what it says; 2 for wrong use or a configuration that cannot be used."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(USAGE)
        return 0
    try:
        if arguments[:1] == ["--unwrap"]:
            return unwrap_file(arguments[1:])
        return serve(arguments)
    except UsageError as error:
        say("%s; see --help" % error)
    except RefusedError as error:
        say("%s: %s" % (error.reason, error.detail))
    except BrokenPipeError:
        return 1
    return 2


def serve(arguments: List[str]) -> int:
    """Serve, check or ask for the health, as the command line says."""
    config = RECEIVE_CONFIG
    verb = ""
    while arguments:
        name, equals, value = arguments.pop(0).partition("=")
        if name == "--config":
            if not equals:
                value = arguments.pop(0) if arguments else ""
            if not value:
                raise UsageError("--config names no file")
            config = value
        elif name in ("--check", "--health") and not equals and not verb:
            verb = name
        else:
            raise UsageError("the command line cannot be understood")
    settings = read_config(config)
    if verb == "--check":
        sys.stdout.write(setup_text(settings))
        return 0
    if verb == "--health":
        return check_health(os.path.join(settings.output, EVENTS))
    return Server(settings, lambda: read_config(config)).run()


def check_health(path: str) -> int:
    """Print an event, and return 1, when the receiver's output rests for longer than a minute's event explains."""
    try:
        rested = int(time.time() - os.stat(path).st_mtime)
    except OSError:
        rested = -1
    if 0 <= rested <= QUIET_SECONDS:
        return 0
    minutes = rested // 60 if rested >= 0 else ""
    sys.stdout.write(own_line("silent", {"source": "receiver", "minutes": minutes}).decode("utf-8"))
    return 1


def unwrap_file(arguments: List[str]) -> int:
    """Print the audit events of an exported file."""
    if len(arguments) != 2 or arguments[0] not in ("aks", "gke", "eks"):
        raise UsageError("--unwrap takes aks, gke or eks, and a file")
    provider, path = arguments
    try:
        if path == "-":
            data = sys.stdin.buffer.read(UNWRAP_BYTES + 1)
        else:
            with open(path, "rb") as stream:
                data = stream.read(UNWRAP_BYTES + 1)
    except OSError as error:
        raise RefusedError("input", "%s: %s" % (path, error.strerror)) from None
    if len(data) > UNWRAP_BYTES:
        raise RefusedError("input", "%s: larger than 1 GiB" % path)
    count = 0
    try:
        for line in unwrapped(provider, data):
            sys.stdout.buffer.write(line + b"\n")
            count += 1
        sys.stdout.buffer.flush()
    except BodyError as error:
        raise RefusedError("input", "%s: %s" % (path, error)) from None
    say("%d audit events" % count)
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
