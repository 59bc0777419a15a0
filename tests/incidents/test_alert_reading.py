from __future__ import annotations

import gzip
import os
from datetime import datetime, timezone

import pytest

from incidents.alert_kit import NOON, alert, github, lines
from wazuh_cicd.errors import UsageError
from wazuh_cicd.incidents import reading
from wazuh_cicd.incidents.reading import Clock, Input, Period, as_moment, find_files, read_files


@pytest.fixture(params=["orjson", "json"], autouse=True)
def _parser(request, monkeypatch):
    """Every test with orjson, where it is there, and with the standard library alone."""
    if request.param == "json":
        monkeypatch.setattr(reading, "_quick", None)
    elif reading._quick is None:
        pytest.skip("orjson is not installed")


def read(*paths, period=None):
    found = Input()
    period = period or Period()
    return list(read_files(find_files(paths, period, found), found, lambda done, total: None)), found


def test_a_file_gives_its_alerts_in_order(tmp_path):
    path = tmp_path / "alerts.json"
    path.write_bytes(lines(alert(after=number) for number in range(5)))
    alerts, found = read(path)
    assert [one["id"] for one in alerts] == [f"{NOON + number}.1" for number in range(5)]
    assert (found.lines, found.bad) == (5, {})


@pytest.mark.parametrize("name", ["alerts.json.gz", "alerts.json"])
def test_a_compressed_file_is_known_by_its_content(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(lines([alert()])) + gzip.compress(lines([alert(after=1)])))
    assert len(read(path)[0]) == 2


def test_a_folder_as_a_manager_lays_it_out_is_read_by_day_and_each_file_once(tmp_path):
    jan, feb = tmp_path / "2026" / "Jan", tmp_path / "2026" / "Feb"
    jan.mkdir(parents=True)
    feb.mkdir()
    (feb / "ossec-alerts-01.json").write_bytes(lines([alert(title="third")]))
    os.link(feb / "ossec-alerts-01.json", tmp_path / "alerts.json")  # as the manager does
    (jan / "ossec-alerts-31.json.gz").write_bytes(gzip.compress(lines([alert(title="first")])))
    (jan / "ossec-alerts-31-001.json.gz").write_bytes(gzip.compress(lines([alert(title="second")])))
    (jan / "ossec-alerts-31.log").write_text("text")
    (jan / "ossec-alerts-31.json.sum").write_text("sum")
    alerts, found = read(tmp_path)
    assert [one["rule"]["description"] for one in alerts] == ["first", "second", "third"]
    assert len(found.files) == 3


def test_a_day_that_is_just_being_compressed_is_read_once(tmp_path):
    folder = tmp_path / "2026" / "Jan"
    folder.mkdir(parents=True)
    content = lines([alert()])
    (folder / "ossec-alerts-30.json").write_bytes(content)
    (folder / "ossec-alerts-30.json.gz").write_bytes(gzip.compress(content)[:20])
    assert len(read(tmp_path)[0]) == 1


def test_day_files_outside_the_period_are_not_opened(tmp_path):
    folder = tmp_path / "2026" / "Jan"
    folder.mkdir(parents=True)
    (folder / "ossec-alerts-01.json.gz").write_bytes(b"not to be opened")
    (folder / "ossec-alerts-07.json.gz").write_bytes(gzip.compress(lines([alert()])))
    since = datetime(2026, 1, 7, tzinfo=timezone.utc).timestamp()
    alerts, found = read(tmp_path, period=Period(since=since))
    assert (len(alerts), found.skipped, found.broken) == (1, 1, [])


