"""Carry a plan out, undo it, take up one that was cut off. Whatever fails, the manager is as it was before.

The order of an installation: lock, take up what was cut off, plan, test the configuration as it is, keep every file
that will change, journal, stage all files (everything that can fail for lack of room fails here), write them, test
the configuration again, activate, verify, record. A kill between any two of these leaves a journal, and the next run
puts the kept files back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.errors import WazuhCicdError
from wazuh_cicd.install import journal as journals
from wazuh_cicd.install.desired import is_list
from wazuh_cicd.install.errors import HalfDone, InstallError, Unloadable
from wazuh_cicd.install.ossecconf import blocks_of, with_blocks
from wazuh_cicd.install.plan import Change, Plan, in_order, make_plan
from wazuh_cicd.install.record import digest
from wazuh_cicd.install.target import NOTHING, RELOAD, RESTART
from wazuh_cicd.install.verify import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.install.desired import Desired
    from wazuh_cicd.install.journal import Entry, Journal
    from wazuh_cicd.install.target import Target


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an installation did.

    Attributes:
        plan: what was planned.
        activated: nothing, reload or restart.
        verified: the checks after it.
    """

    plan: Plan
    activated: str
    verified: Verified


def recover(target: Target, say: Callable[[str], None]) -> bool:
    """Put back what a cut-off installation left; the lock must be held.

    Returns:
        Whether there was one.

    Raises:
        HalfDone: that failed too.
    """
    journal = journals.unfinished(target)
    if journal is None:
        return False
    say(f"an installation was cut off ({journal.id}, while {journal.phase}): putting the files back")
    # Whether the manager has read the new files meanwhile, nobody knows.
    _undo(target, journal, certainly=True)
    return True


def apply(
    target: Target,
    desired: Desired,
    *,
    activate: bool = True,
    thorough: bool = False,
    say: Callable[[str], None],
    tick: Callable[[str, int, int], None] = lambda *_: None,
) -> Outcome:
    """Install, upgrade or (with the goal ``nothing()``) remove the package; what is in place already is verified.

    Args:
        target: the manager.
        desired: the goal.
        activate: reload or restart what runs; else the change waits for the manager's next start.
        thorough: verify with every rule's own events, not with one rule a source.
        say: gets one line a step.
        tick: gets the step's name, how many files are done and how many there are.

    Raises:
        InstallError: it was refused, or failed and was undone.
        HalfDone: it failed and could not be undone.
        KeyboardInterrupt: somebody stopped it; everything was put back.
    """
    with target.lock():
        recover(target, say)
        running = target.is_running()
        plan = make_plan(target, desired, activate=activate and running)
        if plan.errors:
            raise InstallError("the plan has errors; nothing was changed\n" + "\n".join(map(str, plan.errors)))
        say("testing the configuration as it is")
        known = set(target.check())
        if not plan.changes:
            say("nothing to change; verifying")
            return Outcome(plan, NOTHING, verify(target, desired, known=known, thorough=thorough))
        how = plan.activation if activate and running else NOTHING
        say(f"keeping what {len(plan.changes)} files hold now")
        journal = journals.begin(target, plan.changes, desired.record.version, how)
        try:
            _write(target, journal, plan, say, tick)
            say("testing the configuration again")
            said = target.check()
            _refuse_new(said, known, "the configuration test")
            if not desired.is_removal:
                _refuse_broken(said)
            if how != NOTHING:
                journal.set_phase(target, journals.ACTIVATING)
                say("restarting the manager" if how == RESTART else "reloading the ruleset")
                _refuse_new(target.activate(how), known, f"the {how}")
            say("verifying")
            active = how == plan.activation
            result = verify(target, desired, known=known, thorough=thorough, live=active or not running)
            problems = [str(failure) for failure in result.failures]
            if how != NOTHING and result.unanswered:
                problems.append(result.unanswered)
            if problems:
                raise InstallError("verification failed\n" + "\n".join(problems))  # noqa: TRY301
            journal.finish(target)
        except BaseException as error:
            _put_back(target, journal, error, say)
            raise
        target.remember(target.read(target.record_path))
        return Outcome(plan, how, result)


