"""How long reading, rendering and checking take, and how the cost grows with the number of rules.

    python benchmarks/build.py [--repeat 5] [--sizes 1250 2500 5000 10000]

Prints medians of the processor's time in seconds (other work on the machine does not count), and the cost of a rule
relative to the smallest size: 1.0 is linear growth. The synthetic rules look like ours: half a dozen conditions of all
kinds, parents, composites, four tests each.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wazuh_cicd.check.specs import check_specs
from wazuh_cicd.render import render_package
from wazuh_cicd.spec import load_specs, model, rules

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = 110000
PER_FILE = 40

HEAD = """\
source: github
parent: {stock: 91100}
event:
  location: github
  envelope: {integration: github}
  defaults: {github.actor: mallory, github.org: acme, github.repo: acme/app}
defaults:
  groups: [github_audit]
  status: stable
  mitre: [T1562.001]
  compliance: [pci_dss_10.2.7, nist_800_53_CM.3]
rules:
"""
PLAIN = """\
  - id: {id}
    name: rule-{n}
    level: {level}
    title: "GitHub: $(github.actor) did {n} to $(github.repo)"
    parent: {parent}
    when:
      github.action: [action.number_{n}, other.number_{n}]
      github.public: true
      github.note: {{contains: word-{n}, ignore_case: true}}
      github.size: {{at_least: {n}}}
      github.actor_ip: {{cidr: 198.51.100.0/24}}
      github.ref: {{regex: '^refs/(?:heads|tags)/v\\d+-{n}$'}}
    unless:
      github.actor: {{in_list: trusted}}
    why: Because of {n}.
    triage: [Who did it?, Was it announced?]
    false_positives: [Maintenance.]
    tests:
      - fires: {{github.action: action.number_{n}, github.public: true, github.note: a Word-{n}, github.size: 99999}}
      - silent: {{github.action: action.number_{n}, github.public: false, github.note: a word-{n}, github.size: 99999}}
      - silent: {{github.action: action.other, github.public: true}}
      - silent: {{github.action: other.number_{n}, github.size: 0}}
"""
COMPOSITE = """\
  - id: {id}
    name: rule-{n}
    level: 12
    title: "GitHub: $(github.actor) did {counted} again and again"
    correlate: {{of: rule-{counted}, count: 5, within: 10m, same: [github.actor], different: [github.repo]}}
    why: Because of {n}.
    triage: [Who did it?]
    false_positives: [Maintenance.]
    tests:
      - fires: {{github.action: action.number_{counted}}}
        repeat: 5
        every: 1m
      - silent: {{github.action: action.number_{counted}}}
        repeat: 4
        every: 1m
"""


def write(folder: Path, count: int) -> None:
    """Write ``count`` synthetic rules."""
    (folder / "rules" / "github").mkdir(parents=True)
    (folder / "lists").mkdir()
    (folder / "tests").mkdir()
    (folder / "lists" / "trusted.yml").write_text(
        "name: trusted\ntitle: t\nexample: {a: b}\nentries: {octo: team}\n", "utf-8"
    )
    for start in range(0, count, PER_FILE):
        text = [HEAD]
        for n in range(start, min(start + PER_FILE, count)):
            if n % 10 == 9:
                text.append(COMPOSITE.format(id=FIRST + n, n=n, counted=n - 1))
            else:
                parent = f"{{rule: rule-{n - 1}}}" if n % 10 in (1, 2) else "{stock: 91100}"
                text.append(PLAIN.format(id=FIRST + n, n=n, level=4 + n % 8, parent=parent))
        (folder / "rules" / "github" / f"family-{start:05}.yml").write_text("".join(text), "utf-8")


def median(work: Callable[[], object], repeat: int) -> float:
    """Median processor seconds of one call."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1250, 2500, 5000, 10000])
    args = parser.parse_args()
    specs = load_specs()
    print(f"our own content, {len(specs.rules)} rules:")
    read, render = median(load_specs, args.repeat), median(lambda: render_package(specs), args.repeat)
    print(f"  read {read:6.2f} s, render {render:6.2f} s, check {median(check_specs, args.repeat):6.2f} s")
    # Ten thousand ids do not fit into one source's block: only here it is wider.
    model.Source.ids = property(lambda _: range(FIRST, FIRST + 10000))  # type: ignore[method-assign,assignment]
    rules.FIRST_ID = FIRST  # type: ignore[attr-defined]
    print(f"{'rules':>6} {'read':>8} {'render':>8} {'both':>8} {'ms/rule':>8} {'growth':>7}")
    unit = 0.0
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write(folder, size)
            read = median(partial(load_specs, folder), args.repeat)
            loaded = load_specs(folder)
            render = median(partial(render_package, loaded), args.repeat)
            each = (read + render) / size
            unit = unit or each
            print(f"{size:6} {read:8.2f} {render:8.2f} {read + render:8.2f} {1000 * each:8.3f} {each / unit:7.2f}")


if __name__ == "__main__":
    main()
