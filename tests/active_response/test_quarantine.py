"""cicd-quarantine-container against an engine that we play, and against a real one."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import socketserver
import stat
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from test_block_traffic import reaches

from ar_kit import PYTHONS, Home, load, nets, wire
from needs import need_busybox

if TYPE_CHECKING:
    from pathlib import Path

ID = "53d84deaa71e12af7370e771b23c6ab5f51e43b39ad532d5e3b12dddf8aa6986"
NETWORK = "ab" * 32
DATA = {"docker": {"Type": "container", "Action": "exec_start: sh", "Actor": {"ID": ID}}}


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Plays the Engine API for one container; keeps what was asked, fails where it is told to."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(path, Handler)
        self.asked: list[tuple[str, object]] = []
        self.status: dict[str, int] = {}
        self.delay = 0.0
        self.slow: set[str] = set()  # what takes four seconds
        self.more: dict[str, dict] = {}  # containers beside the one
        self.starts_after = 0  # inspections after which the container runs
        self.networks_at_start: dict[str, dict] = {}
        self.restarting = 0  # times that a pause is refused, as of a container that is just started anew
        self.container = {
            "Id": ID,
            "Name": "/victim",
            "State": {"Running": True, "Paused": False, "Pid": 42},
            "Config": {"Image": "acme/app:1", "Labels": {"team": "a"}},
            "HostConfig": {"NetworkMode": "lab", "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}},
            "NetworkSettings": {"Networks": {"lab": {"NetworkID": NETWORK, "Aliases": ["web"], "IPAMConfig": None}}},
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_) -> None:
        pass

    def answer(self) -> None:
        engine = self.server
        path = urllib.parse.urlsplit(self.path).path
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        engine.asked.append((f"{self.command} {path}", body))
        time.sleep(engine.delay)
        what = path.rpartition("/")[2]
        time.sleep(4 if what in engine.slow else 0)
        status = engine.status.get(what, 200 if self.command == "GET" else 204)
        name = path.split("/")[2]
        found = name in {ID, ID[:12], NETWORK, *engine.more}
        text = b""
        if not found:
            status = 404
        elif what == "json":
            text = json.dumps(engine.more.get(name, engine.container)).encode()
            engine.starts_after -= 1
            if not engine.starts_after:
                engine.container["State"]["Running"] = True
                engine.container["NetworkSettings"]["Networks"].update(engine.networks_at_start)
        elif what == "pause" and engine.restarting:
            engine.restarting -= 1
            status = 409
        elif what in {"pause", "unpause"} and status == 204:
            engine.more.get(name, engine.container)["State"]["Paused"] = what == "pause"
        elif what in {"logs", "changes", "top"}:
            text = b"evidence of " + what.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer  # noqa: N815 - named by http.server


@contextlib.contextmanager
def serving():
    """Play an engine."""
    with tempfile.TemporaryDirectory() as folder:
        made = Engine(folder + "/docker.sock")
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
            made.server_close()


@pytest.fixture
def engine():
    with serving() as made:
        yield made


@pytest.fixture
def home(tmp_path, engine):
    made = Home(tmp_path, "cicd-quarantine-container")
    made.configure(f"socket = {engine.server_address}\n")
    return made


def asked(engine) -> list[str]:
    return [what for what, _ in engine.asked]


def evidence(home: Home, count: int = 5) -> Path:
    """Wait for the process that saves evidence."""
    folder = home.state / "quarantine" / ID
    end = time.monotonic() + 10
    while time.monotonic() < end and not any(entry["action"] == "evidence" for entry in home.log()):
        time.sleep(0.02)
    assert len(list(folder.iterdir())) == count
    return folder


def test_paused_first_then_disconnected_then_kept_from_starting_again(home, engine):
    outcome = home.add(DATA)
    assert (outcome.keys, outcome.answer, outcome.code, outcome.left_behind) == ((ID,), "continue", 0, ())
    folder = evidence(home)
    acts = [what for what in asked(engine) if what.startswith("POST")]
    assert acts == [
        f"POST /containers/{ID}/pause",
        f"POST /networks/{NETWORK}/disconnect",
        f"POST /containers/{ID}/update",
    ]
    assert (f"POST /networks/{NETWORK}/disconnect", {"Container": ID, "Force": True}) in engine.asked
    assert (f"POST /containers/{ID}/update", {"RestartPolicy": {"Name": "no"}}) in engine.asked
    engine.container["State"]["Paused"] = False
    assert json.loads((folder / "inspect.json").read_text()) == engine.container
    assert (folder / "log").read_text() == "evidence of logs"
    for path in (folder, *folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert ID in home.admin("--list")


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_other_pythons_do_the_same(python, home, engine):
    home.use(python)
    assert home.add(DATA).code == 0
    evidence(home)
    assert f"POST /containers/{ID}/pause" in asked(engine)
    assert home.delete(DATA).code == 0
    assert home.last()["result"] == "done"


def test_evidence_that_takes_its_time_does_not_hold_execd(home, engine):
    engine.slow = {"top", "changes", "logs"}
    outcome = home.add(DATA)
    assert (outcome.code, outcome.left_behind) == (0, ())
    assert outcome.seconds < 3
    assert not [entry for entry in home.log() if entry["action"] == "evidence"]


def test_the_agents_own_container_is_out_of_reach(monkeypatch):
    script = load("cicd-quarantine-container")
    files = {"/proc/self/cgroup": f"0::/system.slice/docker-{ID}.scope\n", "/proc/self/mountinfo": ""}
    monkeypatch.setattr(script, "read_file", lambda path, *_: files[path])
    assert script.Config().protects({"Id": ID, "Name": "/agent"}) == "own-container"
    assert script.Config().protects({"Id": "f" * 64, "Name": "/other"}) == ""
    files["/proc/self/cgroup"] = "0::/\n"
    files["/proc/self/mountinfo"] = (
        f"612 600 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 x rw\n"
    )
    assert script.Config().protects({"Id": ID, "Name": "/agent"}) == "own-container"
    assert script.Config().protects({"Id": "f" * 64, "Name": "/other"}) == ""


@pytest.mark.parametrize(
    "mount",
    [
        "91 25 0:55 / /var/lib/docker/containers/{}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k",
        "92 25 0:56 / /run/containerd/io.containerd.runtime.v2.task/moby/{}/rootfs rw - overlay overlay rw",
        "93 25 8:1 /builds/{}/hostname /srv/etc/hostname rw - ext4 /dev/sda1 rw",
    ],
)
def test_no_container_is_out_of_reach_because_this_host_mounts_something_for_it(mount, monkeypatch):
    script = load("cicd-quarantine-container")
    files = {"/proc/self/cgroup": "0::/system.slice/wazuh-agent.service\n", "/proc/self/mountinfo": mount.format(ID)}
    monkeypatch.setattr(script, "read_file", lambda path, *_: files[path])
    assert script.Config().protects({"Id": ID, "Name": "/job"}) == ""


def test_delete_undoes_exactly_that_and_keeps_the_evidence(home, engine):
    home.add(DATA)
    evidence(home)
    engine.asked.clear()
    home.delete(DATA)
    endpoint = {"Container": ID, "EndpointConfig": {"Aliases": ["web"]}}
    policy = {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}
    assert engine.asked[1:] == [
        (f"POST /networks/{NETWORK}/connect", endpoint),
        (f"POST /containers/{ID}/update", policy),
        (f"POST /containers/{ID}/unpause", None),
    ]
    (kept,) = (home.state / "quarantine").iterdir()
    assert ".released-" in kept.name
    assert (kept / "inspect.json").exists()
    engine.asked.clear()
    home.delete(DATA)
    assert (home.last()["result"], home.last()["detail"], engine.asked) == ("done", "was not in quarantine", [])


def test_what_was_paused_before_stays_paused(home, engine):
    engine.container["State"]["Paused"] = True
    home.add(DATA)
    home.delete(DATA)
    assert not [what for what in asked(engine) if what.endswith("pause")]


def test_repetition_acts_again_but_remembers_the_first_state(home, engine):
    execd = home.execd()
    home.add(DATA, execd=execd)
    engine.container["NetworkSettings"]["Networks"] = {}
    engine.container["State"]["Paused"] = True
    assert home.add(DATA, execd=execd).answer == "abort"
    assert home.last()["action"] == "refresh"
    home.delete(DATA)
    assert f"POST /networks/{NETWORK}/connect" in asked(engine)


def test_a_container_that_is_gone_is_released(home, engine):
    home.add(DATA)
    engine.status["json"] = 404
    home.delete(DATA)
    assert home.last()["result"] == "done"
    assert home.admin("--list") == ""


@pytest.mark.parametrize(
    ("config", "change", "reason"),
    [
        ("protect_label = team\n", {}, "protected-label"),
        ("protect_label = team=a\n", {}, "protected-label"),
        ("", {"Config": {"Labels": {"org.wazuh.cicd.protected": ""}}}, "protected-label"),
        ("protect_name = victim\n", {}, "protected-name"),
        ("protect_name = vic*\n", {}, "protected-name"),
        ("protect_image = acme/*\n", {}, "protected-image"),
    ],
)
def test_protected_containers_are_not_touched(config, change, reason, home, engine):
    home.configure(home.config.read_text() + config)
    engine.container.update(change)
    assert home.add(DATA).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", reason)
    assert asked(engine) == [f"GET /containers/{ID}/json"]


@pytest.mark.parametrize("config", ["protect_label = team=b\n", "protect_name = victims\n", "protect_image = acme\n"])
def test_what_only_looks_alike_is_not_protected(config, home):
    home.configure(home.config.read_text() + config)
    home.add(DATA)
    assert home.last()["action"] in {"quarantine", "evidence"}


@pytest.mark.parametrize(
    "value",
    ["victim", "../../x", ID + "/../y", ID.upper(), ID + "0", "short", "", ID[:11], f"{ID}\r\nX: y", ["a"], None],
)
def test_only_an_id_names_a_container(value, home, engine):
    outcome = home.add({"docker": {"Actor": {"ID": value}}})
    assert outcome.said == ""
    assert home.last()["reason"] in {"not-a-container", "no-container"}
    assert engine.asked == []


@pytest.mark.parametrize(
    "image",
    ["registry:2", "registry", "jenkins/inbound-agent:latest", "gitlab/gitlab-runner:v17",
     "moby/buildkit:buildx-stable-1", "ghcr.io/actions/actions-runner:2.330.0",
     "wazuh/wazuh-agent:4.14.7", "falcosecurity/falco:0.41"],
)  # fmt: skip
def test_what_a_build_farm_stands_on_is_protected_unless_somebody_decides_otherwise(image, home, engine):
    home.configure(home.admin("--example-config") + home.config.read_text())
    engine.container["Config"] = {"Image": image, "Labels": {}}
    home.add(DATA)
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "protected-image")


@pytest.mark.parametrize(
    "image", ["acme/build:1", "registry.evil.example.net/registry:2", "myjenkins/agent", "sha256:ab"]
)
def test_other_images_are_not_protected_by_the_example(image, home, engine):
    home.configure(home.admin("--example-config") + home.config.read_text())
    engine.container["Config"] = {"Image": image, "Labels": {}}
    home.add(DATA)
    assert "quarantine" in [entry["action"] for entry in home.log()]


def test_a_container_that_starts_while_it_is_looked_at_is_paused_all_the_same(home, engine):
    engine.container["State"] = {"Running": False, "Paused": False}
    engine.starts_after = 1
    home.add(DATA)
    acts = [what for what in asked(engine) if what.startswith("POST")]
    assert acts[-1] == f"POST /containers/{ID}/pause"
    assert f"POST /networks/{NETWORK}/disconnect" in acts


def test_a_container_that_crashes_and_is_started_anew_is_paused_in_the_end(home, engine):
    engine.restarting = 2
    home.add(DATA)
    assert engine.container["State"]["Paused"]
    assert next(entry for entry in home.log() if entry["action"] == "quarantine")["result"] == "done"


def test_one_that_cannot_be_paused_is_no_quarantine(home, engine):
    engine.restarting = 99
    home.add(DATA)
    last = next(entry for entry in home.log() if entry["action"] == "quarantine")
    assert (last["result"], last["reason"]) == ("failed", "partial")
    assert "it runs all the same" in last["detail"]


def test_networks_that_a_container_got_at_its_start_are_taken_away_too(home, engine):
    engine.container["State"] = {"Running": False, "Paused": False}
    engine.container["NetworkSettings"]["Networks"]["lab"]["NetworkID"] = ""
    engine.starts_after = 1
    engine.networks_at_start = {"lab": {"NetworkID": NETWORK}}
    home.add(DATA)
    assert f"POST /networks/{NETWORK}/disconnect" in asked(engine)
    assert {entry["result"] for entry in home.log() if entry["action"] == "quarantine"} == {"done"}


def test_one_that_never_started_is_not_paused(home, engine):
    engine.container["State"] = {"Running": False, "Paused": False}
    home.add(DATA)
    assert f"POST /containers/{ID}/pause" not in asked(engine)
    assert {entry["result"] for entry in home.log()} == {"done"}


def test_a_network_that_is_gone_keeps_nobody_in_quarantine(home, engine):
    home.add(DATA)
    engine.status["connect"] = 404
    home.delete(DATA)
    assert home.last()["result"] == "done"
    assert home.admin("--list") == ""


def test_an_event_of_unknown_origin_touches_nothing(home, engine):
    assert home.add(DATA, extra_args=("timeout=60", "from=Wazuh-Docker")).said == ""
    assert (home.last()["result"], home.last()["reason"], home.last()["detail"]) == ("refused", "origin", "drill")
    assert not [what for what in asked(engine) if what.startswith("POST")]


def test_the_administrator_releases_one_or_all(home, engine):
    home.add(DATA)
    assert "not in quarantine" in home.admin("--release", "f" * 64, check=False)
    assert "released" in home.admin("--release", "all")
    assert home.admin("--list") == ""
    assert home.admin("--release", "all") == ""


def test_ceilings(home, engine):
    home.configure(home.config.read_text() + "max_quarantined = 0\n")
    home.add(DATA)
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-total")
    assert not [what for what in asked(engine) if what.startswith("POST")]


@pytest.mark.parametrize("what", ["pause", "disconnect", "update"])
def test_what_fails_is_told_and_the_rest_is_done_and_can_be_undone(what, home, engine):
    engine.status[what] = 500
    assert home.add(DATA).code == 1
    failed = next(entry for entry in home.log() if entry["action"] == "quarantine")
    assert (failed["result"], failed["reason"]) == ("failed", "partial")
    assert "HTTP 500" in failed["detail"]
    assert len([one for one in asked(engine) if one.startswith("POST")]) == 3
    engine.status.clear()
    home.delete(DATA)
    assert home.last()["result"] == "done"


def test_an_engine_that_hangs_does_not_hold_execd(home, engine):
    engine.delay = 20
    outcome = home.add(DATA)
    assert outcome.seconds < 6.5
    assert outcome.code == 1
    assert (home.last()["result"], home.last()["reason"]) == ("failed", "engine")


def test_no_engine_at_all(home):
    home.configure("socket = /nonexistent/docker.sock\n")
    assert home.add(DATA).code == 1
    assert home.last()["reason"] == "engine"


# --- a real engine ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def dockerd(net, folder: Path):
    """A Docker engine of our own in a network namespace; yields a function that runs the client, and one to restart."""
    if not shutil.which("dockerd") or not shutil.which("docker"):
        pytest.skip("needs dockerd and docker")
    need_busybox()
    short = tempfile.mkdtemp(prefix="cicdd")  # a unix socket's path is short
    log = (folder / "dockerd.log").open("wb")
    command = ["dockerd", "--data-root", f"{folder}/data", "--exec-root", f"{short}/exec", "-p", f"{short}/pid"]
    command += ["-H", f"unix://{short}/docker.sock", "--storage-driver=vfs", "--bip", "172.31.88.1/24"]
    state = {}

    def client(*words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", "-H", f"unix://{short}/docker.sock", *words], capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def stop() -> None:
        state["process"].terminate()
        state["process"].wait(30)

    def start() -> None:
        state["process"] = net.start(*command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end and state["process"].poll() is None:
            if client("version", "-f", "{{.Server.Version}}", check=False):
                return
            time.sleep(0.2)
        stop()
        pytest.skip("no Docker engine can be started here: " + (folder / "dockerd.log").read_text()[-300:])

    def restart() -> None:
        stop()
        start()

    start()
    try:
        root = folder / "image.tar"
        with tarfile.open(root, "w") as archive:
            archive.add("/bin/busybox", "bin/busybox")
        client("import", str(root), "cicd/busybox:1")
        yield client, restart, f"{short}/docker.sock"
    finally:
        for name in client("ps", "-aq", check=False).split():
            client("rm", "-f", name, check=False)
        stop()
        log.close()
        # The engine mounts its folder upon itself, and leaves that behind when it ends badly.
        subprocess.run(["umount", "-l", folder / "data"], check=False, capture_output=True)
        shutil.rmtree(short, ignore_errors=True)


ECHO = "while true; do /bin/busybox nc -l -p 80 -e /bin/busybox cat; done"


@pytest.mark.docker
@pytest.mark.kernel
@pytest.mark.slow
def test_a_published_port_is_cut_before_and_after_a_restart_of_the_engine(tmp_path):
    with nets("host", "attacker", "owner") as (host, attacker, owner):
        wire(host, attacker, ["192.0.2.1/28"], ["192.0.2.2/28"])
        wire(host, owner, ["192.0.2.17/28"], ["192.0.2.18/28"])
        home = Home(tmp_path / "wazuh", "cicd-block-ip", prefix=host.prefix)
        home.configure(home.admin("--example-config"))
        with dockerd(host, tmp_path) as (docker, restart, _):
            words = ("run", "-d", "--restart", "always", "-p", "8080:80", "--name", "web", "cicd/busybox:1")
            docker(*words, "/bin/busybox", "sh", "-c", ECHO)
            time.sleep(1)
            assert reaches(attacker, "192.0.2.1", 8080)
            assert reaches(owner, "192.0.2.17", 8080)
            home.add({"srcip": "192.0.2.2"})
            assert not reaches(attacker, "192.0.2.1", 8080)
            assert reaches(owner, "192.0.2.17", 8080)
            restart()
            time.sleep(2)
            assert "web" in docker("ps", "--format", "{{.Names}}")
            assert reaches(owner, "192.0.2.17", 8080)
            assert not reaches(attacker, "192.0.2.1", 8080)
            home.delete({"srcip": "192.0.2.2"})
            time.sleep(0.1)
            assert reaches(attacker, "192.0.2.1", 8080)


@pytest.mark.docker
@pytest.mark.kernel
@pytest.mark.slow
def test_a_real_container_is_quarantined_and_released(tmp_path):
    with nets("host", "peer") as (host, peer):
        wire(host, peer, ["192.0.2.1/28"], ["192.0.2.2/28"])
        home = Home(tmp_path / "wazuh", "cicd-quarantine-container")
        with dockerd(host, tmp_path) as (docker, restart, socket):
            home.configure(f"socket = {socket}\n")
            docker("network", "create", "lab")
            words = (
                "run",
                "-d",
                "--restart",
                "unless-stopped",
                "-p",
                "8080:80",
                "--network",
                "lab",
                "--network-alias",
                "web",
            )
            script = "echo started; echo x > /changed; " + ECHO
            name = docker(*words, "--name", "victim", "cicd/busybox:1", "/bin/busybox", "sh", "-c", script)
            docker("network", "connect", "bridge", "victim")
            time.sleep(1)
            look = "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"
            look += "{{range $k, $v := .NetworkSettings.Networks}} {{$k}}{{end}}"
            assert docker("inspect", "-f", look, "victim") == "running unless-stopped bridge lab"
            assert reaches(peer, "192.0.2.1", 8080)
            data = {"docker": {"Type": "container", "Actor": {"ID": name}}}
            assert home.add(data).code == 0
            assert docker("inspect", "-f", look, "victim") == "paused no"
            assert not reaches(peer, "192.0.2.1", 8080)
            end = time.monotonic() + 10
            while time.monotonic() < end and home.last()["action"] != "evidence":
                time.sleep(0.1)
            folder = home.state / "quarantine" / name
            assert b"started" in (folder / "log").read_bytes()
            assert {"Path": "/changed", "Kind": 1} in json.loads((folder / "changes.json").read_text())
            assert "busybox" in (folder / "processes.json").read_text()
            assert home.delete(data).code == 0
            assert docker("inspect", "-f", look, "victim") == "running unless-stopped bridge lab"
            assert "web" in docker("inspect", "-f", "{{.NetworkSettings.Networks.lab.Aliases}}", "victim")
            time.sleep(1)
            assert reaches(peer, "192.0.2.1", 8080)
            # A container in quarantine does not come back by itself with the engine.
            home.add(data)
            restart()
            assert not docker("ps", "-q")


def another(engine, number: int, image: str, *, age: float) -> dict:
    """Have the engine tell of one more container, and return the event about it."""
    name = f"{number:064x}"
    created = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(time.time() - age))
    more = {"Id": name, "Name": f"/c{number}", "Created": created}
    engine.more[name] = {**engine.container, **more, "Config": {"Image": image, "Labels": {}}}
    return {"docker": {"Type": "container", "Actor": {"ID": name}}}


def test_observing_touches_no_container(home, engine):
    home.configure(home.config.read_text() + "observe = yes\n")
    assert home.add(DATA).said == ""
    assert (home.last()["result"], home.last()["container"]) == ("would", ID)
    assert not [what for what in asked(engine) if what.startswith("POST")]
    first, total = map(json.loads, home.admin("--report").splitlines())
    assert (first["target"], first["name"], total["times"]) == (ID, "victim", 1)
    home.configure(f"socket = {engine.server_address}\n")
    home.add(DATA, extra_args=("observe=yes",))
    assert home.last()["result"] == "would"


CEILINGS = "max_new_per_minute = 1000\nmax_quarantined = 4\nmax_short_lived = 6\n"


def quarantined(home, event: dict) -> str:
    """How it ended: done, or the detail of the refusal."""
    home.add(event)
    entries = [entry for entry in home.log() if entry["action"] in {"quarantine", "add"}]
    return "done" if entries[-1]["result"] == "done" else entries[-1]["reason"]


def test_twenty_junk_containers_do_not_use_up_the_ceiling_of_services(home, engine):
    home.configure(home.config.read_text() + CEILINGS)
    ends = [quarantined(home, another(engine, n, f"junk{n % 9}:1", age=30)) for n in range(1, 21)]
    assert ends.count("done") == 6
    assert set(ends) == {"done", "ceiling-total"}
    assert quarantined(home, another(engine, 90, "acme/shop:7", age=86400)) == "done"


def test_one_image_fills_half_of_a_ceiling_whatever_its_tags(home, engine):
    home.configure(home.config.read_text() + CEILINGS)
    events = [another(engine, n, f"registry.example.com:5000/junk:{n}", age=9000) for n in range(1, 4)]
    assert [quarantined(home, event) for event in events] == ["done", "done", "ceiling-total"]
    assert "of one image" in home.last()["detail"]
    assert quarantined(home, another(engine, 90, "registry.example.com:5000/shop:1", age=9000)) == "done"


def test_a_container_that_is_gone_or_an_hour_in_quarantine_is_counted_no_longer(home, engine):
    home.configure(home.config.read_text() + CEILINGS)
    for number in range(1, 5):
        assert quarantined(home, another(engine, number, f"app{number}", age=9000)) == "done"
    last = another(engine, 9, "app9", age=9000)
    assert quarantined(home, last) == "ceiling-total"
    del engine.more[f"{1:064x}"]
    assert quarantined(home, last) == "done"
    again = another(engine, 10, "app10", age=9000)
    assert quarantined(home, again) == "ceiling-total"
    for path in home.state.glob("quarantine/*/record.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "began": str(int(record["began"]) - 3601)}))
    assert quarantined(home, again) == "done"
    # They are in quarantine all the same.
    assert len(home.admin("--list").splitlines()) == 5


def test_a_clock_that_is_set_changes_no_ceiling(home, engine):
    home.configure(home.config.read_text() + "max_new_per_minute = 1\n")
    home.add(DATA)
    for path in home.state.glob("quarantine/*/record.json"):
        for moved in (-7200, 7200):
            stamp = time.time() + moved
            os.utime(path, (stamp, stamp))
            assert quarantined(home, another(engine, 5, "app", age=9000)) == "ceiling-minute"


def test_a_container_with_a_huge_description_blinds_nobody(home, engine):
    """Its aliases are as long as whoever made it likes, and are written down to be given back."""
    aliases = ["a" * 200 + str(n) for n in range(30000)]
    engine.container["NetworkSettings"] = {"Networks": {"lab": {"NetworkID": NETWORK, "Aliases": aliases}}}
    home.add(DATA)
    done = next(entry for entry in home.log() if entry["action"] == "quarantine")
    assert (done["result"], done["reason"]) == ("failed", "partial")
    assert "too many to be written down" in done["detail"]
    folder = home.state / "quarantine" / ID
    assert max(path.stat().st_size for path in folder.iterdir()) <= 1 << 20
    engine.container["NetworkSettings"] = {"Networks": {}}
    assert quarantined(home, another(engine, 5, "app", age=9000)) == "done"
    home.delete(DATA)
    assert f"POST /containers/{ID}/unpause" in asked(engine)


@pytest.mark.parametrize("text", ["", "{", "[]", "x" * (5 << 20)], ids=["empty", "cut", "a list", "too long"])
def test_a_record_that_cannot_be_read_stops_no_other_quarantine(text, home, engine):
    home.add(DATA)
    (home.state / "quarantine" / ID / "record.json").write_text(text)
    assert quarantined(home, another(engine, 5, "app", age=9000)) == "done"
    home.delete(DATA)
    assert f"POST /containers/{ID}/unpause" in asked(engine)


def test_evidence_keeps_to_its_size_and_the_image_with_most_loses_first(tmp_path):
    script = load("cicd-quarantine-container")
    home = Home(tmp_path, "cicd-quarantine-container")
    place = script.Home(str(home.script), script.NAME)
    config = script.Config()
    config.evidence_mb, config.keep_free_mb = 60, 1
    ward = script.Ward(place)
    for number in range(1, 31):
        name = f"{number:064x}"
        image = "acme/shop" if number == 1 else "junk"
        ward.write(name, {"image": image})
        ward.keep(name, "inspect.json", b"{}")
        ward.keep(name, "log", b"x" * (1 << 20))
        if number % 2:
            ward.release(name)
        assert script.make_room(ward, config, name) == []
        used = sum(path.stat().st_size for path in home.state.rglob("log"))
        assert used <= 14 << 20
    logs = [path.parent.name[:64] for path in home.state.rglob("log")]
    assert f"{1:064x}" in logs  # the attack behind the junk
    assert f"{2:064x}" not in logs
    assert len(list(home.state.rglob("inspect.json"))) == 30
    monkey = script.FOLDERS
    try:
        script.FOLDERS = 20
        script.make_room(ward, config, f"{31:064x}")
    finally:
        script.FOLDERS = monkey
    assert len(list((home.state / "quarantine").iterdir())) == 20
    config.keep_free_mb = 1000000
    assert "are free" in script.make_room(ward, config, f"{31:064x}")[0]
    ward.close()


def test_long_descriptions_and_unfinished_files_leave_room_for_evidence(tmp_path):
    """Whoever makes containers chooses how long their description is, and how much the disk has to do."""
    script = load("cicd-quarantine-container")
    home = Home(tmp_path, "cicd-quarantine-container")
    config = script.Config()
    config.evidence_mb, config.keep_free_mb = 60, 1
    ward = script.Ward(script.Home(str(home.script), script.NAME))
    for number in range(1, 31):
        name = f"{number:064x}"
        ward.write(name, {"image": "junk"})
        ward.keep(name, "inspect.json", b"x" * (1 << 20))
        if number % 3 == 0:
            ward.release(name)
        if number % 3 == 1:
            ward.keep(name, ".log.4711", b"x" * (1 << 20))
            os.utime(home.state / "quarantine" / name, (0, 0))
        assert script.make_room(ward, config, name) == []
    assert sum(path.stat().st_size for path in home.state.rglob("*")) <= 15 << 20
    assert len(list(home.state.rglob("record.json"))) == 20  # what releases them
    ward.close()


def test_an_answer_in_very_many_pieces_is_read_in_no_time():
    script = load("cicd-quarantine-container")
    pieces = 200000
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    started = time.monotonic()
    assert script.Engine._parse(head + b"2\r\nab\r\n" * pieces + b"0\r\n\r\n") == (200, b"ab" * pieces)
    assert time.monotonic() - started < 3
    assert script.Engine._parse(head + b"5\r\nab") == (200, b"ab")
