"""What a process with the rights of the manager's own user may try while root installs, and what it must not get."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import socket
import stat
import struct
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

from install.trees import desired, make_root, snapshot
from wazuh_cicd.install.apply import apply, rollback
from wazuh_cicd.install.desired import nothing
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.local import LocalTarget
from wazuh_cicd.install.plan import make_plan
from wazuh_cicd.install.status import status_of
from wazuh_cicd.install.verify import verify
from wazuh_cicd.manager.sockets import UnixChannel

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand folders to another user")
STAND_IN = (54321, 54321)
LIST = "etc/lists/cicd/trusted_actors"
STATE = "var/wazuh-cicd"
SHADOW = "root:$y$hash:1\n"
LINE = "wazuh ALL=(ALL) NOPASSWD: ALL\n"
PROGRAM = "active-response/bin/cicd-block-ip"
FORGED = {"id": "20260101T000000Z-00", "version": "1", "phase": "writing", "activation": "nothing"}


def manager_user() -> tuple[int, int]:
    """The real one where there is one."""
    try:
        entry = pwd.getpwnam("wazuh")
    except KeyError:
        return STAND_IN
    return entry.pw_uid, entry.pw_gid


USER, GROUP = manager_user()


def own(root: Path) -> None:
    """Owners and modes as Wazuh's packages make them."""
    if os.geteuid() != 0:
        return
    for place in [root, *root.rglob("*")]:
        os.chown(place, 0, GROUP)
        if place.is_dir():
            place.chmod(0o750)
    for folder, mode in {"etc": 0o770, "etc/rules": 0o770, "etc/decoders": 0o770, "etc/lists": 0o770}.items():
        if folder != "etc":
            for place in [root / folder, *(root / folder).rglob("*")]:
                os.chown(place, USER, GROUP)
        (root / folder).chmod(mode)


def as_manager_user(work) -> None:
    """Do it with the rights of the manager's user (or with ours, where we are nobody special)."""
    if os.geteuid() != 0:
        work()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(USER)
            work()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0, "the attacker could not do this at all"


@pytest.fixture
def host():
    """A manager's folder, and beside it files of the host that are none of the manager's business."""
    with tempfile.TemporaryDirectory(prefix="att") as folder:
        base = Path(folder)
        base.chmod(0o755)
        (base / "sudoers.d").mkdir(mode=0o755)
        (base / "shadow").write_text(SHADOW)
        (base / "shadow").chmod(0o600)
        (base / "passwd").write_text("root:x:0:0\n")
        own(make_root(base / "ossec"))
        yield base


@pytest.fixture
def root(host):
    return host / "ossec"


def others(host: Path) -> dict:
    """Everything outside the manager's folder: content, owner, mode."""
    found = {}
    for place in sorted(host.rglob("*")):
        if "ossec" not in place.relative_to(host).parts:
            status = place.lstat()
            content = place.read_bytes() if place.is_file() else None
            found[str(place.relative_to(host))] = (content, status.st_uid, oct(status.st_mode))
    return found


def holds_secret(root: Path) -> list[str]:
    return [
        str(place)
        for place in root.rglob("*")
        if place.is_file() and not place.is_symlink() and place.stat().st_uid != 0 and SHADOW in place.read_text()
    ]


def install(root, said=None, goal=None):
    apply(LocalTarget(root), goal or desired(), say=(said if said is not None else []).append)


def write_record(root, *lines):
    text = "version:0.1.0\nid_base:111000\nsources:github\nresponses:\n" + "".join(f"{line}\n" for line in lines)
    (root / "etc/lists/cicd_installed").write_text(text)


VERBS = {
    "plan": lambda root: make_plan(LocalTarget(root), desired(version="2.0")),
    "apply": lambda root: install(root, goal=desired((111002,), version="2.0")),
    "verify": lambda root: verify(LocalTarget(root), desired()),
    "rollback": lambda root: rollback(LocalTarget(root), say=lambda line: None),
    "uninstall": lambda root: install(root, goal=nothing()),
}


def test_a_line_of_the_managers_user_does_not_end_in_a_folder_behind_a_link(host, root):
    def attack():
        (root / "etc/lists/cicd").symlink_to(host / "sudoers.d")
        (root / "etc/lists/cicd_trusted_actors").write_text(LINE)
        write_record(root, f"file=etc/lists/cicd_trusted_actors:{'0' * 64}")

    as_manager_user(attack)
    before = others(host)
    with pytest.raises(InstallError, match="link"):
        install(root)
    assert others(host) == before


