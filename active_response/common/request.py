"""What execd asks for, in the words of Wazuh 4 and 5."""

from active_response.common.jsontext import to_json
from active_response.common.refusal import Refused
from active_response.common.words import member, plain_word, seconds_of_text

FLAGS = ("internal", "observe")  # arguments that are `yes` or `no`


class Request:
    """What execd asks for, in the words of Wazuh 4 (add, delete) or 5 (enable, disable).

    Args:
        message: the parsed line.
        name: of this program.
        allowed: the `extra_args` that this program knows, each `key=value`.
    """

    def __init__(self, message: object, name: str, allowed: "tuple[str, ...]") -> None:
        if not isinstance(message, dict) or message.get("command") not in ("add", "enable", "delete", "disable"):
            raise Refused("message", "no command that we know")
        self.add = message["command"] in ("add", "enable")
        self.command = "add" if self.add else "delete"
        self.newer = message["command"] in ("enable", "disable")
        self.alert: "dict[str, object]" = message if self.newer else member(member(message, "parameters"), "alert")
        active_response: "dict[str, object]" = {}
        if self.newer:
            wazuh = member(message, "wazuh")
            active_response = member(wazuh, "active_response")
            arguments = active_response.get("extra_arguments", active_response.get("extra_args", []))
            rule = member(wazuh, "rule")
            self.alert_id = plain_word(member(message, "event").get("id"), "-_")
        else:
            arguments = member(message, "parameters").get("extra_args", [])
            rule = member(self.alert, "rule")
            self.alert_id = plain_word(self.alert.get("id"), ".")
        self.rule = plain_word(rule.get("id"), "-")
        self.arguments: "dict[str, str]" = {}
        self.origins: "list[str]" = []
        self._read_arguments(arguments, name, allowed)
        self.timeout = seconds_of_text(active_response.get("stateful_timeout"))
        self.timeout = self.timeout or seconds_of_text(self.arguments.get("timeout"))

    def _read_arguments(self, arguments: object, name: str, allowed: "tuple[str, ...]") -> None:
        words = arguments.split() if isinstance(arguments, str) else arguments
        for word in words if isinstance(words, list) else ():
            key, _, value = word.partition("=") if isinstance(word, str) else ("", "", "")
            if key == "from" and plain_word(value, "._-/:"):
                self.origins.append(value)
            elif key in allowed and (value in ("yes", "no") if key in FLAGS else plain_word(value, "._-")):
                self.arguments[key] = value
            else:
                raise Refused("arguments", "not an argument of %s: %s" % (name, to_json(word)[:64]))

    def says(self, flag: str) -> bool:
        """Whether the binding says ``flag=yes``."""
        return self.arguments.get(flag) == "yes"

    def check_origin(self) -> None:
        """Refuse an event that does not come from where the binding says.

        Whoever can write a line into some log can make it look like GitHub's or Docker's, but not write where it was
        read.
        """
        location = self.alert.get("location")
        if self.origins and (self.newer or location not in self.origins):
            raise Refused("origin", location[:96] if isinstance(location, str) else "not told")

    def values(self, path: str) -> object:
        """Return what stands at a dotted path of the alert, None for nothing."""
        if self.newer and path in self.alert:
            return self.alert[path]
        value: object = self.alert
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def paths(self, argument: str, defaults: "list[str]") -> "list[str]":
        """Return where to look: at the field that the binding names, or at the defaults.

        The binding names a field as rules do; in an alert of Wazuh 4, what was decoded stands below `data`.
        """
        named = self.arguments.get(argument)
        if not named:
            return defaults
        return [named] if self.newer or named.startswith("data.") else ["data." + named]
