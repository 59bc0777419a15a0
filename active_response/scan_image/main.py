"""cicd-scan-image: Wazuh active response that asks the scanner for an image that was just pulled, built or started.

docs/active-response.md explains it; `cicd-scan-image --help` lists the administrator's commands.
"""

from active_response.common.execd import leave, serve
from active_response.common.home import Home
from active_response.scan_image.admin import administrate
from active_response.scan_image.config import NAME
from active_response.scan_image.response import respond


def main() -> int:
    """Serve execd, or the administrator when there are options."""
    return serve(Home(__file__, NAME), respond, administrate)


if __name__ == "__main__":
    leave(main())
