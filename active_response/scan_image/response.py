"""What an event asks for, carried out: an image gets into the queue."""

from active_response.common.execd import Input, answer_execd, check_program, confirm
from active_response.common.home import Home
from active_response.common.refusal import Refused
from active_response.common.request import Request
from active_response.scan_image.config import Config
from active_response.scan_image.image import image_of, reason_of
from active_response.scan_image.requests import enqueue


def respond(home: Home, *, dry_run: bool = False) -> "tuple[int, dict[str, str]]":
    """Carry out what execd asks on standard input. Return the exit code and the entry for the log."""

    def carry_out_with(request: Request, source: Input, entry: "dict[str, str]") -> None:
        carry_out(home, request, source, entry, dry_run=dry_run)

    return answer_execd(home, ("target", "timeout", "observe"), carry_out_with)


def carry_out(home: Home, request: Request, source: Input, entry: "dict[str, str]", *, dry_run: bool) -> None:
    """Put the image of an event into the queue. Raises Refused, Failed, OSError."""
    check_program(home)
    if not request.add:
        entry.update(result="done", detail="nothing to undo")
        return
    config = Config().read(home.config)
    image = image_of(request, config)
    entry["image"] = image
    request.check_origin()
    if config.ignores(image):
        raise Refused("ignored", "the configuration says so")
    if dry_run or config.observe or request.says("observe"):
        entry.update(result="would", detail="ask for a scan")
        return
    confirm(home, source, image)
    name = enqueue(home, config, image, reason_of(request), request.rule)
    entry.update(result="done", detail="" if name else "waits already")