@pytest.mark.parametrize("path", ["HOST/passwd", "../passwd", "etc/rules/local_rules.xml", "etc/ossec.conf", "bin/x"])
def test_a_record_that_names_a_path_which_is_not_ours_is_refused(host, root, path):
    path = path.replace("HOST", str(host))
    as_manager_user(lambda: write_record(root, f"file={path}:{'0' * 64}"))
    before, tree = others(host), snapshot(root)
    with pytest.raises(InstallError, match="no file of wazuh-cicd"):
        install(root)
    assert others(host) == before
    assert snapshot(root) == tree


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", ["list", "rules", "conf"])
def test_a_file_that_became_a_link_is_neither_read_nor_written(host, root, verb, what):
    install(root)
    path = {"list": LIST, "rules": "etc/rules/1110-cicd_github_rules.xml", "conf": "etc/ossec.conf"}[what]
    (host / "victim").write_bytes((root / path).read_bytes())
    (host / "victim").chmod(0o600)

    def attack():
        (root / path).rename(root / f"{path}.away")
        (root / path).symlink_to(host / "victim")

    as_manager_user(attack)
    before = others(host)
    with pytest.raises(InstallError, match="link"):
        VERBS[verb](root)
    assert others(host) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_folder_that_became_a_link_is_not_entered(host, root, verb):
    install(root)
    for name in ("trusted_actors", "networks", "trusted_actors.cdb"):
        (host / "sudoers.d" / name).write_text("x\n")

    def attack():
        (root / "etc/lists/cicd").rename(root / "etc/lists/away")
        (root / "etc/lists/cicd").symlink_to(host / "sudoers.d")

    as_manager_user(attack)
    before = others(host)
    with pytest.raises(InstallError, match="link"):
        VERBS[verb](root)
    assert others(host) == before


def test_a_link_to_a_secret_is_not_copied_into_a_readable_list(host, root):
    def attack():
        (root / "etc/lists/cicd_trusted_actors").symlink_to(host / "shadow")
        write_record(root, f"file=etc/lists/cicd_trusted_actors:{'0' * 64}")

    as_manager_user(attack)
    with pytest.raises(InstallError, match="link"):
        install(root)
    assert not holds_secret(root)


def test_a_second_name_of_a_secret_is_not_copied_into_a_readable_list(host, root):
    # What fs.protected_hardlinks=0 lets the manager's user do.
    as_manager_user(lambda: write_record(root, f"file=etc/lists/cicd_trusted_actors:{'0' * 64}"))
    os.link(host / "shadow", root / "etc/lists/cicd_trusted_actors")
    with pytest.raises(InstallError, match="second name"):
        install(root)
    assert not holds_secret(root)


def test_our_own_backups_are_no_foreign_names(root):
    install(root)
    install(root, goal=desired(text="newer", version="2.0"))
    assert (root / LIST).stat().st_nlink == 1
    rollback(LocalTarget(root), say=lambda line: None)
    assert not verify(LocalTarget(root), desired()).failures


@pytest.mark.root
@NEEDS_ROOT
def test_a_file_of_a_third_user_is_refused(root):
    install(root)
    os.chown(root / LIST, 4711, GROUP)
    with pytest.raises(InstallError, match="belongs to user 4711"):
        make_plan(LocalTarget(root), desired(version="2.0"))


@pytest.mark.root
@NEEDS_ROOT
def test_what_only_root_could_read_stays_so_when_the_list_moves(root):
    # A list that the API's layout had; an administrator closed it.
    place = root / "etc/lists/cicd_trusted_actors"
    place.write_text("secret-account:x\n")
    place.chmod(0o600)
    write_record(root, f"list=trusted_actors:{'0' * 64}")
    install(root)
    status = (root / LIST).stat()
    assert (root / LIST).read_text() == "secret-account:x\n"
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)


@pytest.mark.parametrize("kind", ["pipe", "large"])
def test_what_would_hold_us_up_is_refused_at_once(root, kind):
    install(root)

    def attack():
        (root / LIST).unlink()
        if kind == "pipe":
            os.mkfifo(root / LIST)
        else:
            with (root / LIST).open("wb") as stream:
                stream.truncate(1 << 32)

    as_manager_user(attack)
    with pytest.raises(InstallError, match=r"no ordinary file|larger than"):
        make_plan(LocalTarget(root), desired(version="2.0"))


