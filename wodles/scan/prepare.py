"""Before the first scan: exceptions, databases, and what can change a result."""

import hashlib
import json
import os
from typing import Dict, List, Tuple

from wodles.scan.context import VERSION, Run
from wodles.scan.databases import database_times, update_databases
from wodles.scan.errors import Problem, ScanError
from wodles.scan.files import read_trusted, trusted
from wodles.scan.sla import check_exceptions
from wodles.scan.text import clean
from wodles.scan.values import HOUR, age_doubt, day_of


def prepare(run: Run) -> None:
    """Read the exceptions, update the databases, report when they are old."""
    path = run.config.exceptions
    if path:
        try:
            entries = json.loads(read_trusted(path, "the exceptions", 8 << 20).decode("utf-8"))
        except (ValueError, RecursionError):
            raise ScanError("config", clean(path, 200) + ": the exceptions are not JSON") from None
        run.waivers, refused = check_exceptions(entries, run.now)
        for text in refused:
            run.error(Problem("scan_error", "exception_invalid", "%s: %s" % (clean(path, 200), text)))
    if "vuln" not in run.config.checks or not run.config.scanners():
        run.inputs = fingerprint_inputs(run, {})
        return
    if run.config.database_update:
        try:
            problem = update_databases(run.toolbox, min(900.0, run.left()))
        except ScanError as error:
            problem = Problem("scan_error", error.reason, error.detail)
        if problem is not None:
            run.error(problem)
    times = database_times(run.config)
    run.inputs = fingerprint_inputs(run, times)
    present = {name: built for name, (text, built) in times.items() if text}
    stale = {name: age_doubt(built, run.now, run.config.database_max_age_hours) for name, built in present.items()}
    if any(stale.values()):
        run.stale = True
        oldest = min(built for name, built in present.items() if stale[name])
        early = oldest > run.now
        run.emit.note(
            "db_stale",
            [
                ("scanner", ",".join(sorted(name for name, doubt in stale.items() if doubt))),
                ("reason", "in_the_future" if early else "too_old" if oldest else "unknown_age"),
                ("built", day_of(oldest) if oldest else ""),
                ("age_hours", (run.now - oldest) // HOUR if oldest and not early else ""),
                ("limit_hours", run.config.database_max_age_hours),
            ],
        )


# The settings that can change what a scan finds.
_RESULT_SETTINGS = (
    "checks", "dependencies", "no_os_allowed", "vex", "ignore_file", "signatures", "severity_floor",
    "trusted_registries", "trivy", "grype", "cosign",
)  # fmt: skip


def fingerprint_inputs(run: Run, times: Dict[str, Tuple[str, int]]) -> str:
    """Fingerprint everything that can change a scan's result: databases, scanners, and the relevant settings."""
    settings = {key: getattr(run.config, key) for key in _RESULT_SETTINGS}
    files: List[Tuple[int, ...]] = []
    for path in (run.config.ignore_file, run.config.kev_catalog) + run.config.vex:
        try:
            info = os.stat(path) if path else None
            files.append((info.st_size, info.st_mtime_ns) if info else ())
        except OSError:
            files.append(())
            continue
        if info and not trusted(info):
            doubt = "it can hide findings, and may be changed by others than the owner"
            raise ScanError("config", "%s: %s" % (clean(path, 200), doubt))
    text = json.dumps([VERSION, settings, {n: t for n, (t, _) in times.items()}, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
