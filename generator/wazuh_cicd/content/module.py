"""One module of a program, taken apart for its bundle (``content.bundle``): imports, names and the code between."""

from __future__ import annotations

import ast
import itertools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from wazuh_cicd.errors import WazuhCicdError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TOPS = ("active_response", "wodles")  # the packages whose modules are ours
# Names of modules that only some versions of Python have.
_STANDARD = sys.stdlib_module_names | {"_sha2", "_sha256"}
# What means one thing in a module, and another in a file made of many.
_OF_ONE_MODULE = frozenset(
    {"__doc__", "__file__", "__name__", "__package__", "__spec__", "__import__", "globals", "TYPE_CHECKING"}
)


class BundleError(WazuhCicdError):
    """Modules that cannot become one file; the text is ``path:line: what is wrong``."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Attributes:
        module: where from.
        name: what; empty for the module itself.
        bound: what it is called here.
        line: where it is written.
    """

    module: str
    name: str
    bound: str
    line: int

    @property
    def what(self) -> tuple[str, str]:
        """What its name stands for: of ``import urllib.request`` that is ``urllib``."""
        top = self.module.partition(".")[0]
        return (top if self.bound == top and not self.name else self.module), self.name


@dataclass(frozen=True)
class Module:
    """What a bundle needs of a module.

    Attributes:
        path: of the file, as errors and the bundle name it.
        docstring: its text.
        imports: of the standard library, for when it runs.
        typing: of the standard library, for type checkers alone.
        needs: names of our own modules.
        names: what it defines, and the line.
        rebound: those that a function assigns anew (``global``).
        text: everything after the imports.
        docstring_text: the docstring as it is written.
    """

    path: str
    docstring: str
    imports: tuple[Import, ...]
    typing: tuple[Import, ...]
    needs: tuple[Import, ...]
    names: Mapping[str, int]
    rebound: frozenset[str]
    text: str
    docstring_text: str


def refuse(path: str, line: int, text: str) -> NoReturn:
    """Raise a ``BundleError`` that names the place."""
    raise BundleError(f"{path}:{line}: {text}")


def parse(path: str, text: str) -> ast.Module:
    """The syntax tree of a module. Raises BundleError."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        refuse(path, line or 1, reason)


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is nothing but a string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_type_checking(node: ast.stmt) -> bool:
    """``if TYPE_CHECKING:``, or the line that gives it its value where ``typing`` would take too long to load."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node) == "TYPE_CHECKING = False"
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or _is_type_checking(node)


def _is_guard(node: ast.If) -> bool:
    return ast.unparse(node.test) == "__name__ == '__main__'" and not node.orelse


