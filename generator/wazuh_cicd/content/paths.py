"""Where the content is: in the checkout beside the code, or inside the installed wheel."""

from __future__ import annotations

from pathlib import Path

from wazuh_cicd.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent.parent


def content_root() -> Path:
    """The folder that holds ``rules/``, ``decoders/`` and ``lists/``.

    A wheel carries them below the package (``_content``); in a checkout they stand beside ``generator/``.

    Raises:
        UsageError: neither is there (a broken installation).
    """
    for candidate in (_PACKAGE / "_content", _PACKAGE.parent.parent):
        if (candidate / "rules").is_dir():
            return candidate
    raise UsageError(f"no content found beside {_PACKAGE}: reinstall wazuh-cicd")


def stock_root() -> Path:
    """The package's own stand-ins for the stock ruleset, laid out like a manager's folder."""
    return _PACKAGE / "content" / "stock"
