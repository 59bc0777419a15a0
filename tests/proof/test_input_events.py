"""Events as logtest and diff read them."""

from __future__ import annotations

import pytest

from wazuh_cicd.errors import UsageError
from wazuh_cicd.proof.events import InputEvent, read_events


def read(*lines, jsonl=False, location="stdin"):
    return list(read_events(lines, jsonl=jsonl, location=location, name="in"))


def test_raw_lines_keep_their_bytes_and_lose_their_line_end():
    assert read(b"caf\xe9 \xff\r\n", b"\n", b"last", location="/var/log/x") == [
        InputEvent(b"caf\xe9 \xff", "/var/log/x"),
        InputEvent(b"last", "/var/log/x"),
    ]


def test_json_lines_bring_location_and_time():
    line = b'{"log": "a\\u00e9", "location": "github", "time": 12.5}'
    assert read(line, jsonl=True) == [InputEvent("aé".encode(), "github", 12.5)]


def test_a_json_log_may_be_an_object_and_is_printed_compactly():
    assert read(b'{"log": {"a": [1, "\xc3\xa9"]}}', jsonl=True) == [InputEvent('{"a":[1,"é"]}'.encode())]


def test_surrogate_escapes_stand_for_raw_bytes():
    assert read(b'{"log": "a\\udcff"}', jsonl=True) == [InputEvent(b"a\xff")]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "in:2: not JSON"),
        (b"[" * 100_000, "in:2: not JSON"),
        (b"[1]", 'in:2: not an object with "log"'),
        (b'{"log": 1}', 'in:2: not an object with "log"'),
        (b'{"log": "a", "time": "now"}', 'in:2: "time"'),
        (b'{"log": "a", "time": NaN}', 'in:2: "time"'),
        (b'{"log": "a", "time": true}', 'in:2: "time"'),
        (b'{"log": "a", "location": 1}', 'in:2: "location"'),
    ],
)
def test_a_bad_json_line_is_refused_with_its_number(line, complaint):
    with pytest.raises(UsageError, match=f"^{complaint}"):
        read(b'{"log": "fine"}', line, jsonl=True)
