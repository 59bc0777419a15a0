"""An address that a client may have written into a line and one that only the program writes are not the same."""

from __future__ import annotations

import pytest

from wazuh_cicd.spec.anchors import address_fault

ADDRESS = "([0-9A-Fa-f.:]{3,45})"


@pytest.mark.parametrize(
    "pattern",
    [
        rf"^{ADDRESS} - ",
        rf"(?i)\A\[{ADDRESS}\]:\d+ ",
        rf"^Failed password for (?:invalid user )?\S+ from {ADDRESS} port \d+ ssh2$",
        rf"^(?:message repeated \d+ times: \[ )?Failed password for .* from {ADDRESS} port \d+ ssh2\]?\s?$",
        rf"^drop connection #\d+ from \[{ADDRESS}\]:\d+ on \S+ penalty: .*",
        rf"^Accepted \S+ for \S+ from {ADDRESS} port \d+ ssh2(?:: \S+ \S+)?$",
        rf"^(?!x)(?:\d{{1,3}}\.)?{ADDRESS} .*",
        rf"^id=[^\s]+ client={ADDRESS}\z",
    ],
)
def test_where_only_the_program_writes(pattern):
    group = 1 if pattern.count("(\\S") == 0 else None
    assert address_fault(pattern, group) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (rf" from {ADDRESS} port \d+ ssh2$", "line's beginning"),
        (rf"^Failed password for \S+ from {ADDRESS} port \d+", "line's end"),
        (rf"^Invalid user .* from {ADDRESS}", "line's end"),
        (rf"^Failed publickey for \S+ from {ADDRESS} port \d+ ssh2: .*$", "after it"),
        (rf"^Received .* from {ADDRESS}: [^\n]*$", "after it"),
        (rf"^Failed publickey for \S+ from {ADDRESS} port \d+ ssh2:(?: \S+)*$", "after it"),
        (rf"^Failed publickey for \S+ from {ADDRESS} port \d+ ssh2:(?: [a-z]{{1,9}}){{0,6}}$", "after it"),
        (rf"^Failed publickey for \S+ from {ADDRESS} port \d+ ssh2:(?:\s\w+){{2,}}$", "after it"),
        (rf"^\D+ {ADDRESS}", "line's end"),
        (r"^from (.+) port", "hold blanks"),
        (r"^from [^\]]+ port", "names no address"),
        (r"^nothing here$", "names no address"),
    ],
)
def test_where_a_client_may_have_written(pattern, why):
    assert why in (address_fault(pattern, 1 if "(" in pattern else None) or "")


def test_a_class_and_a_lookaround_are_read_as_pcre2_reads_them():
    assert address_fault(rf"^(?=[^)]+\))[]x]? {ADDRESS} .*", 1) is not None
    assert address_fault(rf"^(?=.*[)]){ADDRESS} .*", 1) is None
