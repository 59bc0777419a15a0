"""Pass or fail a pipeline on what the scanners found.

Scans an image, a directory or an archive, or takes an existing report (Trivy JSON, Grype JSON, SARIF, CycloneDX), and
holds it against a policy. Exit codes: 0 pass, 10 policy, 20 not proved, 30 signature or registry, 2 wrong use; only 0
lets a build through.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.errors import FindingsError, UsageError
from wazuh_cicd.gate import evidence
from wazuh_cicd.gate.judge import Judge
from wazuh_cicd.gate.policy import load_policy
from wazuh_cicd.gate.profiles import PROFILES
from wazuh_cicd.gate.scans import KINDS, Options, scan_all
from wazuh_cicd.report.gate import FORMATS
from wazuh_cicd.report.gatetable import as_table
from wazuh_cicd.report.tables import wants_colour
from wodles.scan.values import CLOCK_SKEW

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from wazuh_cicd.gate.judge import Verdict
    from wazuh_cicd.gate.policy import Policy

WRONG_USE = 2
_LONGEST = 86400  # seconds of a scan
_HISTORY_BYTES = 64 << 20

_SUBJECTS = {
    "image": "an image of the local Docker engine, by tag or id",
    "registry": "an image reference, scanned in its registry",
    "archive": "an image archive (docker save)",
    "directory": "a directory: dependencies, secrets, misconfiguration",
    "sbom": "an SBOM (CycloneDX or SPDX JSON), scanned by Trivy or Grype",
    "report": "an existing report: Trivy or Grype JSON, SARIF, CycloneDX",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}", action="append", default=[], metavar="X", help=f"{_SUBJECTS[kind]}; repeatable"
        )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="sha256:…",
        help="image id or manifest digest that images, archives and reports must be of; repeatable",
    )
    parser.add_argument(
        "--trust-directory",
        action="store_true",
        help="take the policy, and files it names, even from inside a directory that is judged",
    )
    parser.add_argument("--policy", type=Path, help="YAML file, see docs/gate.md (default: the profile as it is)")
    parser.add_argument("--profile", choices=tuple(PROFILES), help="named policy to start from (default: default)")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="of standard output (default: text)")
    parser.add_argument(
        "--write",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="also write this format to a file; repeatable",
    )
    parser.add_argument(
        "--history", type=Path, help="JSON file that remembers when findings were first seen (for SLAs)"
    )
    parser.add_argument("--event", type=Path, help="append the verdict as an event to this file")
    parser.add_argument("--event-socket", type=Path, help="send the verdict to this Wazuh queue socket")
    parser.add_argument("--cache", type=Path, help="databases and layers (default: ~/.cache/wazuh-cicd/scan)")
    parser.add_argument("--no-update", action="store_true", help="do not update the vulnerability databases")
    parser.add_argument("--kev", type=Path, help="CISA's catalogue of known exploited vulnerabilities (JSON)")
    parser.add_argument("--docker-socket", default="/var/run/docker.sock", help="default: %(default)s")
    parser.add_argument("--docker-config", default="", help="folder with the registry logins (config.json)")
    parser.add_argument(
        "--timeout", type=int, default=900, metavar="S", help="seconds for each scan (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Scan, judge, keep the evidence, then show the verdict; returns the gate's exit code.

    The code is decided, and everything is written, before the first character is printed: whoever reads standard output
    can go away, and cannot change it.
    """
    with _ended_by_signals():
        try:
            verdict = _judge(args)
            writes = [_write_option(text) for text in args.write]
            for name, path in writes:
                _write(path, FORMATS[name](verdict))
            lines = evidence.events(verdict)
            if args.event:
                evidence.append(args.event, lines)
            if args.event_socket:
                evidence.send(args.event_socket, lines)
            shown = as_table(verdict, colour=wants_colour()) if args.format == "text" else FORMATS[args.format](verdict)
        except FindingsError as error:  # of the policy: whoever wrote it has to act, not the developer
            raise UsageError(str(error)) from None
        except OSError as error:  # a pipe that broke is among them, and is no pass
            raise UsageError(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None
        return _print(shown, verdict.code)


def _judge(args: argparse.Namespace) -> Verdict:
    subjects = [(kind, value) for kind in KINDS for value in getattr(args, kind)]
    if not subjects:
        raise UsageError("nothing to judge: name one of " + ", ".join(f"--{kind}" for kind in KINDS))
    for text in args.write:
        _write_option(text)
    for digest in args.expect:
        if not _DIGEST.fullmatch(digest):
            raise UsageError(f"--expect {digest}: write sha256: and 64 hexadecimal digits")
    if not 0 < args.timeout <= _LONGEST:
        raise UsageError(f"--timeout: write a number of seconds, 1 to {_LONGEST}")
    _stay_inside(args, [Path(value) for kind, value in subjects if kind == "directory"])
    directories = [] if args.trust_directory else [Path(value) for kind, value in subjects if kind == "directory"]
    _outside(directories, args.policy, "--policy")
    policy = load_policy(args.policy, args.profile)
    for place, what in _named_files(args, policy):
        _outside(directories, place, what)
    now = int(time.time())
    history = _read_history(args.history, now) if args.history else None
    judge = Judge(policy, history, now)
    options = Options(
        cache=args.cache or _default_cache(scanning=any(kind != "report" for kind, _ in subjects)),
        docker_socket=args.docker_socket,
        docker_config=args.docker_config,
        kev_catalog=str(args.kev) if args.kev else "",
        seconds=args.timeout,
        update=not args.no_update,
        expected=tuple(args.expect),
    )
    verdict = judge.verdict(scan_all(subjects, policy, options, now))
    if args.history:
        _write(args.history, json.dumps(history, sort_keys=True) + "\n")
    return verdict


def _default_cache(*, scanning: bool) -> Path:
    """Return the user's cache; containers have users without a home, who must name one, if it is used at all."""
    try:
        return Path.home() / ".cache" / "wazuh-cicd" / "scan"
    except RuntimeError:
        if scanning:
            raise UsageError("this user has no home: name a folder for the databases with --cache") from None
        return Path(os.devnull)


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _named_files(args: argparse.Namespace, policy: Policy) -> Iterator[tuple[Path | None, str]]:
    """List the files that change what passes, and what names each."""
    yield args.history, "--history"
    yield args.kev, "--kev"
    for rule in (policy.signature, policy.provenance):
        for key in ("key", "trusted_root"):
            value = (rule or {}).get(key)
            if value and "://" not in value:
                yield Path(value), f"{key} of the policy"
    for name, tool in policy.scanners.items():
        yield Path(str(tool.get("path", ""))), f"{name} of the policy"
    for name in ("trivy", "grype", "cosign"):
        found = None if name in policy.scanners else shutil.which(name)
        yield Path(found) if found else None, f"{name} of the search path"
    yield Path(args.docker_config) if args.docker_config else None, "--docker-config"


def _outside(directories: Sequence[Path], path: Path | None, what: str) -> None:
    """Refuse a file that a change in the judged directory could bring along; raises ``UsageError``."""
    if path is None:
        return
    for directory in directories:
        places = {Path(os.path.abspath(directory)), directory.resolve()}  # noqa: PTH100 -- with its links, and without
        for place in (Path(os.path.abspath(path)), path.resolve()):  # noqa: PTH100
            if any(place.is_relative_to(root) for root in places):
                fix = "take it from a protected place, or say --trust-directory"
                raise UsageError(
                    f"{what} {path} is inside {directory}: a change there could switch the gate off; {fix}"
                )


def _stay_inside(args: argparse.Namespace, directories: Sequence[Path]) -> None:
    """Refuse to write through a link that a change brought along; raises ``UsageError``.

    What seems to lie in a judged directory, or in the one where the pipeline works, must really lie there.
    """
    written = [(path, "--write") for _, path in map(_write_option, args.write)]
    written += [(path, what) for path, what in ((args.event, "--event"), (args.history, "--history")) if path]
    for path, what in written:
        for directory in (*directories, Path.cwd()):
            root, place = os.path.abspath(directory), Path(os.path.abspath(path))  # noqa: PTH100 -- with its links
            if place.is_relative_to(root) and not path.resolve().is_relative_to(directory.resolve()):
                raise UsageError(f"{what} {path}: a link there leads out of {directory}; name the real place")


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End with 128 and the signal's number when we are told to stop, after what was begun is cleaned up."""

    def end(number: int, frame: object) -> None:
        del frame
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(text: str, code: int) -> int:
    """Print the verdict; a reader that is gone changes nothing, and a pass that finds no room is none."""
    if sys.stdout is None:  # closed before we began
        return _not_shown("it is closed", code)
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
    except (OSError, ValueError) as error:  # a full disk, a closed descriptor
        _forget_output()
        return _not_shown(str(error), code)
    return code


def _not_shown(why: str, code: int) -> int:
    with contextlib.suppress(AttributeError, OSError, ValueError):  # standard error may be gone, too
        sys.stderr.write(f"wazuh-cicd: standard output: {why}\n")
        sys.stderr.flush()
    return code or WRONG_USE


def _forget_output() -> None:
    """Let nothing be written again when the interpreter ends: it would end with a code of its own."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_option(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not path or name not in FORMATS:
        raise UsageError(f"--write {text}: write FORMAT=FILE, with a format of {', '.join(FORMATS)}")
    return name, Path(path)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; what is no regular file (a pipe, a device) is written to directly."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        target = path.resolve()
        before = target.stat() if target.exists() else None
        # The mode of another account's file could let that account change what is written now.
        mode = before.st_mode & 0o777 if before is not None and before.st_uid == os.geteuid() else None
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 -- a descriptor
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
                os.fchmod(stream.fileno(), _mode() if mode is None else mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _mode() -> int:
    """Return the mode that a new file gets here."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _read_history(path: Path, now: int) -> dict[str, int]:
    """Read when findings were first seen; raises ``UsageError`` for what cannot be, times to come included."""
    if not path.exists():
        return {}
    if not path.is_file() or path.stat().st_size > _HISTORY_BYTES:
        raise UsageError(f"{path}: the history is no file, or larger than {_HISTORY_BYTES >> 20} MiB")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: the history cannot be read; remove it to start anew") from error
    if not isinstance(content, dict) or not all(type(value) is int for value in content.values()):
        raise UsageError(f"{path}: the history must map findings to seconds; remove it to start anew")
    if not all(0 < value <= now + CLOCK_SKEW for value in content.values()):
        raise UsageError(f"{path}: the history knows a time that has not come; remove it to start anew")
    history: dict[str, int] = {}
    for key, value in content.items():
        # Up to 0.1 an artifact's name stood in front, so that each new tag began a new clock.
        base = key[key.find("|v|") + 1 :] if "|v|" in key and not key.startswith("v|") else key
        history[base] = min(value, history.get(base, value))
    return history
