"""What an event asks for, carried out: a container is quarantined, or released."""

from active_response.common.execd import Input, answer_execd, check_program, confirm
from active_response.common.home import Home
from active_response.common.refusal import Failed, Refused
from active_response.common.request import Request
from active_response.common.words import HEX
from active_response.quarantine_container.config import Config
from active_response.quarantine_container.engine import Engine
from active_response.quarantine_container.evidence import INSPECT_LIMIT, attempt_to_keep, gather
from active_response.quarantine_container.isolation import quarantine, release
from active_response.quarantine_container.ward import Ward


def respond(home: Home, *, dry_run: bool = False) -> "tuple[int, dict[str, str]]":
    """Carry out what execd asks on standard input. Return the exit code and the entry for the log."""

    def carry_out(request: Request, source: Input, entry: "dict[str, str]") -> None:
        if request.add:
            carry_out_add(home, request, source, entry, dry_run=dry_run)
        else:
            carry_out_delete(home, request, entry, dry_run=dry_run)

    return answer_execd(home, ("target", "timeout", "observe"), carry_out)


def container_of(request: Request, config: Config, argument: str = "target") -> str:
    """Return the container's id, full or at least 12 digits. Raises Refused."""
    for path in request.paths(argument, config.fields):
        value = request.values(path)
        if value is None:
            continue
        if not isinstance(value, str) or not 12 <= len(value) <= 64 or value.strip(HEX):
            # A name may be another container's by now; only an id is for ever one container's.
            raise Refused("not-a-container", value[:64] if isinstance(value, str) else "not a string")
        return value
    raise Refused("no-container", "the alert has none of: " + ", ".join(config.fields)[:256])


def inspect(engine: Engine, asked: str) -> "dict[str, object]":
    """Return a container as the engine describes it, once it is the one that was asked for. Raises Refused, Failed."""
    container = engine.get("/containers/%s/json" % asked)
    if not isinstance(container, dict) or not str(container.get("Id", "")).startswith(asked):
        raise Refused("no-such-container", "the engine answered for another one")
    name = str(container["Id"])
    if len(name) != 64 or name.strip(HEX):
        raise Failed("engine", "an id that is none")
    return container


def carry_out_add(home: Home, request: Request, source: Input, entry: "dict[str, str]", *, dry_run: bool) -> None:
    """Quarantine the container of an event. Raises Refused, Failed."""
    check_program(home)
    config = Config().read(home.config)
    asked = container_of(request, config)
    entry["container"] = asked
    engine = Engine(config.socket)
    container = inspect(engine, asked)
    inspected = engine.last
    name = str(container["Id"])
    entry.update(container=name, name=str(container.get("Name", "")).lstrip("/")[:128])
    request.check_origin()
    reason = config.protects(container)
    if reason:
        raise Refused(reason, "never quarantined")
    if dry_run or config.observe or request.says("observe"):
        entry.update(result="would", detail="pause, disconnect, keep evidence")
        return
    confirm(home, source, name)
    ward = Ward(home)
    try:
        action, problems = quarantine(engine, ward, config, container, request.rule)
        entry["action"] = action
        if action == "quarantine":
            if not ward.lack:
                attempt_to_keep(ward, name, "inspect.json", inspected[:INSPECT_LIMIT], problems)
            gather(home, engine, ward, config, name)
        if ward.lack:
            problems.append("%s; its record is in memory" % ward.lack)
        if problems:
            entry.update(result="failed", reason="partial", detail="; ".join(problems))
        else:
            entry.update(result="done")
    finally:
        ward.close()


def carry_out_delete(home: Home, request: Request, entry: "dict[str, str]", *, dry_run: bool) -> None:
    """Release the container of an event. Raises Refused, Failed."""
    try:
        config = Config().read(home.config)
    except Refused:
        config = Config()  # a broken configuration must not keep anything in quarantine
    asked = container_of(request, config)
    entry["container"] = asked
    if dry_run:
        entry.update(result="would", detail="release")
        return
    ward = Ward(home)
    try:
        names = [name for name in ward.names() if name.startswith(asked)]
        if len(names) != 1:
            entry.update(result="done", detail="was not in quarantine")
            return
        entry["container"] = names[0]
        problems = release(Engine(config.socket), ward, names[0])
        if problems:
            entry.update(result="failed", reason="partial", detail="; ".join(problems))
        else:
            entry.update(result="done")
    finally:
        ward.close()
