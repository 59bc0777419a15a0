"""The manager that the agent is connected to is never blocked, and nobody gets that by choosing a port."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ar_kit import Home, load, nets

pytestmark = pytest.mark.kernel
MANAGER, MOVED, OTHER = "203.0.113.20", "203.0.113.21", "203.0.113.22"
ANY = "0.0.0.0"  # noqa: S104 - a client that takes what it gets
CONF = (
    "<ossec_config><client><server><address>manager.example.com</address><port>{port}</port></server></client>"
    "</ossec_config>\n"
)
WAIT = "print('up',flush=True);time.sleep(60)"
SERVER = "import socket,sys,time;s=socket.create_server((sys.argv[1],int(sys.argv[2])));" + WAIT
CLIENT = (
    "import socket,sys,time;s=socket.create_connection((sys.argv[1],int(sys.argv[2])),source_address=(sys.argv[3],"
    "int(sys.argv[4])));" + WAIT
)


@pytest.fixture
def net():
    with nets("host") as made:
        for address in (MANAGER, MOVED, OTHER):
            made.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        yield made


@pytest.fixture
def home(tmp_path, net):
    made = Home(tmp_path, "cicd-block-ip", prefix=net.prefix)
    made.configure(made.admin("--example-config"))
    (tmp_path / "bin").mkdir()
    shutil.copy(Path(os.path.realpath(sys.executable)), agentd(made))
    (tmp_path / "var/run").mkdir(parents=True)
    configure(made, 1514)
    return made


def agentd(home) -> Path:
    """A program of the agent's name; it is a Python, so that it does what a test says."""
    return home.folder / "bin/wazuh-agentd"


def configure(home, port: int, *known: str) -> None:
    """Name the manager by host, and what that was resolved to."""
    (home.folder / "etc/ossec.conf").write_text(CONF.format(port=port))
    home.state.mkdir(parents=True, exist_ok=True)
    home.state.chmod(0o700)
    (home.state / "manager-names").write_text("".join(f"{address} manager.example.com\n" for address in known))


@contextlib.contextmanager
def running(home, *programs: tuple[object, str, tuple[object, ...]], own: tuple[str, ...] = ()):
    """Run Python programs (interpreter, code, arguments); then take addresses from this host, others have them now."""
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    started = []
    try:
        for interpreter, code, words in programs:
            command = [*home.prefix, str(interpreter), "-c", code, *map(str, words)]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment))
            assert started[-1].stdout.readline() == b"up\n"
        for address in own:
            subprocess.run([*home.prefix, "ip", "addr", "del", f"{address}/32", "dev", "lo"], check=True)
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def verdict(home, address: str) -> str:
    outcome = home.add({"srcip": address})
    return home.last()["reason"] if not outcome.said else "blocked"


@pytest.mark.parametrize("hint", ["file", "wrong file", "no file"])
@pytest.mark.parametrize("port", [1514, 50000])
def test_the_managers_address_is_that_of_the_agents_own_connection(home, hint, port):
    configure(home, port, MOVED)  # the name's address is another one by now
    programs = (
        (sys.executable, SERVER, (MANAGER, port)),
        (agentd(home), CLIENT, (MANAGER, port, ANY, 0)),
    )
    with running(home, *programs, own=(MANAGER, MOVED, OTHER)) as (_, agent):
        if hint != "no file":
            pid = agent.pid if hint == "file" else os.getpid()
            (home.folder / f"var/run/wazuh-agentd-{pid}.pid").write_text(f"{pid}\n")
        assert verdict(home, MANAGER) == "manager"
        assert verdict(home, MOVED) == "manager"
        assert verdict(home, OTHER) == "blocked"


@pytest.mark.parametrize("known", [(), (MOVED,)])
def test_no_choice_of_ports_protects_anybody_else(home, net, known):
    """Connections from port 1514, to port 1514, and to a listener on this host's 1514, none of them the agent's own."""
    configure(home, 1514, *known)
    with contextlib.ExitStack() as stack:
        if not known:  # without any address of the manager nothing would be blocked
            agent = (agentd(home), CLIENT, (MOVED, 1514, ANY, 0))
            stack.enter_context(running(home, (sys.executable, SERVER, (MOVED, 1514)), agent))
        programs = (
            (sys.executable, SERVER, (OTHER, 22)),
            (sys.executable, CLIENT, (OTHER, 22, MANAGER, 1514)),
            (sys.executable, SERVER, (OTHER, 1514)),
            (sys.executable, CLIENT, (OTHER, 1514, MANAGER, 1515)),
        )
        stack.enter_context(running(home, *programs, own=(MANAGER, OTHER)))
        assert net.run("ss", "-tn").stdout.count("ESTAB") >= 4
        assert verdict(home, MANAGER) == "blocked"
        assert verdict(home, OTHER) == "blocked"


