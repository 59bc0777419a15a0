"""Taking a container out of service, and giving it back."""

import time

from active_response.common.files import PAUSES
from active_response.common.refusal import Failed, Refused
from active_response.common.words import HEX, is_number, member, repository
from active_response.quarantine_container.config import Config
from active_response.quarantine_container.engine import Engine, NotFound
from active_response.quarantine_container.ward import Ward, age_of, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

COUNTED = 3600  # seconds for which a container in quarantine counts for a ceiling
SHORT = 3600  # seconds; what was made since then is no service that others rest on


def quarantine(
    engine: Engine, ward: Ward, config: Config, container: "dict[str, object]", rule: str
) -> "tuple[str, list[str]]":
    """Pause a container, take it off its networks, stop it from being started again. Return what was done, what failed.

    Pausing comes first: a process that notices the loss of its network may clean up after itself.
    """
    name = str(container.get("Id"))
    known = ward.record(name) is not None
    problems: "list[str]" = []
    if not known:
        record = record_of(container, rule)
        check_ceilings(engine, ward, config, record)
        if not ward.write(name, record):
            problems.append("its networks are too many to be written down: they stay off when it is released")
    state = member(container, "State")
    host = member(container, "HostConfig")
    if state.get("Running") is True and state.get("Paused") is not True:
        attempt(problems, "pause", lambda: engine.post("/containers/%s/pause" % name, fine=(409,)))
    networks = network_ids(container)
    for identity in networks:
        attempt(problems, "disconnect", disconnect, engine, identity, name)
    if member(host, "RestartPolicy").get("Name") not in ("", "no", None):
        policy: "dict[str, object]" = {"RestartPolicy": {"Name": "no"}}
        attempt(problems, "restart policy", lambda: engine.post("/containers/%s/update" % name, policy))
    if not any(problem.startswith("pause: ") for problem in problems):
        attempt(problems, "pause", make_sure, engine, name, networks)
    if host.get("NetworkMode") == "host":
        problems.append("it shares the host's network: only paused")
    elif str(host.get("NetworkMode", "")).startswith("container:"):
        problems.append("it shares another container's network: only paused")
    return "refresh" if known else "quarantine", problems


def check_ceilings(engine: Engine, ward: Ward, config: Config, wanted: "dict[str, object]") -> None:
    """Refuse one more container when there are as many as the administrator allows. Raises Refused, Failed.

    Services and short-lived containers are counted apart, each of them for an hour and while it is there, and those of
    one image fill no more than half: whoever starts containers to have them quarantined must not use up what is meant
    for others.
    """
    boot = boot_id()
    records = {name: ward.record(name) or {} for name in ward.names()}
    ages = {name: age_of(record, boot) for name, record in records.items()}
    if sum(1 for age in ages.values() if age < 60) >= config.max_new_per_minute:
        raise Refused("ceiling-minute", "%d new within a minute" % config.max_new_per_minute)
    kind, image = wanted["short_lived"], wanted["image"]
    alike = [name for name in records if ages[name] < COUNTED and records[name].get("short_lived", "no") == kind]
    ceiling = config.max_short_lived if kind == "yes" else config.max_quarantined
    what = "short-lived ones" if kind == "yes" else "services"
    check_ceiling(engine, ward, alike, ceiling, "%d %s in quarantine within an hour" % (ceiling, what))
    share = max(1, ceiling // 2)
    same = [name for name in alike if records[name].get("image") == image]
    check_ceiling(engine, ward, same, share, "%d %s of one image, %s" % (share, what, image))


def check_ceiling(engine: Engine, ward: Ward, names: "list[str]", ceiling: int, detail: str) -> None:
    """Refuse one more than these, once those that are gone are counted no longer. Raises Refused, Failed."""
    left = len(names)
    for name in names:
        if left < ceiling:
            return
        try:
            engine.get("/containers/%s/json" % name)
        except NotFound:
            if ward.record(name) is not None:
                ward.release(name)
            left -= 1
    if left >= ceiling:
        raise Refused("ceiling-total", detail)


def networks_of(container: "dict[str, object]") -> "dict[str, object]":
    """Return the networks that a container is on, as the engine describes it."""
    return member(member(container, "NetworkSettings"), "Networks")


def network_ids(container: "dict[str, object]") -> "list[str]":
    """Return the ids of the networks that a container is on."""
    found = [member(networks_of(container), key).get("NetworkID") for key in networks_of(container)]
    return [one for one in found if isinstance(one, str) and one and not one.strip(HEX)]


def record_of(container: "dict[str, object]", rule: str) -> "dict[str, object]":
    """Return what has to be known to undo the quarantine of a container."""
    networks = networks_of(container)
    # The engine writes the time in the same form, so that texts compare like times.
    an_hour_ago = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - SHORT))
    return {
        "container": str(container.get("Id")),
        "name": str(container.get("Name", "")).lstrip("/"),
        "image": repository(str(member(container, "Config").get("Image", ""))),
        "short_lived": "yes" if str(container.get("Created", "")) > an_hour_ago else "no",
        "rule_id": rule,
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "paused_before": "yes" if member(container, "State").get("Paused") is True else "no",
        "restart": member(member(container, "HostConfig"), "RestartPolicy"),
        "networks": {key: endpoint_settings(value) for key, value in networks.items() if isinstance(value, dict)},
    }


