"""Compile the evaluator to machine code while the wheel is built, where that is asked for.

    WAZUH_CICD_COMPILE=1 pip wheel --no-deps .

Without the variable the wheel is pure Python and fits everywhere. With it the typed modules of ``wazuh_cicd.engine`` go
through mypyc (the same meaning, found out from the same annotations), and the wheel fits one version of Python, one
system and one processor. The Python modules stay in it, beside the compiled ones: an interpreter prefers the compiled.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES = Path("generator")
ENGINE = Path("wazuh_cicd") / "engine"
# What stays Python: packages' faces hold imports alone, a class that the compiler makes cannot be a tuple, and what
# loads a ruleset calls the other modules once a file.
INTERPRETED = frozenset({"__init__.py", "jsonobject.py", "ruleset.py"})
MYPY = "mypy==2.4.1"  # as in the extra "dev": another compiler is another program
LEVEL = "2"  # gcc takes half as long again for 3, and the result is no faster


def wanted() -> bool:
    """Whether the environment asks for a compiled wheel."""
    return os.environ.get("WAZUH_CICD_COMPILE", "") not in {"", "0"}


def linux_tag() -> str:
    """The wheel's tag on a Linux with glibc: this Python, and a glibc as new as that of the build. Elsewhere empty."""
    name, version = platform.libc_ver()
    if sys.platform != "linux" or name != "glibc":
        return ""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"{python}-{python}-manylinux_{version.replace('.', '_')}_{platform.machine()}"


def modules(sources: Path) -> list[str]:
    """The modules that are compiled, relative to ``sources``."""
    found = sorted((sources / ENGINE).rglob("*.py"))
    return [path.relative_to(sources).as_posix() for path in found if path.name not in INTERPRETED]


def build_at_once(command: Any, build: Callable[[], None]) -> None:
    """Let every processor compile one file: setuptools itself takes the files of an extension one after the other."""
    one = command.compiler.compile

    def compile_all(sources: list[str], *rest: Any, **named: Any) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = list(pool.map(lambda source: one([source], *rest, **named), sources))
        return [path for paths in made for path in paths]

    command.compiler.compile = compile_all
    build()


def compile_engine(root: Path, work: Path) -> dict[Path, str]:
    """Compile the evaluator.

    Args:
        root: of the checkout.
        work: an empty folder.

    Returns:
        Where each compiled module is, and its place in the wheel.

    Raises:
        SystemExit: mypyc refuses the code (its reasons are printed).
    """
    # Known only where a wheel is compiled.
    from mypyc.build import mypycify  # noqa: PLC0415
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    shutil.copytree(root / SOURCES / "wazuh_cicd", work / "wazuh_cicd")
    before = Path.cwd()
    os.chdir(work)  # mypyc names the modules after where they lie
    try:
        options = ["--strict", "--ignore-missing-imports", *modules(work)]
        extensions = mypycify(
            options, opt_level=LEVEL, debug_level="0", group_name="wazuh_cicd", multi_file=True, target_dir="c"
        )
        command: Any = build_ext(Distribution({"name": "wazuh_cicd", "ext_modules": extensions}))
        command.build_lib, command.build_temp = "lib", "objects"
        command.ensure_finalized()
        command.build_extensions = partial(build_at_once, command, command.build_extensions)
        command.run()
    finally:
        os.chdir(before)
    built = [path for path in (work / "lib").rglob("*") if path.suffix in {".so", ".pyd"}]
    return {path: path.relative_to(work / "lib").as_posix() for path in built}


class CompileHook(BuildHookInterface[Any]):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [MYPY, "setuptools>=77"] if wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the compiled modules to a wheel.

        Args:
            version: of the kind of wheel; an editable one stays Python.
            build_data: how the wheel is made.
        """
        if not wanted() or version != "standard":
            return
        self._work = Path(tempfile.mkdtemp(prefix="wazuh-cicd-compile-"))
        self.app.display_info(f"compiling the evaluator for Python {sys.version.split()[0]}")
        for path, place in compile_engine(Path(self.root), self._work).items():
            build_data["force_include"][str(path)] = place
        build_data["pure_python"] = False
        tag = linux_tag()
        if tag:
            build_data["tag"] = tag
        else:
            build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what compiling left."""
        del version, build_data, artifact_path
        work = getattr(self, "_work", None)
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
