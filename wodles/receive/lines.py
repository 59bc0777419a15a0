"""JSON in and out: what a sender wrote becomes one line that Wazuh reads whole."""

import json
from typing import Any, Dict, List, Tuple

LINE_BYTES = 60000  # Wazuh's agent cuts a line after 65,279 bytes, and the manager adds where it came from
FIELDS = 248  # Wazuh's decoder stops at 256; some are left for the envelope
DIGITS = 18  # a whole number of more digits stays a text


class BodyError(Exception):
    """A body that is not the JSON it should be."""


def _whole(text: str) -> Any:
    return int(text) if len(text) <= DIGITS else text


def _broken(text: str) -> Any:
    number = float(text)
    return number if abs(number) < 1e300 else text


def _constant(text: str) -> Any:
    return text


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_broken, parse_constant=_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def read_json(body: bytes) -> Any:
    """Return the value of a JSON text. Raises ``BodyError``; nothing in it takes longer than its length explains."""
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise BodyError("not JSON, or nested too deep") from None


def read_object(body: bytes) -> Dict[str, Any]:
    """Return the object of a JSON text. Raises ``BodyError``."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise BodyError("not a JSON object")
    return value


def encode(value: Any) -> bytes:
    """Return a value as one line of UTF-8 without its end. Raises ``BodyError`` when it is nested too deep.

    A null character would end the text for Wazuh: the replacement character stands in its place. Half a surrogate
    pair, which UTF-8 does not have, stays the escape that it came as.
    """
    try:
        text = _ENCODER.encode(value)
        if "\\u0000" in text:
            text = _ENCODER.encode(_without_nulls(value))
    except RecursionError:
        raise BodyError("nested too deep") from None
    return text.encode("utf-8", "backslashreplace").replace(b"\x7f", b"\\u007f")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_without_nulls(key): _without_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def count_fields(value: Dict[str, Any]) -> int:
    """Return how many fields Wazuh's decoder makes of an object: an array is one, whatever is in it."""
    count = 0
    todo: List[Dict[str, Any]] = [value]
    while todo:
        for item in todo.pop().values():
            if isinstance(item, dict):
                todo.append(item)
            else:
                count += 1
    return count


def fold_fields(value: Dict[str, Any], most: int, keep: Tuple[str, ...] = ()) -> int:
    """Make an object's fields fewer: the deepest objects become arrays of one, which are one field. Nothing is lost.

    ``keep`` names keys whose objects are not folded as long as others can be. Returns the fields there are then.
    """
    count = count_fields(value)
    for spare in (keep, ()):
        if count <= most:
            break
        owners: List[Tuple[int, int, Dict[str, Any], str]] = []
        todo: List[Tuple[int, Dict[str, Any]]] = [(0, value)]
        while todo:
            depth, owner = todo.pop()
            for key, item in owner.items():
                if isinstance(item, dict):
                    todo.append((depth + 1, item))
                    if depth and key not in spare:
                        owners.append((-depth, -count_fields(item), owner, key))
        owners.sort(key=lambda entry: entry[:2])
        for _, _, owner, key in owners:
            if count <= most:
                break
            fields = count_fields(owner[key])
            if fields > 1:
                owner[key] = [owner[key]]
                count -= fields - 1
    if count > most:  # one flat object of very many keys: the last ones become one field
        count = _fold_flat(value, most, count)
    return count


def _fold_flat(value: Dict[str, Any], most: int, count: int) -> int:
    """Move the last keys of each object that is too wide into one array under the key ``more``."""
    todo: List[Dict[str, Any]] = [value]
    while todo and count > most:
        owner = todo.pop()
        leaves = [key for key, item in owner.items() if not isinstance(item, dict)]
        moved = leaves[-(count - most + 1) :] if len(leaves) > 32 else []
        moved = moved if len(moved) < len(leaves) else leaves[16:]
        if len(moved) > 1:
            owner["more"] = [{key: owner.pop(key) for key in moved}]
            count -= len(moved) - 1
        todo += [item for item in owner.values() if isinstance(item, dict)]
    # What is left is an object of very many small objects: as a whole it is one field.
    for key in sorted(
        (key for key, item in value.items() if isinstance(item, dict)), key=lambda key: -count_fields(value[key])
    ):
        if count > most:
            count -= count_fields(value[key]) - 1
            value[key] = [value[key]]
    return count


def shorten_texts(value: Any, most: int) -> Any:
    """Return a value whose texts have at most so many characters; the mark of a cut one is ``[…]``."""
    if isinstance(value, str):
        return value if len(value) <= most else value[:most] + "[…]"
    if isinstance(value, dict):
        return {key[:most]: shorten_texts(item, most) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten_texts(item, most) for item in value]
    return value


def shorten_lists(value: Any, most: int) -> Any:
    """Return a value whose lists have at most so many entries."""
    if isinstance(value, dict):
        return {key: shorten_lists(item, most) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten_lists(item, most) for item in value[:most]]
    return value
