"""What is scanned: the local engine's images by exposure, queued requests, signatures, registries; with stand-ins."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from typing import TYPE_CHECKING, Any

import pytest

from scan_kit import StandIn, Wodle, of, trivy_report, vulnerability

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def image(letter: str, *tags: str, digests: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"Id": f"sha256:{letter * 64}", "RepoTags": list(tags), "RepoDigests": list(digests)}


def container(letter: str, *, published: bool = False) -> dict[str, Any]:
    return {
        "ImageID": f"sha256:{letter * 64}",
        "Ports": [{"PrivatePort": 80, **({"PublicPort": 8080} if published else {})}],
    }


class Engine:
    """Docker's API on a socket, as much of it as the wodle asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images: list[dict[str, Any]] = []
        self.containers: list[dict[str, Any]] = []
        self.status = 200
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = json.dumps(engine.images if self.path == "/images/json" else engine.containers).encode()
                self.send_response(engine.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

            def address_string(self) -> str:
                return "engine"

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "docker.sock")
    yield engine
    engine.close()


def report_of(letter: str, *vulnerabilities: dict[str, Any]) -> dict[str, Any]:
    metadata = {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": "sha256:" + letter * 64}
    return trivy_report(*vulnerabilities, Metadata=metadata)


@pytest.fixture
def trivy(tmp_path: Path) -> StandIn:
    reports = {"sha256:" + letter * 64: report_of(letter, vulnerability(1, Severity="CRITICAL")) for letter in "abcdef"}
    return StandIn(tmp_path, "trivy", {"report": "", "reports": reports})


@pytest.fixture
def wodle(tmp_path: Path, trivy: StandIn, engine: Engine) -> Wodle:
    wodle = Wodle(tmp_path, trivy=trivy.tool(), engine="docker", docker_socket=str(engine.path))
    wodle.database()
    return wodle


def summaries(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in of(events, "summary") if e["scope"] == "artifact"]


def test_what_the_world_can_reach_is_scanned_first(wodle: Wodle, engine: Engine) -> None:
    engine.images = [image("a", "stored:1"), image("b", "running:1"), image("c", "published:1"), image("d")]
    engine.containers = [container("b"), container("c", published=True), container("c")]
    found = [(e["artifact"], e["exposure"]) for e in summaries(wodle.run())]
    nameless = "sha256:" + "d" * 64
    assert found == [
        ("published:1", "published"),
        ("running:1", "running"),
        (nameless, "stored"),
        ("stored:1", "stored"),
    ]


def test_images_are_scanned_by_id_in_the_local_engine_only(wodle: Wodle, engine: Engine, trivy: StandIn) -> None:
    engine.images = [image("a", "app:1")]
    wodle.run()
    (call,) = trivy.calls()
    assert call["args"][-2:] == ["--", "sha256:" + "a" * 64]
    assert call["args"][call["args"].index("--image-src") + 1] == "docker"
    assert call["env"]["DOCKER_HOST"] == f"unix://{engine.path}"


def test_a_report_about_another_image_is_not_taken(wodle: Wodle, engine: Engine, trivy: StandIn) -> None:
    engine.images = [image("a", "app:1")]
    trivy.plan({"report": report_of("b")})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["image_mismatch"]
    assert summaries(events)[0]["outcome"] == "error"


def test_the_same_tag_with_another_image_is_scanned_again(wodle: Wodle, engine: Engine, trivy: StandIn) -> None:
    engine.images = [image("a", "app:1")]
    wodle.run()
    engine.images = [image("b", "app:1")]
    events = wodle.run()
    assert of(events, "vulnerability") == []
    assert len(trivy.calls()) == 2


def test_an_image_that_is_started_with_a_critical_finding_is_told_without_a_scan(
    wodle: Wodle, engine: Engine, trivy: StandIn
) -> None:
    engine.images = [image("a", "app:1")]
    wodle.run()
    engine.containers = [container("a")]
    (summary,) = summaries(wodle.run())
    assert (summary["trigger"], summary["exposure"], summary["critical"]) == ("started", "running", 1)
    assert summaries(wodle.run()) == []
    assert len(trivy.calls()) == 1


def test_excluded_and_stored_images_can_be_left_out(wodle: Wodle, engine: Engine) -> None:
    engine.images = [image("a", "app:1"), image("b", "other:1"), image("c", "running:1")]
    engine.containers = [container("c")]
    wodle.config.update(running_only=True)
    assert [e["artifact"] for e in summaries(wodle.run())] == ["running:1"]
    wodle.config.update(running_only=False, exclude=["other:*"])
    assert [e["artifact"] for e in summaries(wodle.run())] == ["app:1"]


def test_an_engine_that_does_not_answer_is_one_error_and_the_rest_goes_on(
    wodle: Wodle, engine: Engine, tmp_path: Path
) -> None:
    archive = tmp_path / "app.tar"
    archive.write_bytes(b"x")
    wodle.config.update(docker_socket="/nowhere.sock", archives=[str(archive)])
    StandIn(tmp_path, "trivy", {"report": trivy_report()})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["engine_unreachable"]
    assert summaries(events)[0]["outcome"] == "clean"
    wodle.config.update(docker_socket=str(engine.path), archives=[])
    engine.status = 500
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["engine_unreachable"]


def test_a_nodes_images_are_listed_through_crictl(tmp_path: Path) -> None:
    crictl = tmp_path / "crictl"
    tag = "registry.example.com/app:1"
    answers = {
        "ps": {"containers": [{"imageRef": "sha256:" + "a" * 64, "state": "CONTAINER_RUNNING"}]},
        "images": {
            "images": [
                {"id": "sha256:" + "b" * 64, "repoTags": ["b:1"]},
                {"id": "sha256:" + "a" * 64, "repoTags": [tag]},
            ]
        },
    }
    for name, answer in answers.items():
        (tmp_path / name).write_text(json.dumps(answer))
    crictl.write_text(f'#!/bin/sh\ncat "{tmp_path}/$3"\n')
    crictl.chmod(0o755)
    trivy = StandIn(tmp_path, "trivy", {"report": "", "reports": {tag: report_of("a"), "b:1": report_of("b")}})
    wodle = Wodle(tmp_path, trivy=trivy.tool(), engine="cri", crictl=str(crictl))
    wodle.database()
    assert [(e["artifact"], e["exposure"], e["outcome"]) for e in summaries(wodle.run())] == [
        (tag, "running", "clean"),
        ("b:1", "stored", "clean"),
    ]
    args = trivy.calls()[0]["args"]
    assert args[args.index("--image-src") + 1] == "containerd"


CTR = {
    "namespaces": "default\nk8s.io\n",
    "tasks": "TASK    PID    STATUS\nc2    77    RUNNING\nc3    0    STOPPED\n",
    "containers": "CONTAINER    IMAGE    RUNTIME\nc2    docker.io/library/b:1    io.containerd.runc.v2\n"
    "c3    127.0.0.1:5000/a:1    io.containerd.runc.v2\n",
    "images": "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
    f"127.0.0.1:5000/a:1 application/x sha256:{'1' * 64} 10.7 KiB linux/amd64 -\n"
    f"127.0.0.1:5000/a@sha256:{'1' * 64} application/x sha256:{'1' * 64} 10.7 KiB linux/amd64 -\n"
    f"sha256:{'a' * 64} application/x sha256:{'1' * 64} 10.7 KiB linux/amd64 io.cri-containerd.image=managed\n"
    f"docker.io/library/b:1 application/x sha256:{'2' * 64} 10.7 KiB linux/amd64,linux/arm64 -\n"
    f"--config=/etc/passwd application/x sha256:{'3' * 64} 10.7 KiB linux/amd64 -\n",
    "content": "DIGEST SIZE AGE LABELS\n"
    f"sha256:{'1' * 64}\t420B\t5 minutes\tcontainerd.io/gc.ref.content.config=sha256:{'a' * 64},"
    "containerd.io/distribution.source.127.0.0.1=a,mirror/a,other=x\n"
    f"sha256:{'2' * 64}\t420B\t5 minutes\tcontainerd.io/gc.ref.content.m.0=sha256:{'4' * 64}\n"
    f"sha256:{'4' * 64}\t420B\t5 minutes\tcontainerd.io/gc.ref.content.config=sha256:{'b' * 64}\n",
}


@pytest.fixture
def ctr(tmp_path: Path) -> Path:
    for name, answer in CTR.items():
        (tmp_path / f"ctr-{name}").write_text(answer)
    path = tmp_path / "ctr"
    # ctr --address A namespaces ls -q; ctr --address A --namespace N WHAT ls
    path.write_text(
        '#!/bin/sh\n[ "$3" = namespaces ] && exec cat "{0}/ctr-namespaces"\n'
        '[ "$4" = default ] || exit 0\nexec cat "{0}/ctr-$5"\n'.replace("{0}", str(tmp_path))
    )
    path.chmod(0o755)
    return path


def test_the_images_of_containerds_namespaces_are_listed_through_ctr(tmp_path: Path, ctr: Path) -> None:
    reports = {f"sha256:{'1' * 64}": report_of("a"), f"sha256:{'2' * 64}": report_of("b")}
    trivy = StandIn(tmp_path, "trivy", {"report": "", "reports": reports})
    wodle = Wodle(tmp_path, trivy=trivy.tool(), engine="containerd", ctr=str(ctr), trusted_registries=["docker.io"])
    wodle.database()
    events = wodle.run()
    assert [(e["artifact"], e["exposure"], e["outcome"]) for e in summaries(events)] == [
        ("docker.io/library/b:1", "running", "clean"),
        ("127.0.0.1:5000/a:1", "stored", "clean"),
    ]
    # The registry's port, which the labels leave out, comes from the image's name.
    assert [e["registry"] for e in of(events, "untrusted_registry")] == ["127.0.0.1:5000"]
    for call in trivy.calls():
        assert call["args"][call["args"].index("--image-src") + 1] == "containerd"
        assert call["env"]["CONTAINERD_NAMESPACE"] == "default"


def test_a_report_about_another_image_of_containerd_is_not_taken(tmp_path: Path, ctr: Path) -> None:
    trivy = StandIn(tmp_path, "trivy", {"report": report_of("c")})
    wodle = Wodle(tmp_path, trivy=trivy.tool(), engine="containerd", ctr=str(ctr))
    wodle.database()
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["image_mismatch"] * 2


@pytest.mark.parametrize(
    ("mode", "namespaces", "reason"),
    [
        (0o777, "default\n", "binary_unsafe"),
        (0o644, "default\n", "binary_unsafe"),
        (0o755, "--config=x\n", "engine_unreachable"),
    ],
)
def test_a_ctr_that_cannot_be_trusted_is_one_error(
    tmp_path: Path, ctr: Path, mode: int, namespaces: str, reason: str
) -> None:
    ctr.chmod(mode)
    (tmp_path / "ctr-namespaces").write_text(namespaces)
    wodle = Wodle(tmp_path, engine="containerd", ctr=str(ctr))
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == [reason]


# --------------------------------------------------------------------------------------------------------------- queue


def ask(wodle: Wodle, wanted: str, name: str = "1700000000000000000-abcdef12.json", **more: Any) -> Path:
    path = wodle.folder / "queue" / name
    request = {"version": 1, "image": wanted, "reason": "create", "requested": 1700000000, "rule": "114010", **more}
    path.write_text(json.dumps(request))
    return path


@pytest.mark.parametrize("wanted", ["app:1", "app@sha256:" + "1" * 64, "sha256:" + "a" * 64, "a" * 12, "a" * 64])
def test_a_requested_image_is_scanned_first_whatever_it_is_called(wodle: Wodle, engine: Engine, wanted: str) -> None:
    engine.images = [image("b", "other:1"), image("a", "app:1", digests=("app@sha256:" + "1" * 64,))]
    path = ask(wodle, wanted)
    first = summaries(wodle.run())[0]
    assert (first["artifact"], first["trigger"]) == ("app:1", "create")
    assert not path.exists()


def test_a_request_for_an_unchanged_image_with_a_critical_finding_is_answered(
    wodle: Wodle, engine: Engine, trivy: StandIn
) -> None:
    engine.images = [image("a", "app:1")]
    wodle.run()
    ask(wodle, "app:1")
    assert [(e["trigger"], e["critical"]) for e in summaries(wodle.run())] == [("create", 1)]
    assert len(trivy.calls()) == 1


def test_a_request_for_an_image_that_is_not_here_is_one_error(wodle: Wodle) -> None:
    ask(wodle, "gone:1")
    events = wodle.run()
    assert [(e["reason"], e["artifact"]) for e in of(events, "scan_error")] == [("no_image", "gone:1")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("evil.json", '{"version":1,"image":"app:1"}'),
        ("1700000000000000000-abcdef12.json", "{"),
        ("1700000000000000000-abcdef12.json", "[]"),
        ("1700000000000000000-abcdef12.json", '{"version":2,"image":"app:1"}'),
        ("1700000000000000000-abcdef12.json", '{"version":1,"image":"--config=/etc/passwd"}'),
        ("1700000000000000000-abcdef12.json", '{"version":1,"image":"a b;rm"}'),
        ("1700000000000000000-abcdef12.json", '{"version":1,"image":["app:1"]}'),
        ("1700000000000000000-abcdef12.json", '{"version":1,"image":"app:1","x":"' + "A" * 5000 + '"}'),
    ],
)
def test_a_malformed_request_is_one_error_and_removed(wodle: Wodle, trivy: StandIn, name: str, content: str) -> None:
    path = wodle.folder / "queue" / name
    path.write_text(content)
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["bad_request"]
    assert not path.exists()
    assert trivy.calls() == []