ANSWERS = [
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b'{"error":0,"data":[1]}',
    b'{"error":"x","data":[1]}',
    b'{"error":[1]}',
    b'{"error":0,"data":{"uptime":"x","messages":1,"token":"../../../security/users","output":{}}}',
    b'{"error":0,"data":{"token":"a","output":{"rule":{"id":"x"}}}}',
    b'{"error":0,"data":{"token":"a","output":[1],"codemsg":"x"}}',
    b'{"error":0,"data":{"codemsg":"x"}}',
    None,
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_no_answer_of_a_socket_is_a_traceback_or_holds_us_up(root, answer, monkeypatch):
    install(root)
    monkeypatch.setattr("wazuh_cicd.install.local.UnixChannel", lambda path, timeout=0: UnixChannel(path, timeout=0.3))
    stop = threading.Event()

    def say(connection):
        connection.recv(65536)
        with suppress(OSError):
            if answer is not None:
                connection.sendall(struct.pack("<I", len(answer)) + answer)
                return
            connection.sendall(struct.pack("<I", 1 << 20))
            while not stop.wait(0.2):
                connection.sendall(b" ")

    def serve(listener):
        while not stop.is_set():
            with suppress(TimeoutError), listener.accept()[0] as connection:
                say(connection)

    threads = []
    for name in ("analysis", "logtest"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(root / "queue/sockets" / name))
        listener.listen(4)
        listener.settimeout(0.1)
        threads.append((threading.Thread(target=serve, args=(listener,), daemon=True), listener))
        threads[-1][0].start()
    began = time.monotonic()
    try:
        status_of(LocalTarget(root))
        assert verify(LocalTarget(root), desired()).code != 0
        with suppress(InstallError):
            install(root, goal=desired((111002,), version="2.0"))
    finally:
        stop.set()
        for thread, listener in threads:
            thread.join()
            listener.close()
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "line", ["status:zzz", "id_base:-9", f"id_base:{'9' * 400}", "responses:../x\nrule=1:x\nrule=x:y"]
)
def test_an_odd_record_is_one_clear_error(root, line):
    as_manager_user(lambda: write_record(root, line))
    with pytest.raises(InstallError, match="cannot be read"):
        make_plan(LocalTarget(root), desired())


# Between check and use


def swap_before(monkeypatch, name, when, attack):
    """Let the attacker act right before the system call ``os.<name>`` whose arguments ``when`` accepts."""
    real = getattr(os, name)
    done = []

    def wrapped(*arguments, **options):
        if not done and when(*arguments):
            done.append(True)
            as_manager_user(attack)
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, wrapped)
    return done


def test_a_draft_that_is_exchanged_does_not_come_into_place(host, root, monkeypatch):
    def attack():
        draft = next((root / "etc/lists/cicd").glob(".trusted_actors.cicd-*"))
        draft.unlink()
        draft.symlink_to(host / "shadow")

    swapped = swap_before(monkeypatch, "rename", lambda old, new, *_: "networks" in str(new), attack)
    before = others(host)
    with pytest.raises(InstallError):
        install(root)
    assert swapped
    assert others(host) == before
    assert not (root / LIST).is_symlink()


def test_a_folder_exchanged_right_after_it_was_made_is_not_given_away(host, root, monkeypatch):
    real = os.mkdir

    def mkdir(path, mode=0o777, **options):
        real(path, mode, **options)
        if str(path).rsplit("/", 1)[-1] == "cicd":

            def attack():
                (root / "etc/lists/cicd").rename(root / "etc/lists/away")
                (root / "etc/lists/cicd").symlink_to(host / "sudoers.d")

            as_manager_user(attack)

    monkeypatch.setattr(os, "mkdir", mkdir)
    before = others(host)
    with pytest.raises(InstallError):
        install(root)
    assert others(host) == before


