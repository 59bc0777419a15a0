"""The administrator's commands: what is in quarantine, releasing by hand, the self-test."""

import sys

from active_response.common.admin import Attempts, add_common, answer_common, command_parser, report_errors
from active_response.common.deadline import Budget
from active_response.common.files import check_owner
from active_response.common.home import Home
from active_response.common.jsontext import to_json
from active_response.common.log import LOG, finish, write_log
from active_response.quarantine_container.config import EXAMPLE, Config
from active_response.quarantine_container.engine import Engine
from active_response.quarantine_container.isolation import release
from active_response.quarantine_container.response import respond
from active_response.quarantine_container.ward import Ward


def administrate(home: Home, argv: "list[str]") -> int:
    """Carry out an administrator's command; return the exit code: 0 done, 1 not done, 2 wrong use."""
    parser, only = command_parser(home, "quarantine a container")
    only.add_argument("--list", action="store_true", help="print what is in quarantine, one JSON object a line")
    only.add_argument("--release", nargs="+", metavar="ID", help="end quarantines; `all` ends every one")
    add_common(only)
    args = parser.parse_args(argv)
    code = answer_common(home, args, EXAMPLE, respond)
    if code is not None:
        return code
    Budget.seconds = 20.0
    if args.selftest:
        return report_errors(home, lambda: selftest(home))
    action = "release" if args.release else ""
    return report_errors(home, lambda: list_or_release(home, args.release or []), action)


def list_or_release(home: Home, words: "list[str]") -> int:
    """Print what is in quarantine, or release what is named."""
    config = Config().read(home.config)
    ward = Ward(home)
    try:
        names = sorted(ward.names())
        listed: "list[str]" = []
        for name in names:
            record = ward.record(name) or {}
            told = {key: str(record.get(key, "")) for key in ("container", "name", "since", "rule_id")}
            told["evidence"] = ward.folder(name)
            listed.append(to_json(told) + "\n")
    finally:
        ward.close()
    if not words:
        sys.stdout.write("".join(listed))
        return 0
    return max(release_one(home, config, names, word) for word in (names if words == ["all"] else words) or [""])


def release_one(home: Home, config: Config, names: "list[str]", word: str) -> int:
    """Release one container; the lock is held for this one only, and not while anything is printed."""
    if not word:
        return 0  # of none at all
    found = [name for name in names if len(word) >= 12 and name.startswith(word)]
    problems = ["not in quarantine"]
    if len(found) == 1:
        ward = Ward(home)
        try:
            problems = release(Engine(config.socket), ward, found[0])
        finally:
            ward.close()
    finish(
        home,
        0,
        {
            "response": home.response,
            "action": "release",
            "by": "administrator",
            "container": found[0] if found else word[:64],
            "detail": "; ".join(problems),
            "result": "failed" if problems else "done",
            "reason": "partial" if problems else "",
        },
    )
    sys.stdout.write("%s %s\n" % (word[:64], "; ".join(problems) or "released"))
    return 1 if problems else 0


def selftest(home: Home) -> int:
    """Try what a response needs, without touching any container."""
    attempts = Attempts()
    with attempts.step("script cannot be changed by others"):
        check_owner(home.script, "this script")
    config = Config()
    with attempts.step("configuration " + home.config):
        config = Config().read(home.config)
    with attempts.step("log " + home.logs + "/" + LOG):
        write_log(home, {"response": home.response, "action": "selftest", "result": "done"})
    with attempts.step("folder for evidence"):
        Ward(home).close()
    with attempts.step("engine " + config.socket):
        Engine(config.socket).get("/version")
    return attempts.report()
