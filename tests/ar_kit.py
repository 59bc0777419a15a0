"""What the tests of the active responses share: Wazuh homes, network namespaces, scripts loaded as modules."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from program_kit import program_folder
from wazuh_cicd.drill.execd import Execd
from wazuh_cicd.drill.messages import alert, message

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = program_folder() / "active-response/bin"
# Other interpreters than the system's, from the oldest that is promised to the newest at hand.
PYTHONS = [
    path
    for mask in ("3.[6-9].*", "3.1[0-9].*")
    for path in sorted(Path.home().glob(f".pyenv/versions/{mask}/bin/python3"))
]
_numbers = itertools.count(1)


def load(name: str) -> types.ModuleType:
    """Load a script, without running it, as a module of its own."""
    path = SCRIPTS / name
    module = types.ModuleType(name.replace("-", "_"))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - our own file
    return module


class Home:
    """A Wazuh home with one script in it, run as execd does."""

    def __init__(self, folder: Path, script: str, config: str = "observe = no\n", prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.prefix = prefix
        for name in ("active-response/bin", "active-response/cicd", "queue", "logs", "etc"):
            (folder / name).mkdir(parents=True, mode=0o750)
        self.script = folder / "active-response/bin" / script
        shutil.copy(SCRIPTS / script, self.script)
        self.script.chmod(0o750)
        self.config = folder / "active-response/cicd" / f"{script.removeprefix('cicd-')}.conf"
        self.configure(config)

    def use(self, python: Path) -> None:
        """Have the script find this interpreter first."""
        text = self.script.read_text()
        assert text.count("for python in ") == 1
        self.script.write_text(text.replace("for python in ", f"for python in {python} "))

    def configure(self, text: str) -> None:
        """Write a configuration that says where it ends, wherever ``text`` does."""
        lines = [line for line in text.splitlines() if line != "# end"]
        self.config.write_text("\n".join([*lines, "# end", ""]))
        self.config.chmod(0o640)

    def execd(self, **more) -> Execd:
        return Execd(self.script, self.folder, self.prefix, **more)

    def add(self, data, *, extra_args=("timeout=60",), timeout=60.0, execd=None, rule="112010"):
        line = message("add", alert(data, rule=rule), extra_args=extra_args)
        return (execd or self.execd()).run(line, timeout=timeout)

    def delete(self, data, *, extra_args=("timeout=60",)):
        return self.execd().run(message("delete", alert(data), extra_args=extra_args))

    def admin(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.prefix, self.script, *words], capture_output=True, text=True, check=False, timeout=60
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def state(self) -> Path:
        return self.folder / "queue/cicd/response"

    def log(self) -> list[dict]:
        path = self.folder / "logs/cicd/response.log"
        if not path.exists():
            return []
        return [json.loads(line)["cicd"] for line in path.read_text().splitlines()]

    def last(self) -> dict:
        return self.log()[-1]


def need_kernel() -> None:
    """Skip unless we may make network namespaces and use nf_tables in them."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for program in ("ip", "nft", "nsenter"):
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
    probe = subprocess.run(["unshare", "-n", "nft", "list", "tables"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no network namespaces with nf_tables here")


class Net:
    """A network namespace."""

    def __init__(self, label: str) -> None:
        self.name = f"cicdtest-{os.getpid()}-{next(_numbers)}-{label}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.prefix = ("nsenter", f"--net=/run/netns/{self.name}")
        self.run("ip", "link", "set", "lo", "up")
        # No seconds of duplicate address detection before IPv6 works.
        for word in ("all", "default"):
            self.run("sysctl", "-qw", f"net.ipv6.conf.{word}.accept_dad=0", f"net.ipv6.conf.{word}.dad_transmits=0")

    def run(self, *words: str, check: bool = True, **more) -> subprocess.CompletedProcess:
        return subprocess.run([*self.prefix, *words], check=check, capture_output=True, text=True, **more)

    def start(self, *words: str, **more) -> subprocess.Popen:
        return subprocess.Popen([*self.prefix, *words], **more)

    def python(self, code: str, *words: str, timeout: float = 20) -> str:
        done = self.run(sys.executable, "-c", code, *words, check=False, timeout=timeout)
        return done.stdout.strip() or done.stderr.strip()

    def elements(self) -> str:
        return self.run("nft", "list", "table", "inet", "cicd_block", check=False).stdout

    def delete(self) -> None:
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


@contextlib.contextmanager
def nets(*labels: str):
    """Make namespaces and take them away again."""
    need_kernel()
    made = []
    try:
        for label in labels:
            made.append(Net(label))  # noqa: PERF401 - those made so far are taken away when one fails
        yield made[0] if len(made) == 1 else made
    finally:
        for net in made:
            net.delete()


def wire(left: Net, right: Net, left_addresses: list[str], right_addresses: list[str]) -> None:
    """Connect two namespaces by a cable, with addresses (with prefix length) on both ends."""
    number = next(_numbers)
    ends = (f"v{os.getpid() % 10000}l{number}", f"v{os.getpid() % 10000}r{number}")
    subprocess.run(
        [
            "ip",
            "link",
            "add",
            ends[0],
            "netns",
            left.name,
            "type",
            "veth",
            "peer",
            "name",
            ends[1],
            "netns",
            right.name,
        ],
        check=True,
    )
    for net, end, addresses in ((left, ends[0], left_addresses), (right, ends[1], right_addresses)):
        for address in addresses:
            net.run("ip", "addr", "add", address, "dev", end, *(["nodad"] if ":" in address else []))
        net.run("ip", "link", "set", end, "up")