def test_a_connection_of_the_agent_to_another_port_protects_nobody(home):
    configure(home, 1514, MOVED)
    programs = (
        (sys.executable, SERVER, (MANAGER, 443)),
        (agentd(home), CLIENT, (MANAGER, 443, ANY, 0)),
    )
    with running(home, *programs, own=(MANAGER, MOVED)):
        assert verdict(home, MANAGER) == "blocked"


def test_a_program_of_that_name_elsewhere_is_not_the_agent(home, tmp_path):
    configure(home, 1514, MOVED)
    other = tmp_path / "elsewhere/bin/wazuh-agentd"
    other.parent.mkdir(parents=True)
    shutil.copy(agentd(home), other)
    programs = (
        (sys.executable, SERVER, (MANAGER, 1514)),
        (other, CLIENT, (MANAGER, 1514, ANY, 0)),
    )
    with running(home, *programs, own=(MANAGER, MOVED)) as (_, fake):
        (home.folder / f"var/run/wazuh-agentd-{fake.pid}.pid").write_text(f"{fake.pid}\n")
        assert verdict(home, MANAGER) == "blocked"


def test_while_the_manager_is_unknown_nobody_is_blocked(home):
    assert verdict(home, "198.51.100.7") == "safety-list"
    assert "manager.example.com: never resolved" in home.last()["detail"]


@pytest.mark.parametrize("text", ["", "<ossec_config><client><server>", CONF.format(port=1514)[:-20]])
def test_an_ossec_conf_that_is_not_whole_stops_all_blocking(home, text):
    (home.folder / "etc/ossec.conf").write_text(text)
    assert verdict(home, "198.51.100.7") == "safety-list"
    assert "ossec.conf is not complete" in home.last()["detail"]


def test_an_installed_wazuh_without_ossec_conf_blocks_nobody(home):
    (home.folder / "etc/ossec.conf").unlink()
    assert verdict(home, "198.51.100.7") == "safety-list"


def test_the_table_in_proc_says_what_the_kernels_answer_says(home):
    """Where the kernel cannot be asked, and from another network: here, this process is in another one."""
    programs = (
        (sys.executable, SERVER, (MANAGER, 1514)),
        (agentd(home), CLIENT, (MANAGER, 1514, ANY, 0)),
    )
    script = load("cicd-block-ip")
    place = script.Home(str(home.script), script.NAME)
    with running(home, *programs, own=(MANAGER,)):
        assert [str(one) for one in script.peers_of(place, "wazuh-agentd", {1514})] == [MANAGER]
        assert script.peers_of(place, "wazuh-agentd", {1515}) == []
        assert script.peers_of(place, "wazuh-execd", {1514}) == []


def test_an_agent_that_talks_by_udp_is_understood(home):
    text = CONF.format(port=1514).replace("</port>", "</port><protocol>udp</protocol>")
    (home.folder / "etc/ossec.conf").write_text(text)
    code = "import socket,sys,time;s=socket.socket(2,2);s.connect((sys.argv[1],int(sys.argv[2])));" + WAIT
    with running(home, (agentd(home), code, (MANAGER, 1514)), own=(MANAGER, OTHER)):
        assert verdict(home, MANAGER) == "manager"
        assert verdict(home, OTHER) == "blocked"


def test_a_line_is_found_wherever_the_kernels_text_is_cut(monkeypatch):
    script = load("cicd-block-ip")
    line = "   1: 0100007F:A3C0 {}:05EA 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0\n"
    text = "  sl  local_address rem_address\n" + "".join(line.format(f"{n:02X}0071CB") for n in range(1, 40))
    for size in (1, 7, 149, 100000):
        left = [text.encode(), b""]

        def read(_file, _count, left=left, size=size):
            part, left[0] = left[0][:size], left[0][size:]
            return part

        monkeypatch.setattr(script.os, "read", read)
        monkeypatch.setattr(script, "START", time.monotonic())
        found = script.table("/proc/self/net/tcp", {1514})
        monkeypatch.undo()
        assert [(inode, str(address)) for inode, address, _ in found] == [(1, f"203.113.0.{n}") for n in range(1, 40)]


@pytest.mark.parametrize("port", ["99999", "0", "x", "", "1514 1515", "-1"])
def test_a_port_that_is_none_stops_nothing(home, port):
    configure(home, 1514, MOVED)
    text = CONF.format(port=port)
    (home.folder / "etc/ossec.conf").write_text(text)
    programs = (
        (sys.executable, SERVER, (MANAGER, 1514)),
        (agentd(home), CLIENT, (MANAGER, 1514, ANY, 0)),
    )
    with running(home, *programs, own=(MANAGER, OTHER)):
        assert verdict(home, MANAGER) == "manager"
        assert verdict(home, OTHER) == "blocked"


def test_names_that_cannot_be_looked_up_keep_their_last_address(home, net):
    configure(home, 1514, MOVED)
    home.admin("--reconcile", check=False)
    lines = (home.state / "manager-names").read_text().splitlines()
    assert [line for line in lines if not line.endswith(" .dns")] == [f"{MOVED} manager.example.com"]