def test_a_file_exchanged_before_it_is_kept_is_not_kept(host, root, monkeypatch):
    install(root)

    def attack():
        (root / LIST).unlink()
        (root / LIST).symlink_to(host / "shadow")

    swapped = swap_before(monkeypatch, "link", lambda old, *_: str(old).endswith("trusted_actors"), attack)
    with pytest.raises(InstallError):
        install(root, goal=desired(lists={"trusted_actors": b"new:1\n"}, version="2.0"))
    assert swapped
    with suppress(InstallError):
        rollback(LocalTarget(root), say=lambda line: None)
    assert not holds_secret(root)


@pytest.mark.parametrize("path", ["etc/ossec.conf", LIST])
def test_an_edit_made_while_it_runs_is_not_lost(root, path):
    install(root)

    class Slow(LocalTarget):
        def check(self):
            # Between plan and writing.
            as_manager_user(lambda: (root / path).write_bytes((root / path).read_bytes() + b"\n"))
            return []

    top = b"<ossec_config>\n</ossec_config>\n"
    goal = desired(lists={"trusted_actors": b"new:1\n"}, version="2.0", top=top)
    edited = (root / path).read_bytes() + b"\n"
    with pytest.raises(InstallError, match="changed by somebody else"):
        apply(Slow(root), goal, say=lambda line: None)
    assert (root / path).read_bytes() == edited


# The folder of journals and backups


def test_journals_and_backups_are_for_root_alone_and_keep_their_modes(root):
    old_mask = os.umask(0)
    try:
        (root / "etc/ossec.conf").chmod(0o640)
        install(root)
        install(root, goal=desired(text="newer", version="2.0"))
    finally:
        os.umask(old_mask)
    state = root / STATE
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    for name in ("installed", "lock"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600
    kept = {place: stat.S_IMODE(place.stat().st_mode) for place in state.rglob("*/0*") if place.is_file()}
    confs = [mode for place, mode in kept.items() if b"<ossec_config>" in place.read_bytes()]
    assert confs == [0o640]
    assert all(not mode & 0o007 for mode in kept.values())
    assert all(stat.S_IMODE(place.stat().st_mode) == 0o600 for place in state.rglob("journal.json"))
    assert not (root / "etc/lists/cicd_installed").exists()


def test_a_folder_that_was_open_to_readers_is_closed(root):
    install(root)
    (root / STATE).chmod(0o755)
    install(root, goal=desired(version="2.0"))
    assert stat.S_IMODE((root / STATE).stat().st_mode) == 0o700


LOOKING = [*((verb, "") for verb in VERBS), ("rollback", "backup"), ("rollback", f"backup/{FORGED['id']}")]


@pytest.mark.parametrize(("verb", "place"), LOOKING)
def test_a_folder_of_journals_that_others_could_write_is_not_believed(root, verb, place):
    # Such as one of the manager's own folders in var, which belong to root and which its group may write.
    backup = root / STATE / "backup" / FORGED["id"]
    backup.mkdir(parents=True)
    (root / STATE).chmod(0o700)
    (root / STATE / place).chmod(0o770)
    (backup / "0000").write_text("#!/bin/sh\n")
    entry = {"path": PROGRAM, "backup": "0000", "after": None}
    (backup / "journal.json").write_text(json.dumps({**FORGED, "phase": "done", "entries": [entry]}))
    if not place:
        (root / STATE / "journal.json").write_text(json.dumps({**FORGED, "entries": [entry]}))
    with pytest.raises(InstallError, match="may be written by others"):
        VERBS[verb](root)
    assert not (root / PROGRAM).exists()


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("how", ["owner", "mode", "name"])
def test_a_journal_that_another_could_write_is_not_believed(host, root, how):
    state = root / STATE
    state.mkdir(mode=0o700)
    (state / "journal.json").write_text(json.dumps({**FORGED, "entries": []}))
    if how == "owner":
        os.chown(state / "journal.json", USER, GROUP)
    elif how == "mode":
        (state / "journal.json").chmod(0o666)
    else:
        os.link(state / "journal.json", host / "another-name")
    with pytest.raises(InstallError, match="may have been written"):
        rollback(LocalTarget(root), say=lambda line: None)


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("verb", VERBS)
def test_a_journal_in_a_folder_of_another_user_is_not_believed(host, root, verb):
    state = root / STATE
    state.mkdir()
    entry = {"path": LIST, "backup": "0000", "after": None}
    journal = {"id": "20260101T000000Z-00", "version": "1", "phase": "done", "activation": "nothing"}
    (state / "backup" / journal["id"]).mkdir(parents=True)
    (state / "backup" / journal["id"] / "0000").write_text(LINE)
    (state / "journal.json").write_text(json.dumps({**journal, "entries": [entry]}))
    for place in [state, *state.rglob("*")]:
        os.chown(place, USER, GROUP)
    before = snapshot(root, leave_out=())
    with pytest.raises(InstallError, match=f"belongs to user {USER}"):
        VERBS[verb](root)
    assert snapshot(root, leave_out=()) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_link_in_place_of_the_folder_of_journals_is_not_followed(host, root, verb):
    (host / "elsewhere").mkdir()
    (root / STATE).symlink_to(host / "elsewhere")
    before = others(host)
    with pytest.raises(InstallError, match="link"):
        VERBS[verb](root)
    assert others(host) == before


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "HOST/passwd", "backup": None, "after": None},
        {"path": "etc/../../passwd", "backup": None, "after": None},
        {"path": "etc/rules/local_rules.xml", "backup": None, "after": None},
        {"path": "bin/wazuh-control", "backup": None, "after": None},
        {"path": f"{LIST}\n", "backup": None, "after": None},
        {"path": LIST, "backup": "../../../../shadow", "after": None},
        {"path": LIST, "backup": "HOST/shadow", "after": None},
    ],
)
@pytest.mark.parametrize("place", ["journal.json", "backup/20260101T000000Z-00/journal.json"])
def test_a_journal_that_leads_elsewhere_is_refused(host, root, entry, place):
    state = root / STATE
    (state / "backup/20260101T000000Z-00").mkdir(parents=True)
    state.chmod(0o700)
    journal = {"id": "20260101T000000Z-00", "version": "1", "phase": "done", "activation": "nothing"}
    # A victim of this test's own: code that fails here would really remove it.
    text = json.dumps({**journal, "entries": [entry]}).replace("HOST", str(host))
    (state / place).write_text(text)
    before, tree = others(host), snapshot(root)
    with pytest.raises(InstallError, match="no file of wazuh-cicd"):
        rollback(LocalTarget(root), say=lambda line: None)
    assert others(host) == before
    assert snapshot(root) == tree


