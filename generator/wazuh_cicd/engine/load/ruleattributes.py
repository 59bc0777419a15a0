"""The attributes of ``<rule>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from wazuh_cicd.engine.load.cnumbers import as_c_int
from wazuh_cicd.engine.load.messages import WARNING
from wazuh_cicd.engine.load.ruledefinition import LEVEL_ZERO_RANK, RANK_STEP
from wazuh_cicd.engine.load.ruledraft import RuleAttributes

if TYPE_CHECKING:
    from wazuh_cicd.engine.load.rulecontext import RuleContext
    from wazuh_cicd.engine.load.xmlreader import Node

MAX_LEVEL = 16
MAX_ID_DIGITS = 6
FREQUENCIES = range(2, 10_000)

# Attributes that are numbers -> (digits that count, what the manager calls a bad one).
_NUMBERS = {
    "maxsize": (4, "Invalid maxsize: {}. Must be integer"),
    "timeframe": (5, "Invalid timeframe: {}. Must be integer (max 5 digits)"),
    "ignore": (6, "Invalid ignore_time: {}. Must be integer (max 6 digits)"),
    "accuracy": (4, "Invalid accuracy: {}. Must be integer"),
}


def _digits(value: str) -> bool:
    return all("0" <= character <= "9" for character in value)


def read_attributes(context: RuleContext, node: Node, position: int) -> RuleAttributes:
    """Read the attributes of a rule; later ones of the same name win.

    Raises:
        FatalLoadError: an attribute is unknown or its value impossible, or id or level is missing.
    """
    numbers = {"id": -1, "level": -1, "maxsize": 0, "timeframe": context.default_timeframe, "ignore": 0, "accuracy": 1}
    frequency: int | None = None
    overwrite = noalert = False
    for name, value in node.attributes:
        attribute = name.lower()
        if attribute == "noalert":
            if value in {"0", "1"}:
                noalert = value == "1"
            else:
                context.messages.append(context.message(WARNING, 0, "Invalid value for attribute 'noalert'", node))
        elif attribute == "overwrite":
            if value not in {"yes", "no"}:
                _refuse(context, node, f"Invalid overwrite: {value}. Can only by 'yes' or 'no'.")
            overwrite = value == "yes"
        elif attribute == "frequency":
            frequency = _frequency(context, node, value)
        elif attribute in numbers:
            number = _number(context, node, attribute, value)
            if number is not None:
                numbers[attribute] = number
        else:
            text = (
                f'Invalid attribute "{name}". Only id, level, maxsize, accuracy, noalert, ignore,'
                " frequency and timeframe are allowed."
            )
            _refuse(context, node, text)
    if numbers["id"] < 0 or numbers["level"] < 0:
        context.fail(node, (0, f"No rule id or level specified for rule '{position}'."))
    rank = numbers["level"] or LEVEL_ZERO_RANK
    return RuleAttributes(
        id=numbers["id"],
        level=numbers["level"],
        rank=rank * RANK_STEP if numbers["accuracy"] else rank,
        overwrite=overwrite,
        maxsize=numbers["maxsize"],
        frequency=frequency,
        timeframe=numbers["timeframe"],
        ignore=numbers["ignore"],
        noalert=noalert,
    )


def _refuse(context: RuleContext, node: Node, text: str) -> NoReturn:
    context.fail(node, (0, f"rules_op: {text}"), (0, "Invalid attribute for rule."))


def _frequency(context: RuleContext, node: Node, value: str) -> int:
    if not _digits(value):
        _refuse(context, node, f"Invalid frequency: {value}. Must be integer")
    frequency = as_c_int(value)
    if frequency not in FREQUENCIES:
        _refuse(context, node, f"Invalid frequency: {frequency}. Must be higher than 1 and lower than 10000.")
    return frequency


def _number(context: RuleContext, node: Node, attribute: str, value: str) -> int | None:
    """Return the value of an attribute that is a number; None when it counts as not given."""
    digits = _digits(value)
    if attribute == "level":
        # Anything but digits counts as no level at all; the empty text counts as 0.
        if not digits:
            return None
        level = as_c_int(value)
        if not 0 <= level <= MAX_LEVEL:
            _refuse(context, node, f"Invalid level: {level}. Must be an integer between 0 and {MAX_LEVEL}.")
        return level
    if attribute == "id":
        if not digits or len(value) > MAX_ID_DIGITS:
            _refuse(context, node, f"Invalid rule id: {value}. Must be integer (max 6 digits)")
        return int(value) if value else None
    size, text = _NUMBERS[attribute]
    if not digits:
        _refuse(context, node, text.format(value))
    return int(value[:size]) if value else None
