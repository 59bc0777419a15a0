"""What ends an installation early.

The tree::

    WazuhCicdError
    └── InstallError          nothing was changed, or everything was put back
        ├── Unloadable        the manager cannot load its own configuration, with us or without
        ├── Unsafe            a link, a foreign owner or a path that is not ours stands where a file was expected
        └── HalfDone          the manager could not be put back: says what is left and how to finish
"""

from __future__ import annotations

from wazuh_cicd.errors import WazuhCicdError


class InstallError(WazuhCicdError):
    """The installation was refused or undone; the manager is as it was."""


class Unsafe(InstallError):  # noqa: N818 - reads as what it says
    """Going on could read, write or run what somebody else chose."""


class Unloadable(InstallError):  # noqa: N818 - reads as what it says
    """The manager would not start with the configuration that it has."""


class HalfDone(InstallError):  # noqa: N818 - reads as what it says
    """Undoing failed as well; the journal stays and the next run takes it up."""
