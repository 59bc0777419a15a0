"""One line of JSON an event: the same bytes whoever writes it, the same event whoever reads it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine import RulesetFiles, load_ruleset
from wazuh_cicd.errors import UsageError
from wazuh_cicd.proof import events
from wazuh_cicd.report import logtest

DECODERS = (
    rb'<decoder name="json"><prematch>^{\s*"</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>'
    rb'<decoder name="app"><program_name>^app$</program_name></decoder>'
)
RULE = (
    b'<group name="a,"><rule id="1" level="3"><category>syslog</category><description>$(a)</description></rule></group>'
)
# Letters of every kind: plain, escaped, above ASCII, beyond the first plane, surrogates alone.
TEXTS = st.text(st.characters() | st.sampled_from('\x00\x1f\x7f"\\/\u2028é😀\ud800\udcff'))
WHOLE = st.recursive(
    st.none() | st.booleans() | TEXTS | st.integers() | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
ARRAYS = ("[1.0]", "[1e5, 2]", '[0.1, {"x": 1E-7}]', "[12345678901234567890]", "[-0]", "[1.5e300]", '["a.b", "1.2"]')


@pytest.fixture(scope="module")
def ruleset():
    return load_ruleset(files=RulesetFiles((("d.xml", DECODERS),), (("r.xml", RULE),)))


def without(monkeypatch):
    monkeypatch.setattr(logtest, "_quick", None)
    monkeypatch.setattr(events, "_quick", None)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(TEXTS, WHOLE, max_size=5))
def test_an_object_is_written_as_the_standard_library_writes_it(line):
    assert logtest.encode(line, plain=True) == json.dumps(line, separators=(",", ":"))


@pytest.mark.parametrize("array", ARRAYS)
def test_numbers_of_an_array_are_written_alike_with_and_without_orjson(array, ruleset, monkeypatch):
    verdict = ruleset.session().process(f'{{"a": {array}, "b": "x"}}', time=1.5)
    line = logtest.as_json(verdict)
    without(monkeypatch)
    assert logtest.as_json(verdict) == line


def test_arrays_nested_deep_are_written_alike(ruleset, monkeypatch):
    verdict = ruleset.session().process(f'{{"a": {"[" * 400}{"]" * 400}}}', time=1.5)
    line = logtest.as_json(verdict)
    without(monkeypatch)
    assert logtest.as_json(verdict) == line


@settings(max_examples=400, deadline=None)
@given(
    TEXTS | WHOLE,
    st.none() | TEXTS | st.integers(),
    st.none() | st.integers() | st.floats(),
    st.booleans(),
)
def test_a_line_is_read_alike_with_and_without_orjson(log, location, time, ascii_only):
    given_line = {"log": log, "location": location, "time": time}
    line = json.dumps({name: value for name, value in given_line.items() if value is not None}, ensure_ascii=ascii_only)
    raw = line.encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        first = read(raw)
        without(patch)
        assert read(raw) == first


@pytest.mark.parametrize(
    "line",
    [
        b'{"log": {"n": 123456789012345678901234567890}}',
        b'{"log": "a", "time": NaN}',
        b'{"log": "a\xff"}',
        b'{"log": "\\ud800"}',
        b'{"log": "a", "log": "b"}',
        b'{"log": "a"} x',
        b'\xef\xbb\xbf{"log": "a"}',
        b'{"log": "a\tb"}',
        b'{"log": "a", "location": "\\ud800"}',
        b'["log"]',
        b"7",
        b"",
    ],
)
def test_odd_lines_are_read_alike(line):
    with pytest.MonkeyPatch.context() as patch:
        first = read(line)
        without(patch)
        assert read(line) == first


def read(line):
    try:
        return list(events.read_events([line], jsonl=True, location="here", name="x"))
    except UsageError as error:
        return str(error)
