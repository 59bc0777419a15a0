"""What the program is called, and what the administrator decided."""

from active_response.block_ip.addresses import NAT64_LENGTHS, Address, parse_network
from active_response.common.files import FILE_LIMIT, check_owner, parent, read_complete, read_settings
from active_response.common.refusal import Refused
from active_response.common.words import WORD, is_number

NAME = "cicd-block-ip"
SLACK = 10  # seconds the kernel keeps an entry longer than execd does, so that execd's delete finds it
TIMEOUT_LIMIT = 604800  # seconds: the longest block, a week
SET_LIMIT = 131072  # elements of one set in the kernel
EXAMPLE = """\
# cicd-block-ip: what may be blocked on this host, and how much of it.
# Read anew on each run. A key that is not known, a file that others can write, or one that does not end with the line
# `# end` stops all blocking: a list that is only half written must not look like a short one.

# yes: block nobody, and write to the log who would have been; `--report` sums it up. A good first week.
observe = no

# Never block these. One address or network a line, as often as needed; a file holds one a line and ends with `# end`.
# Name here: your own networks, bastions, monitoring, reverse proxies, load balancers, the CI's outgoing addresses.
# allow = 203.0.113.0/24
# allow = 2001:db8::/32
# allow_file = /var/ossec/active-response/cicd/allow.txt

# yes: events may have internal addresses blocked, too (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10,
# fc00::/7 and the like). Often a proxy or a NAT gateway is behind one; name those with `allow`.
block_internal = no

# Prefixes of your own NAT64, if you have one: an address in it is judged as the IPv4 address that it stands for.
# nat64_prefix = 2001:db8:64::/96

# Where the address stands in an alert when the binding does not say; the first field that is there counts.
field = data.srcip
field = data.github.actor_ip
field = data.aws.sourceIPAddress
field = data.kubernetes.sourceIPs
field = data.sourceIPs
field = source.ip

# Seconds; used when the message names none, and the most that an event may ask for.
default_timeout = 600
max_timeout = 86400

# Beyond these, an event is reported instead of blocked.
max_new_per_minute = 60
max_blocks = 10000

# auto | netlink | nft | ipset
backend = auto

# Devices on which packets come in for machines that this host only passes them on to: containers with macvlan or
# ipvlan, bridged containers and virtual machines. What is blocked is dropped there, too. Needs Linux 5.10; --selftest
# tells where it is missing.
# ingress_device = eth0

# end
"""
DEFAULT_FIELDS = tuple(line[8:] for line in EXAMPLE.split("\n") if line.startswith("field = "))


class Config:
    """What the administrator decided; see EXAMPLE for the keys."""

    def __init__(self) -> None:
        self.allow: "list[Address]" = []
        self.allow_files: "list[str]" = []
        self.fields = list(DEFAULT_FIELDS)
        self.default_timeout = 600
        self.max_timeout = 86400
        self.max_new_per_minute = 60
        self.max_blocks = 10000
        self.backend = "auto"
        self.ingress: "list[str]" = []  # devices
        self.nat64: "list[Address]" = []  # prefixes
        self.observe = False
        self.block_internal = False

    LIMITS = {  # noqa: RUF012 - constant
        "default_timeout": (1, TIMEOUT_LIMIT),
        "max_timeout": (1, TIMEOUT_LIMIT),
        "max_new_per_minute": (0, 100000),
        "max_blocks": (0, SET_LIMIT - 1072),
    }

    def read(self, path: str) -> "Config":
        """Read the file. Raises Refused("configuration") with path and line for anything that is not right."""
        self.fields = []
        for place, key, value in read_settings(path):
            try:
                self._set(key, value)
            except ValueError as error:  # noqa: PERF203 - a few lines
                raise Refused("configuration", "%s: %s" % (place, error)) from None
        self.fields = self.fields or list(DEFAULT_FIELDS)
        for path_ in self.allow_files:
            self._read_allow_file(path_)
        return self

    def _set(self, key: str, value: str) -> None:
        if key == "allow":
            self.allow.append(parse_network(value))
        elif key == "allow_file" and value.startswith("/"):
            self.allow_files.append(value)
        elif key == "field" and value and not value.strip(WORD + "_.-"):
            self.fields.append(value)
        elif key == "backend" and value in ("auto", "netlink", "nft", "ipset"):
            self.backend = value
        elif key == "ingress_device" and 1 <= len(value) <= 15 and not value.strip(WORD + "._-@"):
            self.ingress.append(value)
        elif key == "nat64_prefix":
            self.nat64.append(parse_nat64(value))
        elif key in ("observe", "block_internal") and value in ("yes", "no"):
            setattr(self, key, value == "yes")
        elif key in self.LIMITS:
            least, most = self.LIMITS[key]
            if not is_number(value, 9) or not least <= int(value) <= most:
                raise ValueError("%s is a number from %d to %d, not %s" % (key, least, most, value[:32]))
            setattr(self, key, int(value))
        elif key in ("allow_file", "field", "backend", "ingress_device", "observe", "block_internal"):
            raise ValueError("not a value for %s: %s" % (key, value[:64]))
        else:
            raise ValueError("unknown key: " + key[:64])

    def _read_allow_file(self, path: str) -> None:
        try:
            check_owner(parent(path), "the allow list's folder")
            lines = read_complete(path, 4 * FILE_LIMIT, "the allow list")
        except OSError as error:
            raise Refused("configuration", "%s: %s" % (path, error.strerror)) from None
        before = len(self.allow)
        for number, line in enumerate(lines, 1):
            text = line.partition("#")[0].strip()
            if text:
                try:
                    self.allow.append(parse_network(text))
                except ValueError as error:
                    raise Refused("configuration", "%s:%d: %s" % (path, number, error)) from None
        if len(self.allow) == before:
            raise Refused("configuration", "%s names nobody" % path)


def parse_nat64(value: str) -> Address:
    """Return a prefix of NAT64. Raises ValueError."""
    prefix = parse_network(value)
    if prefix.family == 4 or prefix.length not in NAT64_LENGTHS:
        raise ValueError("not a prefix of NAT64 (RFC 6052): " + value[:64])
    return prefix
