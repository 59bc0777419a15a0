"""Whether the agent reads the journal so that anybody on this host could write in sshd's name."""

from active_response.common.files import read_file
from active_response.common.home import Home

CONFIGURATIONS = ("/etc/ossec.conf", "/etc/shared/agent.conf")


def open_journals(home: Home) -> "list[str]":
    """Return a line for each block of the agent that reads the journal without a filter.

    Up to Wazuh 4.13 one such block switches the filters of all others off.
    """
    said: "list[str]" = []
    for path in CONFIGURATIONS:
        try:
            text = read_file(home.root + path)
        except FileNotFoundError:
            continue
        shown = "".join(part.rpartition("-->")[2] if at else part for at, part in enumerate(text.split("<!--")))
        for block in shown.split("<localfile>")[1:]:
            inside = block.partition("</localfile>")[0]
            if "<log_format>journald<" in "".join(inside.split()) and "<filter" not in inside:
                said.append(
                    "WARN %s reads the journal without a filter: whoever runs a program here can have addresses "
                    "blocked in sshd's name; take the block out" % (home.root + path)
                )
    return said
