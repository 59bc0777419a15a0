"""Helpers for the tests of the scanner wodle and the gate: running it, images and stand-in scanners."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from program_kit import program_folder

ROOT = Path(__file__).resolve().parent.parent
WODLE = program_folder() / "wodles/cicd/cicd-scan"
SAMPLES = ROOT.parent / "shared" / "samples"
OLDEST_PYTHON = Path.home() / ".pyenv/versions/3.6.15/bin/python"


def hours_ago(hours: float) -> str:
    """A time of the near past, as databases and reports write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_STARTED - hours * 3600))


_STARTED = time.time()


def interpreters() -> list[str]:
    """The running Python, and 3.6 where it is installed: the oldest that the wodle promises to run on."""
    # The file itself before the search path, where a version manager's stand-in may answer for it.
    oldest = str(OLDEST_PYTHON) if OLDEST_PYTHON.exists() else shutil.which("python3.6")
    return [sys.executable, *([oldest] if oldest else [])]


STAND_IN = r'''#!{python} -SE
"""A stand-in scanner: does what the file beside it says, and writes down how it was called."""
import json, os, signal, socket, subprocess, sys, time
me = os.readlink(sys.argv[0]) if sys.argv[0].startswith("/proc/") else sys.argv[0]
plan = json.load(open(me + ".json"))
args = sys.argv[1:]
with open(me + ".calls", "a") as calls:
    interfaces = [name for _, name in socket.if_nameindex()]
    call = {{"args": args, "env": dict(os.environ), "cwd": os.getcwd(), "files": os.listdir("."), "net": interfaces}}
    calls.write(json.dumps(call) + "\n")
updating = "--download-db-only" in args or "--download-java-db-only" in args or args[:1] == ["db"]
step = plan.get("update", {{}}) if updating else plan
sys.stderr.write(step.get("stderr", ""))
sys.stderr.flush()
if step.get("ignore_term"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if step.get("grandchild"):
    code = "import os,signal,time\nos.setsid()\nsignal.signal(15, 1)\n"
    code += "open(%r, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    subprocess.Popen([sys.executable, "-SEc", code % step["grandchild"]])
    while not (os.path.exists(step["grandchild"]) and open(step["grandchild"]).read()):
        time.sleep(0.01)
time.sleep(step.get("sleep", 0))
options = [a for a in ("--output", "--file") if a in args]
for option in options[::-1]:
    path = args[args.index(option) + 1]
    if path.startswith("/") and "report" in step:
        target = args[-1] if "--input" not in args else args[args.index("--input") + 1]
        reports = step.get("reports", {{}})
        with open(path, "w") as out:
            text = reports.get(target, step["report"])
            out.write(text if isinstance(text, str) else json.dumps(text))
            out.write(" " * step.get("padding", 0))
        break
if step.get("kill"):
    os.kill(os.getpid(), step["kill"])
sys.exit(step.get("exit", 0))
'''


class StandIn:
    """A stand-in scanner binary whose behaviour a test sets."""

    def __init__(self, folder: Path, name: str, plan: dict[str, Any]) -> None:
        self.path = folder / name
        self.path.write_text(STAND_IN.format(python=sys.executable))
        self.path.chmod(0o755)
        self.plan(plan)

    def plan(self, plan: dict[str, Any]) -> None:
        Path(f"{self.path}.json").write_text(json.dumps(plan))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def tool(self, **more: Any) -> dict[str, Any]:
        return {"path": str(self.path), "sha256": self.sha256, **more}

    def calls(self, kind: str = "scan") -> list[dict[str, Any]]:
        path = Path(f"{self.path}.calls")
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        updates = [c for c in calls if "--download-db-only" in c["args"] or "--download-java-db-only" in c["args"]]
        return updates if kind == "update" else [c for c in calls if c not in updates]


