from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from install.trees import CONF
from wazuh_cicd.install.errors import InstallError
from wazuh_cicd.install.ossecconf import blocks_of, read_conf, with_blocks, without_blocks

LINES = ("<list>etc/lists/cicd/a</list>", "<list>etc/lists/cicd/b</list>")
TOP = b"<ossec_config>\n  <command>\n    <name>x</name>\n  </command>\n</ossec_config>\n"


def test_lists_go_into_the_one_ruleset_block_and_every_other_byte_stays():
    data = CONF.encode()
    after = with_blocks(data, LINES)
    assert after.count(b"<ruleset>") == data.count(b"<ruleset>")
    assert read_conf(after).rule_dirs == ("ruleset/rules", "etc/rules")
    kept = [line for line in after.splitlines(keepends=True) if b"cicd" not in line]
    assert b"".join(kept) == data
    inside = after[after.index(b"<decoder_dir>etc/decoders") : after.index(b"</ruleset>")]
    assert all(line.encode() in inside for line in LINES)


def test_our_blocks_leave_no_trace_and_editing_twice_is_editing_once():
    data = CONF.encode()
    once = with_blocks(data, LINES, TOP)
    assert with_blocks(once, LINES, TOP) == once
    assert blocks_of(once) == (LINES, TOP)
    assert without_blocks(once) == data
    assert with_blocks(once, (), b"") == data


@pytest.mark.parametrize(
    "data",
    [
        CONF.rstrip("\n").encode(),
        CONF.replace("\n", "\r\n").encode(),
        CONF.replace("\n", "\r\n").rstrip().encode(),
        CONF.replace("</rule_dir>\n  </ruleset>", "</rule_dir> \t </ruleset>").encode(),
        b"<ossec_config><ruleset><rule_dir>etc/rules</rule_dir></ruleset></ossec_config>",
        CONF.replace("debian", "d\xe9bian").encode("latin-1"),
    ],
    ids=[
        "no line end at the end",
        "CRLF",
        "CRLF without the last",
        "end tag on a shared line",
        "one line",
        "not UTF-8",
    ],
)
def test_odd_files_come_back_byte_for_byte(data):
    once = with_blocks(data, LINES, TOP)
    assert blocks_of(once) == (LINES, TOP)
    assert without_blocks(once) == data
    assert with_blocks(once, LINES, TOP) == once


def test_a_ruleset_in_a_comment_is_none():
    with pytest.raises(InstallError, match="0 <ruleset> blocks"):
        with_blocks(b"<ossec_config><!-- <ruleset></ruleset> --></ossec_config>\n", LINES)


def test_two_ruleset_blocks_are_refused():
    data = CONF.encode() + b"<ossec_config>\n<ruleset>\n</ruleset>\n</ossec_config>\n"
    with pytest.raises(InstallError, match="2 <ruleset> blocks"):
        with_blocks(data, LINES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<ossec_config>\n<global>\n</ossec_config>\n", "ossec.conf:3: </ossec_config> where </global>"),
        ("<ossec_config>\n", "ossec.conf:1: <ossec_config> is never closed"),
        ("</ossec_config>\n", "ossec.conf:1: </ossec_config> where nothing"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(text, message):
    with pytest.raises(InstallError, match=message):
        with_blocks(text.encode(), LINES)


def test_a_mark_that_lost_its_end_is_refused():
    data = with_blocks(CONF.encode(), LINES).replace(b"<!-- wazuh-cicd end -->", b"")
    with pytest.raises(InstallError, match="1 marks begin and 0 end"):
        with_blocks(data, LINES)


def test_the_last_response_being_disabled_is_seen():
    response = "<active-response><command>a</command><disabled>{}</disabled></active-response>"
    conf = read_conf(f"<ossec_config>{response.format('no')}{response.format('yes')}</ossec_config>".encode())
    assert conf.last_response_disabled
    assert conf.enabled_responses == 1


@given(
    before=st.text("<>!- abc\n/\\\"'", max_size=60),
    newline=st.sampled_from(["\n", "\r\n"]),
    end=st.sampled_from(["", "\n", "\n\n  "]),
)
def test_whatever_stands_in_the_file_it_comes_back_or_is_refused(before, newline, end):
    text = f"<!-- {before.replace('-->', '')} -->\n<ossec_config>\n  <ruleset>\n  </ruleset>\n</ossec_config>{end}"
    data = text.replace("\n", newline).encode()
    try:
        once = with_blocks(data, LINES, TOP)
    except InstallError:
        return
    assert without_blocks(once) == data