def test_a_link_in_the_queue_is_not_followed(wodle: Wodle, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"version":1,"image":"app:1"}')
    (wodle.folder / "queue" / "1700000000000000000-abcdef12.json").symlink_to(secret)
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["bad_request"]
    assert secret.exists()


def test_a_request_that_is_being_written_is_left_alone(wodle: Wodle) -> None:
    path = ask(wodle, "app:1", name=".1700000000000000000-abcdef12.json.new")
    assert of(wodle.run(), "scan_error") == []
    assert path.exists()


# --------------------------------------------------------------------------------------------- registries, signatures


DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("digest", "trusted", "told"),
    [
        ("registry.example.com/app@" + DIGEST, ["registry.example.com"], []),
        ("evil.example.com/app@" + DIGEST, ["registry.example.com"], ["evil.example.com"]),
        (
            "registry.example.com.evil.example.com/app@" + DIGEST,
            ["registry.example.com"],
            ["registry.example.com.evil.example.com"],
        ),
        ("nginx@" + DIGEST, ["docker.io/library"], []),  # as Docker calls docker.io/library/nginx
        ("nginx@" + DIGEST, ["docker.io"], []),
        ("acme/app@" + DIGEST, ["docker.io/acme"], []),
        ("acme-evil/app@" + DIGEST, ["docker.io/acme"], ["docker.io"]),
        ("123.dkr.ecr.eu-west-1.amazonaws.com/app@" + DIGEST, ["*.dkr.ecr.*.amazonaws.com"], []),
        ("evil.example.com/app@" + DIGEST, [], []),
        ("registry.example.com/app@sha256:1", ["registry.example.com"], ["not an image reference"]),
    ],
)
def test_an_image_of_a_registry_that_is_not_trusted_is_told_once(
    wodle: Wodle, engine: Engine, digest: str, trusted: list[str], told: list[str]
) -> None:
    engine.images = [image("a", "app:1", digests=(digest,))]
    wodle.config["trusted_registries"] = trusted
    assert [e["registry"] for e in of(wodle.run(), "untrusted_registry")] == told
    assert of(wodle.run(), "untrusted_registry") == []


