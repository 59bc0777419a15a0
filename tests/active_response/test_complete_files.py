"""A configuration or allow list that is only half there must not look like a short one."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ar_kit import Home, load

block_ip = load("cicd-block-ip")
quarantine = load("cicd-quarantine-container")
scan_image = load("cicd-scan-image")


def refusal(step) -> str:
    with pytest.raises(block_ip.Refused) as refused:
        step()
    assert refused.value.reason == "configuration"
    return refused.value.detail


def placed(folder, text: str):
    path = folder / "some.conf"
    path.write_text(text)
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"), ("\n\n", "is empty"), ("observe = no\n", ":1: not complete"),
        ("observe = no\n# en", ":2: not complete"), ("observe = no\n# end\nobserve = yes\n", ":3: not complete"),
        ("observe = no\n# end\nobserve = yes\n# end\n", ":3: lines after `# end`"), ("# end\n", "sets nothing"),
        ("# a comment\n# end\n", "sets nothing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("program", ["block_ip", "quarantine", "scan_image"])
def test_a_configuration_that_does_not_say_where_it_ends_is_refused(program, text, what, tmp_path):
    module = globals()[program]
    path = placed(tmp_path, text)
    with pytest.raises(module.Refused) as refused:
        module.Config().read(str(path))
    assert refused.value.reason == "configuration"
    assert what in refused.value.detail


def test_one_that_does_is_read(tmp_path):
    assert block_ip.Config().read(str(placed(tmp_path, "observe = yes\n# end"))).observe
    assert quarantine.Config().read(str(placed(tmp_path, "observe = yes\n# end\n\n"))).observe
    assert scan_image.Config().read(str(placed(tmp_path, "observe = yes\n# end\r\n"))).observe


@pytest.mark.parametrize(
    "text", ["", "203.0.113.1\n", "203.0.113.1\n# end\n203.0.113.2\n", "# end\n", "# none\n# end\n"]
)
def test_an_allow_file_that_is_empty_or_cut_is_refused(text, tmp_path):
    allowed = tmp_path / "allow.txt"
    allowed.write_text(text)
    allowed.chmod(0o640)
    detail = refusal(lambda: block_ip.Config().read(str(placed(tmp_path, f"allow_file = {allowed}\n# end\n"))))
    assert str(allowed) in detail


def test_the_examples_are_complete(tmp_path):
    for module in (block_ip, quarantine, scan_image):
        module.Config().read(str(placed(tmp_path, module.EXAMPLE)))


def rewrite(path, texts: list[str], done: threading.Event) -> None:
    """Write the file anew, again and again, in small pieces as an editor or a script without care does."""
    turn = 0
    while not done.is_set():
        turn += 1
        text = texts[turn % len(texts)]
        with path.open("w") as file:
            for start in range(0, len(text), 700):
                file.write(text[start : start + 700])
                file.flush()
                time.sleep(0.0003)
        time.sleep(0.03)


@pytest.mark.parametrize("what", ["configuration", "allow file"])
def test_nobody_who_is_allowed_is_lost_while_the_file_is_written(what, tmp_path):
    """Each reading gives the whole list, in one of its orders, or is refused; never a part of it, never a mixture."""
    key = "allow = " if what == "configuration" else ""
    addresses = [f"198.51.{n // 250}.{n % 250 + 1}" for n in range(1500)]
    texts = ["".join(f"{key}{one}\n" for one in order) + "# end\n" for order in (addresses, addresses[::-1])]
    path = placed(tmp_path, texts[0])
    config = path
    if what == "allow file":
        config = tmp_path / "block-ip.conf"
        config.write_text(f"allow_file = {path}\n# end\n")
        config.chmod(0o640)
    done = threading.Event()
    writer = threading.Thread(target=rewrite, args=(path, texts, done))
    writer.start()
    whole = refused = 0
    try:
        end = time.monotonic() + 6
        while time.monotonic() < end and whole + refused < 100:
            try:
                found = {str(one) for one in block_ip.Config().read(str(config)).allow}
            except block_ip.Refused as error:
                assert error.reason == "configuration"  # noqa: PT017 - refusing is right as well
                refused += 1
            else:
                assert found == set(addresses)
                whole += 1
            time.sleep(0.001)
    finally:
        done.set()
        writer.join()
    assert whole + refused >= 10
    assert block_ip.Config().read(str(config)).allow


def test_a_mixture_of_two_versions_is_not_taken_for_one(tmp_path, monkeypatch):
    """What is overwritten while it is read has a good end, and a beginning of another version."""
    old, new = (
        "".join(f"203.0.{n // 250}.{n % 250 + 1}\n" for n in order) for order in (range(9000), range(8999, -1, -1))
    )
    path = placed(tmp_path, old + "# end\n")
    os.utime(path, (1, 1))
    real, count = os.read, []

    def read(file: int, size: int) -> bytes:
        if len(count) == 1:
            path.write_text(new + "# end\n")
        count.append(1)
        return real(file, size)

    monkeypatch.setattr(block_ip.os, "read", read)
    text, stable = block_ip.read_stable(str(path))
    assert text.endswith("# end\n")
    assert len(set(text.split())) < 9000
    assert not stable


def test_a_response_waits_for_whoever_is_writing(tmp_path):
    home = Home(tmp_path, "cicd-scan-image")
    home.config.write_text("observe = yes\n")

    def complete() -> None:
        time.sleep(0.12)
        with home.config.open("a") as file:
            file.write("# end\n")

    writer = threading.Thread(target=complete)
    writer.start()
    home.add({"docker": {"Type": "image", "Actor": {"ID": "alpine:3.19"}}})
    writer.join()
    assert home.last()["result"] == "would"