class Wodle:
    """The wodle with a configuration and state of its own."""

    def __init__(self, folder: Path, python: str = sys.executable, **config: Any) -> None:
        self.folder = folder
        self.python = python
        self.config: dict[str, Any] = {
            "engine": "none",
            "state_directory": str(folder / "state"),
            "cache_directory": str(folder / "cache"),
            "queue_directory": str(folder / "queue"),
            "severity_floor": "UNKNOWN",
            "database_update": False,
            **config,
        }
        self.config_path = folder / "scan.json"
        (folder / "queue").mkdir(exist_ok=True)

    def start(self, *args: str, **popen: Any) -> subprocess.Popen[bytes]:
        self.config_path.write_text(json.dumps(self.config))
        self.config_path.chmod(0o600)
        return subprocess.Popen(
            [self.python, str(WODLE), "--config", str(self.config_path), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **popen,
        )

    def run(self, *args: str, timeout: float = 240, **popen: Any) -> list[dict[str, Any]]:
        """Run it; its standard error must be empty, and each line of its output an event of at most 8 KiB."""
        process = self.start(*args, **popen)
        out, err = process.communicate(timeout=timeout)
        assert err == b"", err.decode()
        return events_of(out)

    def database(self, name: str = "trivy", built: str = "") -> None:
        """Write when the database was built; without a time, three hours ago, and no update is due."""
        due = built or "2999-01-01T00:00:00Z"
        built = built or hours_ago(3)
        folder = self.folder / "cache" / name / "db"
        folder.mkdir(parents=True, exist_ok=True)
        metadata = {"Version": 2, "UpdatedAt": built, "NextUpdate": due, "DownloadedAt": built}
        (folder / "metadata.json").write_text(json.dumps(metadata))


def events_of(out: bytes) -> list[dict[str, Any]]:
    events = []
    for line in out.splitlines():
        assert line.startswith(b'{"cicd_scan":{"event":"')
        assert len(line) <= 8192
        document = json.loads(line)
        assert list(document) == ["cicd_scan"]
        events.append(document["cicd_scan"])
    return events


def of(events: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] in kinds]


def vulnerability(number: int = 1, **more: Any) -> dict[str, Any]:
    """One of Trivy's vulnerabilities."""
    return {
        "VulnerabilityID": f"CVE-2024-{number:04d}",
        "PkgName": f"package-{number}",
        "PkgIdentifier": {"PURL": f"pkg:deb/debian/package-{number}@1.0?arch=amd64"},
        "InstalledVersion": "1.0",
        "FixedVersion": "1.1",
        "Status": "fixed",
        "SeveritySource": "debian",
        "Severity": "HIGH",
        **more,
    }


def trivy_report(*vulnerabilities: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Trivy's report of an image whose operating system it knows; ``more`` replaces top-level keys."""
    return {
        "SchemaVersion": 2,
        "Trivy": {"Version": "0.74.0"},
        "ArtifactName": "app",
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": "sha256:" + "a" * 64},
        "Results": [
            {
                "Target": "app (debian 12.5)",
                "Class": "os-pkgs",
                "Type": "debian",
                "Vulnerabilities": list(vulnerabilities),
            }
        ],
        **more,
    }


def docker_archive(path: Path, files: dict[str, bytes | str], *, tag: str = "app:1", env: tuple[str, ...] = ()) -> str:
    """Write an image as ``docker save`` does: one layer with these files. Returns the image id."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for name, content in sorted(files.items()):
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755 if name.startswith("bin/") else 0o644
            tar.addfile(info, io.BytesIO(data))
    diff_id = "sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-01T00:00:00Z",
            "config": {"Env": ["PATH=/bin", *env]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "COPY / /"}],
        }
    ).encode()
    image_id = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{image_id}.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        parts = (
            (f"{image_id}.json", config),
            ("layer.tar", layer.getvalue()),
            ("manifest.json", json.dumps(manifest).encode()),
        )
        for name, data in parts:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return "sha256:" + image_id


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