def test_a_journal_whose_id_leads_elsewhere_is_refused(host, root):
    state = root / STATE
    state.mkdir(mode=0o700)
    journal = {"id": "../../..", "version": "1", "phase": "writing", "activation": "nothing", "entries": []}
    (state / "journal.json").write_text(json.dumps(journal))
    before = others(host)
    with pytest.raises(InstallError, match="id"):
        rollback(LocalTarget(root), say=lambda line: None)
    assert others(host) == before


# Programs


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("loose", ["file", "folder", "owner", "home"])
def test_root_runs_no_program_that_others_can_change(host, root, loose):
    program = root / "bin/wazuh-analysisd"
    program.write_text(f"#!/bin/sh\nid -u > {host}/ran\n")
    program.chmod(0o750)
    os.chown(program, 0, GROUP)
    install(root)
    assert (host / "ran").exists(), "as Wazuh's packages lay it, it is run"
    (host / "ran").unlink()
    if loose == "owner":
        os.chown(program, USER, GROUP)
    else:
        {"file": program, "folder": root / "bin", "home": root}[loose].chmod(0o770)
    with pytest.raises(InstallError, match="root does not run"):
        install(root, goal=desired(version="2.0"))
    assert not (host / "ran").exists()


@pytest.mark.root
@NEEDS_ROOT
def test_a_program_belongs_to_root_whatever_lay_there(root):
    program = root / "wodles/cicd/cicd-x"
    program.parent.mkdir()
    goal = desired(extra={"wodles/cicd/cicd-x": b"#!/bin/sh\n"})
    install(root, goal=goal)
    os.chown(program, USER, GROUP)
    program.chmod(0o4777)
    install(root, goal=desired(extra={"wodles/cicd/cicd-x": b"#!/bin/sh\nexit 0\n"}, version="2.0"))
    assert (program.stat().st_uid, stat.S_IMODE(program.stat().st_mode)) == (0, 0o750)


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("loose", ["active-response/bin", "active-response", ""])
def test_no_program_is_put_where_others_could_exchange_it(root, loose):
    (root / loose).chmod(0o770)
    with pytest.raises(InstallError, match="no program is put there"):
        install(root, goal=desired(extra={PROGRAM: b"#!/bin/sh\n"}))
    assert not (root / PROGRAM).exists()


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("undone", [True, False])
def test_a_program_that_is_put_back_belongs_to_root(root, undone):
    class Failing(LocalTarget):
        def check(self):
            # As it is, and once more when all is written.
            return ["ERROR: no"] if undone and b"exit 0" in (root / PROGRAM).read_bytes() else []

    install(root, goal=desired(extra={PROGRAM: b"#!/bin/sh\n"}))
    os.chown(root / PROGRAM, USER, GROUP)
    (root / PROGRAM).chmod(0o4777)
    goal = desired(extra={PROGRAM: b"#!/bin/sh\nexit 0\n"}, version="2.0")
    if undone:
        with pytest.raises(InstallError, match="did not say before"):
            apply(Failing(root), goal, say=lambda line: None)
    else:
        install(root, goal=goal)
        rollback(LocalTarget(root), say=lambda line: None)
    status = (root / PROGRAM).stat()
    assert (root / PROGRAM).read_bytes() == b"#!/bin/sh\n"
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o750)


