"""One executable file from the modules of a program: agents have no pip, so what they run is a single file.

The sources are ordinary packages (``active_response/``, ``wodles/``): typed, tested and importable. A bundle is those
modules one after the other, in the order in which they need each other: their text unchanged, comments included, the
imports of the standard library merged at the top, the imports between them dropped. Nothing is renamed, so what cannot
stand in one file is refused with the line where it is written. The same sources give the same bytes.

What a module must keep to, in the order in which it is checked: imports come first; another module's names are imported
by name from the module that defines them (``from active_response.common.files import read_file``); no two modules of a
program define the same name, or a name of Python's own; no import circles; nothing but the standard library beside.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wazuh_cicd.content.module import Import, Module, Reader, is_docstring, parse, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PLAIN_START = "#!/usr/bin/env python3\n"
_WIDTH = 120


@dataclass
class Sources:
    """The modules below a folder, each read once.

    Attributes:
        root: the folder that holds ``active_response`` and ``wodles``.
    """

    root: Path
    _read: dict[str, Module] = field(default_factory=dict)

    def module(self, name: str, asked: tuple[str, int], *, main: bool = False) -> Module:
        """A module by its dotted name.

        Args:
            name: the module.
            asked: path and line of who wants it, for the error when it is not there.
            main: whether it is a program's own, which ends in a call of ``main()``.
        """
        if name not in self._read:
            place = self.root.joinpath(*name.split(".")).with_suffix(".py")
            if not place.is_file():
                refuse(*asked, f"{name} is no module; import names from the module that defines them")
            for folder in place.parents[: len(name.split(".")) - 1]:
                self._check_package(folder / "__init__.py", asked)
            path = place.relative_to(self.root).as_posix()
            self._read[name] = Reader(path, place.read_text(encoding="utf-8"), main=main).module()
        return self._read[name]

    def _check_package(self, place: Path, asked: tuple[str, int]) -> None:
        path = place.relative_to(self.root).as_posix()
        if not place.is_file():
            refuse(*asked, f"{path} is missing")
        for node in parse(path, place.read_text(encoding="utf-8")).body:
            if not is_docstring(node):
                refuse(path, node.lineno, "a bundle leaves this file out: only a docstring may stand here")


def bundle(sources: Sources, main: str, start: str = "") -> str:
    """The text of a program.

    Args:
        sources: where the modules are.
        main: the program's main module, by its dotted name; its docstring is the program's.
        start: a shell script that the file begins with (it finds a Python, and ends as a string of Python); empty for
            a file that the system's Python runs.

    Raises:
        BundleError: something that cannot stand in one file, with its place.
    """
    modules = _in_order(sources, main)
    _check_names(modules)
    own = modules[-1]
    note = f"# Made from {own.path.rpartition('/')[0]}/ and what it imports: change it there, not here.\n"
    if start:
        shebang, _, rest = start.partition("\n")
        head = f"{shebang}\n{_comment(own.docstring)}{note}#\n{rest}"
    else:
        head = f"{_PLAIN_START}{own.docstring_text}\n\n{note}"
    parts = [head.strip("\n") + "\n\n" + _import_lines(modules)]
    for module in modules:
        title = f"# --- {module.path} "
        title += "-" * (_WIDTH - len(title)) + "\n"
        parts.append(title + (_comment(module.docstring) if module is not own else "") + "\n\n" + module.text)
    return "\n\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _comment(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.split("\n"))


def _in_order(sources: Sources, main: str) -> list[Module]:
    """The modules that a program consists of, each after those it needs; the main module is the last."""
    done: dict[str, Module] = {}
    open_: list[str] = []

    def visit(name: str, asked: tuple[str, int]) -> None:
        if name in done:
            return
        if name in open_:
            refuse(*asked, f"modules import each other: {' -> '.join([*open_[open_.index(name) :], name])}")
        module = sources.module(name, asked, main=name == main)
        open_.append(name)
        for need in module.needs:
            visit(need.module, (module.path, need.line))
            target = done[need.module]
            if need.name not in target.names:
                refuse(module.path, need.line, f"{target.path} does not define {need.name}")
            if need.name in target.rebound:
                refuse(module.path, need.line, f"{target.path} assigns {need.name} anew while it runs: use a function")
        done[open_.pop()] = module

    visit(main, (f"{main.replace('.', '/')}.py", 1))
    return list(done.values())


def _check_names(modules: Iterable[Module]) -> None:
    """Refuse one name for two things: in the bundle, every module sees the names of all."""
    owners: dict[str, tuple[object, str, int]] = {}
    for module in modules:
        bound = [(one.bound, one.what, one.line) for one in (*module.imports, *module.typing)]
        own = [(name, (module.path, name), line) for name, line in module.names.items()]
        for name, what, line in (*bound, *own):
            if hasattr(builtins, name):
                refuse(module.path, line, f"{name} would hide Python's own {name} from the other modules")
            known, path, at = owners.setdefault(name, (what, module.path, line))
            if known != what:
                refuse(module.path, line, f"{name} is something else in {path}:{at}: two modules, one name")


def _import_lines(modules: Iterable[Module]) -> str:
    needed = {one for module in modules for one in module.imports}
    bound = {one.bound for one in needed}
    typing = {one for module in modules for one in module.typing if one.bound not in bound}
    text = "\n".join(_statements(needed)) + "\n"
    if typing:
        text += "\nTYPE_CHECKING = False  # type checkers alone need these\nif TYPE_CHECKING:\n"
        text += "".join(f"    {line}\n" for line in _statements(typing))
    return text


def _statements(imports: Iterable[Import]) -> list[str]:
    """The imports as sorted lines: whole modules first."""
    whole = set()
    by_module: dict[str, set[str]] = {}
    for one in imports:
        plain = one.name or one.module.partition(".")[0]
        name = (one.name or one.module) + (f" as {one.bound}" if one.bound != plain else "")
        if one.name:
            by_module.setdefault(one.module, set()).add(name)
        else:
            whole.add(f"import {name}")
    return [*sorted(whole), *(f"from {name} import {', '.join(sorted(by_module[name]))}" for name in sorted(by_module))]