def rollback(target: Target, *, activate: bool = True, say: Callable[[str], None]) -> str:
    """Undo the newest installation that is done, or the one that was cut off.

    Lists and ``ossec.conf`` may have been edited since: edits of a list stay, in ``ossec.conf`` only our blocks go
    back.

    Returns:
        The id of the installation that was undone.

    Raises:
        InstallError: there is none, or a file of ours was edited since.
    """
    with target.lock():
        cut_off = journals.unfinished(target)
        if cut_off is not None:
            recover(target, say)
            return cut_off.id
        done = journals.finished(target)
        if not done:
            raise InstallError(f"{target.name}: no installation to roll back")
        old = done[0]
        ways = (_way_back(target, old, entry) for entry in old.entries)
        changes = in_order(change for change in ways if change is not None)
        if changes:
            known = set(target.check())
            how = old.activation if activate and target.is_running() else NOTHING
            journal = journals.begin(target, changes, old.version, how)
            try:
                _write(target, journal, Plan(tuple(changes)), say)
                _refuse_new(target.check(), known, "the configuration test")
                if how != NOTHING:
                    journal.set_phase(target, journals.ACTIVATING)
                    say("restarting the manager" if how == RESTART else "reloading the ruleset")
                    target.activate(how)
            except BaseException as error:
                _put_back(target, journal, error, say)
                raise
            journal.discard(target)
        old.discard(target)
        target.remember(target.read(target.record_path))
        return old.id


def _way_back(target: Target, journal: Journal, entry: Entry) -> Change | None:
    now = target.read(entry.path)
    name = journal.backup(entry)
    kept = target.store.read(name) if name else None
    if name and kept is None:
        raise InstallError(f"{target.store.shown(name)}: is missing, so {entry.path} cannot be put back")
    before, facts = kept or (None, None)
    if now == before:
        return None
    if entry.path.endswith("ossec.conf") and now is not None and before is not None:
        if digest(now) != entry.after:
            lines, top = blocks_of(before)
            before = with_blocks(now, lines, top)
        return Change(entry.path, now, before) if before != now else None
    if (digest(now) if now is not None else None) != entry.after:
        if is_list(entry.path) and now is not None:
            return None
        raise InstallError(
            f"{entry.path}: was edited after the installation; put your edits into a file of your own, then roll back"
        )
    return Change(entry.path, now, before, facts)


def _write(
    target: Target,
    journal: Journal,
    plan: Plan,
    say: Callable[[str], None],
    tick: Callable[[str, int, int], None] = lambda *_: None,
) -> None:
    say(f"writing {len(plan.changes)} files")
    total = 2 * len(plan.changes)
    for number, change in enumerate(plan.changes, 1):
        if change.after is not None:
            target.stage(change.path, change.after, journal.id, change.facts)
        tick("writing", number, total)
    for number, change in enumerate(plan.changes, 1 + len(plan.changes)):
        if change.after is None:
            target.delete(change.path)
        else:
            target.write(change.path, change.after, journal.id)
        tick("writing", number, total)


def _put_back(target: Target, journal: Journal, error: BaseException, say: Callable[[str], None]) -> None:
    """Undo everything because of an error.

    Raises:
        InstallError: the error in words, where it is none of ours.
        HalfDone: undoing failed as well.
    """
    say(f"{_first_line(error)}; putting the files back")
    _undo(target, journal)
    if isinstance(error, KeyboardInterrupt):
        say("everything is as it was before")
    if isinstance(error, OSError):
        raise InstallError(f"{error.filename or target.name}: {error.strerror}; everything was put back") from error
    if isinstance(error, WazuhCicdError) and not isinstance(error, InstallError):
        raise InstallError(f"{error}; everything was put back") from error


def _undo(target: Target, journal: Journal, *, certainly: bool = False) -> None:
    """Put every kept file back, in the opposite order, and activate again what was (or may have been) activated."""
    try:
        paths = [entry.path for entry in journal.entries]
        target.unstage(paths, journal.id)  # first: on a full disk it is they that fill it
        for entry in reversed(journal.entries):
            target.restore(entry.path, journal.backup(entry))
        target.unstage(paths, journal.id)
        if journal.phase == journals.ACTIVATING:
            # A manager that a bad restart left dead answers nothing: it needs the restart, not a reload.
            target.activate(journal.activation if target.is_running() else RESTART)
        elif certainly and journal.activation != NOTHING and target.is_running():
            target.activate(RELOAD)
    except (WazuhCicdError, OSError) as error:
        raise HalfDone(
            f"undoing did not finish: {_first_line(error)}; kept files: {target.store.shown(journal.folder)};"
            " run 'wazuh-cicd install rollback' when the cause is gone"
        ) from error
    journal.discard(target)


def _refuse_new(said: list[str], known: set[str], where: str) -> None:
    new = [line for line in said if line not in known]
    if new:
        raise InstallError(f"{where} says what it did not say before\n" + "\n".join(new))


def _refuse_broken(said: list[str]) -> None:
    fatal = [line for line in said if line.startswith("CRITICAL")]
    if fatal:
        raise Unloadable(
            "the manager cannot load its configuration, before this installation and after it\n" + "\n".join(fatal)
        )


def _first_line(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped by you"
    text = str(error) or type(error).__name__
    return ": ".join(text.splitlines()[:2])


__all__ = ["NOTHING", "RELOAD", "RESTART", "Outcome", "apply", "recover", "rollback"]
