# ruff: noqa: INP001 - copied into containers, imported by nobody
"""Run a command with the rights of another user: ``as_user.py USER COMMAND…``, as root in a container.

The folders of Wazuh's own user outlive a container. What root reads or writes there could be a link that lay there
before; with that user's rights no link leads further than the user comes anyway.
"""

import os
import pwd
import sys

user = pwd.getpwnam(sys.argv[1])
os.setgroups([])
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
os.chdir("/")
os.umask(0o007)
os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the command that the caller named, no shell
