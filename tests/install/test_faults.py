"""Kill -9 before every single change, a disk that fills up at every point: nothing is lost, everything is undone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from contextlib import contextmanager

import pytest

from install.trees import desired, make_root, rules_xml, running, snapshot
from wazuh_cicd.install.apply import apply, rollback
from wazuh_cicd.install.desired import nothing
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.local import LocalTarget

# Every way in which Python changes a file system raises one of these before it does.
_CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "shutil.rmtree"}
_NEVER = 10_000


def in_child(work, *, kill_before: int) -> bool:
    """Do ``work`` in a child that is killed with SIGKILL right before its n-th change of the file system.

    Returns:
        Whether it was killed; False: it came to its end.
    """
    with warnings.catch_warnings():
        # xdist's threads are not ours; the child calls nothing of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        left = [kill_before]

        def hook(event: str, arguments: tuple) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if event in _CHANGES or writes:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def silent(line: str) -> None:
    """Takes what an installation says."""


def small(root) -> None:
    """The tree with an older version installed, so that files are added, changed and removed at once."""
    apply(LocalTarget(root), desired(extra={"etc/rules/1140-cicd_docker_rules.xml": rules_xml(114001)}), say=silent)


NEWER = desired((111002, 111003), lists={"networks": b"10.:site\n", "new": b"a:b\n"}, version="2.0")


def prepared(tmp_path, name):
    root = tmp_path / name
    shutil.copytree(tmp_path / "template", root, symlinks=True)
    return root


@pytest.fixture
def template(tmp_path):
    root = make_root(tmp_path / "template")
    small(root)
    return root


@pytest.mark.parametrize("finish", ["rollback", "apply", "uninstall"])
def test_killed_before_any_change_the_next_run_puts_everything_right(tmp_path, template, finish):
    before = snapshot(template)
    goal = prepared(tmp_path, "goal")
    apply(LocalTarget(goal), NEWER, say=silent)
    after = snapshot(goal)
    bare = snapshot(make_root(tmp_path / "bare"))
    killed = 0
    for moment in range(1, _NEVER):
        root = prepared(tmp_path, "work")
        if not in_child(lambda root=root: apply(LocalTarget(root), NEWER, say=silent), kill_before=moment):
            break
        killed += 1
        # Each file on its own is old or new, never a part of one: analysisd may start at any moment.
        for path, (data, _) in snapshot(root).items():
            if not path.rsplit("/", 1)[-1].startswith("."):
                assert data in {tree[path][0] for tree in (before, after) if path in tree}, (moment, path)
        if finish == "rollback":
            while (root / "var/wazuh-cicd/journal.json").exists():
                rollback(LocalTarget(root), say=silent)
            assert snapshot(root) in (before, after), moment
        elif finish == "apply":
            apply(LocalTarget(root), NEWER, say=silent)
            assert snapshot(root) == after, moment
        else:
            apply(LocalTarget(root), nothing(), say=silent)
            assert snapshot(root) == bare, moment
        assert not (root / "var/wazuh-cicd/journal.json").exists()
        assert not list(root.rglob(".*.cicd-*")), moment
        shutil.rmtree(root)
    assert killed > 40, "the hook saw the changes"


def test_killed_while_it_undoes_the_next_run_goes_on(tmp_path, template):
    before = snapshot(template)
    # As late as can be: everything is written, the journal still there.
    for moment in range(1, _NEVER):
        root = prepared(tmp_path, f"try{moment}")
        if not in_child(lambda root=root: apply(LocalTarget(root), NEWER, say=silent), kill_before=moment):
            break
        if (root / "var/wazuh-cicd/journal.json").exists() and snapshot(root) != before:
            kept = root
    killed = 0
    for moment in range(1, _NEVER):
        root = tmp_path / "work"
        # Hard links and all, as the kill left it.
        subprocess.run(["cp", "-a", str(kept), str(root)], check=True)
        if not in_child(lambda root=root: rollback(LocalTarget(root), say=silent), kill_before=moment):
            assert snapshot(root) == before
            break
        killed += 1
        if (root / "var/wazuh-cicd/journal.json").exists():
            rollback(LocalTarget(root), say=silent)
        assert snapshot(root) == before, moment
        shutil.rmtree(root)
    assert killed > 15


def test_killed_while_it_rolls_back_the_next_rollback_finishes(tmp_path, template):
    first = snapshot(template)
    apply(LocalTarget(template), NEWER, say=silent)
    second = snapshot(template)
    killed = 0
    for moment in range(1, _NEVER):
        root = prepared(tmp_path, "work")
        if not in_child(lambda root=root: rollback(LocalTarget(root), say=silent), kill_before=moment):
            break
        killed += 1
        if (root / "var/wazuh-cicd/journal.json").exists():
            rollback(LocalTarget(root), say=silent)
        assert snapshot(root) in (first, second), moment
        shutil.rmtree(root)
    assert killed > 30


@contextmanager
def disk(folder, kibibytes: int):
    """A file system of that size."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def may_mount(folder) -> bool:
    try:
        with disk(folder, 64):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


