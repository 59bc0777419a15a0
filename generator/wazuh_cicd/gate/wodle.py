"""The scanner wodle as a module: the gate scans, parses and verifies with the very code that runs on the hosts.

The wodle is one file without a suffix, copied to machines that have no pip, so it cannot import from here; here it is
loaded by its path. Its objects are untyped for us: ``scans`` is the only module that handles them.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

from wazuh_cicd.content.programs import sources_root
from wazuh_cicd.errors import UsageError


@lru_cache(maxsize=1)
def load() -> Any:  # noqa: ANN401 -- a module that mypy cannot see
    """Load the wodle, without leaving a compiled copy beside it.

    Raises:
        UsageError: the installation lacks it.
    """
    path = sources_root() / "wodles" / "cicd-scan"
    if not path.is_file():
        raise UsageError(f"{path} is missing: reinstall wazuh-cicd")
    spec = spec_from_loader("_wazuh_cicd_scan", SourceFileLoader("_wazuh_cicd_scan", str(path)))
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded")
    module = module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module
