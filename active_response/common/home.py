"""Where everything of one Wazuh installation lies."""

import posix as os

from active_response.common.files import parent

DEFAULT_HOME = "/var/ossec"


class Home:
    """The folders of one Wazuh installation: the one this script lies in, or /var/ossec.

    Args:
        script: the path that this program was started by.
        name: what the program is called: ``cicd-block-ip``, whatever its file is.
    """

    def __init__(self, script: str, name: str) -> None:
        self.name = name
        file = os.open(script, os.O_PATH | os.O_CLOEXEC)
        self.script = os.readlink("/proc/self/fd/%d" % file)
        os.close(file)
        folder = parent(self.script)
        inside = folder.endswith("/active-response/bin")
        self.root = folder[: -len("/active-response/bin")] if inside else DEFAULT_HOME
        self.response = name[len("cicd-") :]  # as the log calls it
        self.config = self.root + "/active-response/cicd/" + self.response + ".conf"
        self.queue = self.root + "/queue/cicd"
        self.state = self.queue + "/response"
        # For what must be kept when the disk is full: in memory, until the next boot.
        self.memory = "/run/cicd-response" + self.root.replace("/", "-")[-128:]
        self.logs = self.root + "/logs/cicd"
        self.log = self.logs + "/response.log"
