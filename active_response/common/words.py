"""What is taken from an event: short plain words and numbers, and members that are really there."""

WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
HEX = "0123456789abcdef"


def is_number(text: str, most: int) -> bool:
    """Whether ``text`` is one to ``most`` ASCII digits."""
    return 0 < len(text) <= most and not text.strip("0123456789")


def plain_word(value: object, more: str) -> str:
    """Return ``value`` if it is a short word of letters, digits and ``more``, else an empty string."""
    if isinstance(value, str) and len(value) <= 64 and not value.strip(WORD + more):
        return value
    return ""


def seconds_of_text(value: object) -> int:
    """Return a number of seconds, 0 for what is none."""
    return int(value) if isinstance(value, str) and is_number(value, 7) else 0


def member(value: object, key: str) -> "dict[str, object]":
    """Return the object that stands at ``key``, an empty one where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def repository(image: str) -> str:
    """Return the name of an image, without its tag and digest."""
    name = image.partition("@")[0]
    before, slash, last = name.rpartition("/")
    return (before + slash + last.partition(":")[0])[:256]
