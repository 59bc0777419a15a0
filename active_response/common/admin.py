"""What the administrator's commands of all responses have in common."""

import sys

from active_response.common.home import Home
from active_response.common.jsontext import to_json
from active_response.common.log import complain, finish
from active_response.common.observe import report
from active_response.common.refusal import Failed, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _MutuallyExclusiveGroup
    from typing import Callable


def command_parser(home: Home, what: str) -> "tuple[ArgumentParser, _MutuallyExclusiveGroup]":
    """Return a parser of options, and the group of those of which exactly one is given."""
    import argparse  # noqa: PLC0415 - execd's calls need none

    about = "Wazuh active response: %s. Without options it serves wazuh-execd." % what
    parser = argparse.ArgumentParser(prog=home.name, description=about, allow_abbrev=False)
    return parser, parser.add_mutually_exclusive_group(required=True)


def add_common(only: "_MutuallyExclusiveGroup") -> None:
    """Add the commands that every response has."""
    only.add_argument("--dry-run", action="store_true", help="read a message of execd and tell what would be done")
    only.add_argument("--report", action="store_true", help="what would have been done while `observe` was on")
    only.add_argument("--selftest", action="store_true", help="try everything that a response needs")
    only.add_argument("--example-config", action="store_true", help="print a configuration with its defaults")


def answer_common(
    home: Home, args: "Namespace", example: str, respond: "Callable[..., tuple[int, dict[str, str]]]"
) -> "int | None":
    """Carry out a command that every response has; return its exit code, None when another one was given.

    The self-test is each response's own.
    """
    if args.example_config:
        sys.stdout.write(example)
        return 0
    if args.dry_run:
        code, entry = respond(home, dry_run=True)
        sys.stdout.write(to_json({key: value for key, value in entry.items() if value}) + "\n")
        return code
    return report_errors(home, lambda: report(home)) if args.report else None


def report_errors(home: Home, step: "Callable[[], int]", action: str = "") -> int:
    """Return the exit code of a command, 1 when it was refused or failed, which is one line on standard error.

    It is in the log, too, when the command was one that changes something: ``action``, as the log calls it.
    """
    try:
        return step()
    except Refused as error:
        result, reason, detail = "failed" if isinstance(error, Failed) else "refused", error.reason, error.detail
        complain("%s: %s: %s" % (home.name, reason, detail))
    except OSError as error:
        result, reason, detail = "failed", "internal", str(error)
        complain("%s: %s" % (home.name, error))
    if action:
        entry = {"response": home.response, "action": action, "result": result, "by": "administrator"}
        entry.update(reason=reason, detail=detail[:1024])
        finish(home, 1, entry)
    return 1


class Attempts:
    """The steps of a self-test: what went well and what did not, one line each.

    Args:
        also: exceptions that mean, beside Refused and OSError, that a step failed.
    """

    def __init__(self, also: "tuple[type[Exception], ...]" = ()) -> None:
        self.also = also
        self.failed = 0
        self.said: "list[str]" = []
        self._what = ""

    def step(self, what: str) -> "Attempts":
        """Begin a step: ``with attempts.step("this"): …``; when it fails, what follows is done all the same."""
        self._what = what
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: "BaseException | None", trace: object) -> bool:
        if error is None:
            self.said.append("ok   " + self._what)
            return False
        if not isinstance(error, (Refused, OSError, *self.also)):
            return False
        reason = "%s: %s" % (error.reason, error.detail) if isinstance(error, Refused) else str(error)
        self.said.append("FAIL %s: %s" % (self._what, reason))
        self.failed += 1
        return True

    def report(self) -> int:
        """Print the lines; return the exit code."""
        sys.stdout.write("".join(line + "\n" for line in self.said))
        return 1 if self.failed else 0
