"""Real scanners for the tests: where they are, a vulnerability database made on the spot, images, a registry."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import docker_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

SCANNERS = Path(os.environ.get("WAZUH_CICD_SCANNERS") or Path.home() / ".cache/wazuh-cicd/scanners")

# Token-shaped, but nobody's: put together here, so that no scanner of this repository stumbles over it.
FAKE_KEY_ID = "AKIA" + "Q3EGWZ5T7JXKD2PN"
FAKE_PAT = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5"


def scanner(name: str) -> Path:
    """Return a real scanner, or skip the test with the reason."""
    path = SCANNERS / name
    if not os.access(path, os.X_OK):
        pytest.skip(f"no {name} in {SCANNERS}: tests/wodles/install_scanners.sh builds it")
    return path.resolve()


def tool(name: str, **more: Any) -> dict[str, Any]:
    path = scanner(name)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **more}


def trivy_database(cache: Path, built: float | None = None) -> None:
    """Write a Trivy database that knows two Debian packages, one npm package and one malicious one."""
    ghsa = "npm::GitHub Security Advisory npm"
    sources = {
        "debian 12": {"=": {"ID": "debian", "Name": "Debian Security Tracker", "URL": "https://example.com/debian"}},
        ghsa: {"=": {"ID": "ghsa", "Name": "GitHub Security Advisory npm", "URL": "https://example.com/ghsa"}},
    }
    details = {
        "CVE-2024-1001": {"=": {"Title": "first", "Severity": "CRITICAL", "VendorSeverity": {"nvd": 4}}},
        "CVE-2024-1002": {"=": {"Title": "second", "Severity": "HIGH", "VendorSeverity": {"nvd": 3}}},
        "CVE-2024-1003": {"=": {"Title": "third", "Severity": "MEDIUM", "VendorSeverity": {"ghsa": 2}}},
        "GHSA-aaaa-bbbb-cccc": {"=": {"Title": "malware", "Severity": "CRITICAL", "CweIDs": ["CWE-506"]}},
    }
    buckets = {
        "debian 12": {
            "openssl": {"CVE-2024-1001": {"=": {"FixedVersion": "3.0.13-1"}}},
            "zlib": {"CVE-2024-1002": {"=": {"Status": 2}}},
        },
        ghsa: {
            "left-pad": {"CVE-2024-1003": {"=": {"PatchedVersions": ["1.3.1"], "VulnerableVersions": ["<1.3.1"]}}},
            "evil-pad": {"GHSA-aaaa-bbbb-cccc": {"=": {"VulnerableVersions": [">=0"]}}},
        },
        "vulnerability": details,
        "data-source": sources,
    }
    folder = cache / "trivy" / "db"
    folder.mkdir(parents=True)
    subprocess.run([str(scanner("trivydb")), str(folder / "trivy.db")], input=json.dumps(buckets).encode(), check=True)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if built is None else built))
    metadata = {"Version": 2, "UpdatedAt": when, "NextUpdate": "2999-01-01T00:00:00Z", "DownloadedAt": when}
    (folder / "metadata.json").write_text(json.dumps(metadata))


DPKG = """Package: {name}
Status: install ok installed
Architecture: amd64
Version: {version}
Maintainer: Nobody <nobody@example.com>
Description: a package

"""


def debian_image(path: Path, version: str = "12", *, packages: dict[str, str] | None = None, **more: Any) -> str:
    """Write an image with Debian's release and package files; returns its id. ``files``, ``tag``, ``env`` add to it."""
    installed = {"openssl": "3.0.11-1", "zlib": "1:1.2.13-1"} if packages is None else packages
    tag = more.pop("tag", "app:1")
    env = more.pop("env", ())
    release = f'PRETTY_NAME="Debian GNU/Linux {version}"\nID=debian\nVERSION_ID="{version}"\n'
    files: dict[str, bytes | str] = {
        "etc/os-release": release,
        "etc/debian_version": f"{version}.5\n",
        "var/lib/dpkg/status": "".join(DPKG.format(name=n, version=v) for n, v in installed.items()),
        **more.pop("files", {}),
    }
    return docker_archive(path, files, tag=tag, env=env)


def npm_lock(**packages: str) -> str:
    """Write a package-lock.json with these direct dependencies."""
    entries: dict[str, Any] = {"": {"name": "app", "version": "1.0.0", "dependencies": packages}}
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    entries |= {f"node_modules/{name}": {"version": version, "license": "MIT"} for name, version in named.items()}
    entries[""]["dependencies"] = named
    return json.dumps({"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": entries})


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Run Debian's docker-registry on a free port of the loopback address; gives its host and port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config = folder / "registry.yml"
    config.write_text(json.dumps(settings))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def push(host: str, repository: str, tag: str, archive: Path) -> str:
    """Push an image archive to a registry, as ``docker push`` does; returns the manifest's digest."""
    connection = http.client.HTTPConnection(host, timeout=20)

    def upload(data: bytes) -> dict[str, Any]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        connection.request("POST", f"/v2/{repository}/blobs/uploads/")
        answer = connection.getresponse()
        answer.read()
        location = answer.headers["Location"].replace(f"http://{host}", "")
        connection.request("PUT", f"{location}&digest={digest}", data, {"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        answer.read()
        return {"size": len(data), "digest": digest}

    with tarfile.open(archive) as tar:
        members = {m.name: m for m in tar.getmembers()}

        def read(name: str) -> bytes:
            stream = tar.extractfile(members[name])
            assert stream is not None
            return stream.read()

        (listed,) = json.loads(read("manifest.json"))
        kind = "application/vnd.docker"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{kind}.distribution.manifest.v2+json",
            "config": {"mediaType": f"{kind}.container.image.v1+json", **upload(read(listed["Config"]))},
            "layers": [
                {"mediaType": f"{kind}.image.rootfs.diff.tar", **upload(read(name))} for name in listed["Layers"]
            ],
        }
    data = json.dumps(manifest).encode()
    connection.request("PUT", f"/v2/{repository}/manifests/{tag}", data, {"Content-Type": manifest["mediaType"]})
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()
    connection.close()
    return "sha256:" + hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def docker_engine(folder: Path) -> Iterator[Path]:
    """Run a Docker engine of our own, without networks, where that is possible; gives its socket."""
    program = shutil.which("dockerd")
    if program is None or os.geteuid() != 0 or shutil.which("docker") is None:
        pytest.skip("a Docker engine of our own needs dockerd, docker and root")
    # Not below the test's folder: containerd's sockets would have longer paths than a socket may have.
    place = Path(tempfile.mkdtemp(prefix="cicdd"))
    path = place / "docker.sock"
    options = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"]
    places = [
        "--data-root",
        str(place / "data"),
        "--exec-root",
        str(place / "exec"),
        "--pidfile",
        str(place / "pid"),
    ]
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen([program, *options, *places, "--host", f"unix://{path}"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                break
            time.sleep(0.1)
        if process.poll() is not None:
            pytest.skip("dockerd does not start here: " + (folder / "dockerd.log").read_text()[-200:])
        yield path
    finally:
        process.terminate()
        process.wait(30)
        # dockerd mounts its data on itself and may leave that behind; nothing below could be removed then.
        subprocess.run(["umount", "--recursive", "--lazy", str(place / "data")], check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)
