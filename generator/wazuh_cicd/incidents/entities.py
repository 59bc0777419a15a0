"""Who and what an alert is about, by its source: the actor, the address, the repository, the host and the image.

Two alerts belong together when they name the same one. How far apart they may be depends on how much it says: a token,
a container or a person is one for a day; a repository or a build host is shared, and says something for hours only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wazuh_cicd.incidents.reading import Alert

HOUR = 3600
#: Seconds that two alerts may lie apart, and still belong together, when they share ...
APART = {
    "actor": 24 * HOUR,
    "token": 24 * HOUR,
    "run": 24 * HOUR,
    "container": 24 * HOUR,
    "image": 24 * HOUR,
    "address": 24 * HOUR,
    "role": 6 * HOUR,
    "repository": 6 * HOUR,
    "host": 2 * HOUR,
}
#: A key that alerts share, such as ("repository", "acme/app").
Key: TypeAlias = "tuple[str, str]"

_LONGEST = 300
_NOBODY = frozenset({"", "null", "none", "-", "(none)", "unknown", "N/A"})
#: Names under which many act.
_SHARED = frozenset({
    "github-actions[bot]", "web-flow", "dependabot[bot]", "renovate[bot]", "anonymous", "system:anonymous",
})  # fmt: skip
#: Inside a network many share an address, and an address changes hands.
_PRIVATE = (
    *("10.", "192.168.", "127.", "169.254.", "::1", "fe80:", "fc", "fd"),
    *(f"172.{number}." for number in range(16, 32)),
    *(f"100.{number}." for number in range(64, 128)),
)
#: The manager itself, which is where the events of services arrive.
_MANAGER = "000"


class Entities(NamedTuple):
    """What one alert names; empty where it names none."""

    actor: str = ""
    address: str = ""
    repository: str = ""
    host: str = ""
    image: str = ""


_NOTHING = Entities()


def text(value: object) -> str:
    """A value that names something, as text of bounded length."""
    if type(value) is not str or value in _NOBODY:
        return str(value) if type(value) is int else ""
    return value[:_LONGEST]


def dig(data: object, *path: str) -> object:
    """The value at a path of objects, None where it ends before."""
    for name in path:
        if type(data) is not dict:
            return None
        data = data.get(name)
    return data


def is_private(address: str) -> bool:
    """Whether an address is one of those that networks use inside."""
    return address.startswith(_PRIVATE)


def _address(value: object) -> str:
    """An address; services' names, which stand in the same fields, are none."""
    if type(value) is not str or not (value[:1].isdigit() or ":" in value):
        return ""
    return value[:_LONGEST]


def _host(alert: Alert) -> str:
    return text(dig(alert.get("agent"), "name"))


# -- by source -------------------------------------------------------------------------------------------------------


def _github(_: Alert, data: dict[str, Any]) -> Entities:
    github = data.get("github")
    if type(github) is not dict:
        return _NOTHING
    get = github.get
    return Entities(text(get("actor")), _address(get("actor_ip")), text(get("repo")))


def _kubernetes(_: Alert, data: dict[str, Any]) -> Entities:
    address = data.get("srcip")
    if not address:
        addresses = data.get("sourceIPs")
        address = addresses[0] if type(addresses) is list and addresses else addresses
    return Entities(text(dig(data.get("user"), "username")), _address(address))


def _vault(_: Alert, data: dict[str, Any]) -> Entities:
    return Entities(text(dig(data, "auth", "display_name")), _address(dig(data, "request", "remote_address")))


def _aws(_: Alert, data: dict[str, Any]) -> Entities:
    aws = data.get("aws")
    if type(aws) is not dict:
        return _NOTHING
    who = aws.get("userIdentity")
    actor = text(dig(who, "arn")) or text(dig(who, "userName")) or text(dig(who, "principalId"))
    return Entities(actor, _address(aws.get("sourceIPAddress")))


def _docker(alert: Alert, data: dict[str, Any]) -> Entities:
    image = text(dig(data, "docker", "Actor", "Attributes", "image"))
    return Entities("", _address(data.get("srcip")), "", _host(alert), image)


def _jenkins(alert: Alert, data: dict[str, Any]) -> Entities:
    audit = dig(data, "jenkins", "audit")
    actor = text(data.get("dstuser")) or text(dig(audit, "starter"))
    return Entities(actor, _address(data.get("srcip")), text(dig(audit, "job")), _host(alert))


