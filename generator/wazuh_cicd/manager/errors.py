"""What can go wrong between us and a manager.

WazuhCicdError
└── ManagerError          the manager could not be asked, or did not answer as documented
    ├── Unreachable       no socket, no listener, no route, a time-out
    ├── Refused           the manager answered with an error of its own
    └── Denied            wrong or expired credentials, or a role that lacks the permission
"""

from __future__ import annotations

from wazuh_cicd.errors import WazuhCicdError


class ManagerError(WazuhCicdError):
    """The manager could not be asked, or its answer makes no sense."""


class Unreachable(ManagerError):  # noqa: N818 - reads as what it says
    """Nobody answers there, or not in time."""


class Refused(ManagerError):  # noqa: N818 - as above
    """The manager answered with an error.

    Attributes:
        code: the manager's error code, or the HTTP status where it gave none.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        """Keep the manager's code beside its text."""
        super().__init__(message)
        self.code = code


class Denied(ManagerError):  # noqa: N818 - as above
    """Credentials that are wrong or lack a permission."""
