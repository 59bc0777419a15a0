"""Real scanners for the tests: where they are, a vulnerability database made on the spot, images, a registry."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import docker_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


# As much of Grype's schema 6 as it needs; `grype db import` adds the rest, and the indexes.
_GRYPE_TABLES = """
CREATE TABLE blobs (id integer PRIMARY KEY, value text NOT NULL);
CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL, revision integer NOT NULL,
  addition integer NOT NULL);
CREATE TABLE providers (id text PRIMARY KEY, version text, processor text, date_captured datetime, input_digest text);
CREATE TABLE vulnerability_handles (id integer PRIMARY KEY, name text NOT NULL, status text NOT NULL,
  published_date datetime, modified_date datetime, withdrawn_date datetime, provider_id text NOT NULL, blob_id integer);
CREATE TABLE affected_package_handles (id integer PRIMARY KEY, vulnerability_id integer NOT NULL,
  operating_system_id integer, package_id integer, blob_id integer);
CREATE TABLE operating_systems (id integer PRIMARY KEY, name text, release_id text, major_version text,
  minor_version text, label_version text, codename text, channel text, eol_date datetime, eoas_date datetime);
CREATE TABLE packages (id integer PRIMARY KEY, ecosystem text, name text);
CREATE TABLE known_exploited_vulnerability_handles (id integer PRIMARY KEY, cve text NOT NULL, blob_id integer);
CREATE TABLE epss_handles (id integer PRIMARY KEY, cve text NOT NULL, epss real NOT NULL, percentile real NOT NULL);
CREATE TABLE epss_metadata (date datetime NOT NULL);
"""
# (advisory, provider, ecosystem, package, affected versions and their type, fixed in, severity, CVE behind it)
_GRYPE_ADVISORIES = (
    ("CVE-2024-1001", "debian", "deb", "openssl", "< 3.0.13-1", "dpkg", "3.0.13-1", "high", ""),
    ("CVE-2024-1002", "debian", "deb", "zlib", "", "dpkg", "", "high", ""),
    ("CVE-2024-1005", "debian", "deb", "onlygrype", "< 2", "dpkg", "2", "low", ""),
    ("GHSA-1111-2222-3333", "github", "npm", "left-pad", "< 1.3.1", "semver", "1.3.1", "critical", "CVE-2024-1003"),
    ("GHSA-4444-5555-6666", "github", "python", "flask", "< 2.3.2", "python", "2.3.2", "high", ""),
)


def grype_database(cache: Path, built: float | None = None, fixed: str = "2024-02-01") -> None:
    """Write and import a Grype database: Debian 12 (9 is past its end of life), npm, PyPI, a KEV entry, an EPSS score.

    Its advisories overlap with those of ``trivy_database``: one with another severity, one under its GHSA id alone.
    """
    when = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(time.time() if built is None else built))
    raw = cache / "grype-raw.db"
    cache.mkdir(parents=True, exist_ok=True)
    raw.unlink(missing_ok=True)
    database = sqlite3.connect(raw)

    def insert(table: str, **values: Any) -> int | None:
        marks = ",".join("?" * len(values))
        statement = f"INSERT INTO {table} ({','.join(values)}) VALUES ({marks})"  # noqa: S608 -- our own names
        return database.execute(statement, tuple(values.values())).lastrowid

    def blob(value: Any) -> int | None:
        return insert("blobs", value=json.dumps(value))

    database.executescript(_GRYPE_TABLES)
    insert("db_metadata", build_timestamp=when, model=6, revision=1, addition=10)
    for provider in ("debian", "github"):
        insert("providers", id=provider, version="1", processor="test", date_captured=when, input_digest="")
    common = {"name": "debian", "release_id": "debian", "minor_version": "", "label_version": "", "channel": ""}
    insert("operating_systems", major_version="9", codename="stretch", eol_date="2022-06-30 00:00:00+00:00", **common)
    debian = insert("operating_systems", major_version="12", codename="bookworm", **common)
    for advisory, provider, ecosystem, package, affected, kind, fix, severity, cve in _GRYPE_ADVISORIES:
        aliases = [cve] if cve else []
        rating = {"scheme": "CHMLN", "value": severity, "rank": 1}
        text = {"id": advisory, "aliases": aliases, "severities": [rating], "refs": [{"url": "https://example.com/a"}]}
        handle = insert(
            "vulnerability_handles", name=advisory, status="active", provider_id=provider, blob_id=blob(text)
        )
        named = insert("packages", ecosystem=ecosystem, name=package)
        available = {"available": {"date": fixed, "kind": "advisory"}}
        mend = {"state": "fixed", "version": fix, "detail": available} if fix else {"state": "not-fixed"}
        ranges = [{"version": {"type": kind, "constraint": affected}, "fix": mend}]
        insert(
            "affected_package_handles",
            vulnerability_id=handle,
            operating_system_id=debian if provider == "debian" else None,
            package_id=named,
            blob_id=blob({"cves": aliases, "ranges": ranges}),
        )
    insert("epss_metadata", date=when)
    insert("epss_handles", cve="CVE-2024-1003", epss=0.91, percentile=0.99)
    exploited = {"cve": "CVE-2024-1001", "date_added": "2024-01-01T00:00:00Z"}
    insert("known_exploited_vulnerability_handles", cve="CVE-2024-1001", blob_id=blob(exploited))
    database.commit()
    database.close()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(cache),
        "GRYPE_DB_CACHE_DIR": str(cache / "grype"),
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    }
    command = [str(scanner("grype")), "db", "import", str(raw)]
    subprocess.run(command, env=environment, check=True, capture_output=True)


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


def started(process: subprocess.Popen[bytes], ask: Callable[[], object], log: Path) -> None:
    """Wait until an engine answers; skip the test when it has ended instead. ``log`` is named after it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            ask()
            break
        time.sleep(0.1)
    if process.poll() is not None:
        pytest.skip(f"{log.stem} does not start here: {log.read_text()[-200:]}")