@pytest.mark.parametrize(
    "bad",
    [
        b'{"timestamp":"2026-01-07T12:0',  # cut off, as the last line of a file that grows
        b"[1, 2]",
        b'"text"',
        b"{} {}",
        b"\x00\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"level":' + b"9" * 10_000 + b"}",
    ],
    ids=["cut", "list", "text", "two", "bytes", "deep-list", "deep-object", "long-number"],
)
def test_a_line_that_is_no_alert_is_counted_with_its_place(tmp_path, bad):
    path = tmp_path / "alerts.json"
    path.write_bytes(lines([alert()]) + bad + b"\n\n" + lines([alert(after=1)]))
    alerts, found = read(path)
    assert len(alerts) == 2
    assert found.bad == {"not a JSON object": 1}
    assert found.first_bad == f"{path}:2: not a JSON object"


def test_bytes_that_are_no_utf8_do_not_lose_an_alert(tmp_path):
    path = tmp_path / "alerts.json"
    path.write_bytes(lines([alert(title="caf#")]).replace(b"#", b"\xe9"))
    alerts, found = read(path)
    assert alerts[0]["rule"]["description"] == "caf\udce9"
    assert not found.bad


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_line_beyond_all_measure_is_counted_and_the_rest_is_read(tmp_path, monkeypatch, at_the_end):
    monkeypatch.setattr(reading, "LONGEST_LINE", 1 << 16)
    monkeypatch.setattr(reading, "_CHUNK", 1 << 12)
    long = b'{"a":"' + b"x" * (1 << 18) + b'"}\n'
    path = tmp_path / "alerts.json"
    good = lines(alert(after=number) for number in range(3))
    path.write_bytes(good + long if at_the_end else long + good)
    alerts, found = read(path)
    assert (len(alerts), found.bad) == (3, {"not a JSON object": 1})


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + b"\0" * 40 + data[80:]])
def test_a_damaged_archive_gives_what_is_whole_and_says_so(tmp_path, damage):
    path = tmp_path / "alerts.json.gz"
    path.write_bytes(damage(gzip.compress(lines(alert(after=number) for number in range(2000)))))
    _, found = read(path)
    assert len(found.broken) == 1
    assert found.broken[0].startswith(f"{path}: ")


def test_what_is_not_there_is_a_located_error(tmp_path):
    with pytest.raises(UsageError, match="is not there"):
        read(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"holds no alerts\.json"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-07T12:00:00.000+0000", NOON),
        ("2026-01-07T13:00:05.999+0100", NOON + 5),
        ("2026-01-07T12:00:07Z", NOON + 7),
        ("2026-01-07T12:00:07.5Z", NOON + 7),
        ("2026-01-07 12:00:00", None),
        ("2026-13-07T12:00:00.000+0000", None),
        ("2026-01-07T12:00:٣٣.000+0000", None),
        ("", None),
        (5, None),
        ("x" * 10_000, None),
    ],
)
def test_times_are_read_as_a_manager_writes_them(text, seconds):
    assert Clock().read({"timestamp": text}) == seconds


def test_a_bound_is_a_day_a_moment_or_a_time_before_now():
    day = datetime(2026, 1, 7, tzinfo=timezone.utc).timestamp()
    assert as_moment("2026-01-07", "--since", 0) == day
    assert as_moment("2026-01-07", "--until", 0, end=True) == day + 86_399
    assert as_moment("2026-01-07T12:00", "--since", 0) == NOON
    assert as_moment("2026-01-07T13:00:00+0100", "--since", 0) == NOON
    assert as_moment("24h", "--since", NOON) == NOON - 86_400
    for wrong in ("yesterday", "2026-02-30", "", "5y", "9999999999d"):
        with pytest.raises(UsageError, match="--since"):
            as_moment(wrong, "--since", NOON)


def test_progress_is_told_as_the_file_goes_by(tmp_path):
    path = tmp_path / "alerts.json"
    path.write_bytes(lines(alert(after=number, **github()) for number in range(3000)))
    seen = []
    found = Input()
    list(read_files(find_files([path], Period(), found), found, lambda done, total: seen.append((done, total))))
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert all(total == size for _, total in seen)
    assert sorted(seen) == seen
