"""What the program is called, and which images are put into the queue."""

from active_response.common.files import read_settings
from active_response.common.refusal import Refused
from active_response.common.words import WORD, is_number

NAME = "cicd-scan-image"
PENDING_LIMIT = 1000  # requests that wait in the queue
EXAMPLE = """\
# cicd-scan-image: which images are put into the scanner's queue.
# Read anew on each run. A key that is not known, a file that others can write, or one that does not end with the line
# `# end` stops all requests.

# yes: ask for no scan, and write to the log what would have been asked for; `--report` sums it up.
observe = no

# Do not ask for these; a name may end in `*`.
# ignore = registry.example.com/build-cache/*

# Where the image stands in an alert when the binding does not say; the first field that is there counts.
# A Docker event about a container has its image among the attributes, one about an image is about its id.
field = data.docker.Actor.Attributes.image
field = data.docker.Actor.ID
field = data.docker.id

# Requests that may wait, in all and of one repository; beyond them, an event is reported instead.
max_pending = 1000
max_of_repository = 200

# end
"""
DEFAULT_FIELDS = tuple(line[8:] for line in EXAMPLE.split("\n") if line.startswith("field = "))


class Config:
    """What the administrator decided; see EXAMPLE for the keys."""

    def __init__(self) -> None:
        self.ignored: "list[str]" = []
        self.fields = list(DEFAULT_FIELDS)
        self.max_pending = PENDING_LIMIT
        self.max_of_repository = 200
        self.observe = False

    def read(self, path: str) -> "Config":
        """Read the file. Raises Refused("configuration") with path and line for anything that is not right."""
        self.fields = []
        for place, key, value in read_settings(path):
            if key == "ignore" and value:
                self.ignored.append(value)
            elif key == "field" and value and not value.strip(WORD + "_.-"):
                self.fields.append(value)
            elif key in ("max_pending", "max_of_repository") and is_number(value, 5) and int(value) <= PENDING_LIMIT:
                setattr(self, key, int(value))
            elif key == "observe" and value in ("yes", "no"):
                self.observe = value == "yes"
            else:
                raise Refused("configuration", "%s: unknown key or value: %s = %s" % (place, key[:64], value[:64]))
        self.fields = self.fields or list(DEFAULT_FIELDS)
        return self

    def ignores(self, image: str) -> bool:
        """Whether the administrator does not want this image asked for."""
        return any(image.startswith(one[:-1]) if one.endswith("*") else image == one for one in self.ignored)
