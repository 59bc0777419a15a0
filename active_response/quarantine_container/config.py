"""What the program is called, and which containers may be touched."""

from active_response.common.files import FILE_LIMIT, read_file, read_settings
from active_response.common.refusal import Refused
from active_response.common.words import WORD, is_number, member

NAME = "cicd-quarantine-container"
EXAMPLE = """\
# cicd-quarantine-container: which containers may be taken out of service on this host, and how many.
# Read anew on each run. A key that is not known, a file that others can write, or one that does not end with the line
# `# end` stops all quarantining: a list that is only half written must not look like a short one.

# yes: touch no container, and write to the log which would have been; `--report` sums it up. A good first week.
observe = no

# Never touch these. A name may end in `*`; a label is `key` or `key=value`. Whoever can create containers can give them
# a label, a name and an image's name: where jobs can, prefer a label with a value that only you know. Every refusal is
# an alert of level 8, so a container that protects itself is seen.
protect_label = org.wazuh.cicd.protected
# What a build farm stands on: registries and their mirrors, controllers, agents that take jobs, build daemons, sensors.
protect_image = registry
protect_image = registry:*
protect_image = jenkins/*
protect_image = gitlab/*
protect_image = ghcr.io/actions/*
protect_image = moby/buildkit*
protect_image = wazuh/*
protect_image = falcosecurity/*
# protect_image = registry.example.com/platform/*
# protect_name = jenkins-controller
# protect_name = registry-*

# Where the container's id stands in an alert when the binding does not say; the first field that is there counts.
field = data.docker.Actor.ID
field = data.docker.id

# The engine's socket.
socket = /var/run/docker.sock

# Beyond these, an event is reported instead of acted on. Counted are the containers of the last hour that are still
# there: services, and apart from them those that are younger than an hour. One image fills at most half of either.
max_new_per_minute = 10
max_quarantined = 20
max_short_lived = 100

# Lines of the container's log that are kept as evidence.
log_lines = 10000

# Megabytes of evidence that are kept in all, and that stay free on the disk. When they are used up, the image with the
# most evidence loses its oldest; what the engine said of a container before it was touched stays.
evidence_mb = 1024
keep_free_mb = 512

# end
"""
# What an engine mounts into each container, from a folder that bears the container's id.
ENGINE_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
DEFAULT_FIELDS = tuple(line[8:] for line in EXAMPLE.split("\n") if line.startswith("field = "))


class Config:
    """What the administrator decided; see EXAMPLE for the keys."""

    LIMITS = {  # noqa: RUF012 - constant
        "max_new_per_minute": (0, 10000),
        "max_quarantined": (0, 10000),
        "max_short_lived": (0, 10000),
        "log_lines": (0, 1000000),
        "evidence_mb": (0, 1000000),
        "keep_free_mb": (0, 1000000),
    }

    def __init__(self) -> None:
        self.names: "list[str]" = []
        self.images: "list[str]" = []
        self.labels = ["org.wazuh.cicd.protected"]
        self.fields = list(DEFAULT_FIELDS)
        self.socket = "/var/run/docker.sock"
        self.max_new_per_minute = 10
        self.max_quarantined = 20
        self.max_short_lived = 100
        self.log_lines = 10000
        self.evidence_mb = 1024
        self.keep_free_mb = 512
        self.observe = False

    def read(self, path: str) -> "Config":
        """Read the file. Raises Refused("configuration") with path and line for anything that is not right."""
        self.fields = []
        for place, key, value in read_settings(path):
            if key in ("protect_name", "protect_image", "protect_label") and value:
                {"protect_name": self.names, "protect_image": self.images, "protect_label": self.labels}[key].append(
                    value
                )
            elif key == "field" and value and not value.strip(WORD + "_.-"):
                self.fields.append(value)
            elif key == "observe" and value in ("yes", "no"):
                self.observe = value == "yes"
            elif key == "socket" and value.startswith("/"):
                self.socket = value
            elif (
                key in self.LIMITS and is_number(value, 7) and self.LIMITS[key][0] <= int(value) <= self.LIMITS[key][1]
            ):
                setattr(self, key, int(value))
            else:
                raise Refused("configuration", "%s: unknown key or value: %s = %s" % (place, key[:64], value[:64]))
        self.fields = self.fields or list(DEFAULT_FIELDS)
        return self

    def protects(self, container: "dict[str, object]") -> str:
        """Return why a container, as the engine describes it, must not be touched; an empty string if it may be."""
        settings = member(container, "Config")
        labels = member(settings, "Labels")
        for label in self.labels:
            key, equals, value = label.partition("=")
            if key in labels and (not equals or labels[key] == value):
                return "protected-label"
        name = str(container.get("Name", "")).lstrip("/")
        if any(matches(pattern, name) for pattern in self.names):
            return "protected-name"
        if any(matches(pattern, str(settings.get("Image", ""))) for pattern in self.images):
            return "protected-image"
        if own_container(str(container.get("Id", ""))):
            return "own-container"
        return ""


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` is ``pattern``, or begins with what stands before its final ``*``."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def own_container(name: str) -> bool:
    """Whether this very process runs in the container ``name`` (an agent in a container with the engine's socket).

    Only what an engine puts in place of a container's own files says so. The mounts of a host name other containers,
    too: those that share their memory (``--ipc=shareable``), and all of an engine that keeps its images in containerd.
    """
    if not name:
        return False
    try:
        if name in read_file("/proc/self/cgroup", 8 * FILE_LIMIT):
            return True
    except OSError:
        pass
    try:
        lines = read_file("/proc/self/mountinfo", 8 * FILE_LIMIT).split("\n")
    except OSError:
        return False
    mounts = [line.split(" ") for line in lines]
    return any(len(one) > 4 and one[4] in ENGINE_FILES and name in one[3].split("/") for one in mounts)
