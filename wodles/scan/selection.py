"""Which targets a run scans, and in which order."""

import glob
from typing import List, Optional, Set, Tuple

from wodles.scan.context import Run
from wodles.scan.errors import Problem, ScanError
from wodles.scan.files import remove_file
from wodles.scan.inventory import local_images
from wodles.scan.scan_queue import read_queue
from wodles.scan.targets import Target, find_image, matches, path_target, registry_target
from wodles.scan.text import clean


def list_targets(run: Run) -> List[Target]:
    """List what is to be scanned, requests first; each problem on the way is an event, and the rest goes on."""
    local: List[Target] = []
    if run.config.engine != "none":
        try:
            local = local_images(run.toolbox)
        except ScanError as error:
            run.error(Problem("scan_error", error.reason, error.detail))
    local = [t for t in local if not matches(t, run.config.exclude)]
    wanted = [t for t in local if t.exposure != "stored" or not run.config.running_only]
    asked = _requested(run, local)
    others: List[Target] = []
    for kind, patterns in (
        ("directory", run.config.directories),
        ("archive", run.config.archives),
        ("report", run.config.reports),
    ):
        for pattern in patterns:
            paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
            for path in paths:
                try:
                    others.append(path_target(kind, path))
                except ScanError as error:
                    run.error(Problem("scan_error", error.reason, error.detail), Target(kind, clean(path), path))
    for reference in run.config.registry:
        try:
            others.append(registry_target(reference))
        except ScanError as error:
            shown = Target("registry", clean(reference), reference)
            run.error(Problem("scan_error", error.reason, error.detail), shown)
    seen: Set[str] = set()
    ordered = []
    for target in asked + wanted + others:
        if target.key() not in seen:
            seen.add(target.key())
            ordered.append(target)
    return ordered


def _requested(run: Run, local: List[Target]) -> List[Target]:
    requests, malformed = read_queue(run.config.queue_directory)
    for path in malformed:
        run.error(Problem("scan_error", "bad_request"))
        remove_file(path)
    asked = []
    for request in requests:
        target = find_image(local, request.image)
        if target is None:
            missing = Target("image", clean(request.image), request.image, trigger=request.reason)
            run.error(Problem("scan_error", "no_image", "asked for by a scan request"), missing)
        else:
            asked.append(target._replace(trigger=request.reason))
        remove_file(request.path)
    return asked


def named_targets(current: Run, extra: List[Tuple[str, str]]) -> List[Target]:
    """Make targets of what the command line names; each problem on the way is an event, and the rest goes on."""
    targets = []
    local: Optional[List[Target]] = None
    for kind, value in extra:
        try:
            if kind in ("directory", "archive", "report", "sbom"):
                targets.append(path_target(kind, value))
            elif kind == "registry":
                targets.append(registry_target(value))
            else:
                if local is None:
                    local = local_images(current.toolbox)
                found = find_image(local, value)
                if found is None:
                    raise ScanError("no_image")
                targets.append(found._replace(trigger="request"))
        except ScanError as error:
            current.error(Problem("scan_error", error.reason, error.detail), Target(kind, clean(value), value))
    return targets
