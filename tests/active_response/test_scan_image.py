"""cicd-scan-image: what is an image, what gets into the queue."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import threading

import pytest

from ar_kit import PYTHONS, Home, load

scan_image = load("cicd-scan-image")
HEX = "0123456789abcdef" * 4
GOOD = [
    "alpine", "alpine:3.19", "library/alpine", "docker.io/library/alpine:latest", "localhost/x",
    "localhost:5000/a/b_c:v1.2-rc", "registry.example.com:5000/team/app.name/sub__x:Tag_1", f"alpine@sha256:{HEX}",
    f"ghcr.io/a/b:v1@sha256:{HEX}", f"sha256:{HEX}", HEX, HEX[:12], "a-b--c/d",
]  # fmt: skip
BAD = [
    "", " ", "alpine ", "Alpine", "alpine:", "alpine:-x", "alpine:.x", ":3.19", "/alpine", "alpine/", "a//b",
    "../etc/passwd", "a/../b", "alpine;reboot", "$(reboot)", "`x`", "-v", "--format", "alpine\n", "alpine@sha256:12",
    "alpine@", "@sha256:" + HEX, "host:port/a", "host.example.com:123456/a", "a..b", "a___b", "a_.b", "x" * 513,
    "alpine:" + "t" * 129, "<none>:<none>", "a\x00b", "-host.example.com/a", "host..example.com/a", "\u0430lpine",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_reference_or_id_is_taken_as_it_is(text):
    assert scan_image.parse_image(text) == text


@pytest.mark.parametrize("text", [*BAD, None, 5, ["alpine"], {"a": 1}])
def test_anything_else_is_refused(text):
    with pytest.raises(scan_image.Refused) as refusal:
        scan_image.parse_image(text)
    assert refusal.value.reason == "not-an-image"


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(tmp_path, "cicd-scan-image")
    made.configure(made.admin("--example-config"))
    return made


def waiting(home: Home) -> list[dict]:
    folder = home.folder / "queue/cicd/scan-queue"
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())] if folder.exists() else []


def pull(image: str) -> dict:
    return {"docker": {"Type": "image", "Action": "pull", "Actor": {"ID": image, "Attributes": {"name": "x"}}}}


def test_a_request_is_one_file_that_says_it_all(home):
    outcome = home.add(pull("ghcr.io/acme/app:v1"), extra_args=(), timeout=0, rule="114020")
    assert (outcome.keys, outcome.answer, outcome.code) == (("ghcr.io/acme/app:v1",), "continue", 0)
    (path,) = (home.folder / "queue/cicd/scan-queue").iterdir()
    stamp, _, mark = path.name.partition("-")
    assert mark == hashlib.sha256(b"ghcr.io/acme/app:v1").hexdigest()[:16] + ".json"
    request = json.loads(path.read_text())
    assert int(stamp) // 10**9 == request.pop("requested")
    assert request == {"version": 1, "image": "ghcr.io/acme/app:v1", "reason": "pull", "rule": "114020"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o770


def test_a_container_event_is_about_its_image(home):
    attributes = {"image": "nginx:1.25", "name": "web"}
    home.add({"docker": {"Type": "container", "Action": "create", "Actor": {"ID": HEX, "Attributes": attributes}}})
    assert [(one["image"], one["reason"]) for one in waiting(home)] == [("nginx:1.25", "create")]


def test_one_image_waits_once(home):
    for _ in range(3):
        home.add(pull("alpine:3.19"), extra_args=(), timeout=0)
    home.add(pull("alpine:3.20"), extra_args=(), timeout=0)
    assert [one["image"] for one in waiting(home)] == ["alpine:3.19", "alpine:3.20"]
    assert home.log()[1]["detail"] == "waits already"


def test_many_at_once_collapse_too(home):
    threads = [threading.Thread(target=home.add, args=(pull("alpine:3.19"),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waiting(home)) == 1


def test_at_the_ceiling_it_reports_instead(home):
    home.configure("max_pending = 2\n")
    for number in range(3):
        home.add(pull(f"alpine:{number}"))
    assert len(waiting(home)) == 2
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "ceiling-total")


def test_ignored_images_are_not_asked_for(home):
    home.configure("ignore = registry.example.com/cache/*\n")
    home.add(pull("registry.example.com/cache/x:1"))
    home.add(pull("registry.example.com/app:1"))
    assert [one["image"] for one in waiting(home)] == ["registry.example.com/app:1"]


def test_a_link_in_place_of_the_queue_is_not_followed(home, tmp_path):
    (home.folder / "queue/cicd").mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home.folder / "queue/cicd/scan-queue").symlink_to(elsewhere)
    assert home.add(pull("alpine:3.19")).code == 1
    assert list(elsewhere.iterdir()) == []
    assert home.last()["result"] == "failed"


def test_the_administrator_can_ask_and_look(home):
    home.admin("--scan", "alpine:3.19")
    assert "alpine:3.19" in home.admin("--list")
    assert "not-an-image" in home.admin("--scan", "a b", check=False)


def test_an_images_labels_do_not_choose_what_is_scanned(home):
    """The engine puts an image's labels among the attributes of the event about it, and its builder wrote them."""
    event = pull("registry.example.com/evil:1")
    event["docker"]["Actor"]["Attributes"]["image"] = "alpine:3.19"
    home.add(event)
    assert [one["image"] for one in waiting(home)] == ["registry.example.com/evil:1"]


