"""cicd-quarantine-container: Wazuh active response that takes a container off its networks, pauses it, keeps evidence.

docs/active-response.md explains it; `cicd-quarantine-container --help` lists the administrator's commands.
"""

from active_response.common.execd import leave, serve
from active_response.common.home import Home
from active_response.quarantine_container.admin import administrate
from active_response.quarantine_container.config import NAME
from active_response.quarantine_container.response import respond


def main() -> int:
    """Serve execd, or the administrator when there are options."""
    return serve(Home(__file__, NAME), respond, administrate)


if __name__ == "__main__":
    leave(main())
