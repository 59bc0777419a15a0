"""The predicates that ``<compiled_rule>`` names; they are built into analysisd, a ruleset cannot add any."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wazuh_cicd.engine.decode.event import Event

_LONG_ID = 10
# Where the address of a search engine's crawler begins, as known to the manager.
_CRAWLERS = (b"66.249.", b"72.14.", b"209.85.", b"65.55.", b"207.46.", b"74.6.", b"72.30.", b"67.195.")
_ACCOUNT = re.compile(rb"[^:]*:((?:(?!\t|  ).)*)", re.DOTALL)


def comp_srcuser_dstuser(event: Event) -> bool:
    """Whether source and destination user are the same, or one of them is missing."""
    source, target = event.statics.get("srcuser"), event.statics.get("dstuser")
    return source is None or target is None or source == target


def check_id_size(event: Event) -> bool:
    """Whether the id has ten characters or more."""
    return len(event.statics.get("id", b"")) >= _LONG_ID


def comp_mswin_targetuser_calleruser_diff(event: Event) -> bool:
    """Whether ``Target Account Name`` and ``Caller User Name`` stand in the log and name different accounts."""
    names = []
    for title in (b"Target Account Name", b"Caller User Name"):
        at = event.log.find(title)
        found = _ACCOUNT.match(event.log, at) if at >= 0 else None
        if found is None:
            return False
        names.append(found.group(1))
    return names[0] != names[1]


def is_simple_http_request(event: Event) -> bool:
    """Whether the event has a URL without a query."""
    url = event.statics.get("url")
    return url is not None and b"?" not in url


def is_valid_crawler(event: Event) -> bool:
    """Whether the log begins with an address of a known search engine."""
    return event.log.startswith(_CRAWLERS)


COMPILED_RULES: dict[str, Callable[[Event], bool]] = {
    predicate.__name__: predicate
    for predicate in (
        comp_srcuser_dstuser,
        check_id_size,
        comp_mswin_targetuser_calleruser_diff,
        is_simple_http_request,
        is_valid_crawler,
    )
}
