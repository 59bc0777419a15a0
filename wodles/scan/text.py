"""Text of reports made harmless: one line, without credentials and control characters, of limited length."""

import hashlib
import re
from typing import Dict

FIELD_CHARS = 300
# Credentials inside addresses, and the token shapes of common providers: a last net below "never forward the match".
_REDACTIONS = re.compile(
    r"(?P<userinfo>(?<=://)[^/@\s\"]+@)"
    r"|(?P<parameter>(?i:(?:token|passwo?r?d|passwd|secret|signature|sig|api_?key|access_?key|auth)=)[^&\s;,\"]+)"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abeprs]-[\w-]{10,}"
    r"|npm_[A-Za-z0-9]{30,}|dckr_pat_[\w-]{20,}|hvs\.[\w-]{20,}|AIza[\w-]{30,}|sk_live_\w{16,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?|-----BEGIN[^\"]*"
)
_UNSEEN = re.compile("\0+")
_CLEANED: Dict[str, str] = {}
_CLEANED_MOST = 1 << 17
_LONGEST = 2048  # characters of a value that are looked at


def redact(text: str) -> str:
    """Blank what looks like a credential."""
    # One of these stands in whatever the expression matches: looking for them is ten times cheaper than trying it.
    if not (
        "=" in text or "://" in text or "_" in text or "eyJ" in text or "AKIA" in text or "ASIA" in text
        or "AIza" in text or "-----" in text or "glpat-" in text or "xox" in text or "hvs." in text
    ):  # fmt: skip
        return text
    return _REDACTIONS.sub(lambda m: "" if m.group("userinfo") else "[redacted]", text)


def clean(value: object, limit: int = FIELD_CHARS) -> str:
    """Turn a report's value into one line of harmless text; anything that is not text or a number becomes empty.

    What cannot be seen, or turns the reading direction, becomes a space: a name must look like what it is. Lone
    surrogates and NUL go too: Wazuh's JSON reader refuses the first and cuts a value at the second. Answers are
    remembered: a report repeats its values, and an event cleans again what parsing has cleaned.
    """
    if isinstance(value, str):
        known = _CLEANED.get(value)
        text = _clean_text(value) if known is None else known
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        text = repr(value)
    else:
        return ""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _clean_text(value: str) -> str:
    text = value[:_LONGEST]
    if not text.isprintable():  # control, direction, zero width, unassigned, private use, separators, lone surrogates
        text = _UNSEEN.sub(" ", "".join([c if c.isprintable() else "\0" for c in text]))
    text = redact(text).strip()
    if len(_CLEANED) >= _CLEANED_MOST:
        _CLEANED.clear()
    if len(value) <= _LONGEST:
        _CLEANED[value] = text
    _CLEANED[text] = text
    return text


def label(text: str) -> str:
    """Name an artifact in events: as it is called, or, where that had to be changed, with a hash of the real name.

    Two artifacts must never share a name: the second one would be taken for the first, and not be scanned.
    """
    shown = clean(text)
    if shown == text:
        return shown
    return "%s#%s" % (clean(text, 240), hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16])
