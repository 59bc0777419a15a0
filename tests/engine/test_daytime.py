import pytest

from wazuh_cicd.engine.load.daytime import parse_time, parse_weekday


def minute(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@pytest.mark.parametrize(
    ("span", "holds", "fails"),
    [
        ("8:30 - 17:00", ["08:30", "12:00", "17:00"], ["08:29", "17:01"]),
        ("8 - 17", ["08:00", "17:00"], ["07:59", "17:01"]),
        ("!8 - 17", ["07:59", "17:01"], ["08:00", "17:00"]),
        ("12 am - 11:59 pm", ["00:00", "23:59"], []),
        ("12 pm - 1 pm", ["12:00", "13:00"], ["00:30", "11:59"]),
        # Across midnight both ends are left out.
        ("10 pm - 6 am", ["22:01", "00:00", "05:59"], ["22:00", "06:00", "12:00"]),
        ("!10 pm - 6 am", ["22:00", "06:00", "12:00"], ["22:01", "00:00"]),
    ],
)
def test_time_of_day(span, holds, fails):
    parsed = parse_time(span)
    assert parsed is not None
    assert [text for text in holds if not parsed.holds(minute(text))] == []
    assert [text for text in fails if parsed.holds(minute(text))] == []


@pytest.mark.parametrize("span", ["", "8", "25:00-26:00", "8:60 - 9", "13 pm - 2 pm", "8 - 9 - 10", "morning"])
def test_impossible_spans_are_refused(span):
    assert parse_time(span) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("monday", {0}),
        ("Mon,SUN", {0, 6}),
        ("weekdays", {0, 1, 2, 3, 4}),
        ("weekends, friday", {4, 5, 6}),
        ("tue wed", {1, 2}),
    ],
)
def test_weekday(text, days):
    assert parse_weekday(text) == days


@pytest.mark.parametrize("text", ["", "!monday", "monday - wednesday", "someday", "mo"])
def test_impossible_days_are_refused(text):
    assert parse_weekday(text) is None
