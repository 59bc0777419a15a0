"""Decoders: what they are; loading and running them follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Decoder:
    """One ``<decoder>`` element after loading.

    Attributes:
        name: as the alert prints it: a child without ``use_own_name`` carries its parent's.
        parent: name of the parent; None for a root.
        number: what ``decoded_as`` compares; position of the name among all names in sorted order.
        category: the ``type`` element: syslog, web-log, firewall, ids, squid, windows, ossec, host-information.
    """

    name: str
    parent: str | None = None
    number: int = 0
    category: str = "syslog"