def _scanner(_: Alert, data: dict[str, Any]) -> Entities:
    return Entities(image=text(dig(data, "cicd_scan", "artifact")))


def _build_host(alert: Alert, data: dict[str, Any]) -> Entities:
    actor = text(data.get("dstuser")) or text(data.get("srcuser"))
    return Entities(actor, _address(data.get("srcip")), text(dig(data, "job", "repository")), _host(alert))


def _other(alert: Alert, data: dict[str, Any]) -> Entities:
    """Alerts of stock rules, and of our own whose events come from several sources."""
    for field, read in _BY_FIELD.items():
        if field in data:
            return read(alert, data)
    found = _build_host(alert, data)
    return found if dig(alert.get("agent"), "id") != _MANAGER else found._replace(host="")


_BY_FIELD: Mapping[str, Callable[[Alert, dict[str, Any]], Entities]] = {
    "github": _github,
    "aws": _aws,
    "cicd_scan": _scanner,
    "docker": _docker,
    "objectRef": _kubernetes,
    "auth": _vault,
}
_BY_SOURCE: Mapping[str, Callable[[Alert, dict[str, Any]], Entities]] = {
    "github": _github,
    "runner": _build_host,
    "jenkins": _jenkins,
    "docker": _docker,
    "kubernetes": _kubernetes,
    "scanner": _scanner,
    "vault": _vault,
    "aws": _aws,
}
_NO_DATA: dict[str, Any] = {}


def entities_of(alert: Alert, source: str) -> Entities:
    """Whom and what an alert of a source names."""
    data = alert.get("data")
    return _BY_SOURCE.get(source, _other)(alert, data if type(data) is dict else _NO_DATA)


# -- what ties alerts together ---------------------------------------------------------------------------------------


def keys_of(alert: Alert, source: str, found: Entities) -> list[Key]:
    """What this alert shares with others of its incident, the most telling first."""
    data = alert.get("data")
    keys: list[Key] = [(kind, value) for kind, value in _more_keys(data) if value] if type(data) is dict else []
    entity = text(dig(data, "auth", "entity_id"))
    if entity:
        keys.append(("actor", entity))  # of Vault; its display name is that of the login method
    elif found.actor and found.actor not in _SHARED:
        # A user of a host is another one on the next host.
        keys.append(("actor", f"{found.actor}@{found.host}" if found.host else found.actor))
    if found.address and not (is_private(found.address) and found.actor):
        keys.append(("address", found.address))
    if found.image:
        keys.append(("image", found.image))
    if found.repository:
        keys.append(("repository", found.repository))
    if found.host:
        keys.append(("host", found.host))
    elif source == "github" and (runner := _runner(data)):
        keys.append(("host", runner))
    return keys


def _runner(data: object) -> str:
    """The build host that an event of GitHub names: where a job ran, a runner's name is mostly the host's."""
    return text(dig(data, "webhook", "workflow_job", "runner_name")) or text(dig(data, "github", "runner_name"))


def _more_keys(data: dict[str, Any]) -> list[Key]:
    keys: list[Key] = []
    github = data.get("github")
    if type(github) is dict:
        # A re-run keeps its number; another repository has its own.
        run = text(github.get("run_id")) or text(github.get("workflow_run_id"))
        keys += [
            ("actor", text(github.get("user"))),  # who is removed, invited or promoted may have acted before
            ("token", text(github.get("hashed_token"))),
            ("run", f"{text(github.get('repo'))} {run}" if run else ""),
        ]
    keys.append(("token", text(dig(data, "auth", "accessor"))))
    aws = data.get("aws")
    if type(aws) is dict:
        who, asked = aws.get("userIdentity"), aws.get("requestParameters")
        keys += [
            ("token", text(dig(who, "accessKeyId"))),
            ("role", text(dig(who, "sessionContext", "sessionIssuer", "userName"))),
            ("role", text(dig(asked, "roleName"))),
        ]
    if "impersonatedUser" in data:
        keys.append(("actor", text(dig(data, "impersonatedUser", "username"))))
    keys.append(("container", text(dig(data, "docker", "Actor", "ID"))))
    return keys
