"""Change reports in one place and judge them: what is not proved any more, or failed before, must never pass.

    gate_fuzz.py [--count 100000] [--seed N] [--samples FOLDER]

A report that passes loses one fact of the proof list (``docs/gate.md``): its key is removed, or its value replaced by
one that proves nothing. A report that fails is changed in one to three places: keys removed, renamed, in another case,
twice; values of another type, null, empty, misspelt. Left out are changes that make another report in its own right: a
finding, or the list of them, that is not there any more; another known severity; a system that is not past its end of
life any more; a finding that is hidden, which the policy key ``hidden`` is about.

Prints how many of each were judged and what passed; ends with 1 when something did.
"""

# ruff: noqa: ANN401 -- a report is any JSON

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wazuh_cicd.gate.judge import PASS, Judge
from wazuh_cicd.gate.policy import from_profile
from wazuh_cicd.gate.scans import Options, scan_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STAMP = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
IMAGE = "sha256:" + "a" * 64
Place = tuple[str | int, ...]
NOTHING: tuple[Any, ...] = (
    None,
    "",
    [],
    {},
    0,
    -1,
    False,
    True,
    1e300,
    [[]],
    "CANARY",
    ["CANARY"],
    {"CANARY": "CANARY"},
)
# Facts that any text is: only its absence, or another type, removes them.
_ANY_TEXT: tuple[Any, ...] = (None, "", [], {}, 0, True, ["CANARY"], " ", "\u200b")


def vulnerability(**more: Any) -> dict[str, Any]:
    """A vulnerability of Trivy's."""
    return {
        "VulnerabilityID": "CVE-2024-1001",
        "PkgName": "openssl",
        "InstalledVersion": "3.0.11-1",
        "FixedVersion": "3.0.13-1",
        "Status": "fixed",
        "Severity": "CRITICAL",
        "PkgIdentifier": {"PURL": "pkg:deb/debian/openssl@3.0.11-1"},
        **more,
    }


def trivy(*vulnerabilities: dict[str, Any], more: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Trivy's report of an image."""
    packages = {"Target": "app (debian 12.5)", "Class": "os-pkgs", "Type": "debian"}
    if vulnerabilities:
        packages["Vulnerabilities"] = list(vulnerabilities)  # type: ignore[assignment]
    return {
        "SchemaVersion": 2,
        "Trivy": {"Version": "0.74.0"},
        "CreatedAt": STAMP,
        "ArtifactName": "app:1",
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": IMAGE},
        "Results": [packages, *more],
    }


def repository(*results: dict[str, Any]) -> dict[str, Any]:
    """Trivy's report of a source tree."""
    report = trivy()
    del report["Metadata"]
    packages = {"Target": "go.mod", "Class": "lang-pkgs", "Type": "gomod", "Packages": [{"Name": "x", "Version": "1"}]}
    return {**report, "ArtifactName": ".", "ArtifactType": "repository", "Results": list(results) or [packages]}


def grype(*matches: dict[str, Any], schema: int = 6, kind: str = "image") -> dict[str, Any]:
    """Grype's report, of the database's schema 5 or 6."""
    new = {"status": {"schemaVersion": "v6.1.7", "built": STAMP, "path": "/db", "valid": True}}
    old = {"built": STAMP, "schemaVersion": 5, "location": "/db", "checksum": "sha256:1", "error": None}
    target = {"userInput": "app:1", "imageID": IMAGE, "repoDigests": []}
    return {
        "matches": list(matches),
        "source": {"type": kind, "target": target if kind == "image" else "/src"},
        "distro": {"name": "debian" if kind == "image" else "", "version": "12", "idLike": None},
        "descriptor": {"name": "grype", "version": "0.116.0", "timestamp": STAMP, "db": new if schema > 5 else old},
    }


def match(**more: Any) -> dict[str, Any]:
    """A match of Grype's."""
    flaw = {"id": "CVE-2024-1001", "severity": "Critical", "fix": {"state": "fixed", "versions": ["3.0.13"]}, **more}
    artifact = {"name": "openssl", "version": "3.0.11", "type": "deb", "purl": "pkg:deb/debian/openssl@3.0.11"}
    return {"vulnerability": flaw, "relatedVulnerabilities": [], "artifact": artifact}


def cyclonedx(*vulnerabilities: dict[str, Any], tool: str = "grype") -> dict[str, Any]:
    """CycloneDX as a scanner writes it."""
    component = {
        "bom-ref": "p",
        "type": "library",
        "name": "openssl",
        "version": "3",
        "purl": "pkg:deb/debian/openssl@3",
    }
    subject = {"bom-ref": "s", "type": "container", "name": "app:1", "version": IMAGE}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": STAMP, "tools": {"components": [{"name": tool}]}, "component": subject},
        "components": [component],
        "vulnerabilities": list(vulnerabilities),
    }


