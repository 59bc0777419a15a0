"""Is it there, is it loaded, does it work?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wazuh_cicd.findings import Finding
from wazuh_cicd.install.desired import is_list, one_per_source
from wazuh_cicd.install.ossecconf import read_conf
from wazuh_cicd.install.plan import installed
from wazuh_cicd.install.record import digest
from wazuh_cicd.manager.errors import ManagerError

if TYPE_CHECKING:
    from wazuh_cicd.install.desired import Desired, Probe
    from wazuh_cicd.install.target import Target
    from wazuh_cicd.manager.logtest import RemoteSession


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        failures: what is not as it should be.
        files: how many files are as they were shipped (or lists with local edits).
        rules: how many rules the files in place hold, those left out whose id a rule of the site has.
        round_trips: the probes that ended at their rule.
        note: why there was no round trip; empty when there was.
    """

    failures: tuple[Finding, ...]
    files: int = 0
    rules: int = 0
    round_trips: tuple[Probe, ...] = ()
    note: str = ""


def verify(
    target: Target, desired: Desired, *, known: set[str] | None = None, thorough: bool = False, live: bool = True
) -> Verified:
    """Check the files against the record, the ids against the site's, the load messages, and judge events.

    Args:
        target: the manager.
        desired: what should be there.
        known: messages that are not ours; default: none, so that every message about our files counts.
        thorough: send the events of every rule, not of one rule a source.
        live: whether the running manager has been activated; if not, its logtest still reads the new files.
    """
    failures: list[Finding] = []
    record = installed(target)
    if desired.is_removal:
        left = sorted(record.files) if record else []
        return Verified(tuple(_finding(path, "is still there", "run uninstall again") for path in left))
    wanted = {path: data for path, data in desired.files.items() if target.can_write(path)}
    if record is None:
        return Verified((_finding("", "nothing of wazuh-cicd is installed", "run 'wazuh-cicd install apply'"),))
    good = set()
    for path in sorted(wanted):
        now = target.read(path)
        if now is None:
            failures.append(_finding(path, "is missing", "run 'wazuh-cicd install apply'"))
        elif digest(now) != digest(wanted[path]) and not is_list(path):
            failures.append(
                _finding(path, "differs from this version's file", "run 'wazuh-cicd install plan' to see how")
            )
        else:
            good.add(path)
    for path in target.conf_paths():
        text = target.read(path) or b""
        conf = read_conf(text)
        declared = {line for line in desired.ruleset_lines if line.encode() in text}
        declared |= {f"<list>{name}</list>" for name in conf.lists}
        failures += [
            _finding(path, f"does not declare {line}", "run 'wazuh-cicd install apply'")
            for line in desired.ruleset_lines
            if line not in declared
        ]
    site = target.site_rules(set(wanted))
    twice = [number for number in desired.rule_ids if any(not rule.overwrite for rule in site.get(number, ()))]
    failures += [_finding(site[n][0].path, f"rule {n} has an id of ours", "see 'install plan'") for n in twice]
    trips: list[Probe] = []
    note = ""
    engine = target.engine()
    if engine is None:
        note = "the manager's logtest does not answer: no event was judged" + ("" if live else " (it is not running)")
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
            failures.append(_finding("", str(error), ""))
    rules = sum(path in good for number, path in desired.rule_ids.items() if number not in twice)
    return Verified(tuple(failures), len(good), rules, tuple(trips), note)


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
