"""The manager's own XML reader."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wazuh_cicd.engine.load.xmlreader import Node, XmlError, read_xml, to_bytes


def read(text: bytes) -> list[Node]:
    return read_xml(text, "f.xml")


def only(text: bytes) -> Node:
    (node,) = read(text)
    return node


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (b"<a>x</a>", "x"),
        (b"<a> x </a>", " x "),  # nothing is trimmed
        (b'<a>a>b & "c"</a>', 'a>b & "c"'),
        (b"<a>&lt;b&amp;</a>", "&lt;b&amp;"),  # no entities
        (rb"<a>r\<s</a>", r"r\<s"),  # the backslash stays
        (rb"<a>c:\\</a>", r"c:\\"),  # two backslashes escape nothing
        (b"<a>fine<!-- in --></a>", "fine"),
        (b"<a>fi<! in !>ne</a>", "fine"),
        (b"<a><!-- <b>x</b> -- y -->z</a>", "z"),
        (b"<a>x<b>y</b>z</a>", "z"),  # only the text behind the last child counts
        (b"<a>x<b>y</b></a>", ""),
        (b"<a/>", ""),
        (b"<a x='1'/>", ""),
        (b"<a\n>x</a>", "x"),
        (b"noise <a>x</a> noise", "x"),
        (b"\xef\xbb\xbf<a>\xff</a>", "\udcff"),
        (b"<a>x\0y</a>", "x"),
    ],
)
def test_content(text, content):
    assert only(text).content == content


def test_attributes_keep_order_and_spelling():
    node = only(b'<a id="5" ID=\'6\'  x= "a\'b"\n y="">t</a>')
    assert node.attributes == [("id", "5"), ("ID", "6"), ("x", "a'b"), ("y", "")]
    assert (node.attribute("id"), node.attribute("ID")) == ("5", "6")
    assert node.attribute("Id") is None


def test_places_are_counted_from_one():
    top = only(b"<a>\n  <b>x</b>\n\n<c\n x='1'/></a>")
    assert [(node.tag, node.line, node.column) for node in (top, *top.children)] == [
        ("a", 1, 1),
        ("b", 2, 3),
        ("c", 4, 1),
    ]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (b"<a>\n<b>x</a>", "XMLERR: Element 'b' not closed.", 2),
        (b"<a>x</a >", "XMLERR: Element 'a' not closed.", 1),
        (b"<A>x</a>", "XMLERR: Element 'A' not closed.", 1),
        (b"</a>", "XMLERR: Element not opened.", 1),
        (b"<a>x\n", "XMLERR: End of file and some elements were not closed.", 2),
        (b"<a><!-- x </a>\n", "XMLERR: Comment not closed.", 2),
        (b"<a><![CDATA[x]]></a>\n", "XMLERR: Comment not closed.", 2),
        (b'<?xml version="1.0"?><a>x</a>', "XMLERR: Bad attribute closing for 'version'='1.0'.", 1),
        (b"<a>x < 5</a>", "XMLERR: Attribute '5<' has no value.", 1),
        (b"<a x = '1'>y</a>", "XMLERR: Attribute 'x' has no value.", 1),
        (b"<a x=1>y</a>", "XMLERR: Attribute 'x' not followed by a \" or '.", 1),
        (b"<a x='>'>y</a>", "XMLERR: Attribute 'x' not closed.", 1),
        (b"<a x='1' x='2'>y</a>", "XMLERR: Attribute 'x' already defined.", 1),
        (b"<a x='1'y='2'>z</a>", "XMLERR: Bad attribute closing for 'x'='1'.", 1),
        (b"<a>" + b"x" * 25_000 + b"</a>", "XMLERR: String overflow.", 1),
    ],
)
def test_what_is_refused(text, message, line):
    with pytest.raises(XmlError) as caught:
        read(text)
    found = caught.value.message
    assert found.text == f"(1226): Error reading XML file 'f.xml': {message} (line {line})."
    assert (found.code, found.line, found.path) == (1226, line, "f.xml")


def test_variables_work_behind_their_definition_only():
    text = b'<a>$V</a><var name="V">x|y</var><a k="$v" l="$v|">$V,$V $V| $ ($(f))^a$</a>'
    before, behind = read(text)
    assert before.content == "$V"
    assert behind.content == "x|y,x|y x|y| $ ($(f))^a$"
    assert behind.attributes == [("k", "$v"), ("l", "x|y|")]  # two bytes are not looked at


def test_an_unknown_variable_is_fatal_behind_a_definition():
    with pytest.raises(XmlError) as caught:
        read(b'<var name="V">x</var>\n<a>(x$)</a>')
    assert caught.value.message.text == "(1227): Error applying XML variables 'f.xml': XMLERR: Unknown variable: ')'.."
    assert caught.value.message.line == 2


def test_the_first_definition_of_a_name_counts():
    assert only(b'<var name="Abc">x</var><var name="abc">y</var><a>$ABC</a>').content == "x"


def test_a_definition_without_attributes_takes_the_next_one_of_the_file():
    assert only(b'<var>x</var><a><b name="VV">$VV</b></a>').children[0].content == "x"
    with pytest.raises(XmlError, match='Only "name" is allowed as an attribute for a variable'):
        read(b'<var>x</var><a k="V"></a>')
    with pytest.raises(XmlError, match="No value set for variable"):
        read(b'<a name="V"></a><var>x</var><a>$XYZ</a>')


def test_a_definition_can_stand_anywhere():
    text = b'<a><b k="$VV">$VV</b><VAR name="VV">x<var name="WW">y</var>z</VAR><b k="$VV">$WW</b></a><a>$VV</a>'
    first, second = read(text)
    before, behind = first.children
    assert (before.content, before.attributes) == ("$VV", [("k", "$VV")])
    assert (behind.content, behind.attributes) == ("y", [("k", "z")])
    assert second.content == "z"


def test_a_backslash_escapes_outside_of_every_element_too():
    assert [node.tag for node in read(b"\\<<a></a> \\<b><c></c>")] == ["a", "c"]


def test_depth_is_limited():
    with pytest.raises(XmlError):
        read(b"<a>" * 100_000)


@given(st.binary(max_size=200).map(lambda raw: bytes(b"<>/ab=\"'!-\\ \n$vr"[byte % 16] for byte in raw)))
@settings(deadline=None)
def test_no_text_does_worse_than_a_refusal(text):
    with contextlib.suppress(XmlError):
        for node in read(text):
            assert isinstance(to_bytes(node.content), bytes)


@pytest.mark.parametrize(
    "text", [b"<!" * 200_000, b"<a " * 100_000, b"\\<" * 200_000, b"<a>" + b"\\<" * 8_000, b"<a>" + b"<!!>" * 100_000]
)
def test_no_text_takes_long(text):
    begin = time.process_time()
    with contextlib.suppress(XmlError):
        read(text)
    assert time.process_time() - begin < 5
