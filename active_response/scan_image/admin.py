"""The administrator's commands: what waits in the queue, asking for a scan by hand, the self-test."""

import posix as os
import sys

from active_response.common.admin import add_common, answer_common, command_parser, report_errors
from active_response.common.files import check_owner
from active_response.common.home import Home
from active_response.common.log import write_log
from active_response.scan_image.config import EXAMPLE, Config
from active_response.scan_image.image import parse_image
from active_response.scan_image.requests import enqueue, open_lock, open_queue, read_requests
from active_response.scan_image.response import respond

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def administrate(home: Home, argv: "list[str]") -> int:
    """Carry out an administrator's command; return the exit code: 0 done, 1 not done, 2 wrong use."""
    parser, only = command_parser(home, "ask for an image's scan")
    only.add_argument("--list", action="store_true", help="print what waits in the queue")
    only.add_argument("--scan", metavar="IMAGE", help="ask for the scan of an image")
    add_common(only)
    args = parser.parse_args(argv)
    code = answer_common(home, args, EXAMPLE, respond)
    if code is not None:
        return code
    return report_errors(home, lambda: carry_out_command(home, args), "add" if args.scan else "")


def carry_out_command(home: Home, args: "Namespace") -> int:
    """Return the exit code of the command. Raises Refused, Failed, OSError."""
    config = Config().read(home.config)
    if args.scan:
        name = enqueue(home, config, parse_image(args.scan), "administrator", "")
        sys.stdout.write((name or "waits already") + "\n")
    elif args.list:
        folder = open_queue(home)
        try:
            sys.stdout.write("".join(line + "\n" for line in read_requests(folder)))
        finally:
            os.close(folder)
    else:
        check_owner(home.script, "this script")
        write_log(home, {"response": home.response, "action": "selftest", "result": "done"})
        os.close(open_lock(home))
        os.close(open_queue(home))
        sys.stdout.write("ok\n")
    return 0
