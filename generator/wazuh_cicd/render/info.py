"""What an alert says to whoever reads it: ``<info>``, which a manager copies to ``rule.info``.

analysisd joins the texts of several ``<info>`` as they stand, with nothing between them, knows no entities, fills in no
``$(field)``, and drops the whole beyond 2,048 bytes (``loadmemory`` in analysisd/rules.c of Wazuh 4.14).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wazuh_cicd.errors import UsageError
from wazuh_cicd.render.conditions import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wazuh_cicd.spec.model import RuleSpec

LIMIT = 400  # characters of the text; an address comes on top
_LONGEST_ADDRESS = 400
_REASON = 220  # characters that the reason may have when steps follow
_FEWEST = 40  # of a step; less of one says nothing
_FIELD = re.compile(r"\$\(([^)]*)\)")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$'()*+,;=%{}-]*\Z")
_HOLES = {"{id}", "{name}"}


def checked_runbook_url(text: str) -> str:
    """The address of the rules' pages as a site states it; empty for none.

    Raises:
        UsageError: a manager could not show it.
    """
    if not text:
        return ""
    if "&" in text:
        raise UsageError(f"--runbook-url {text}: Wazuh's XML has no escapes, so no '&'; use ';' or another address")
    if len(text) > _LONGEST_ADDRESS:
        raise UsageError(f"--runbook-url is {len(text)} characters long; at most {_LONGEST_ADDRESS}")
    if not _ADDRESS.fullmatch(text) or set(re.findall(r"\{[^}]*\}?|\}", text)) - _HOLES:
        raise UsageError(
            f"--runbook-url {text!r}: write http:// or https://, then letters, digits and the signs of addresses;"
            " {id} and {name} stand for the rule's"
        )
    return text


def page_address(runbook_url: str, rule_id: int, name: str) -> str:
    """Where a rule's page is: in the site that ``wazuh-cicd docs`` writes, or wherever ``{id}`` and ``{name}`` say."""
    if "{" in runbook_url:
        return runbook_url.replace("{id}", str(rule_id)).replace("{name}", name)
    return f"{runbook_url.rstrip('/')}/rules/{name}.html"


def info_tags(rule: RuleSpec, rule_id: int, runbook_url: str = "") -> Iterator[Tag]:
    """The tags of a rule that has something to say."""
    text = info_text(rule)
    if not text:
        return
    if runbook_url:
        yield Tag("info", f"{text} ")
        yield Tag("info", page_address(runbook_url, rule_id, rule.name), (("type", "link"),))
    else:
        yield Tag("info", text)


def info_text(rule: RuleSpec) -> str:
    """Why it matters and what to check first, in at most ``LIMIT`` characters; empty when the spec says neither."""
    steps = [_plain(step.text) for step in rule.steps]
    text = _shortened(_plain(rule.why), _REASON if steps else LIMIT)
    for number, step in enumerate(steps, 1):
        lead = f"{' ' if text else ''}{'Check: ' if number == 1 else ''}{number}) "
        left = LIMIT - len(text) - len(lead)
        if len(step) > left and (number > 1 or left < _FEWEST):
            break
        text += lead + _shortened(step, left)
    return text


def _plain(text: str) -> str:
    """One line that any XML reader takes; the fields in it are named, for nobody fills them in."""
    text = _FIELD.sub(r"[\1]", " ".join(text.split()))
    text = text.replace("&&", "and").replace("&", "and").replace("<", "[").replace(">", "]")
    return text.lstrip("=+-@ ")  # the server API changes a text that starts so


def _shortened(text: str, limit: int) -> str:
    """The text, cut at the end of a sentence, else at a word."""
    if len(text) <= limit:
        return text
    sentence = max(text.rfind(end, 0, limit) for end in (". ", "? ", "! "))
    if sentence > limit // 2:
        return text[: sentence + 1]
    word = text.rfind(" ", 0, limit - 3)
    return text[: word if word > 0 else limit - 3].rstrip(" ,;:-(") + "..."