def test_an_image_built_here_comes_from_no_registry(wodle: Wodle, engine: Engine) -> None:
    engine.images = [image("a", "app:1")]
    wodle.config["trusted_registries"] = ["registry.example.com"]
    assert of(wodle.run(), "untrusted_registry") == []


REPOSITORY_DIGEST = "registry.example.com/app@sha256:" + "1" * 64


@pytest.fixture
def cosign(wodle: Wodle, engine: Engine, tmp_path: Path) -> StandIn:
    cosign = StandIn(tmp_path, "cosign", {})
    engine.images = [image("a", "registry.example.com/app:1", digests=(REPOSITORY_DIGEST,))]
    rule = {"images": ["registry.example.com/*"], "key": "/etc/cosign.pub"}
    wodle.config.update(cosign=cosign.tool(version="3.1.2"), signatures=[rule])
    return cosign


def test_a_signed_image_is_no_event(wodle: Wodle, cosign: StandIn) -> None:
    assert of(wodle.run(), "unsigned_image", "scan_error") == []
    args = cosign.calls()[0]["args"]
    assert args == ["verify", "--output", "json", "--key", "/etc/cosign.pub", "--", REPOSITORY_DIGEST]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"exit": 10}, "no_signature"),
        ({"exit": 11}, "not_in_registry"),
        ({"exit": 12}, "no_matching_signature"),
        ({"exit": 13}, "no_certificate"),
        (
            {"exit": 12, "stderr": "none of the expected identities matched what was in the certificate"},
            "wrong_identity",
        ),
        ({"exit": 1, "stderr": "Error: no signatures found"}, "no_signature"),
        ({"exit": 1, "stderr": "Error: no matching attestations: failed to verify signature"}, "no_matching_signature"),
        (
            {"exit": 1, "stderr": "no matching CertificateIdentity found, last error: expected SAN value"},
            "wrong_identity",
        ),
    ],
)
def test_an_image_that_is_not_signed_as_wanted_is_told_once(
    wodle: Wodle, cosign: StandIn, plan: dict[str, Any], reason: str
) -> None:
    cosign.plan(plan)
    assert [e["reason"] for e in of(wodle.run(), "unsigned_image", "scan_error")] == [reason]
    assert of(wodle.run(), "unsigned_image") == []
    assert len(cosign.calls()) == 1


