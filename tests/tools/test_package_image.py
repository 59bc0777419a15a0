"""The package as an image and as a layer of a manager's image: built and started in an engine of our own.

No registry is asked. The manager's place is taken by an image that borrows this machine's programs, with what
package.sh needs of a manager: its user, its folder and its Python.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from needs import need_busybox
from scan_live import docker_engine
from wazuh_cicd import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CONF = "<ossec_config>\n  <ruleset>\n    <rule_dir>etc/rules</rule_dir>\n  </ruleset>\n</ossec_config>\n"
#: What the image does before the scripts: /wazuh-config-mount is copied over the manager's folder, at every start.
START = (
    "cp -r /wazuh-config-mount/. /var/ossec/; chown -R wazuh: /var/ossec/etc; "
    "for script in /entrypoint-scripts/*.sh; do bash $script; done; "
    "grep -c '<list>etc/lists/cicd/' /var/ossec/etc/ossec.conf; ls /var/ossec/etc/rules | wc -l"
)
BORROWED = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives")

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def archive(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    """A file system in a tar."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        # Folders that a tar does not name are made for root alone.
        for name in sorted({str(parent) for path in (*files, *links) for parent in Path(path).parents} - {"."}):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
        for name, goal in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, goal
            tar.addfile(member)
    return raw.getvalue()


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """An engine with both images; gives its command line."""
    folder = tmp_path_factory.mktemp("package")
    context = folder / "context"
    (context / "docker").mkdir(parents=True)
    for name in ("as_user.py", "package.sh", "package.Dockerfile"):
        (context / "docker" / name).write_bytes((ROOT / "docker" / name).read_bytes())
    assert cli.main(["build", "-o", str(context / "build")]) == 0
    small = archive({"bin/busybox": need_busybox().read_bytes()}, {"bin/cp": "busybox", "bin/ls": "busybox"})
    manager = archive(
        {
            "etc/passwd": b"root:x:0:0::/root:/bin/sh\nwazuh:x:999:999::/:/bin/sh\n",
            "etc/group": b"root:x:0:\nwazuh:x:999:\n",
            "var/ossec/wodles/utils.py": b"",
            "tmp/x": b"",
        },
        {"var/ossec/framework/python/bin/python3": "/usr/bin/python3"},
    )
    with docker_engine(folder) as socket:
        environment = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": f"unix://{socket}"}

        def run(*words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
            done = subprocess.run(
                ["docker", *words], input=stdin, capture_output=True, check=False, env=environment, timeout=120
            )
            return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())

        assert run("import", "-c", "ENV PATH=/usr/sbin:/usr/bin:/bin", "-", "small:1", stdin=small).returncode == 0
        assert run("import", "-c", "ENV PATH=/usr/sbin:/usr/bin:/bin", "-", "borrowed:1", stdin=manager).returncode == 0
        for target in ("package", "manager"):
            built = run(
                "build", "--network", "none", "--target", target, "--tag", f"{target}:1",
                "--build-arg", "BASE=small:1", "--build-arg", "WAZUH_IMAGE=borrowed:1",
                "--file", str(context / "docker/package.Dockerfile"), str(context),
            )  # fmt: skip
            assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
        yield run


def start(docker: Callable[..., subprocess.CompletedProcess[str]], mount: Path, *options: str) -> tuple[list[str], str]:
    """One start of the manager's image; gives the numbers of declared lists and of rule files, and what was said."""
    borrowed = [word for place in BORROWED for word in ("--volume", f"{place}:{place}:ro")]
    words = ["--network", "none", *borrowed, "--volume", f"{mount}:/wazuh-config-mount:ro", *options]
    done = docker("run", "--rm", *words, "manager:1", "/bin/bash", "-c", START)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    """A site's configuration, as a ConfigMap brings it."""
    (tmp_path / "mount/etc/lists").mkdir(parents=True)
    (tmp_path / "mount/etc/ossec.conf").write_text(CONF)
    (tmp_path / "mount/etc/rules").mkdir()
    (tmp_path / "mount/etc/rules/local_rules.xml").write_text("<!-- mine -->\n")
    return tmp_path / "mount"


def test_every_start_declares_the_lists_that_the_mounted_ossec_conf_lacks(
    docker: Callable[..., subprocess.CompletedProcess[str]], mount: Path
) -> None:
    kept = ("--volume", "etc:/var/ossec/etc")
    first, said = start(docker, mount, *kept)
    assert said == ""
    assert int(first[0]) > 50
    assert int(first[1]) > 5
    assert start(docker, mount, *kept) == (first, "")


def test_a_mount_that_hides_the_rules_is_named(
    docker: Callable[..., subprocess.CompletedProcess[str]], mount: Path, tmp_path: Path
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/local_rules.xml").write_text("<!-- mine -->\n")
    (mount / "etc/rules/local_rules.xml").unlink()
    _, said = start(docker, mount, "--volume", f"{tmp_path}/rules:/var/ossec/etc/rules:ro")
    assert "/var/ossec/etc/rules is a mount of its own, read-only" in said
    assert "/var/ossec/etc is on no volume" in said
    assert "does not hold the rules and decoders of the package" in said


def test_the_init_container_copies_the_package_as_nobody(
    docker: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    options = ("--user", "65534", "--read-only", "--cap-drop", "ALL", "--network", "none")
    done = docker("run", "--rm", *options, "--volume", f"{tmp_path}/out:/out", "package:1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/package.sh").read_bytes() == (ROOT / "docker/package.sh").read_bytes()
    assert list((tmp_path / "out/build/manager/etc/rules").glob("*-cicd_*_rules.xml"))
