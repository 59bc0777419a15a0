"""JSON without the ``json`` module, which loads ``re``: that takes longer than a whole response."""


def refuse_constant(text: str) -> None:
    """Refuse NaN and Infinity, which are not JSON."""
    raise ValueError("not JSON: " + text)


def only_once(pairs: "list[tuple[str, object]]") -> "dict[str, object]":
    """Return an object. Raises ValueError when a key comes twice: one reader takes the first, another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


class ScannerOptions:
    """What the scanner of the json module asks of its decoder."""

    strict = False
    object_hook = None
    object_pairs_hook = staticmethod(only_once)
    parse_float = str
    parse_int = str  # digits stay text: a number of 60,000 digits costs nothing
    parse_constant = staticmethod(refuse_constant)
    memo = {}  # type: dict[str, str] # noqa: RUF012 - asked for by the scanner of old Pythons


def parse_json(text: str) -> object:
    """Return the value of a JSON text; numbers are strings. Raises ValueError for anything that is not JSON."""
    try:
        from _json import make_scanner  # noqa: PLC0415 - see above

        scan = make_scanner(ScannerOptions)  # type: ignore[arg-type] # whatever has these attributes will do
    except (ImportError, AttributeError):
        import json  # noqa: PLC0415

        decoder = json.JSONDecoder(
            strict=False,
            parse_float=str,
            parse_int=str,
            parse_constant=refuse_constant,
            object_pairs_hook=only_once,
        )
        scan = decoder.scan_once  # type: ignore[attr-defined]
    text = text.strip(" \t\r\n")
    try:
        value, end = scan(text, 0)  # type: object, int
    except (StopIteration, SystemError):
        # SystemError: the scanner wanted to raise an exception of the json module, which is not loaded.
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if end != len(text):
        raise ValueError("text behind the JSON value")
    return value


def quote(text: str) -> str:
    """Return ``text`` as a JSON string of ASCII characters only."""
    try:
        from _json import encode_basestring_ascii  # noqa: PLC0415
    except ImportError:
        from json.encoder import encode_basestring_ascii  # noqa: PLC0415
    return encode_basestring_ascii(text)


def to_json(value: object) -> str:
    """Return a value made of dicts, lists, strings, integers, booleans and None as compact JSON."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ",".join(quote(str(k)) + ":" + to_json(v) for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(to_json, value)) + "]"
    return str(value) if isinstance(value, int) else quote(str(value))