@pytest.mark.parametrize("kind", [{}, {"Type": "service"}, {"Type": ["container"]}])
def test_of_an_event_about_neither_no_attribute_chooses_what_is_scanned(kind, home):
    home.add({"docker": {**kind, "Actor": {"ID": "acme/app:1", "Attributes": {"image": "evil.example/x:1"}}}})
    assert home.last().get("image") == "acme/app:1"


def test_the_id_of_a_container_is_no_image(home):
    home.add({"docker": {"Type": "container", "Action": "create", "Actor": {"ID": HEX, "Attributes": {"name": "x"}}}})
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "no-image")
    assert waiting(home) == []


def test_who_may_write_the_queue_cannot_hold_the_response(home):
    home.add(pull("alpine:3.19"))
    queue = os.open(home.folder / "queue/cicd/scan-queue", os.O_RDONLY)
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        assert home.add(pull("alpine:3.20")).seconds < 3
        assert home.last()["result"] == "done"
    finally:
        os.close(queue)


def test_the_list_shows_nothing_but_requests(home, tmp_path):
    home.admin("--scan", "alpine:3.19")
    queue = home.folder / "queue/cicd/scan-queue"
    secret = tmp_path / "secret"
    secret.write_text("SECRETWORD")
    (queue / "1-a.json").symlink_to(secret)
    os.mkfifo(queue / "2-b.json")
    (queue / "3-c.json").write_text('{"image": "x\x1b[2J"}')
    said = home.admin("--list")
    assert "alpine:3.19" in said
    assert "SECRETWORD" not in said
    assert "\x1b" not in said


def test_a_full_disk_leaves_no_half_request(home, monkeypatch):
    def full(file, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    place = scan_image.Home(str(home.script), scan_image.NAME)
    monkeypatch.setattr(scan_image.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        scan_image.enqueue(place, scan_image.Config(), "alpine:3.19", "pull", "")
    assert list((home.folder / "queue/cicd/scan-queue").iterdir()) == []


def test_an_event_of_unknown_origin_asks_for_nothing(home):
    home.add(pull("alpine:3.19"), extra_args=("from=Wazuh-Docker",))
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "origin")
    assert waiting(home) == []


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
def test_other_pythons_ask_the_same(python, home):
    home.use(python)
    home.add(pull("ghcr.io/acme/app:v1"), extra_args=(), timeout=0)
    (path,) = (home.folder / "queue/cicd/scan-queue").iterdir()
    assert path.name.endswith(hashlib.sha256(b"ghcr.io/acme/app:v1").hexdigest()[:16] + ".json")
    assert json.loads(path.read_text())["image"] == "ghcr.io/acme/app:v1"
    assert "ghcr.io/acme/app:v1" in home.admin("--list")


def test_one_repository_does_not_fill_the_queue(home):
    home.configure("max_of_repository = 3\n")
    for number in range(6):
        home.add(pull(f"registry.example.com:5000/junk:{number}"))
    assert (home.last()["reason"], home.last()["detail"]) == ("ceiling-total", "3 requests of one repository wait")
    home.add(pull("registry.example.com:5000/shop:1"))
    assert home.last()["result"] == "done"


def test_observing_asks_for_no_scan(home):
    home.configure("observe = yes\n")
    home.add(pull("alpine:3.19"))
    assert (home.last()["result"], home.last()["image"]) == ("would", "alpine:3.19")
    assert home.admin("--list") == ""
    assert '"target":"alpine:3.19"' in home.admin("--report")
