"""Random OS_Regex patterns and subjects over a small alphabet, where interesting things happen often."""

from hypothesis import strategies as st

_TOKENS = [
    *(rb"\w", rb"\d", rb"\s", rb"\S", rb"\D", rb"\W", rb"\p", rb"\.", rb"\("),
    *(b"a", b"b", b"1", b" ", b":", b"-", b"+", b"*", b"ab", b"(", b")"),
    *(rb"\w+", rb"\d+", rb"\S+", rb"\.+", rb"\s+", rb"\D+", rb"\w*", rb"\d*", rb"\.*", rb"\s*", rb"\S*"),
]

subjects = st.binary(max_size=40).map(lambda raw: bytes(b"aab11 :-+*(x\xc3."[byte % 14] for byte in raw))


def _assemble(parts: tuple[bool, list[bytes], bool]) -> bytes:
    begin, tokens, end = parts
    out: list[bytes] = [b"^"] if begin else []
    inside = False
    for token in tokens:
        if token == b"(":
            if inside:
                continue
            inside = True
        elif token == b")":
            if not inside:
                continue
            inside = False
        out.append(token)
    if inside:
        out.append(b")")
    return b"".join(out) + (b"$" if end else b"")


alternatives = st.tuples(st.booleans(), st.lists(st.sampled_from(_TOKENS), max_size=8), st.booleans()).map(_assemble)