def test_a_signature_that_cannot_be_checked_is_an_error_and_checked_again(wodle: Wodle, cosign: StandIn) -> None:
    cosign.plan({"exit": 1, "stderr": "dial tcp: i/o timeout"})
    assert [e["reason"] for e in of(wodle.run(), "unsigned_image", "scan_error")] == ["signature_unverifiable"]
    cosign.plan({})
    assert of(wodle.run(), "unsigned_image", "scan_error") == []


def test_an_image_made_here_cannot_be_signed_and_that_is_told_once(
    wodle: Wodle, engine: Engine, cosign: StandIn
) -> None:
    engine.images = [image("a", "registry.example.com/app:1")]
    assert [e["reason"] for e in of(wodle.run(), "unsigned_image", "scan_error")] == ["not_in_registry"]
    assert of(wodle.run(), "unsigned_image", "scan_error") == []
    assert cosign.calls() == []


def test_the_signature_is_looked_for_in_the_repository_that_the_rule_is_about(
    wodle: Wodle, engine: Engine, cosign: StandIn
) -> None:
    engine.images = [image("a", "app:1", digests=("mirror.example.com/app@sha256:" + "1" * 64, REPOSITORY_DIGEST))]
    wodle.run()
    assert [call["args"][-1] for call in cosign.calls()] == [REPOSITORY_DIGEST]