def refused_for_room(root, before) -> bool:
    """Whether an installation fails for want of room; then nothing may have changed."""
    try:
        apply(LocalTarget(root), NEWER, say=silent)
    except InstallError as error:
        assert "No space left on device" in str(error)  # noqa: PT017 - how often it fails is not known
        assert snapshot(root) == before
        assert not (root / "var/wazuh-cicd/journal.json").exists()
        return True
    return False


@pytest.mark.root
def test_a_full_disk_at_any_point_changes_nothing(tmp_path, template):
    if os.geteuid() != 0 or not may_mount(tmp_path / "probe"):
        pytest.skip("needs the right to mount a small file system")
    pages = sum(-(-place.stat().st_size // 4096) for place in template.rglob("*") if place.is_file())
    before = snapshot(template)
    refused = 0
    for spare in range(0, 400, 4):
        with disk(tmp_path / "disk", pages * 4 + spare) as folder:
            root = folder / "ossec"
            try:
                shutil.copytree(template, root)
            except (OSError, shutil.Error):
                continue
            if not refused_for_room(root, before):
                break
            refused += 1
            assert not list(root.rglob(".*.cicd-*"))
    else:
        pytest.fail("it never fitted")
    assert refused > 5


def test_a_kill_while_the_manager_reloads_is_taken_up_with_another_reload(tmp_path):
    import tempfile  # noqa: PLC0415 - a socket's path must be short

    with tempfile.TemporaryDirectory(prefix="mgr") as folder:
        from pathlib import Path  # noqa: PLC0415 - as above

        root = make_root(Path(folder) / "ossec")
        before = snapshot(root)

        class Killed(LocalTarget):
            def activate(self, how: str) -> list[str]:
                super().activate(how)
                os.kill(os.getpid(), signal.SIGKILL)
                return []

        with running(root) as manager:
            assert in_child(lambda: apply(Killed(root), desired(), say=silent), kill_before=_NEVER)
            assert manager.reloads == 1
            assert snapshot(root) != before
            rollback(LocalTarget(root), say=silent)
            assert manager.reloads == 2
            assert snapshot(root) == before


@pytest.mark.root
def test_a_full_disk_apart_from_the_backups_is_survived_as_well(tmp_path, template):
    # As in a container, where etc is a volume of its own: backups are copies, and what was staged fills the disk.
    if os.geteuid() != 0 or not may_mount(tmp_path / "probe"):
        pytest.skip("needs the right to mount a small file system")
    pages = sum(-(-place.stat().st_size // 4096) for place in (template / "etc").rglob("*") if place.is_file())
    before = snapshot(template)
    refused = 0
    for spare in range(0, 400, 4):
        root = tmp_path / f"ossec{spare}"
        shutil.copytree(template, root)
        with disk(root / "etc", pages * 4 + spare):
            try:
                shutil.copytree(template / "etc", root / "etc", dirs_exist_ok=True)
            except (OSError, shutil.Error):
                continue
            if not refused_for_room(root, before):
                break
            refused += 1
    else:
        pytest.fail("it never fitted")
    assert refused > 2
