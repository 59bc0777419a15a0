"""What all responses share, in each of them: they run where nothing is installed, and trust nothing others wrote."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ar_kit import PYTHONS, SCRIPTS, Home, load

NAMES = sorted(path.name for path in SCRIPTS.glob("cicd-*"))


def test_all_three_are_there():
    assert NAMES == ["cicd-block-ip", "cicd-quarantine-container", "cicd-scan-image"]


@pytest.mark.parametrize("name", NAMES)
def test_a_script_is_executable_and_python_3_6(name):
    path = SCRIPTS / name
    assert path.stat().st_mode & stat.S_IXUSR
    vermin = shutil.which("vermin") or str(Path(sys.executable).with_name("vermin"))
    if not os.access(vermin, os.X_OK):
        pytest.skip("vermin is not installed")
    done = subprocess.run([vermin, "-t=3.6-", "--no-tips", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_no_shell_and_nothing_evaluated(name):
    for node in ast.walk(ast.parse((SCRIPTS / name).read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in (
                "eval",
                "exec",
                "os.system",
                "os.popen",
                "subprocess.run",
                "subprocess.call",
                "__import__",
            )
            assert not any(word.arg == "shell" for word in node.keywords)


@pytest.mark.parametrize("python", PYTHONS, ids=lambda path: path.parts[-3])
@pytest.mark.parametrize("name", NAMES)
def test_other_pythons_refuse_as_well(name, python, tmp_path):
    """Parsing, configuration and refusals; what needs the kernel is in test_block_kernel."""
    home = Home(tmp_path, name)
    home.use(python)
    home.configure(home.admin("--example-config"))
    data = {"srcip": "127.0.0.1", "docker": {"Actor": {"ID": "not an id"}}}
    outcome = home.add(data)
    assert outcome.code == 0
    assert outcome.said == ""
    assert home.last()["result"] == "refused"
    assert home.last()["reason"] in ("loopback", "not-a-container", "not-an-image")


@pytest.mark.parametrize("name", NAMES)
def test_compiled_code_is_kept_for_root_only_and_made_anew_when_the_script_changes(name, tmp_path):
    home = Home(tmp_path, name)
    home.configure(home.admin("--example-config"))
    home.state.mkdir(parents=True, mode=0o700)
    home.admin("--example-config")
    kept = home.state / f"{name}.code"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_bytes()
    home.script.write_text(home.script.read_text().replace('NAME = "cicd-', 'NAME = "CICD-', 1))
    home.admin("--example-config")
    assert kept.read_bytes() != before


@pytest.mark.parametrize("spoil", ["garbage", "loose", "link"])
def test_spoilt_compiled_code_is_not_run(spoil, tmp_path):
    home = Home(tmp_path / "home", "cicd-scan-image")
    home.state.mkdir(parents=True, mode=0o700)
    home.admin("--example-config")
    kept = home.state / "cicd-scan-image.code"
    good = kept.read_bytes()
    evil = good.replace(b"cicd-scan-image: which images", b"cicd-EVIL-image: which images")
    assert evil != good
    if spoil == "garbage":
        kept.write_bytes(good.partition(b"\n")[0] + b" 1\n" + evil.partition(b"\n")[2])
    elif spoil == "loose":
        kept.write_bytes(evil)
        kept.chmod(0o666)
    else:
        (tmp_path / "evil").write_bytes(evil)
        kept.unlink()
        kept.symlink_to(tmp_path / "evil")
    assert "EVIL" not in home.admin("--example-config")


@pytest.mark.parametrize("name", NAMES)
def test_a_script_or_configuration_that_others_can_change_is_not_acted_on(name, tmp_path):
    home = Home(tmp_path, name)
    home.configure(home.admin("--example-config"))
    data = {"srcip": "198.51.100.7", "docker": {"Actor": {"ID": "0123456789abcdef"}}}
    home.config.chmod(0o666)
    assert home.add(data).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "permissions")
    home.config.chmod(0o640)
    home.script.chmod(0o770)
    assert home.add(data).said == ""
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "permissions")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", [None, "nonsense\n", "allow_all = yes\n", "field = $(x)\n", "max_blocks = -1\n"])
def test_a_configuration_that_is_not_right_stops_everything_and_says_where(name, text, tmp_path):
    home = Home(tmp_path, name)
    if text is None:
        home.config.unlink()
    else:
        home.configure("# fine\n" + text)
    outcome = home.add({"srcip": "198.51.100.7", "docker": {"Actor": {"ID": "0123456789abcdef"}}})
    assert (outcome.said, outcome.code) == ("", 0)
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "configuration")
    assert str(home.config) + (":2" if text else "") in home.last()["detail"]


@pytest.mark.parametrize("trap", ["symlink", "hard link", "fifo"])
def test_the_log_is_never_written_through_a_trap(trap, tmp_path):
    home = Home(tmp_path / "home", "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    target = tmp_path / "shadow"
    target.write_text("keep me")
    log = home.folder / "logs/cicd/response.log"
    log.parent.mkdir()
    if trap == "symlink":
        log.symlink_to(target)
    elif trap == "hard link":
        os.link(target, log)
    else:
        os.mkfifo(log)
    outcome = home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}})
    assert outcome.code == 1
    assert target.read_text() == "keep me"


def test_nothing_is_written_where_a_link_in_place_of_the_logs_folder_points_to(tmp_path):
    home = Home(tmp_path / "home", "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home.folder / "logs/cicd").symlink_to(elsewhere)
    assert home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}}).code == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.root
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_swapped_for_a_link_while_it_is_made_gives_nobody_elses_file_to_the_group(
    name, tmp_path, monkeypatch
):
    """The logs' folder belongs to the user wazuh, who can rename what root makes in it."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = load(name)
    logs, shadow = tmp_path / "logs", tmp_path / "shadow"
    logs.mkdir()
    os.chown(logs, 8765, 8765)
    shadow.mkdir()
    really_make = script.os.mkdir

    def swapped(path, mode):
        really_make(path, mode)
        Path(path).rename(f"{path}.gone")
        Path(path).symlink_to(shadow)

    monkeypatch.setattr(script.os, "mkdir", swapped)
    with pytest.raises(OSError, match=r"Not a directory|symbolic"):
        script.open_folder(str(logs / "cicd"), 0o750)
    assert shadow.stat().st_gid == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_another_process_makes_at_the_same_time_is_taken(name, tmp_path, monkeypatch):
    script = load(name)
    path = str(tmp_path / "queue/cicd/response")
    really_make = script.os.mkdir

    def late(wanted, mode):
        """Another process has been faster, each time when this one has found out that the folder above is missing."""
        try:
            really_make(wanted, mode)
        except FileNotFoundError:
            Path(wanted).mkdir(parents=True)
            raise

    monkeypatch.setattr(script.os, "mkdir", late)
    os.close(script.open_folder(path, 0o700))
    assert Path(path).is_dir()


