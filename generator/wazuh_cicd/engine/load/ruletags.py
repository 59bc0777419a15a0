"""The vocabulary of rules: attributes, tags, options and what each name stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wazuh_cicd.engine.patterns import Kind

# Tags with a pattern, and their default language.
TEXT_TAGS: dict[str, Kind] = {
    "match": "osmatch",
    "regex": "osregex",
    "id": "osmatch",
    "url": "osmatch",
    "user": "osmatch",
    "srcport": "osmatch",
    "dstport": "osmatch",
    "status": "osmatch",
    "hostname": "osmatch",
    "data": "osmatch",
    "extra_data": "osmatch",
    "program_name": "osmatch",
    "location": "osmatch",
    "action": "string",
    "system_name": "osmatch",
    "protocol": "osmatch",
    "srcgeoip": "osmatch",
    "dstgeoip": "osmatch",
}
PATTERN_TYPES: dict[str, Kind] = {"osregex": "osregex", "osmatch": "osmatch", "pcre2": "pcre2"}

# The order in which a manager compiles the patterns of a rule: the first that it refuses is the one it names.
PATTERN_ORDER = (
    "regex",
    "match",
    "id",
    "srcport",
    "dstport",
    "status",
    "hostname",
    "data",
    "extra_data",
    "program_name",
    "user",
    "srcgeoip",
    "dstgeoip",
    "url",
    "location",
    "action",
    "if_matched_group",
    "if_matched_regex",
    "protocol",
    "system_name",
)

# Tags whose texts are joined and kept as text.
JOINED_TAGS = frozenset({"if_sid", "if_group", "if_level", "if_matched_group", "if_matched_regex", "group", "cve"})

# Names that <field name="..."> refuses, in any case.
STATIC_NAMES = frozenset(
    {
        "srcip",
        "dstip",
        "srcgeoip",
        "dstgeoip",
        "srcport",
        "dstport",
        "user",
        "srcuser",
        "dstuser",
        "url",
        "id",
        "data",
        "extra_data",
        "status",
        "protocol",
        "system_name",
        "action",
    }
)

CATEGORIES = frozenset({"firewall", "ids", "syslog", "web-log", "squid", "windows", "ossec"})

_COMPARED = (
    "srcip",
    "dstip",
    "srcport",
    "dstport",
    "srcuser",
    "user",
    "location",
    "id",
    "url",
    "protocol",
    "action",
    "data",
    "extra_data",
    "status",
    "system_name",
    "srcgeoip",
    "dstgeoip",
)
# Tag -> name of what a composite compares ("user" is the static field dstuser).
SAME_TAGS = {f"same_{name}": name for name in _COMPARED} | {
    "same_source_ip": "srcip",
    "same_src_port": "srcport",
    "same_dst_port": "dstport",
}
DIFFERENT_TAGS = {f"different_{name}": name for name in _COMPARED} | {
    "not_same_source_ip": "srcip",
    "different_src_port": "srcport",
    "different_dst_port": "dstport",
    "not_same_user": "user",
    "not_same_id": "id",
}
DEPRECATED_TAGS = frozenset({"same_agent", "not_same_agent"})

# The tags whose letter case counts; all others may be written in any.
STRICT_TAGS = frozenset(
    {
        f"{kind}_{name}"
        for kind in ("same", "different")
        for name in ("id", "url", "data", "extra_data", "status", "system_name", "srcgeoip", "dstgeoip")
    }
    | {"different_srcip", "different_protocol", "different_action", "not_same_source_ip", "not_same_id"}
)

LOOKUPS = frozenset(
    {
        "match_key",
        "not_match_key",
        "match_key_value",
        "address_match_key",
        "not_address_match_key",
        "address_match_key_value",
    }
)

# The predicates that analysisd has as code; ``judge.compiledrules`` holds them.
COMPILED_RULES = frozenset(
    {
        "comp_srcuser_dstuser",
        "check_id_size",
        "comp_mswin_targetuser_calleruser_diff",
        "is_simple_http_request",
        "is_valid_crawler",
    }
)

INFO_TYPES = frozenset({"text", "link", "cve", "osvdb"})

COMPLIANCE = ("pci_dss", "cis", "gdpr", "gpg13", "hipaa", "nist_800_53", "tsc")
