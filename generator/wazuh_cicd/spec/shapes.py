"""The keys of every mapping in a spec: one table for the reader, the JSON Schema and the documentation's check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

from wazuh_cicd.spec.model import SOURCES

STATUSES = ("deprecated", "experimental", "test", "stable")  # the least mature first
OPTIONS = ("no_full_log", "no_log", "no_ar", "alert_by_email", "no_email_alert", "log_alert", "no_counter")
CATEGORIES = ("syslog", "firewall", "ids", "web-log", "squid", "windows", "ossec")
DECODER_TYPES = ("syslog", "web-log", "firewall", "ids", "squid", "windows")
CONFIDENCES = ("low", "medium", "high")
# Responses, and the key that each needs.
ACTIONS = {"block-ip": "address", "quarantine-container": "", "scan-image": ""}
# Responses, and how sure a rule must be before they are bound to it: a rule that is less sure only gives a hint. A
# block ends by itself and hits one address; a quarantine stops a service; a scan hurts nobody.
CONFIDENCE_NEEDED = {"block-ip": "medium", "quarantine-container": "high", "scan-image": "low"}

NAME = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"
GROUP = r"^[a-z0-9][A-Za-z0-9_.-]*$"
DURATION = r"^[0-9]+(?:\.[0-9]+)?(?:ms|[smhd])$"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its JSON Schema, what it means, and whether it must be there."""

    name: str
    schema: Mapping[str, Any]
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping with a fixed set of keys."""

    name: str
    what: str
    keys: tuple[Key, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All keys."""
        return tuple(key.name for key in self.keys)

    @property
    def required(self) -> tuple[str, ...]:
        """The keys that must be there."""
        return tuple(key.name for key in self.keys if key.required)


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _one_or_many(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"oneOf": [dict(item), {"type": "array", "items": dict(item), "minItems": 1}]}


TEXT: dict[str, Any] = {"type": "string"}
SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_WORD = {"type": ["string", "number", "boolean"]}
TEXTS: dict[str, Any] = {"oneOf": [_WORD, {"type": "array", "items": _WORD}]}
FLAG: dict[str, Any] = {"type": "boolean"}
FREE: dict[str, Any] = {"type": "object"}
TIME: dict[str, Any] = {"type": "string", "pattern": DURATION}
SOURCE: dict[str, Any] = {"enum": list(SOURCES)}
RULE_NAMES: dict[str, Any] = _one_or_many({"type": "string", "pattern": NAME})
STOCK_IDS: dict[str, Any] = _one_or_many({"type": "integer", "minimum": 1, "maximum": 999999})