@pytest.mark.root
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_somebody_else_is_not_given_away_either(name, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = load(name)
    os.chown(tmp_path, 8765, 8765)
    os.close(script.open_folder(str(tmp_path / "queue/cicd/response"), 0o700))
    info = (tmp_path / "queue/cicd/response").stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (0, 8765, 0o700)
    os.chown(tmp_path / "queue/cicd", 8765, 8765)
    with pytest.raises(script.Refused, match="the folder of the state can be written by others"):
        script.open_state(str(tmp_path / "queue/cicd/response"))


def test_a_line_that_a_full_disk_cut_off_does_not_spoil_the_next(tmp_path):
    home = Home(tmp_path, "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}})
    log = home.folder / "logs/cicd/response.log"
    with log.open("ab") as file:
        file.write(b'{"integration":"cicd-response","cicd":{"resp')
    home.add({"docker": {"Actor": {"ID": "alpine:3.20"}}})
    lines = log.read_text().splitlines()
    assert len(lines) == 3
    assert json.loads(lines[2])["cicd"]["image"] == "alpine:3.20"


@pytest.mark.parametrize("name", NAMES)
def test_a_log_that_another_process_has_begun_anew_is_not_renamed_again(name, tmp_path):
    script = load(name)
    log = tmp_path / script.LOG
    log.write_text("old")
    folder = os.open(tmp_path, os.O_RDONLY)
    first, second = os.open(log, os.O_RDWR), os.open(log, os.O_RDWR)
    try:
        info = os.fstat(first)
        script.begin_anew(folder, first, info)
        log.write_text("new")
        os.close(first)  # and with it the lock
        script.begin_anew(folder, second, info)
        assert (log.read_text(), Path(f"{log}.1").read_text()) == ("new", "old")
        # Somebody who may read the log can hold its lock, and holds nobody up by it.
        third = os.open(log, os.O_RDONLY)
        fcntl.flock(third, fcntl.LOCK_EX)
        fourth = os.open(log, os.O_RDWR)
        script.begin_anew(folder, fourth, os.fstat(fourth))
        assert log.read_text() == "new"
        os.close(third)
        os.close(fourth)
    finally:
        os.close(second)
        os.close(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_in_place_of_the_configuration_is_refused_at_once(name, tmp_path):
    home = Home(tmp_path, name)
    home.config.unlink()
    os.mkfifo(home.config, 0o640)
    outcome = home.add({"srcip": "198.51.100.7", "docker": {"Actor": {"ID": "0123456789abcdef"}}})
    assert (outcome.said, outcome.code) == ("", 0)
    assert outcome.seconds < 3
    assert (home.last()["result"], home.last()["reason"]) == ("refused", "permissions")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("origins", "location", "fits"),
    [
        (["from=Wazuh-Docker"], "Wazuh-Docker", True),
        (["from=github", "from=Wazuh-Docker"], "Wazuh-Docker", True),
        (["from=/var/log/x.json"], "/var/log/x.json", True),
        (["from=Wazuh-Docker"], "/var/log/job-output.json", False),
        (["from=Wazuh-Docker"], "x->Wazuh-Docker", False),
        (["from=Wazuh-Docker"], ["Wazuh-Docker"], False),
        (["from=Wazuh-Docker"], None, False),
        ([], "/var/log/job-output.json", True),
    ],
)
def test_an_event_must_come_from_where_the_binding_says(name, origins, location, fits, tmp_path):
    script = load(name)
    parameters = {"extra_args": origins, "alert": {"location": location, "data": {}}}
    request = script.Request({"command": "add", "parameters": parameters}, name, ())
    if fits:
        request.check_origin()
    else:
        with pytest.raises(script.Refused, match="origin"):
            request.check_origin()


@pytest.mark.parametrize("name", NAMES)
def test_of_a_message_of_wazuh_5_nobody_can_tell_where_it_comes_from(name):
    script = load(name)
    message = {
        "command": "enable",
        "location": "github",
        "wazuh": {"active_response": {"extra_arguments": "from=github"}},
    }
    with pytest.raises(script.Refused, match="origin"):
        script.Request(message, name, ()).check_origin()


def test_the_log_begins_anew_when_it_is_long(tmp_path):
    home = Home(tmp_path, "cicd-scan-image")
    home.configure(home.admin("--example-config"))
    home.add({"docker": {"Actor": {"ID": "alpine:3.19"}}})
    log = home.folder / "logs/cicd/response.log"
    with log.open("ab") as file:
        file.truncate(10485761)
    home.add({"docker": {"Actor": {"ID": "alpine:3.20"}}})
    home.add({"docker": {"Actor": {"ID": "alpine:3.21"}}})
    assert [entry["image"] for entry in home.log()] == ["alpine:3.21"]
    assert (log.parent / "response.log.1").exists()


TWICE = (
    '"parameters":{"alert":{"data":{"srcip":"198.51.100.7","srcip":"198.51.100.9"}}}',
    '"parameters":{"alert":{"data":{"srcip":"198.51.100.7"},"data":{"srcip":"198.51.100.9"}}}',
    '"command":"delete","parameters":{"alert":{"data":{"srcip":"198.51.100.7"}}}',
    '"parameters":{"alert":{"data":{"srcip":"198.51.100.7","\\u0073rcip":"198.51.100.9"}}}',
)


@pytest.mark.parametrize("text", TWICE)
@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_comes_twice_is_refused(name, text, tmp_path):
    home = Home(tmp_path, name)
    home.configure(home.admin("--example-config"))
    outcome = home.execd().run(b'{"version":1,"command":"add",%s}\n' % text.encode())
    assert (outcome.said, outcome.code) == ("", 0)
    assert (home.last()["reason"], home.last()["detail"]) == ("message", "a key comes twice")


@pytest.mark.parametrize("closed", ["0<&-", "2>&-", "1>&-", "2>/dev/full", "0<&- 1>&- 2>&-"])
def test_a_closed_standard_file_silences_nobody(closed, tmp_path):
    home = Home(tmp_path, "cicd-scan-image")
    home.configure("observe = yes\n")
    (tmp_path / "queue/sockets").mkdir()
    (tmp_path / "logs/cicd").mkdir()
    (tmp_path / "logs/cicd/response.log").symlink_to("/nowhere")  # as good as a full disk
    line = json.dumps({"version": 1, "command": "add", "parameters": {"alert": {"data": {}}}})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as queue:
        queue.bind(str(tmp_path / "queue/sockets/queue"))
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {home.script} {closed}"], input=line + "\n", text=True, check=False, timeout=20
        )
        queue.settimeout(2)
        entry = json.loads(queue.recv(65536).decode().split(":", 2)[2])["cicd"]
    assert done.returncode == 1
    assert (entry["result"], entry["reason"]) == ("refused", "message" if "0<" in closed else "no-image")