class Reader:
    """Takes one module apart."""

    def __init__(self, path: str, text: str, *, main: bool) -> None:
        """Parse it; ``main`` says that it is a program's own. Raises BundleError."""
        self.path = path
        self.lines = text.split("\n")
        self.main = main
        self.tree = parse(path, text)
        self.imports: list[Import] = []
        self.typing: list[Import] = []
        self.needs: list[Import] = []
        self.rebound: set[str] = set()

    def module(self) -> Module:
        """What a bundle needs of it. Raises BundleError."""
        body = self.tree.body
        if not body or not is_docstring(body[0]):
            refuse(self.path, 1, "a module begins with its docstring")
        for before, after in itertools.pairwise(body):
            if after.lineno <= (before.end_lineno or 0):
                refuse(self.path, after.lineno, "two statements on one line")
        count = 1
        while count < len(body) and _is_import(body[count]):
            self._top_import(body[count])
            count += 1
        self._check_rest(body[count:])
        # Of the lines before the first other statement only the comments stay.
        start = body[count].lineno if count < len(body) else len(self.lines) + 1
        for decorator in getattr(body[count], "decorator_list", []) if count < len(body) else []:
            start = min(start, decorator.lineno)
        first = body[0].end_lineno or 1
        return Module(
            path=self.path,
            docstring=ast.get_docstring(self.tree) or "",
            imports=tuple(self.imports),
            typing=tuple(self.typing),
            needs=tuple(self.needs),
            names=_defined(body[count:]),
            rebound=frozenset(self.rebound),
            text=self._text(first, start),
            docstring_text="\n".join(self.lines[body[0].lineno - 1 : first]),
        )

    def _text(self, first: int, start: int) -> str:
        kept = [line for line in self.lines[first : start - 1] if line.startswith("#") or not line.strip()]
        kept = [line for line in kept if not line.startswith(("# ruff:", "# mypy:"))]
        comments = "\n".join(line for at, line in enumerate(kept) if line or (at and kept[at - 1]))
        code = "\n".join(self.lines[start - 1 :]).strip("\n")
        # A comment right above the first statement belongs to it.
        gap = "\n" if kept and kept[-1] else "\n\n\n"
        return gap.join(part for part in (comments.strip("\n"), code) if part)

    def _top_import(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            return
        if not isinstance(node, ast.If):
            self._import(node, self.imports)
            return
        if node.orelse:
            refuse(self.path, node.orelse[0].lineno, "`if TYPE_CHECKING:` has no other branch")
        for inner in node.body:
            if not isinstance(inner, ast.Import | ast.ImportFrom):
                refuse(self.path, inner.lineno, "only imports stand below `if TYPE_CHECKING:`")
            self._import(inner, self.typing)

    def _import(self, node: ast.stmt, into: list[Import]) -> None:
        for one in self._names_of(node):
            top = one.module.partition(".")[0]
            if top not in TOPS:
                if one.what != ("typing", "TYPE_CHECKING"):
                    into.append(one)
                continue
            if not one.name or one.bound != one.name:
                advice = f"write `from {one.module} import NAME`, without `as`"
                refuse(self.path, one.line, f"our own names are used as they are defined: {advice}")
            self.needs.append(one)

    def _names_of(self, node: ast.AST) -> Iterator[Import]:
        """What an import statement imports, once it is one that a bundle can hold."""
        if isinstance(node, ast.Import):
            found = [
                Import(name.name, "", name.asname or name.name.partition(".")[0], node.lineno) for name in node.names
            ]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                refuse(self.path, node.lineno, "a relative import: name the module in full")
            module = node.module or ""
            found = [Import(module, name.name, name.asname or name.name, node.lineno) for name in node.names]
        else:
            return
        for one in found:
            top = one.module.partition(".")[0]
            if one.name == "*" or top == "__future__":
                refuse(self.path, one.line, f"`from {one.module} import {one.name}` cannot stand in a bundle")
            if top not in TOPS and top not in _STANDARD:
                refuse(self.path, one.line, f"{top} is not of the standard library, and agents have nothing else")
            yield one

    def _check_rest(self, body: list[ast.stmt]) -> None:
        """Refuse in the code itself what would change its meaning in a bundle."""
        for node in body:
            if _is_import(node):
                refuse(self.path, node.lineno, "imports come before everything else")
        guards = [node for node in body if isinstance(node, ast.If) and _is_guard(node)]
        if self.main and guards != body[-1:]:
            refuse(self.path, len(self.lines), 'a program ends with `if __name__ == "__main__":`, once')
        refused = _OF_ONE_MODULE - ({"__doc__", "__file__"} if self.main else set())
        code = [*body[:-1], *guards[0].body] if self.main else body
        for inner in itertools.chain.from_iterable(map(ast.walk, code)):
            if isinstance(inner, ast.Name):
                if inner.id in refused:
                    refuse(self.path, inner.lineno, f"{inner.id} is another one in a bundle")
            elif isinstance(inner, ast.Global):
                self.rebound.update(inner.names)
            elif isinstance(inner, ast.Import | ast.ImportFrom) and any(
                one.module.partition(".")[0] in TOPS for one in self._names_of(inner)
            ):
                refuse(self.path, inner.lineno, "our own modules are imported at the top")


def _defined(body: Iterable[ast.AST]) -> dict[str, int]:
    """The names that statements bind in their module, each with its first line."""
    names: dict[str, int] = {}
    todo = list(body)[::-1]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.setdefault(node.name, node.lineno)
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name in node.names:
                names.setdefault(name.asname or name.name.partition(".")[0], node.lineno)
        else:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.setdefault(node.id, node.lineno)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names.setdefault(node.name, node.lineno)
            todo += list(ast.iter_child_nodes(node))[::-1]
    return names
