"""cicd-block-ip: Wazuh active response that cuts an offending address off this host, and never its owner.

docs/active-response.md explains it; `cicd-block-ip --help` lists the administrator's commands.
"""

from active_response.block_ip.admin import administrate
from active_response.block_ip.config import NAME
from active_response.block_ip.response import respond
from active_response.common.execd import leave, serve
from active_response.common.home import Home


def main() -> int:
    """Serve execd, or the administrator when there are options."""
    return serve(Home(__file__, NAME), respond, administrate)


if __name__ == "__main__":
    leave(main())
