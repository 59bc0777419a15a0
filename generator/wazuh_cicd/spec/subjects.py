"""What conditions can be about: Wazuh's static fields, what predecoding gives, and dynamic fields for the rest."""

from __future__ import annotations

STATIC_FIELDS = (
    "srcip", "dstip", "srcport", "dstport", "user", "url", "id", "status", "action", "protocol", "data", "extra_data",
    "system_name",
)  # fmt: skip
PREDECODED = ("program_name", "hostname", "location")
SPECIAL = ("log", "decoder", "time", "weekday", "min_size")
ADDRESSES = ("srcip", "dstip")

LISTABLE = (*STATIC_FIELDS, "hostname", "program_name")
"""Subjects without a dot that <list field="…"> reads."""

# Names that analysisd knows as static but has no pattern tag for.
NOT_SUBJECTS = {
    "srcuser": "user",
    "dstuser": "user",
    "systemname": "system_name",
    "program": "program_name",
    "full_log": "log",
    "match": "log",
    "decoded_as": "decoder",
    "srcgeoip": "",
    "dstgeoip": "",
}

# Fields of correlation (same/different) that have tags of their own.
CORRELATION_TAGS = {
    "srcip": ("same_srcip", "different_srcip"),
    "dstip": ("same_dstip", "different_dstip"),
    "srcport": ("same_srcport", "different_srcport"),
    "dstport": ("same_dstport", "different_dstport"),
    "srcuser": ("same_srcuser", "different_srcuser"),
    "user": ("same_user", "different_user"),
    "dstuser": ("same_user", "different_user"),
    "location": ("same_location", "different_location"),
    "id": ("same_id", "different_id"),
    "url": ("same_url", "different_url"),
    "protocol": ("same_protocol", "different_protocol"),
    "action": ("same_action", "different_action"),
    "data": ("same_data", "different_data"),
    "extra_data": ("same_extra_data", "different_extra_data"),
    "status": ("same_status", "different_status"),
    "system_name": ("same_system_name", "different_system_name"),
}


def is_dynamic(subject: str) -> bool:
    """Whether the subject is a dynamic field."""
    return subject not in STATIC_FIELDS and subject not in PREDECODED and subject not in SPECIAL
