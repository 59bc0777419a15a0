"""From what a real Docker engine reports to what the response does: event, evaluator, alert, execd, script, engine.

Nothing is made up on the way: the event is the engine's own, the alert is what the evaluator makes of it with our
package, the call is read from the rendered fragment, and the script gets that very alert.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from typing import TYPE_CHECKING

import pytest
from test_block_traffic import reaches
from test_quarantine import ECHO, dockerd

from ar_kit import Home, nets, wire
from ar_manager import Manager
from scan_kit import StandIn, Wodle, of, trivy_report
from wazuh_cicd.drill.messages import message

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.docker, pytest.mark.kernel, pytest.mark.slow]
LISTENER = "[007] (build-01) any->Wazuh-Docker"


class Site:
    """A host with an engine, and an agent whose manager has one response switched on."""

    def __init__(self, manager: Manager, home: Home, docker) -> None:
        self.manager, self.home, self.docker = manager, home, docker
        self.execd = home.execd()
        self.seen: set[str] = set()
        self.since = int(time.time()) - 1

    def events(self) -> list[dict]:
        """What the engine reported since the last time, as the listener hands it on."""
        words = ("--since", str(self.since), "--until", str(int(time.time()) + 1))
        lines = [line for line in self.docker("events", *words, "--format", "{{json .}}").splitlines() if line]
        new = [line for line in lines if line not in self.seen]
        self.seen.update(new)
        return [json.loads(line) for line in new]

    def react(self, location: str = LISTENER) -> list[str]:
        """Hand all new events to the manager and start what it asks for; returns the rules that asked."""
        asked = []
        for event in self.events():
            alert, response = self.manager.judge(json.dumps({"integration": "docker", "docker": event}), location)
            if response:
                executable, arguments, timeout = response
                assert executable == self.home.script.name
                asked.append(alert["rule"]["id"])
                self.execd.run(message("add", alert, extra_args=arguments), timeout=timeout)
        return asked


LOOK = "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}{{range $k, $v := .NetworkSettings.Networks}} {{$k}}{{end}}"


def test_a_container_that_attacks_the_host_is_taken_out_of_service_and_no_other(tmp_path):
    with nets("host", "peer") as (host, peer):
        wire(host, peer, ["192.0.2.1/28"], ["192.0.2.2/28"])
        home = Home(tmp_path / "wazuh", "cicd-quarantine-container")
        with dockerd(host, tmp_path) as (docker, _, socket):
            home.configure(home.admin("--example-config") + f"socket = {socket}\n")
            site = Site(Manager("quarantine-container"), home, docker)
            shell = ("cicd/busybox:1", "/bin/busybox", "sh", "-c", ECHO)
            docker("run", "-d", "--restart", "always", "-p", "8080:80", "--name", "victim", *shell)
            docker("run", "-d", "-p", "8081:80", "--name", "neighbour", *shell)
            docker("run", "-d", "--label", "org.wazuh.cicd.protected", "--name", "mirror", *shell)
            time.sleep(1)
            assert site.react() == []
            # Ordinary work, and words that only look like an attack.
            for words in ("make test", "echo xmrig is a miner", "cat /sys/fs/cgroup/release_agent", "pgrep xmrig"):
                docker("exec", "neighbour", "/bin/busybox", "sh", "-c", words, check=False)
            assert site.react() == []
            # The attack itself, in a container that is protected, and reported by somebody else than the listener.
            escape = ("/bin/busybox", "sh", "-c", "mkdir -p /tmp/c; echo /cmd > /tmp/c/release_agent")
            docker("exec", "mirror", *escape)
            assert site.react() == ["114010"]
            assert (home.last()["result"], home.last()["reason"]) == ("refused", "protected-label")
            docker("exec", "victim", *escape)
            assert site.react("[007] (build-01) any->/var/log/jobs.json") == ["114010"]
            assert (home.last()["result"], home.last()["reason"]) == ("refused", "origin")
            for name in ("victim", "neighbour", "mirror"):
                assert docker("inspect", "-f", "{{.State.Status}}", name) == "running"
            # And in earnest.
            docker("exec", "victim", *escape)
            assert site.react() == ["114010"]
            assert docker("inspect", "-f", LOOK, "victim") == "paused no"
            assert not reaches(peer, "192.0.2.1", 8080)
            assert reaches(peer, "192.0.2.1", 8081)
            (pending,) = site.execd.pending.values()
            assert pending.timeout == 43200
            own = Manager("block-ip").judge((home.folder / "logs/cicd/response.log").read_text().splitlines()[-1],
                                            "/var/ossec/logs/cicd/response.log")[0]  # fmt: skip
            assert own["rule"]["groups"].count("cicd_response")
            # Execd takes it back in time; the container serves again.
            assert site.execd.tick(pending.since + 43199) == []
            assert [outcome.command for outcome in site.execd.tick(pending.since + 43201)] == ["delete"]
            assert docker("inspect", "-f", LOOK, "victim") == "running always bridge"
            time.sleep(1)
            assert reaches(peer, "192.0.2.1", 8080)
            # A miner, by the engine's own account of its command line.
            docker(
                "exec", "victim", "/bin/busybox", "sh", "-c", "cd /tmp; ./xmrig -o pool.example.com:443", check=False
            )
            assert site.react() == ["114011"]
            assert docker("inspect", "-f", "{{.State.Status}}", "victim") == "paused"


REGISTRY = """\
version: 0.1
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:5000"}
"""


def test_images_that_arrive_are_asked_for_and_the_scanner_takes_the_request(tmp_path: Path):
    with nets("host") as host:
        home = Home(tmp_path / "wazuh", "cicd-scan-image")
        home.configure(home.admin("--example-config"))
        with dockerd(host, tmp_path) as (docker, _, socket), registry(host, tmp_path):
            site = Site(Manager("scan-image"), home, docker)
            # The image's own label pretends that another one was pulled.
            archive = tmp_path / "evil.tar"
            with tarfile.open(archive, "w") as file:
                file.add("/bin/busybox", "bin/busybox")
            wanted = "127.0.0.1:5000/acme/evil:1"
            docker("import", "-c", "LABEL image=alpine:3.19", str(archive), wanted)
            docker("push", wanted)
            docker("rmi", wanted)
            site.react()
            queue = home.folder / "queue/cicd/scan-queue"
            for request in queue.iterdir():
                request.unlink()
            docker("pull", wanted)
            assert site.react() == ["114020"]
            (request,) = [json.loads(path.read_text()) for path in queue.iterdir()]
            assert (request["image"], request["reason"], request["rule"]) == (wanted, "pull", "114020")
            docker("create", "--name", "pinned", wanted + "@" + digest(docker, wanted), "/bin/busybox")
            docker("create", "--name", "same", wanted, "/bin/busybox")
            assert site.react() == ["114024", "114024"]
            assert min(json.loads(path.read_text())["image"] for path in queue.iterdir()) == wanted
            assert len(list(queue.iterdir())) == 2
            # The scanner takes what waits, and finds the image that was pulled.
            image = docker("inspect", "-f", "{{.Id}}", wanted)
            report = trivy_report(Metadata={"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": image})
            trivy = StandIn(tmp_path, "trivy", {"report": "", "reports": {image: report}})
            wodle = Wodle(
                tmp_path, trivy=trivy.tool(), engine="docker", docker_socket=socket, queue_directory=str(queue)
            )
            wodle.database()
            summaries = [one for one in of(wodle.run(), "summary") if one["scope"] == "artifact"]
            assert (summaries[0]["artifact"], summaries[0]["trigger"]) == (wanted, "pull")
            assert list(queue.iterdir()) == []
            assert image in trivy.calls()[0]["args"]


def digest(docker, name: str) -> str:
    return docker("inspect", "-f", "{{index .RepoDigests 0}}", name).partition("@")[2]


class registry:  # noqa: N801 - used as a context
    """Debian's docker-registry in a network namespace."""

    def __init__(self, net, folder: Path) -> None:
        config = folder / "registry.yml"
        config.write_text(REGISTRY % (folder / "registry"))
        try:
            self.process = net.start("docker-registry", "serve", str(config), stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            pytest.skip("docker-registry is not installed")
        self.net = net

    def __enter__(self) -> None:
        code = "import socket; socket.create_connection(('127.0.0.1', 5000), timeout=1)"
        end = time.monotonic() + 20
        while time.monotonic() < end and self.net.run("python3", "-c", code, check=False).returncode:
            if self.process.poll() is not None:
                pytest.skip("docker-registry is not installed, or does not start")
            time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