def test_who_must_have_signed_is_handed_to_cosign(wodle: Wodle, cosign: StandIn) -> None:
    rule = {
        "images": ["*"],
        "identity_regexp": "^https://github.com/acme/",
        "issuer": "https://token.actions.githubusercontent.com",
        "trusted_root": "/etc/cosign/root.json",
        "transparency_log": False,
        "certificate_log": False,
    }
    wodle.config["signatures"] = [rule]
    wodle.run()
    assert cosign.calls()[0]["args"] == [
        *("verify", "--output", "json"),
        *("--certificate-identity-regexp", rule["identity_regexp"]),
        *("--certificate-oidc-issuer", rule["issuer"]),
        *("--trusted-root", rule["trusted_root"]),
        *("--insecure-ignore-tlog=true", "--insecure-ignore-sct=true", "--", REPOSITORY_DIGEST),
    ]


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2.6.1", ["denied_version"]),
        ("2.6.2", []),
        ("3.0.3", ["denied_version"]),
        ("3.0.4", []),
        ("1.13.0", ["denied_version"]),
    ],
)
def test_a_cosign_that_does_not_check_bundles_is_not_used(
    wodle: Wodle, cosign: StandIn, version: str, told: list[str]
) -> None:
    wodle.config["cosign"] = cosign.tool(version=version)
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == told