ENDLESS = {
    "comments that never end": b"<!--" * 200_000,
    "rules that never end": b"<rule " * 200_000,
    "ids that never end": b"<rule " + b' id="1"' * 200_000,
    "marks in the wrong order": b"<!-- wazuh-cicd end -->" * 40_000 + b"<!-- wazuh-cicd begin -->" * 40_000,
    "marks that never end": b"<!-- wazuh-cicd begin" * 200_000,
    "elements in each other": b"<a>" * 20_000 + b"</a>" * 20_000,
    "responses": b"<ossec_config>" + b"<active-response></active-response>" * 40_000 + b"</ossec_config>",
}


@pytest.mark.parametrize("path", ["etc/ossec.conf", "etc/rules/x.xml"])
@pytest.mark.parametrize("junk", ENDLESS)
def test_what_takes_for_ever_to_read_does_not_hold_us_up(root, path, junk):
    def attack():
        with (root / path).open("ab") as stream:
            stream.write(ENDLESS[junk])

    as_manager_user(attack)
    began = time.process_time()
    with suppress(InstallError):
        make_plan(LocalTarget(root), desired())
    assert time.process_time() - began < 10


@pytest.mark.parametrize("tag", ["rule_dir", "rule_include"])
def test_a_path_that_is_too_long_is_noted(root, tag):
    conf = root / "etc/ossec.conf"
    text = conf.read_text().replace("<!-- User-defined ruleset -->", f"<{tag}>{'a' * 5000}</{tag}>")
    as_manager_user(lambda: conf.write_text(text))
    assert [finding.code for finding in make_plan(LocalTarget(root), desired()).problems] == ["I118"]


def test_rules_behind_a_link_are_not_opened_and_that_is_said(host, root):
    as_manager_user(lambda: (root / "etc/rules/linked.xml").symlink_to(host / "shadow"))
    plan = make_plan(LocalTarget(root), desired())
    assert [(finding.code, "linked.xml" in finding.message) for finding in plan.problems] == [("I118", True)]


def test_nothing_but_files_of_ours_is_ever_written_or_removed(root):
    goal = desired(extra={"etc/rules/local_rules.xml": b"<group/>\n"})
    record = dataclasses.replace(goal.record, files={p: d for p, d in goal.record.files.items() if "local_" not in p})
    before = snapshot(root)
    with pytest.raises(InstallError):
        install(root, goal=dataclasses.replace(goal, record=record))
    assert snapshot(root) == before


def test_a_draft_that_vanishes_while_it_rolls_back_is_one_clear_error(root, monkeypatch):
    install(root)
    install(root, goal=desired(lists={"trusted_actors": b"new:1\n", "networks": b""}, version="2.0"))
    before = snapshot(root)

    def attack():
        for draft in (root / "etc/lists/cicd").glob(".*"):
            draft.unlink()

    swapped = swap_before(monkeypatch, "rename", lambda old, new, *_: str(new).endswith("trusted_actors"), attack)
    with pytest.raises(InstallError, match=r"trusted_actors: .*put back"):
        rollback(LocalTarget(root), say=lambda line: None)
    assert swapped
    assert snapshot(root) == before
