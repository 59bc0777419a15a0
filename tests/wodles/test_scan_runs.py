"""Whole runs of the wodle with stand-in scanners: what is emitted when; only what is proved clean looks clean."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from scan_kit import StandIn, Wodle, alive, events_of, hours_ago, interpreters, of, trivy_report, vulnerability
from wodles.scan.compare import compare
from wodles.scan.config import DEFAULT_CONFIG, DEFAULTS, check_config, load_config
from wodles.scan.context import Run
from wodles.scan.errors import ScanError
from wodles.scan.events import Emitter
from wodles.scan.main import KINDS, parse_arguments
from wodles.scan.process import Command, children, run_program
from wodles.scan.read_report import parse_report
from wodles.scan.run import run_scan
from wodles.scan.scans import prove
from wodles.scan.sla import check_exceptions, sla_days, sla_due
from wodles.scan.state import Known, State
from wodles.scan.targets import Target, tree_fingerprint
from wodles.scan.toolbox import Toolbox
from wodles.scan.verify import HASH_CHUNK, hash_binary


@pytest.fixture(params=interpreters(), ids=lambda p: "oldest" if "3.6" in p else "current")
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    path = tmp_path / "app.tar"
    path.write_bytes(b"an image")
    return str(path)


@pytest.fixture
def trivy(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path, "trivy", {"report": trivy_report(vulnerability(1), vulnerability(2))})


@pytest.fixture
def wodle(tmp_path: Path, trivy: StandIn, archive: str, python: str) -> Wodle:
    wodle = Wodle(tmp_path, python, trivy=trivy.tool(), archives=[archive])
    wodle.database()
    return wodle


# ------------------------------------------------------------------------------------------------------------- memory


def test_findings_are_new_once(wodle: Wodle, trivy: StandIn) -> None:
    first = wodle.run()
    second = wodle.run()
    assert [(e["state"], e["id"]) for e in of(first, "vulnerability")] == [
        ("new", "CVE-2024-0001"),
        ("new", "CVE-2024-0002"),
    ]
    assert [e["scope"] for e in second] == ["run"]
    assert second[0]["unchanged"] == 1
    assert len(trivy.calls()) == 1


def test_a_new_database_is_a_reason_to_scan_again(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(vulnerability(1), vulnerability(3))})
    events = wodle.run()
    assert {(e["state"], e["id"]) for e in of(events, "vulnerability")} == {
        ("resolved", "CVE-2024-0002"),
        ("new", "CVE-2024-0003"),
    }
    (summary,) = [e for e in of(events, "summary") if e["scope"] == "artifact"]
    assert (summary["new"], summary["resolved"], summary["trigger"]) == (1, 1, "rescan")


def test_a_severity_that_rises_is_a_change(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(vulnerability(1, Severity="CRITICAL"), vulnerability(2))})
    assert [(e["state"], e["severity"]) for e in of(wodle.run(), "vulnerability")] == [("changed", "CRITICAL")]


def test_what_exceeds_a_runs_limit_is_told_by_the_next_run(wodle: Wodle) -> None:
    wodle.config["events_per_run"] = 1
    first, second, third = wodle.run(), wodle.run(), wodle.run()
    assert [e["id"] for e in of(first, "vulnerability")] == ["CVE-2024-0001"]
    assert first[-1]["deferred"] == 1
    assert [e["id"] for e in of(second, "vulnerability")] == ["CVE-2024-0002"]
    assert of(third, "vulnerability") == []


def test_a_change_that_exceeds_a_runs_limit_is_still_a_change_and_its_clock_goes_on(
    wodle: Wodle, trivy: StandIn
) -> None:
    wodle.run()
    backdate(wodle, 10)
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(*(vulnerability(n, Severity="CRITICAL") for n in (1, 2)))})
    wodle.config["events_per_run"] = 1
    wodle.run()
    (event, *_) = [e for e in of(wodle.run(), "vulnerability") if e["state"] == "changed"]
    assert event["since"] == time.strftime("%Y-%m-%d", time.gmtime(time.time() - 10 * 86400))


def test_a_floor_that_is_lowered_tells_what_was_below_it(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1), vulnerability(2, Severity="LOW"))})
    wodle.config["severity_floor"] = "HIGH"
    assert [e["id"] for e in of(wodle.run(), "vulnerability")] == ["CVE-2024-0001"]
    wodle.config["severity_floor"] = "LOW"
    assert [(e["state"], e["id"]) for e in of(wodle.run(), "vulnerability")] == [("new", "CVE-2024-0002")]
    assert of(wodle.run(), "vulnerability") == []


def test_what_was_told_is_told_to_its_end_even_below_the_floor(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["severity_floor"] = "HIGH"
    wodle.run()
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(vulnerability(1, Severity="LOW"), vulnerability(2))})
    assert [(e["state"], e["severity"]) for e in of(wodle.run(), "vulnerability")] == [("changed", "LOW")]
    wodle.database(built=hours_ago(1))
    trivy.plan({"report": trivy_report(vulnerability(2))})
    assert [(e["state"], e["id"]) for e in of(wodle.run(), "vulnerability")] == [("resolved", "CVE-2024-0001")]


def test_artifacts_with_names_too_long_for_an_event_are_not_taken_for_each_other(
    wodle: Wodle, trivy: StandIn, tmp_path: Path
) -> None:
    folder = tmp_path / ("a" * 200) / ("b" * 200)
    folder.mkdir(parents=True)
    for name in ("1.tar", "2.tar"):
        (folder / name).write_bytes(b"x")
    wodle.config["archives"] = [str(folder / "*.tar")]
    names = [e["artifact"] for e in of(wodle.run(), "summary") if e["scope"] == "artifact"]
    assert (len(set(names)), len(trivy.calls())) == (2, 2)
    assert all(len(name) <= 300 for name in names)


def test_an_accident_with_one_artifact_does_not_keep_the_others_from_being_scanned(
    tmp_path: Path, trivy: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "1.tar", tmp_path / "2.tar"]
    for path in paths:
        path.write_bytes(b"x")
    wodle = Wodle(tmp_path, trivy=trivy.tool(), archives=[str(path) for path in paths])
    wodle.database()

    def accident(target: Any, *more: Any) -> Any:
        return prove(target, *more) if target.name.endswith("2.tar") else more[99]

    monkeypatch.setattr("wodles.scan.artifact.prove", accident)
    out: list[bytes] = []
    assert run_scan(check_config(wodle.config), out.append) == 0
    events = events_of(b"".join(out))
    assert [(e["reason"], e["detail"], e["artifact"]) for e in of(events, "scan_error")] == [
        ("internal", "IndexError", str(paths[0]))
    ]
    assert [e["id"] for e in of(events, "vulnerability")] == ["CVE-2024-0001", "CVE-2024-0002"]


def test_findings_below_the_floor_are_counted_not_told(wodle: Wodle) -> None:
    wodle.config["severity_floor"] = "CRITICAL"
    events = wodle.run()
    assert of(events, "vulnerability") == []
    assert events[0]["high"] == 2


def test_what_nobody_has_rated_is_not_below_the_floor(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["severity_floor"] = "CRITICAL"
    trivy.plan({"report": trivy_report(vulnerability(1, Severity=""), vulnerability(2, Severity="LOW"))})
    assert [e["id"] for e in of(wodle.run(), "vulnerability")] == ["CVE-2024-0001"]


def test_damaged_memory_is_one_error_and_a_fresh_start(wodle: Wodle, tmp_path: Path) -> None:
    wodle.run()
    (path,) = (tmp_path / "state" / "artifacts").iterdir()
    path.write_text('{"v": 1, "artifact": 3')
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["state_corrupt"]
    assert len(of(events, "vulnerability")) == 2


def test_new_severe_findings_show_in_the_summary_but_not_the_first_time(wodle: Wodle, trivy: StandIn) -> None:
    assert wodle.run()[2]["new_severe"] == 0
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report(*(vulnerability(n) for n in range(1, 13)))})
    (summary,) = [e for e in of(wodle.run(), "summary") if e["scope"] == "artifact"]
    assert summary["new_severe"] == 10


def test_a_finding_that_a_vex_document_hides_is_told(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    wodle.database(built=hours_ago(2))
    report = trivy_report(vulnerability(1))
    hidden = {"Type": "vulnerability", "Status": "not_affected", "Source": "./vex.json", "Finding": vulnerability(2)}
    report["Results"][0]["ExperimentalModifiedFindings"] = [hidden]
    trivy.plan({"report": report})
    (event,) = of(wodle.run(), "vulnerability")
    assert (event["state"], event["id"], event["suppressed_by"]) == ("suppressed", "CVE-2024-0002", "./vex.json")


def test_a_direct_dependency_that_was_not_there_is_told(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["dependencies"] = True

    def with_packages(*names: str) -> dict[str, Any]:
        packages = [{"Name": n, "Relationship": "direct", "Identifier": {"PURL": f"pkg:npm/{n}@1"}} for n in names]
        return trivy_report(Results=[{"Class": "os-pkgs"}, {"Class": "lang-pkgs", "Packages": packages}])

    trivy.plan({"report": with_packages("left")})
    assert of(wodle.run(), "dependency") == []
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": with_packages("left", "right")})
    assert [e["package"] for e in of(wodle.run(), "dependency")] == ["pkg:npm/right"]


# ------------------------------------------------------------------------------------------- clean means proved clean

FAILURES = {
    "timeout": {"exit": 1, "stderr": "FATAL Fatal error run error: analyze error: timeout: context deadline exceeded"},
    "no_image": {
        "exit": 1,
        "stderr": "FATAL unable to initialize an image scanner: 4 errors occurred:\n * docker error: Cannot connect to "
        "the Docker daemon\n * containerd error: containerd socket not found\n * podman error: no podman socket found\n"
        " * remote error: GET https://index.docker.io/v2/: MANIFEST_UNKNOWN",
    },
    "cache_locked": {"exit": 1, "stderr": "FATAL cache may be in use by another process: timeout"},
    "cache_corrupt": {"exit": 1, "stderr": "Trivy DB may be corrupted and will be re-downloaded"},
    "db_missing": {"exit": 1, "stderr": "FATAL --skip-db-update cannot be specified on the first run"},
    "db_schema": {"exit": 1, "stderr": "the version of DB schema doesn't match. Local DB: 1, Expected: 2"},
    "disk_full": {"exit": 1, "stderr": "write /tmp/fanal-123: no space left on device"},
    "rate_limited": {"exit": 1, "stderr": "TOOMANYREQUESTS: retry-after: 35.852us, allowed: 44000/minute"},
    "denied": {"exit": 1, "stderr": "GET https://ghcr.io/token?scope=x: DENIED: denied"},
    "db_update_failed": {"exit": 1, "stderr": "failed to download vulnerability DB: OCI artifact error: x"},
    "out_of_memory": {"exit": 137},
    "scanner_failed": {"exit": 1, "stderr": "panic: something nobody thought of"},
    "bad_report": {"exit": 0, "report": "{"},
}


@pytest.mark.parametrize("reason", FAILURES)
def test_a_failing_scanner_is_exactly_one_error_and_never_clean(wodle: Wodle, trivy: StandIn, reason: str) -> None:
    trivy.plan({"report": trivy_report(), **FAILURES[reason]})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error", "eol_os", "db_stale")] == [reason]
    assert [e["outcome"] for e in of(events, "summary")] == ["error", "errors"]


def test_a_maven_rate_limit_is_a_rate_limit(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"exit": 1, "stderr": "failed to fetch https://repo.maven.apache.org/x: 429 Too Many Requests"})
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["rate_limited"]


def test_a_scanner_killed_by_the_kernel_ran_out_of_memory(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"kill": signal.SIGKILL})
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["out_of_memory"]


def test_a_scanner_that_ends_well_without_a_report_failed(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({})
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["bad_report"]


@pytest.mark.parametrize(
    "report",
    [
        trivy_report(Results=[]),
        trivy_report(Metadata={}),
        trivy_report(Metadata={"OS": {"Family": "none", "Name": ""}}),
        trivy_report(Results=[{"Class": "lang-pkgs", "Vulnerabilities": [vulnerability(1)]}]),
    ],
)
def test_an_unknown_operating_system_is_not_clean(wodle: Wodle, trivy: StandIn, report: dict[str, Any]) -> None:
    trivy.plan({"report": report})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error", "eol_os", "db_stale")] == ["unknown_os"]
    assert "clean" not in [e["outcome"] for e in of(events, "summary")]


def test_an_artifact_that_is_not_proved_clean_is_told_once_and_counted_in_every_run(
    wodle: Wodle, trivy: StandIn
) -> None:
    trivy.plan({"report": trivy_report(Metadata={})})
    first, second = wodle.run(), wodle.run()
    assert len(of(first, "scan_error")) == 1
    assert [(e["scope"], e["unproved"], e["unchanged"]) for e in second] == [("run", 1, 1)]
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report()})
    assert wodle.run()[-1]["unproved"] == 0


def test_an_image_without_a_system_is_clean_where_that_is_allowed(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["no_os_allowed"] = ["*/app.tar"]
    trivy.plan({"report": trivy_report(Metadata={}, Results=[])})
    assert [e.get("outcome") for e in wodle.run()] == ["clean", "complete"]


def test_an_end_of_life_system_is_one_event_of_its_own(wodle: Wodle, trivy: StandIn) -> None:
    packages = {"Target": "app (alpine 3.9.4)", "Class": "os-pkgs", "Type": "alpine"}
    system = {"OS": {"Family": "alpine", "Name": "3.9.4", "EOSL": True}}
    trivy.plan({"report": trivy_report(Metadata=system, Results=[packages])})
    events = wodle.run()
    assert [(e["event"], e["os"]) for e in of(events, "scan_error", "eol_os", "db_stale")] == [
        ("eol_os", "alpine 3.9.4")
    ]
    assert of(events, "summary")[0]["outcome"] == "eol_os"


def test_an_old_database_is_one_event_a_run_and_nothing_is_clean(wodle: Wodle, trivy: StandIn) -> None:
    wodle.database(built="2024-01-01T00:00:00Z")
    trivy.plan({"report": trivy_report()})
    events = wodle.run()
    assert [e["built"] for e in of(events, "scan_error", "eol_os", "db_stale")] == ["2024-01-01"]
    assert of(events, "summary")[0]["outcome"] == "db_stale"


def test_a_database_whose_age_is_not_known_is_old(wodle: Wodle, trivy: StandIn) -> None:
    wodle.database(built="0001-01-01T00:00:00Z")
    trivy.plan({"report": trivy_report()})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error", "eol_os", "db_stale")] == ["unknown_age"]
    assert of(events, "summary")[0]["outcome"] == "db_stale"


def test_a_proved_clean_image_is_clean(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report()})
    events = wodle.run()
    assert of(events, "scan_error", "eol_os", "db_stale") == []
    assert [e["outcome"] for e in events] == ["clean", "complete"]


def test_findings_that_all_vanish_are_doubted_and_their_clocks_kept(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(*(vulnerability(n) for n in range(1, 7)))})
    wodle.run()
    wodle.database(built=hours_ago(2))
    trivy.plan({"report": trivy_report()})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["empty_result"]
    assert of(events, "vulnerability") == []
    # The very same again is believed: a rebuilt image may really have lost all of them.
    assert [e["state"] for e in of(wodle.run(), "vulnerability", "scan_error")] == ["resolved"] * 6
    assert [e["scope"] for e in wodle.run()] == ["run"]


def test_a_failed_scan_is_tried_again_and_does_not_resolve_anything(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    wodle.database(built=hours_ago(2))
    trivy.plan({"exit": 1})
    assert of(wodle.run(), "vulnerability") == []
    trivy.plan({"report": trivy_report(vulnerability(1), vulnerability(2))})
    assert of(wodle.run(), "vulnerability") == []
    assert len(trivy.calls()) == 3


def test_a_missing_archive_is_one_error(wodle: Wodle) -> None:
    wodle.config["archives"] = ["/nowhere/app.tar"]
    assert [e.get("reason") for e in wodle.run()] == ["no_image", None]


# ------------------------------------------------------------------------------------------------------------ processes


def test_a_hanging_scanner_and_what_it_started_are_killed_in_time(wodle: Wodle, trivy: StandIn, tmp_path: Path) -> None:
    pid_file = tmp_path / "grandchild"
    trivy.plan({"sleep": 600, "ignore_term": True, "grandchild": str(pid_file)})
    wodle.config["image_seconds"] = 1
    started = time.monotonic()
    events = wodle.run()
    assert time.monotonic() - started < 60
    assert [e["reason"] for e in of(events, "scan_error")] == ["timeout"]
    assert not alive(int(pid_file.read_text()))


def test_other_children_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    before = children()  # what other tests of this process have left running
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        outcome = run_program(Command(["/bin/sh", "-c", "setsid sleep 600 & exit 3"], str(tmp_path), {}), 30.0)
        assert outcome.code == 3
        assert bystander.poll() is None
        assert children() - before == {bystander.pid}
    finally:
        bystander.kill()
        bystander.wait()


def test_an_artifact_that_the_runs_deadline_leaves_out_is_told(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["run_seconds"] = 1
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["run_deadline"]
    assert trivy.calls() == []


def test_a_report_that_grows_without_end_is_stopped(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["report_bytes"] = 1 << 20
    trivy.plan({"report": trivy_report(), "padding": 1 << 24})
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["report_too_large"]


def test_the_module_ending_the_run_ends_the_scanner_and_is_told(wodle: Wodle, trivy: StandIn, tmp_path: Path) -> None:
    pid_file = tmp_path / "grandchild"
    trivy.plan({"sleep": 600, "grandchild": str(pid_file)})
    process = wodle.start(start_new_session=True)
    deadline = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert err == b""
    assert [json.loads(line)["cicd_scan"]["reason"] for line in out.splitlines()] == ["terminated"]
    assert not alive(int(pid_file.read_text()))


def test_a_second_run_beside_the_first_refuses_politely(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(), "sleep": 600})
    first = wodle.start()
    deadline = time.monotonic() + 60
    while not trivy.calls() and time.monotonic() < deadline:
        time.sleep(0.02)
    second = wodle.run()
    first.terminate()
    out, _ = first.communicate(timeout=60)
    assert [(e["event"], e["reason"]) for e in second] == [("scan_error", "busy")]
    assert b'"reason":"terminated"' in out


def test_the_scanner_sees_an_empty_directory_and_none_of_our_environment(wodle: Wodle, trivy: StandIn) -> None:
    hostile = {
        "TRIVY_RUN_AS_PLUGIN": "evil",
        "TRIVY_SEVERITY": "LOW",
        "AWS_SECRET_ACCESS_KEY": "c4n4ry",
        "GITHUB_TOKEN": "ghp_c4n4ry",
    }
    events = wodle.run(env={**os.environ, **hostile}, cwd=str(wodle.folder))
    (call,) = trivy.calls()
    assert [key for key in call["env"] if key.startswith("TRIVY")] == []
    assert "c4n4ry" not in json.dumps(call)
    assert "c4n4ry" not in json.dumps(events)
    assert call["files"] == [".log"]
    assert call["cwd"].startswith(str(wodle.folder / "state"))


def test_scans_are_offline_and_ask_for_no_update(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    args = trivy.calls()[0]["args"]
    for option in (
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-check-update",
        "--offline-scan",
        "--disable-telemetry",
    ):
        assert option in args


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the network away from a child")
def test_a_scan_of_what_is_here_has_no_network(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config.update(registry=["registry.example.com/app:1"], database_update=True)
    wodle.database(built="2024-01-01T00:00:00Z")
    wodle.run()
    local, remote = trivy.calls()
    assert local["net"] == ["lo"]
    here = [name for _, name in socket.if_nameindex()]
    assert remote["net"] == here
    assert [call["net"] for call in trivy.calls("update")] == [here, here]


def test_a_cache_that_another_run_works_with_is_waited_for_until_the_deadline(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["image_seconds"] = 1
    (wodle.folder / "cache" / ".lock").touch()
    with (wodle.folder / "cache" / ".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["cache_locked"]
    assert trivy.calls() == []
    assert of(wodle.run(), "scan_error") == []


def test_a_reference_that_could_be_an_option_never_reaches_the_scanner(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config.update(archives=[], registry=["--config=/etc/passwd", "a b", "app:1\n"])
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["no_image"] * 3
    assert trivy.calls() == []


def test_a_directory_that_changes_while_it_is_looked_at_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").touch()
    scandir = os.scandir

    @contextlib.contextmanager
    def vanishing(path: str) -> Any:
        with scandir(path) as entries:
            listed = list(entries)
        (tmp_path / "gone").unlink(missing_ok=True)
        yield listed

    monkeypatch.setattr(os, "scandir", vanishing)
    assert tree_fingerprint(str(tmp_path)).startswith("tree:")


def test_nothing_of_the_scanners_log_is_repeated(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"exit": 1, "stderr": "Authorization: Bearer c4n4ry-token DENIED: denied"})
    assert "c4n4ry" not in json.dumps(wodle.run())


def test_no_work_is_left_behind(wodle: Wodle, tmp_path: Path) -> None:
    wodle.run()
    assert [p.name for p in (tmp_path / "state").glob("work-*")] == []


# ------------------------------------------------------------------------------------------------------------- binaries


def test_a_scanner_with_another_hash_is_not_started(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["trivy"]["sha256"] = "0" * 64
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["binary_mismatch"]
    assert trivy.sha256 in of(events, "scan_error")[0]["detail"]
    assert trivy.calls() == []


@pytest.mark.parametrize("version", ["0.69.4", "v0.69.5", "0.69.6"])
def test_a_version_of_the_march_2026_compromise_is_not_started(wodle: Wodle, trivy: StandIn, version: str) -> None:
    wodle.config["trivy"]["version"] = version
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["denied_version"]
    assert trivy.calls() == []


def test_a_denied_version_is_found_in_the_binarys_own_build_information(wodle: Wodle, trivy: StandIn) -> None:
    text = trivy.path.read_text() + '\n# build -ldflags="-X github.com/aquasecurity/trivy/pkg/version/app.ver=0.69.4"\n'
    trivy.path.write_text(text)
    wodle.config["trivy"]["sha256"] = trivy.sha256
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["denied_version"]
    assert trivy.calls() == []


def test_a_denied_version_is_found_in_a_binary_that_replaces_a_good_one(wodle: Wodle, trivy: StandIn) -> None:
    assert of(wodle.run(), "scan_error") == []
    text = trivy.path.read_text() + "\n# build\tgithub.com/aquasecurity/trivy\tv0.69.6\n"
    trivy.path.write_text(text)
    wodle.config["trivy"]["sha256"] = trivy.sha256
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["denied_version"]
    assert len(trivy.calls()) == 1


@pytest.mark.parametrize("place", [0, 1, 30, 300])
def test_a_denied_version_is_found_wherever_it_stands(tmp_path: Path, place: int) -> None:
    path = tmp_path / "binary"
    named = b"github.com/aquasecurity/trivy/pkg/version/app.ver=0.69.5"
    path.write_bytes(b"A" * (HASH_CHUNK - place) + named + b"\n" + b"B" * (HASH_CHUNK + 7))
    with path.open("rb") as stream:
        digest, denied = hash_binary(stream.fileno(), "trivy")
    assert (digest, denied) == (hashlib.sha256(path.read_bytes()).hexdigest(), "0.69.5")


def test_a_report_by_a_denied_version_is_thrown_away(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1), Trivy={"Version": "0.69.4"})})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["denied_version"]
    assert of(events, "vulnerability") == []


def test_a_report_of_others_by_a_denied_version_is_thrown_away(wodle: Wodle, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(trivy_report(vulnerability(1), Trivy={"Version": "v0.69.6"})))
    events = wodle.run("--report", str(path))
    assert [e["reason"] for e in of(events, "scan_error")] == ["denied_version"]
    assert of(events, "vulnerability") == []


@pytest.mark.parametrize(("version", "told"), [("0.51.1", ["denied_version"]), ("0.51.2", []), ("0.74.0", [])])
def test_a_trivy_that_sends_credentials_to_others_is_not_started(wodle: Wodle, version: str, told: list[str]) -> None:
    wodle.config["trivy"]["version"] = version
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == told


def test_a_scanner_that_others_may_change_is_not_started(wodle: Wodle, trivy: StandIn) -> None:
    trivy.path.chmod(0o777)
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["binary_unsafe"]
    assert trivy.calls() == []


def test_a_scanner_must_be_pinned_unless_the_configuration_says_otherwise(wodle: Wodle) -> None:
    del wodle.config["trivy"]["sha256"]
    assert [e["reason"] for e in wodle.run()] == ["config"]


def test_an_unpinned_scanner_is_remembered_and_another_one_not_started(wodle: Wodle, trivy: StandIn) -> None:
    del wodle.config["trivy"]["sha256"]
    wodle.config["allow_unpinned"] = True
    assert of(wodle.run(), "scan_error") == []
    trivy.path.write_text(trivy.path.read_text() + "\n# changed\n")
    wodle.database(built=hours_ago(2))
    assert [e["reason"] for e in of(wodle.run(), "scan_error")] == ["scanner_changed"]
    assert len(trivy.calls()) == 1


# ------------------------------------------------------------------------------------------------------------ databases


def test_the_database_is_updated_once_then_scans_run(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["database_update"] = True
    wodle.database(built="2024-01-01T00:00:00Z")
    wodle.run()
    assert [
        ("--download-db-only" in c["args"], "--download-java-db-only" in c["args"]) for c in trivy.calls("update")
    ] == [
        (True, False),
        (False, True),
    ]


def test_a_fresh_database_is_not_updated(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["database_update"] = True
    wodle.run()
    assert trivy.calls("update") == []


def test_a_failing_update_is_one_error_and_scans_go_on(wodle: Wodle, trivy: StandIn) -> None:
    wodle.config["database_update"] = True
    wodle.database(built=time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 3600)))
    trivy.plan({"report": trivy_report(vulnerability(1)), "update": {"exit": 1, "stderr": "TOOMANYREQUESTS"}})
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["rate_limited"]
    assert [e["id"] for e in of(events, "vulnerability")] == ["CVE-2024-0001"]


# ------------------------------------------------------------------------------------------------------ configuration


@pytest.mark.parametrize(
    "config",
    [
        {"unknown": 1},
        {"archives": "x"},
        {"archives": [1]},
        {"engine": "lxc"},
        {"severity_floor": "SEVERE"},
        {"checks": ["everything"]},
        {"checks": []},
        {"sla_days": {"HIGH": "30"}},
        {"image_seconds": -1},
        {"image_seconds": True},
        {"trivy": {"path": "trivy", "sha256": "0"}},
        {"trivy": {"path": "/x", "sha256": "0", "args": "--insecure"}},
        {"signatures": [{"images": ["*"]}]},
        {"signatures": [{"images": ["*"], "key": "/k", "identity": "a", "issuer": "b"}]},
        {"signatures": [{"images": ["*"], "identity": "a"}]},
        {"exceptions": "/nowhere"},
        {"kev_catalog": "/nowhere"},
    ],
)
def test_a_wrong_configuration_is_one_error(wodle: Wodle, config: dict[str, Any]) -> None:
    wodle.config.update(config)
    assert [(e["event"], e["reason"]) for e in wodle.run()] == [("scan_error", "config")]


def test_a_configuration_that_others_may_change_is_refused(wodle: Wodle) -> None:
    process = wodle.start()
    process.communicate()
    wodle.config_path.chmod(0o666)
    with pytest.raises(ScanError, match="changed by others"):
        load_config(str(wodle.config_path))


@pytest.mark.parametrize("key", ["exceptions", "ignore_file", "vex", "kev_catalog"])
def test_a_file_that_hides_findings_and_that_others_may_change_is_refused(
    wodle: Wodle, tmp_path: Path, trivy: StandIn, key: str
) -> None:
    path = tmp_path / "hides"
    path.write_text('{"vulnerabilities": []}' if key == "kev_catalog" else "[]")
    wodle.config[key] = [str(path)] if key == "vex" else str(path)
    path.chmod(0o666)
    assert [(e["event"], e["reason"]) for e in wodle.run()] == [("scan_error", "config")]
    assert trivy.calls() == []
    path.chmod(0o644)
    assert of(wodle.run(), "scan_error") == []


def test_help_names_every_option(wodle: Wodle) -> None:
    out, err = wodle.start("--help").communicate()
    assert err == b""
    for option in ("--config", *(f"--{kind}" for kind in KINDS)):
        assert f"  {option} " in out.decode()


def test_the_command_line_names_targets_in_their_order() -> None:
    assert parse_arguments([]) == (DEFAULT_CONFIG, [])
    args = ["--image", "a:1", "--config=/c", "--report=-odd=name", "--image", "b"]
    assert parse_arguments(args) == ("/c", [("image", "a:1"), ("report", "-odd=name"), ("image", "b")])


@pytest.mark.parametrize(
    "args",
    [
        *(("--nonsense",), ("--nonsense", "x"), ("--image",), ("--image", "--config"), ("--image=",)),
        *(("image", "a"), ("a:1",), ("-x",), ("--",), ("--config", "/nowhere")),
    ],
)
def test_a_wrong_command_line_is_one_error_and_nothing_on_standard_error(wodle: Wodle, args: tuple[str, ...]) -> None:
    assert [(e["event"], e["reason"]) for e in wodle.run(*args)] == [("scan_error", "config")]


# ------------------------------------------------------------------------------------------------------ SLA, exceptions


def backdate(wodle: Wodle, days: int) -> None:
    for path in (wodle.folder / "state" / "artifacts").glob("*.json"):
        document = json.loads(path.read_text())
        for entry in document["findings"].values():
            entry["f"] -= days * 86400
            entry["x"] = entry["x"] and entry["x"] - days * 86400
            entry["o"] = entry["o"] and entry["o"] - days * 86400
        path.write_text(json.dumps(document))


def test_a_breached_sla_is_told_without_a_scan_and_once_a_week(wodle: Wodle, trivy: StandIn) -> None:
    wodle.run()
    backdate(wodle, 29)
    assert of(wodle.run(), "vulnerability") == []
    backdate(wodle, 2)
    events = of(wodle.run(), "vulnerability")
    assert [(e["state"], e["days_late"]) for e in events] == [("overdue", 1)] * 2
    assert of(wodle.run(), "vulnerability") == []
    backdate(wodle, 8)
    assert len(of(wodle.run(), "vulnerability")) == 2
    assert len(trivy.calls()) == 1


def test_without_a_fix_no_clock_runs(wodle: Wodle, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1, FixedVersion="", Status="affected"))})
    wodle.run()
    backdate(wodle, 900)
    assert of(wodle.run(), "vulnerability") == []


def test_neither_a_rebuild_nor_a_version_bump_restarts_the_clock(wodle: Wodle, trivy: StandIn, archive: str) -> None:
    wodle.run()
    backdate(wodle, 31)
    wodle.run()
    Path(archive).write_bytes(b"another image")
    bumped = vulnerability(1, InstalledVersion="1.0.1", PkgIdentifier={"PURL": "pkg:deb/debian/package-1@1.0.1"})
    trivy.plan({"report": trivy_report(bumped, vulnerability(2))})
    (event,) = of(wodle.run(), "vulnerability")
    assert (event["state"], event["version"]) == ("changed", "1.0.1")
    assert event["since"] < time.strftime("%Y-%m-%d", time.gmtime(time.time() - 30 * 86400))


@pytest.mark.parametrize(
    ("severity", "threat", "days"),
    [
        ("CRITICAL", "", 7),
        ("HIGH", "", 30),
        ("MEDIUM", "", 90),
        ("LOW", "", 180),
        ("LOW", "kev", 7),
        ("HIGH", "epss", 30),
        ("UNKNOWN", "", None),
    ],
)
def test_the_days_that_a_vulnerability_may_stay(severity: str, threat: str, days: int | None) -> None:
    assert sla_days(severity, threat, DEFAULTS.sla_days) == days


@pytest.mark.parametrize(("first", "fix", "due"), [(100, 200, 200), (300, 200, 300), (100, 0, None)])
def test_the_clock_starts_when_both_we_and_the_fix_are_there(first: int, fix: int, due: int | None) -> None:
    assert sla_due("CRITICAL", "", first, fix, {"CRITICAL": 7}) == (due and due + 7 * 86400)


def excuse(**more: Any) -> dict[str, Any]:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    later = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86400))
    return {
        "id": "CVE-2024-0001",
        "owner": "team-a",
        "reason": "not reachable",
        "granted": today,
        "expires": later,
        **more,
    }


def test_an_exception_stops_the_breach_and_shows_on_the_finding(wodle: Wodle, tmp_path: Path) -> None:
    (tmp_path / "exceptions.json").write_text(json.dumps([excuse()]))
    wodle.config["exceptions"] = str(tmp_path / "exceptions.json")
    assert "team-a" in of(wodle.run(), "vulnerability")[0]["exception"]
    backdate(wodle, 31)
    assert [e["id"] for e in of(wodle.run(), "vulnerability")] == ["CVE-2024-0002"]


def test_an_expired_exception_is_a_breach(wodle: Wodle, tmp_path: Path) -> None:
    (tmp_path / "exceptions.json").write_text(json.dumps([excuse(granted="2024-01-01", expires="2024-02-01")]))
    wodle.config["exceptions"] = str(tmp_path / "exceptions.json")
    (event,) = [e for e in of(wodle.run(), "vulnerability") if e["state"] == "overdue"]
    assert event["exception"] == "expired 2024-02-01 (team-a)"


def test_an_expired_exception_is_a_breach_even_without_a_fix(wodle: Wodle, tmp_path: Path, trivy: StandIn) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1, FixedVersion="", Status="affected"))})
    (tmp_path / "exceptions.json").write_text(json.dumps([excuse(granted="2024-01-01", expires="2024-02-01")]))
    wodle.config["exceptions"] = str(tmp_path / "exceptions.json")
    events = of(wodle.run(), "vulnerability")
    assert [(e["state"], e.get("due")) for e in events] == [("new", None), ("overdue", "2024-02-02")]


def test_an_exception_by_another_name_of_the_advisory_stops_the_breach_too(
    wodle: Wodle, tmp_path: Path, trivy: StandIn
) -> None:
    trivy.plan({"report": trivy_report(vulnerability(1, VendorIDs=["GHSA-aaaa-bbbb-cccc"]))})
    (tmp_path / "exceptions.json").write_text(json.dumps([excuse(id="GHSA-aaaa-bbbb-cccc")]))
    wodle.config["exceptions"] = str(tmp_path / "exceptions.json")
    wodle.run()
    backdate(wodle, 31)
    assert of(wodle.run(), "vulnerability") == []


def test_an_exception_is_on_the_event_however_many_fields_it_has(tmp_path: Path) -> None:
    config = check_config({"engine": "none", "state_directory": str(tmp_path / "state")})
    out: list[bytes] = []
    run = Run(config, Emitter(out.append, 9), State(str(tmp_path / "state")), Toolbox(config, str(tmp_path)))
    run.waivers, _ = check_exceptions([excuse()], time.time())
    target = Target("image", "app:1", "app:1", "sha256:" + "a" * 64, exposure="published")
    report = parse_report(json.dumps(trivy_report(vulnerability(1, CweIDs=["CWE-506"]))).encode())
    compare(run, target, Known("image", {}), [report])
    run.emit.flush()
    (event,) = events_of(b"".join(out))
    assert len(event) == 16
    assert {"digest", "fixed", "severity_source", "threat", "exception", "due"} <= set(event)


@pytest.mark.parametrize(
    "entry",
    [
        excuse(owner=""),
        excuse(reason=""),
        excuse(id=""),
        excuse(granted=None),
        excuse(expires="2999-01-01"),
        excuse(granted="2999-01-01", expires="2999-02-01"),
        excuse(expires="someday"),
        excuse(forever=True),
        excuse(id="CVE-*"),
        excuse(id="*"),
        excuse(owner="-"),
        excuse(owner="n/a"),
        excuse(owner=7),
        excuse(reason="x"),
        excuse(reason="accepted"),
        excuse(reason="TBD TBD"),
        excuse(expires="2026-02-30"),
        excuse(expires=excuse()["expires"] + " and later"),
        "CVE-2024-0001",
    ],
)
def test_an_exception_that_lacks_something_is_refused(entry: Any) -> None:
    waivers, refused = check_exceptions([entry], time.time())
    assert (waivers, len(refused)) == ([], 1)


def test_a_refused_exception_is_one_error_and_is_not_applied(wodle: Wodle, tmp_path: Path) -> None:
    (tmp_path / "exceptions.json").write_text(json.dumps([excuse(owner="")]))
    wodle.config["exceptions"] = str(tmp_path / "exceptions.json")
    events = wodle.run()
    assert [e["reason"] for e in of(events, "scan_error")] == ["exception_invalid"]
    assert not any("exception" in e for e in of(events, "vulnerability"))
