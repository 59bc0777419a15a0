# ruff: noqa: INP001 - a program of the project
"""Make the pictures of ``docs/report.md``: the report of a bad week, as a desktop and a phone show it.

    python tools/screenshots.py [CHROMIUM]

The week is made of bundled stories among the alerts of ordinary life. It needs Chromium (Debian: chromium, or
chromium-headless-shell), which runs without a network and without a profile.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "generator"), str(ROOT / "tests"), str(ROOT)]

from incidents import mixing  # noqa: E402 - the path comes first
from wazuh_cicd import cli  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_IMAGES = ROOT / "docs" / "images"
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_HOUR = 3600
_WEEK_END = 1_768_000_000
#: Stories of the week, and hours after its first noon.
_WEEK = {
    "vault-emptied": -40,
    "jenkins-taken-over": -20,
    "leaked-token": 2,
    "container-escape": 20,
    "operator-token-stolen": 30,
}
#: Vulnerabilities that the scanner reports on its way: id, severity, package, artifact, due, state.
_FOUND = (
    ("CVE-2026-1001", "CRITICAL", "openssl", "registry.example.com/acme/app:1.9", "2025-12-29", "overdue"),
    ("CVE-2026-1002", "HIGH", "log4j-core", "registry.example.com/acme/api:3.2", "2026-01-04", "overdue"),
    ("CVE-2026-1003", "HIGH", "libxml2", "registry.example.com/acme/web:7", "2026-01-11", "new"),
    ("CVE-2026-1004", "HIGH", "curl", "registry.example.com/tools/lint:2", "2026-02-20", "new"),
    ("CVE-2026-1005", "HIGH", "zlib", "registry.example.com/acme/app:1.9", "2026-01-02", "resolved"),
)
_OWNERS = """owners:
  acme/app: {team: payments, contact: payments@example.com}
  acme/service-*: {team: platform, contact: platform@example.com}
  registry.example.com/acme/*: {team: payments, contact: payments@example.com}
"""
#: Name, width, height, the part of the page: the whole, or from the anchor on.
_PICTURES = (("report-desktop", 1100, 1900, ""), ("report-phone", 390, 1500, ""), ("report-tables", 1100, 1700, "#sla"))


def main(arguments: Sequence[str]) -> int:
    """Make the pictures; 1 without a browser."""
    browser = arguments[0] if arguments else next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        sys.stderr.write("no Chromium here (Debian: apt install chromium-headless-shell)\n")
        return 1
    _IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "owners.yml").write_text(_OWNERS, "utf-8")
        (folder / "alerts.json").write_text("".join(json.dumps(one) + "\n" for one in _alerts()), "utf-8")
        page = folder / "report.html"
        cli.main(["report", str(folder / "alerts.json"), "--owners", str(folder / "owners.yml"), "-o", str(page)])
        for title, width, height, part in _PICTURES:
            _picture(browser, _from(page, part), _IMAGES / f"{title}.png", width, height)
    return 0


def _from(page: Path, part: str) -> Path:
    """The page, or the page from a heading on: a picture shows only what stands at the top."""
    if not part:
        return page
    head, _, body = page.read_text("utf-8").partition("<body>")
    rest = body[body.index(f'<h2 id="{part[1:]}"') :]
    cut = page.with_name(f"from-{part[1:]}.html")
    cut.write_text(f"{head}<body>{rest}", "utf-8")
    return cut


def _alerts() -> list[dict[str, Any]]:
    found = [one for one in mixing.ordinary_alerts() if one.when < _WEEK_END]
    for path in mixing.STORIES:
        if path.stem in _WEEK:
            found += mixing.story_alerts(path, _WEEK[path.stem] * _HOUR)
    found += _scanner()
    for one in found:  # whose alert it is stands before its title
        about = one.alert["rule"]
        about["description"] = about["description"].partition("] ")[2] or about["description"]
    return [one.alert for one in sorted(found, key=lambda one: one.when)]


def _scanner() -> Iterator[mixing.Marked]:
    session = mixing.engine().open_session()
    for number, (identity, severity, package, artifact, due, state) in enumerate(_FOUND):
        fields = {
            "event": "vulnerability",
            "state": state,
            "scanner": "trivy",
            "artifact": artifact,
            "digest": "sha256:3f1c",
        }
        fields |= {"exposure": "running", "id": identity, "package": package, "version": "1.0", "fixed": "1.1"}
        fields |= {
            "severity": severity,
            "severity_source": "debian",
            "since": "2025-12-01",
            "due": due,
            "status": "fixed",
        }
        when = 1_767_790_000.0 + 600 * number
        verdict = session.process(json.dumps({"cicd_scan": fields}), "command_cicd-scan", time=when)
        if verdict.alert:
            yield mixing.marked(mixing.ORDINARY, when, verdict.output)


def _picture(browser: str, page: Path, target: Path, width: int, height: int) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(  # noqa: S603 - the browser that the user has
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--blink-settings=preferredColorScheme=1",
                f"--user-data-dir={profile}",
                "--proxy-server=127.0.0.1:9",
                "--force-device-scale-factor=1",
                f"--window-size={width},{height}",
                f"--screenshot={target}",
                page.as_uri(),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
