"""Is it there, is it loaded, does it work?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.findings import Finding
from wazuh_cicd.install.desired import is_list, one_per_source
from wazuh_cicd.install.ossecconf import read_conf
from wazuh_cicd.install.plan import UNKNOWN, installed, stale_files, waiting
from wazuh_cicd.install.record import digest
from wazuh_cicd.manager.errors import ManagerError

if TYPE_CHECKING:
    from wazuh_cicd.install.desired import Desired, Probe
    from wazuh_cicd.install.target import Target
    from wazuh_cicd.manager.logtest import RemoteSession

#: Exit codes of ``install``.
VERIFIED = 0
FAILED = 1
INACTIVE = 3
UNANSWERED = 4


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        failures: what is not as it should be.
        files: how many files are as they were shipped (or lists with local edits).
        rules: how many rules the files in place hold, those left out whose id a rule of the site has.
        round_trips: the probes that ended at their rule.
        inactive: why what runs is not what lies there; empty when it is.
        unanswered: why the manager could not be asked; empty when it answered.
    """

    failures: tuple[Finding, ...]
    files: int = 0
    rules: int = 0
    round_trips: tuple[Probe, ...] = ()
    inactive: tuple[str, ...] = ()
    unanswered: str = ""

    @property
    def code(self) -> int:
        """0 only when everything is in place and a running manager has judged events by it."""
        if self.failures:
            return FAILED
        if self.unanswered:
            return UNANSWERED
        return INACTIVE if self.inactive else VERIFIED


def verify(
    target: Target, desired: Desired, *, known: set[str] | None = None, thorough: bool = False, live: bool = True
) -> Verified:
    """Check the files against the record, the ids against the site's, the load messages, and judge events.

    Args:
        target: the manager.
        desired: what should be there.
        known: messages that are not ours; default: none, so that every message about our files counts.
        thorough: send the events of every rule, not of one rule a source.
        live: whether the running manager was told to load what lies there; its logtest reads the new files anyway.
    """
    failures: list[Finding] = []
    record = installed(target)
    inactive: tuple[str, ...] = () if live else ("the manager was not told to load what lies there",)
    if desired.is_removal:
        left = sorted(record.files) if record else []
        unasked = "" if target.is_running() else "the manager does not answer: it may still have the rules loaded"
        failures += [_finding(path, "is still there", "run uninstall again") for path in left]
        return Verified(tuple(failures), inactive=inactive, unanswered=unasked)
    wanted = {path: data for path, data in desired.files.items() if target.can_write(path)}
    if record is None:
        return Verified((_finding("", "nothing of wazuh-cicd is installed", "run 'wazuh-cicd install apply'"),))
    if record.version not in (desired.record.version, UNKNOWN):
        text = f"version {record.version} is installed, this is {desired.record.version}"
        failures.append(_finding("", text, "run 'wazuh-cicd install apply' to upgrade"))
    good = set()
    now_there = {path: target.read(path) for path in sorted(wanted)}
    for path, now in now_there.items():
        if now is None:
            failures.append(_finding(path, "is missing", "run 'wazuh-cicd install apply'"))
        elif digest(now) != digest(wanted[path]) and not is_list(path):
            failures.append(
                _finding(path, "differs from this version's file", "run 'wazuh-cicd install plan' to see how")
            )
        else:
            good.add(path)
    failures += _undeclared(target, desired)
    site = target.site_rules(set(wanted))
    twice = [number for number in desired.rule_ids if any(not rule.overwrite for rule in site.get(number, ()))]
    failures += [_finding(site[n][0].path, f"rule {n} has an id of ours", "see 'install plan'") for n in twice]
    trips: list[Probe] = []
    unanswered = ""
    engine = target.engine()
    if engine is None:
        unanswered = "the manager does not answer: no event was judged"
    else:
        try:
            told = [str(message) for message in engine.load_messages]
            failures += [
                _finding("", f"the manager says: {line}", "") for line in told if known is None or line not in known
            ]
            # Opening a session makes the manager load its ruleset: one for all. Only where the events before may have
            # led a composite astray is a fresh one asked.
            shared = engine.open_session()
            for probe in desired.probes if thorough else one_per_source(desired.probes):
                failure = _try(shared, probe)
                if failure is not None:
                    failure = _try(engine.open_session(), probe)
                if failure is None:
                    trips.append(probe)
                else:
                    failures.append(failure)
        except ManagerError as error:
            unanswered = str(error)
    rules = sum(path in good for number, path in desired.rule_ids.items() if number not in twice)
    if not unanswered:
        inactive += waiting(record, stale_files(target, record, now_there))
    return Verified(tuple(failures), len(good), rules, tuple(trips), inactive, unanswered)


def _undeclared(target: Target, desired: Desired) -> list[Finding]:
    found = []
    for path in target.conf_paths():
        text = target.read(path) or b""
        conf = read_conf(text)
        declared = {line for line in desired.ruleset_lines if line.encode() in text}
        declared |= {f"<list>{name}</list>" for name in conf.lists}
        found += [
            _finding(path, f"does not declare {line}", "run 'wazuh-cicd install apply'")
            for line in desired.ruleset_lines
            if line not in declared
        ]
    return found


def _try(session: RemoteSession, probe: Probe) -> Finding | None:
    reached: int | None = None
    for log, location in probe.events:
        reached = session.process(log, location).rule_id
    if reached == probe.rule_id:
        return None
    return Finding(
        "",
        0,
        0,
        "I121",
        f"an event for rule {probe.rule_id} ({probe.name}) ended at {reached or 'no rule'}",
        "another rule of the site takes it first: see 'wazuh-cicd logtest --explain'",
        rule=probe.name,
    )


def _finding(path: str, message: str, fix: str) -> Finding:
    return Finding(path, 0, 0, "I120", message, fix)