@contextlib.contextmanager
def docker_engine(folder: Path, storage: str = "vfs") -> Iterator[Path]:
    """Run a Docker engine of our own, without networks, where that is possible; gives its socket.

    The storage driver ``vfs`` works everywhere and copies every layer; ``overlay2`` is for images of some size.
    """
    program = shutil.which("dockerd")
    if program is None or os.geteuid() != 0 or shutil.which("docker") is None:
        pytest.skip("a Docker engine of our own needs dockerd, docker and root")
    # Not below the test's folder: containerd's sockets would have longer paths than a socket may have.
    place = Path(tempfile.mkdtemp(prefix="cicdd"))
    path = place / "docker.sock"
    options = ["--iptables=false", "--ip6tables=false", "--bridge=none", f"--storage-driver={storage}"]
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

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))

        started(process, connect, folder / "dockerd.log")
        yield path
    finally:
        process.terminate()
        process.wait(30)
        # dockerd mounts its data on itself and may leave that behind; nothing below could be removed then.
        subprocess.run(["umount", "--recursive", "--lazy", str(place / "data")], check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def containerd_engine(folder: Path) -> Iterator[Any]:
    """Run a containerd of our own; gives a function that runs ``ctr`` with it, and has the path of its ``socket``."""
    program, ctr = shutil.which("containerd"), shutil.which("ctr")
    if program is None or ctr is None or os.geteuid() != 0:
        pytest.skip("a containerd of our own needs containerd, ctr and root")
    place = Path(tempfile.mkdtemp(prefix="cicdc"))
    config = place / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{place}/root"\nstate = "{place}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "{place}/c.sock"\n'
    )

    def run(*args: str) -> str:
        command = [ctr, "--address", f"{place}/c.sock", *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run.socket = f"{place}/c.sock"  # type: ignore[attr-defined]
    run.path = ctr  # type: ignore[attr-defined]
    with (folder / "containerd.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=log)
    try:
        started(process, lambda: run("version"), folder / "containerd.log")
        yield run
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            for line in run("tasks", "ls").splitlines()[1:]:
                run("tasks", "rm", "--force", line.split()[0])  # ends its shim, which would outlive containerd
        process.terminate()
        process.wait(30)
        for mount in Path("/proc/self/mountinfo").read_text().splitlines():
            where = mount.split()[4]
            if where.startswith(f"{place}/"):
                subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


IDENTITY = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
_CERTIFICATES = f"""[req]
distinguished_name = names
[names]
[root]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectAltName = critical,URI:{IDENTITY}
1.3.6.1.4.1.57264.1.1 = DER:{ISSUER.encode().hex()}
1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:{ISSUER}
"""


def cosign(folder: Path, *args: str) -> None:
    """Run the real cosign in a folder, with keys that have no password."""
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    subprocess.run(
        [str(scanner("cosign")), *args], cwd=folder, env=environment, check=True, capture_output=True, timeout=120
    )


class CertificateAuthority:
    """What Fulcio does: certificates that name a workflow and its issuer; here by a root of our own, without logs."""

    def __init__(self, folder: Path) -> None:
        """Make the root, one certificate, and the trusted root that cosign verifies with."""
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.folder = folder
        folder.mkdir()
        (folder / "ca.cnf").write_text(_CERTIFICATES)
        root = "-config ca.cnf -extensions root -out root.pem"
        leaf = "-CA root.pem -CAkey root.key -CAcreateserial -extfile ca.cnf -extensions leaf -out leaf.pem"
        for command in (
            "ecparam -name prime256v1 -genkey -noout -out root.key",
            f"req -x509 -new -key root.key -subj /O=example.com/CN=root -days 2 {root}",
            "ecparam -name prime256v1 -genkey -noout -out leaf.key",
            "req -new -key leaf.key -subj / -config ca.cnf -out leaf.csr",
            f"x509 -req -in leaf.csr -days 1 {leaf}",
        ):
            subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
        cosign(folder, "import-key-pair", "--key", "leaf.key", "--output-key-prefix", "signer")
        cosign(folder, "signing-config", "create", "--out", "signing.json")
        service = "url=https://fulcio.example.com,certificate-chain=root.pem"
        cosign(folder, "trusted-root", "create", "--fulcio", service, "--out", "trusted-root.json")

    def sign(self, reference: str) -> None:
        """Sign an image in a registry with the certificate."""
        certificate = ["--key", "signer.key", "--certificate", "leaf.pem", "--certificate-chain", "root.pem"]
        cosign(self.folder, "sign", *certificate, "--signing-config", "signing.json", "--yes", reference)

    def rule(self, **more: Any) -> dict[str, Any]:
        """Return how to verify it."""
        logs = {"transparency_log": False, "certificate_log": False}
        root = str(self.folder / "trusted-root.json")
        return {"identity": IDENTITY, "issuer": ISSUER, "trusted_root": root, **logs, **more}