def make_sure(engine: Engine, name: str, networks: "list[str]") -> None:
    """Look whether a container is paused, or does not run; pause it if it is neither. Raises Refused, Failed.

    The engine does not pause one that it just starts anew, and says so in the same words as of one that is paused; an
    event about a container's creation comes before its start. One that started since we looked is on its networks by
    now, too; ``networks`` are those that it was taken off already.
    """
    for pause in PAUSES:
        time.sleep(pause)
        container = engine.get("/containers/%s/json" % name)
        for identity in network_ids(container) if isinstance(container, dict) else ():
            if identity not in networks:
                networks.append(identity)
                disconnect(engine, identity, name)
        state = member(container, "State")
        if state.get("Paused") is True or (state.get("Running") is not True and state.get("Restarting") is not True):
            return
        engine.post("/containers/%s/pause" % name, fine=(409,))
    raise Failed("partial", "it runs all the same")


def disconnect(engine: Engine, network: str, name: str) -> None:
    """Take a container off a network; one that is on it no longer is fine."""
    engine.post("/networks/%s/disconnect" % network, {"Container": name, "Force": True}, fine=(404,))


def attempt(problems: "list[str]", what: str, step: "Callable[..., None]", *words: object) -> None:
    """Take a step; when it fails, what follows is done all the same."""
    try:
        step(*words)
    except Refused as error:
        problems.append("%s: %s" % (what, error.detail))


def endpoint_settings(endpoint: "dict[str, object]") -> "dict[str, object]":
    """Return of a network endpoint what the engine takes again when the container is connected anew."""
    kept = {key: endpoint[key] for key in ("IPAMConfig", "Links", "Aliases", "DriverOpts") if endpoint.get(key)}
    identity = endpoint.get("NetworkID")
    return {"network": identity if isinstance(identity, str) else "", "settings": kept}


def release(engine: Engine, ward: Ward, name: str) -> "list[str]":
    """Undo what the quarantine did, and only that. Return what failed; a container that is gone is undone."""
    record = ward.record(name) or {}
    problems: "list[str]" = []
    try:
        engine.get("/containers/%s/json" % name)
        for network in member(record, "networks").values():
            attempt(problems, "connect", connect, engine, name, network)
        policy = restart_policy(member(record, "restart"))
        if policy:
            body: "dict[str, object]" = {"RestartPolicy": policy}
            attempt(problems, "restart policy", lambda: engine.post("/containers/%s/update" % name, body))
        if record.get("paused_before") != "yes":
            attempt(problems, "unpause", lambda: engine.post("/containers/%s/unpause" % name, fine=(409, 500)))
    except NotFound:
        problems = []
    if not problems:
        ward.release(name)
    return problems


def connect(engine: Engine, name: str, network: object) -> None:
    """Connect a container to a network again, with the settings that were written down."""
    identity = network.get("network") if isinstance(network, dict) else None
    if isinstance(identity, str) and identity and not identity.strip(HEX):
        body: "dict[str, object]" = {"Container": name, "EndpointConfig": member(network, "settings")}
        # 403: it is connected already. 404: there is no such network any more, and nobody can bring it back.
        engine.post("/networks/%s/connect" % identity, body, fine=(403, 404))


def restart_policy(written: "dict[str, object]") -> "dict[str, object]":
    """Return the restart policy to give back, empty when there was none."""
    if written.get("Name") in ("", "no", None):
        return {}
    policy: "dict[str, object]" = {"Name": str(written.get("Name"))}
    count = written.get("MaximumRetryCount")
    if isinstance(count, str) and is_number(count, 9):
        policy["MaximumRetryCount"] = int(count)
    return policy