def rated(**rating: Any) -> dict[str, Any]:
    """A vulnerability of CycloneDX."""
    return {"id": "CVE-2024-1001", "ratings": [rating], "affects": [{"ref": "p"}]}


def sarif(*results: dict[str, Any], tool: str = "osv-scanner", rules: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """SARIF of one run that says it ended well."""
    invocation = {"executionSuccessful": True, "endTimeUtc": STAMP}
    driver = {"name": tool, "rules": list(rules)}
    run = {"tool": {"driver": driver}, "invocations": [invocation], "results": list(results)}
    return {"version": "2.1.0", "runs": [run]}


def result(rule: str, level: str | None, text: str) -> dict[str, Any]:
    """A result of SARIF."""
    place = {"physicalLocation": {"artifactLocation": {"uri": "go.mod"}, "region": {"startLine": 1}}}
    found = {"ruleId": rule, "level": level, "message": {"text": text}, "locations": [place]}
    return {key: value for key, value in found.items() if value is not None}


def scored(rule: str, score: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    """A rule of SARIF with a score."""
    return {"id": rule, "properties": {"security-severity": score, "tags": list(tags)}}


SECRET = {"Target": "a.sh", "Class": "secret", "Secrets": [{"RuleID": "key", "Severity": "LOW", "StartLine": 3}]}
CHECK = {"ID": "DS-0002", "Status": "FAIL", "Severity": "HIGH", "Title": "root"}
CONFIG = {
    "Target": "Dockerfile",
    "Class": "config",
    "Type": "dockerfile",
    "MisconfSummary": {"Successes": 1, "Failures": 1},
    "Misconfigurations": [CHECK],
}
LOW = rated(severity="low", score=2.1, method="CVSSv31")
_TRIVY_FACTS = (
    ("SchemaVersion",),
    ("CreatedAt",),
    ("ArtifactType",),
    ("Results",),
    ("Results", 0),
    ("Results", 0, "Class"),
)
_DATABASE = ("descriptor", "db")
_RUN = ("runs", 0)
# A passing report, the facts that prove it, and those of them that any text is.
PASSING: tuple[tuple[dict[str, Any], tuple[Place, ...], tuple[Place, ...]], ...] = (
    (
        trivy(vulnerability(Severity="LOW")),
        (*_TRIVY_FACTS, ("Results", 0, "Type"), ("Metadata",), ("Metadata", "OS"), ("Metadata", "OS", "Family")),
        (("Metadata", "OS", "Name"), ("Metadata", "ImageID")),
    ),
    (repository(), _TRIVY_FACTS, ()),
    (
        grype(match(severity="Low")),
        (
            *(("matches",), ("source",), ("source", "type"), ("distro",), ("descriptor",), ("descriptor", "name")),
            *(_DATABASE, (*_DATABASE, "status"), (*_DATABASE, "status", "valid"), (*_DATABASE, "status", "built")),
        ),
        (("distro", "name"), ("source", "target", "imageID")),
    ),
    (
        grype(schema=5, kind="directory"),
        (("matches",), ("source",), ("source", "type"), ("descriptor", "name"), _DATABASE, (*_DATABASE, "built")),
        (("source", "target"),),
    ),
    (
        cyclonedx(LOW, tool="other"),
        (("bomFormat",), ("specVersion",), ("metadata",), ("metadata", "timestamp"), ("vulnerabilities",)),
        (("metadata", "component", "name"),),
    ),
    (cyclonedx(), (("metadata", "tools"), ("metadata", "tools", "components", 0, "name"), ("vulnerabilities",)), ()),
    (
        sarif(),
        (
            *(("version",), ("runs",), _RUN, (*_RUN, "results"), (*_RUN, "invocations", 0, "executionSuccessful")),
            *((*_RUN, "tool"), (*_RUN, "invocations", 0)),
        ),
        ((*_RUN, "tool", "driver", "name"),),
    ),
)
FAILING: tuple[dict[str, Any], ...] = (
    trivy(vulnerability()),
    trivy(vulnerability(Severity="UNKNOWN", CVSS={"nvd": {"V3Score": 9.8}})),
    trivy(vulnerability(VulnerabilityID="MAL-2024-1", Severity="LOW")),
    trivy(more=[SECRET]),
    trivy(more=[CONFIG]),
    repository(SECRET, CONFIG),
    grype(match()),
    grype(match(), schema=5, kind="directory"),
    grype(match(severity="Unknown", cvss=[{"metrics": {"baseScore": 9.8}}])),
    cyclonedx(rated(severity="critical", score=9.8, method="CVSSv31"), tool="trivy"),
    cyclonedx(rated(score=9.8), LOW),
    sarif(result("CVE-2024-1001", "error", "fixed in 3.0.13"), rules=[scored("CVE-2024-1001", "9.8")]),
    sarif(result("CVE-2024-1001", "warning", "x"), rules=[scored("CVE-2024-1001", "9.8")]),
    sarif(result("rule", "error", "x"), tool="zizmor"),
    sarif(result("generic-api-key", None, "x"), tool="gitleaks"),
    sarif(
        result("CVE-2024-1001", "error", "Package: a\nInstalled Version: 1\nSeverity: CRITICAL\nFixed Version: 2"),
        tool="Trivy",
        rules=[scored("CVE-2024-1001", "9.8", ["vulnerability", "security", "CRITICAL"])],
    ),
)
# The lists of findings: without one, or with an empty one, it is another report. Trivy leaves an empty one out.
_LISTS = ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "matches", "results", "vulnerabilities")
_OTHER_REPORT = ("EOSL", "alertsByPackage", "suppressions", "knownExploited", "epss")


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Walk every place below a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def owner_of(document: Any, path: Place) -> Any:
    """The object or list that holds a place; None where an earlier change took it away."""
    try:
        for key in path[:-1]:
            document = document[key]
    except (KeyError, IndexError, TypeError):
        return None
    return document


def change(document: Any, path: Place, chooser: random.Random) -> bool:
    """Change one place of a failing report; False where the change would be another report in its own right."""
    owner, key = owner_of(document, path), path[-1]
    if key in _OTHER_REPORT or not isinstance(owner, (dict, list)):
        return False
    value: Any = copy.deepcopy(chooser.choice([*NOTHING, "critical ", "Hoch", "\ud800"]))
    if isinstance(owner, list):
        if not isinstance(key, int) or key >= len(owner):
            return False
        if isinstance(owner[key], str):
            return False  # a tag, a version: one of several texts
        owner[key] = value
        return True
    if not isinstance(key, str) or key not in owner:
        return False
    act = chooser.choice(("remove", "rename", "replace", "replace", "replace"))
    if act == "rename":
        name = chooser.choice((key.swapcase(), key + "s", key.lower(), " " + key))
        if name != key:
            owner[name] = owner.pop(key)
        return name != key and not (key in _LISTS and not isinstance(owner[name], list))
    if key in _LISTS and (act == "remove" or value == []):
        return False
    if key == "VulnerabilityID" and isinstance(value, str) and str(owner[key]).startswith("MAL-"):
        return False  # another advisory, which is not about malware
    if act == "remove":
        del owner[key]
    else:
        owner[key] = value
    return True


def doubled(text: str, chooser: random.Random) -> str:
    """Write one key of the whole report a second time, empty."""
    key = chooser.choice(list(json.loads(text)))
    return text[:-1] + f", {json.dumps(key)}: {chooser.choice(['[]', 'null', '{}'])}}}"


class Court:
    """Judges reports in this process, as ``wazuh-cicd gate --report`` does."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for the report's file."""
        self.path = folder / "report.json"
        self.policies = [from_profile(name) for name in ("default", "strict", "pci-dss")]
        self.options = Options(cache=folder / "cache")

    def code(self, text: str, policy: int = 0) -> int:
        """Return the exit code."""
        self.path.write_bytes(text.encode("utf-8", "surrogatepass"))
        chosen = self.policies[policy]
        return Judge(chosen).verdict(scan_all([("report", str(self.path))], chosen, self.options)).code


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Read recorded reports, as if they were of today."""
    found = []
    for path in sorted([*folder.glob("trivy/**/*.json"), *folder.glob("grype/*.json")]):
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or path.stat().st_size > 60_000:
            continue
        if "CreatedAt" in document:
            document["CreatedAt"] = STAMP
        database = document.get("descriptor", {}).get("db", {})
        for holder in (database, database.get("status", {})):
            if "built" in holder:
                holder["built"] = STAMP
        if "metadata" in document and "timestamp" in document["metadata"]:
            document["metadata"]["timestamp"] = STAMP
        found.append(document)
    return found


def attack(
    court: Court, count: int, chooser: random.Random, samples: Sequence[dict[str, Any]]
) -> tuple[int, int, list[str]]:
    """Judge so many changed reports; returns how many had passed, how many had failed, and what passes now."""
    for report, *_ in PASSING:
        if court.code(json.dumps(report)) != PASS:
            raise AssertionError(json.dumps(report))
    failing = [report for report in (*FAILING, *samples) if court.code(json.dumps(report)) == 10]
    if len(failing) < len(FAILING):
        raise AssertionError("a report that must fail does not")
    removed, changed, passed = 0, 0, []
    while removed + changed < count:
        if chooser.random() < 0.3:
            report, facts, texts = chooser.choice(PASSING)
            document = copy.deepcopy(report)
            path = chooser.choice([*facts, *texts])
            owner, value = owner_of(document, path), chooser.choice(_ANY_TEXT if path in texts else NOTHING)
            original = owner[path[-1]]
            if chooser.random() < 0.2 and isinstance(owner, dict):
                del owner[path[-1]]
            elif (value == original and type(value) is type(original)) or (value == [] and path[-1] in _LISTS):
                continue
            else:
                owner[path[-1]] = copy.deepcopy(value)
            text = json.dumps(document)
            removed += 1
        else:
            document = copy.deepcopy(chooser.choice(failing))
            options = list(places(document))
            if not all(
                change(document, chooser.choice(options), chooser) for _ in range(chooser.choice((1, 1, 1, 2, 3)))
            ):
                continue
            text = json.dumps(document)
            if chooser.random() < 0.05:
                text = doubled(text, chooser)
            changed += 1
        if court.code(text, chooser.choice((0, 0, 0, 1, 2)) if removed + changed > 0 else 0) == PASS:
            passed.append(text)
    return removed, changed, passed


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--samples", type=Path, help="folder with recorded reports in trivy/ and grype/")
    args = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        court = Court(Path(folder))
        chooser = random.Random(args.seed)  # noqa: S311 -- repeatable, not secret
        samples = recorded(args.samples) if args.samples else []
        removed, changed, passed = attack(court, args.count, chooser, samples)
    for text in passed[:20]:
        sys.stdout.write(f"passes: {text[:3000]}\n")
    sys.stdout.write(
        f"seed {args.seed}: {removed} facts removed from reports that passed, {changed} reports that failed changed, "
        f"{len(passed)} pass; {time.monotonic() - begun:.0f} s\n"
    )
    return int(bool(passed))


if __name__ == "__main__":
    sys.exit(main())