PARENT = Shape(
    "parent",
    "a parent",
    (
        Key("stock", STOCK_IDS, "ids of stock rules"),
        Key("rule", RULE_NAMES, "names of rules of the package"),
    ),
)
COMMAND = Shape(
    "command",
    "a command",
    (
        Key("program", TEXTS, "the name of the program's file, without its folder: an expression, or several"),
        Key("words", TEXTS, "expressions about arguments; each must hold for one"),
        Key("code", TEXTS, "expressions that are found inside of an argument, a program's text"),
        Key("without", TEXTS, "expressions about arguments; none may hold"),
        Key("shell", TEXTS, "expressions that are found in the text given to a shell; alone"),
    ),
)
MATCHERS = Shape(
    "matchers",
    "a condition",
    (
        Key("equals", SCALAR, "is exactly this"),
        Key("one_of", {"type": "array", "items": SCALAR, "minItems": 1}, "is one of these"),
        Key("starts_with", TEXTS, "starts with this, or one of these"),
        Key("ends_with", TEXTS, "ends with this, or one of these"),
        Key("contains", TEXTS, "contains this, or one of these"),
        Key("contains_all", TEXTS, "contains every one"),
        Key("regex", TEXT, "a PCRE2 expression finds something; not anchored by itself"),
        Key("cidr", TEXTS, "is an address inside one of these networks"),
        Key("in_list", TEXT, "is a key of this CDB list"),
        Key("by", {"enum": ["key", "address"]}, "with in_list: how keys compare (address: by prefixes ending in '.')"),
        Key("value", TEXT, "with in_list: the value that the key must have there"),
        Key("like", TEXT, "fits one of the patterns of this list (keys: pattern)"),
        Key("has_element", TEXTS, "is a printed array with this string element"),
        Key("has_member", FREE, 'is a printed array of objects with this "key": value somewhere in it'),
        Key("at_least", {"type": "number"}, "is a number, this or more"),
        Key("at_most", {"type": "number"}, "is a number, this or less"),
        Key("command", _one_or_many(_ref("command")), "is a command in this form, or in one of these"),
        Key("exists", {"const": True}, "is there"),
        Key("nonempty", FLAG, "with exists: and is not empty"),
        Key("ignore_case", FLAG, "the other matchers ignore ASCII case"),
    ),
)
CORRELATE = Shape(
    "correlate",
    "'correlate'",
    (
        Key(
            "of",
            {
                "oneOf": [
                    {"type": "string", "pattern": NAME},
                    {
                        "type": "object",
                        "properties": {
                            "rule": {"type": "string"},
                            "stock": {"type": "integer"},
                            "group": {"type": "string"},
                        },
                        "additionalProperties": False,
                        "minProperties": 1,
                        "maxProperties": 1,
                    },
                ]
            },
            "whose events are counted: a rule's name, {stock: id} or {group: name}",
            required=True,
        ),
        Key("count", {"type": "integer", "minimum": 2, "maximum": 9999}, "fires on that many events", required=True),
        Key("within", TIME, "the window, 10m; at most 99999 s", required=True),
        Key("same", TEXTS, "fields whose values must agree"),
        Key("different", TEXTS, "fields whose earlier values must differ from the current one"),
        Key("global", FLAG, "count across agents"),
    ),
)
RESPONSE = Shape(
    "response",
    "'response'",
    (
        Key("action", {"enum": list(ACTIONS)}, "the response's name", required=True),
        Key("address", TEXT, "the field that holds the address"),
        Key("confidence", {"enum": list(CONFIDENCES)}, "how sure the rule is", required=True),
        Key("from", TEXTS, "locations that the event must come from, without the agent; the response itself looks"),
        Key("timeout", TIME, "how long the response lasts"),
        Key("repeated", TEXTS, "how long it lasts the second time, the third, …: at most five, whole minutes"),
    ),
)
EVENT_KEYS = ("log", "json", "decoded", "runs", "opens", "location", "after", "repeat", "every", "without")
_EVENT: dict[str, Any] = {"oneOf": [TEXT, FREE, {"type": "array", "items": {"oneOf": [TEXT, FREE]}, "minItems": 1}]}
NOISE = Shape(
    "noise",
    "'noise'",
    (
        Key("budget", {"type": "number", "minimum": 0}, "alerts above level 5 for 500 benign events", required=True),
        Key("why", TEXT, "why the default is wrong for this rule", required=True),
    ),
)
STEP = Shape(
    "step",
    "a step",
    (
        Key("do", TEXT, "what to do, in words", required=True),
        Key("query", TEXT, "what to search for in the indexer"),
        Key("run", TEXT, "what to run at the source"),
    ),
)
STEPS: dict[str, Any] = {"oneOf": [_WORD, {"type": "array", "items": {"oneOf": [_WORD, _ref("step")]}}]}
TEST = Shape(
    "test",
    "a test",
    (
        Key("fires", _EVENT, "the last event ends at this rule"),
        Key("silent", _EVENT, "no event ends at this rule"),
        Key("note", TEXT, "why this event matters"),
        Key("instead", {"type": ["string", "integer"]}, "the rule that takes the last event"),
        Key("repeat", {"type": "integer", "minimum": 1, "maximum": 10000}, "so many times; '$n' counts from 1"),
        Key("every", TIME, "simulated time between the repetitions"),
        Key("without", TEXTS, "defaults to leave out"),
        Key("location", TEXT, "the location of the test's events"),
        Key("parent", {"type": "integer"}, "with a pre-decoded event: the stock rule that takes it, for the reader"),
    ),
)
RULE = Shape(
    "rule",
    "a rule",
    (
        Key(
            "id", {"type": "integer", "minimum": 111000, "maximum": 119999}, "inside the source's block", required=True
        ),
        Key("name", {"type": "string", "pattern": NAME}, "unique; lower-case words with hyphens", required=True),
        Key("level", {"type": "integer", "minimum": 0, "maximum": 16}, "0-16", required=True),
        Key("title", TEXT, "the alert's description; $(field) is replaced", required=True),
        Key("status", {"enum": list(STATUSES)}, "how mature it is: a first start is loud with stable rules only"),
        Key("parent", {"oneOf": [{"const": "root"}, {"type": "null"}, _ref("parent")]}, "what it hangs on"),
        Key("category", {"enum": list(CATEGORIES)}, "for 'parent: root': the category root; default syslog"),
        Key("when", _ref("conditions"), "conditions that must all hold"),
        Key("unless", _ref("conditions"), "conditions that must all fail, on fields the event has"),
        Key("correlate", _ref("correlate"), "makes a composite rule"),
        Key("ignore", TIME, "after firing, silent that long"),
        Key("options", {"type": "array", "items": {"enum": list(OPTIONS)}}, "Wazuh's rule options"),
        Key("noalert", FLAG, "match, but let the search go on when no child matches"),
        Key("groups", TEXTS, "added to the source's own groups"),
        Key("mitre", TEXTS, "technique ids of ATT&CK v13.1"),
        Key("compliance", TEXTS, "controls, as pci_dss_10.2.7"),
        Key("covers", TEXTS, "ids of the detection ideas it implements"),
        Key("certain", TEXTS, "fields that each event of the rule has, since a program of this package writes it"),
        Key("needs", TEXTS, "log sources that must be switched on"),
        Key("why", TEXT, "why it matters"),
        Key("triage", STEPS, "what to check next"),
        Key("contain", STEPS, "how to stop it"),
        Key("false_positives", TEXTS, "known benign causes"),
        Key("references", TEXTS, "URLs"),
        Key("response", _ref("response"), "the active response that may act on it"),
        Key("noise", _ref("noise"), "the noise budget, where the default does not fit"),
        Key("forgeable", FLAG, "an attacker can write this event's text"),
        Key("waive", {"type": "object", "additionalProperties": {"type": "string"}}, "{code: reason}"),
        Key("tests", {"type": "array", "items": _ref("test"), "minItems": 1}, "at least one fires and one silent"),
    ),
)
DEFAULTS = Shape("defaults", "'defaults'", tuple(
    Key(key.name, key.schema, key.doc)
    for key in RULE.keys
    if key.name not in {"id", "name", "title", "tests", "when", "correlate", "waive"}
))  # fmt: skip
EVENT = Shape(
    "event",
    "'event'",
    (
        Key("location", TEXT, "where the tests' events come from; default stdin"),
        Key("envelope", FREE, "always part of the event"),
        Key("defaults", FREE, "part of the event unless a test says otherwise"),
        Key("audit", FREE, "what audit records in tests have otherwise: key, cwd, auid, …"),
    ),
)
RULE_FILE = Shape(
    "rule_file",
    "a rule file",
    (
        Key("source", SOURCE, "decides the id block and the output file", required=True),
        Key("parent", {"oneOf": [{"const": "root"}, _ref("parent")]}, "default parent"),
        Key("event", _ref("event"), "how the tests' events are put together"),
        Key("defaults", _ref("defaults"), "default values of the rules' own keys"),
        Key("rules", {"type": "array", "items": _ref("rule"), "minItems": 1}, "the rules", required=True),
    ),
)
_PATTERN = Shape(
    "pattern",
    "a pattern",
    (
        Key("equals", TEXTS, "is exactly this"),
        Key("starts_with", TEXTS, "starts with this"),
        Key("contains", TEXTS, "contains this"),
        Key("regex", TEXT, "a PCRE2 expression"),
        Key("ignore_case", FLAG, "ASCII case does not count"),
    ),
)
PROGRAM_NAME = Shape("program_name", "'program_name'", _PATTERN.keys)
PREMATCH = Shape(
    "prematch",
    "'prematch'",
    (*_PATTERN.keys, Key("after", {"enum": ["parent"]}, "look only behind the parent's prematch")),
)
EXTRACT = Shape(
    "extract",
    "an extraction",
    (
        Key("regex", TEXT, "a PCRE2 expression with groups", required=True),
        Key("after", {"enum": ["parent", "prematch", "previous"]}, "where it starts to look"),
        Key("fields", TEXTS, "names of the groups, in order", required=True),
    ),
)
JSON_PLUGIN = Shape(
    "json",
    "'json'",
    (
        Key("after", {"enum": ["parent", "prematch"]}, "where the JSON text starts"),
        Key("nulls", {"enum": ["string", "discard"]}, "what becomes of null"),
        Key("arrays", {"enum": ["array", "csv"]}, "what becomes of an array"),
    ),
)
_DECODER_KEYS = (
    Key("name", {"type": "string", "pattern": NAME}, "unique", required=True),
    Key("type", {"enum": list(DECODER_TYPES)}, "the category of its events; default syslog"),
    Key("prematch", _ref("prematch"), "what the line must have"),
    Key("extract", {"type": "array", "items": _ref("extract"), "minItems": 1}, "expressions, tried in turn"),
    Key("json", _ref("json"), "run the JSON decoder instead"),
)
CHILD_DECODER = Shape(
    "child_decoder",
    "a child decoder",
    (*_DECODER_KEYS, Key("own_name", FLAG, "keeps its own name instead of its parent's")),
)
DECODER = Shape(
    "decoder",
    "a decoder",
    (
        *_DECODER_KEYS,
        Key("early", FLAG, "load before the stock decoders"),
        Key("program_name", _ref("program_name"), "the program of the syslog header"),
        Key("children", {"type": "array", "items": _ref("child_decoder"), "minItems": 1}, "tried in order"),
    ),
)
DECODER_TEST = Shape(
    "decoder_test",
    "a decoder test",
    (
        Key("decodes", TEXT, "a line that a decoder of this file takes"),
        Key("ignores", TEXT, "a line that no decoder of this file takes"),
        Key("decoder", TEXT, "the name that the event's decoder has then"),
        Key("program_name", TEXT, "the program of the header"),
        Key("fields", FREE, "fields and their values"),
        Key("location", TEXT, "where the line comes from"),
        Key("note", TEXT, "why this line matters"),
    ),
)
DECODER_FILE = Shape(
    "decoder_file",
    "a decoder file",
    (
        Key("source", SOURCE, "the source", required=True),
        Key("decoders", {"type": "array", "items": _ref("decoder"), "minItems": 1}, "the decoders", required=True),
        Key("tests", {"type": "array", "items": _ref("decoder_test"), "minItems": 1}, "lines", required=True),
    ),
)
LIST_FILE = Shape(
    "list_file",
    "a list file",
    (
        Key("name", {"type": "string", "pattern": r"^[a-z][a-z0-9_]*$"}, "the file's own name", required=True),
        Key("title", TEXT, "what its keys are", required=True),
        Key(
            "keys",
            {"enum": ["text", "address", "prefix", "pattern"]},
            "text; addresses and their prefixes; texts and their prefixes ending in '.'; patterns for 'like'",
        ),
        Key("example", FREE, "an entry, for the documentation", required=True),
        Key("entries", {"oneOf": [FREE, {"type": "null"}]}, "what is shipped"),
    ),
)
FAMILY = Shape(
    "family",
    "a family",
    (
        Key("name", {"type": "string", "pattern": NAME}, "unique in the file", required=True),
        Key("files", TEXTS, "rule files whose rules belong to it, without .yml"),
        Key("rules", TEXTS, "names of rules; * stands for any text"),
        Key("last", FLAG, "its rules take nothing from the families below it"),
        Key("triage", STEPS, "what to check, after the rule's own steps"),
        Key("contain", STEPS, "how to stop it"),
        Key("references", TEXTS, "URLs"),
    ),
)
RUNBOOK_FILE = Shape(
    "runbook_file",
    "a runbook",
    (
        Key("source", SOURCE, "the source", required=True),
        Key("fields", FREE, "name in a step: [fields that can hold it, the best one first]"),
        Key("needs", FREE, "name of a log source: how it is switched on"),
        Key("families", {"type": "array", "items": _ref("family"), "minItems": 1}, "what rules share", required=True),
    ),
)
SHAPES = (
    PARENT, COMMAND, MATCHERS, CORRELATE, RESPONSE, NOISE, STEP, TEST, RULE, DEFAULTS, EVENT, RULE_FILE, PROGRAM_NAME,
    PREMATCH, EXTRACT, JSON_PLUGIN, CHILD_DECODER, DECODER, DECODER_TEST, DECODER_FILE, LIST_FILE,
    FAMILY, RUNBOOK_FILE,
)  # fmt: skip
