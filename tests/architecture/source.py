"""The repository's Python files, parsed once for all architecture tests."""

from __future__ import annotations

import ast
import gc
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("services", "babelmesh")
BUILT = ROOT / "babelmesh" / "_stubs"  # made from the contracts
ALL = (*PRODUCT, "bench", "deploy", "docs", "tests", "protos")


@dataclass(frozen=True, slots=True)
class Source:
    """One file."""

    path: str  # from the repository's root
    text: str
    tree: ast.Module

    def at(self, node: ast.AST | int) -> str:
        """Where something is, as editors understand it."""
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return f"{self.path}:{line}"

    def comments(self) -> Iterator[tuple[int, str]]:
        """Line and text of each comment."""
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string

    def imported(self) -> Iterator[tuple[ast.AST, str]]:
        """Full names of everything the file imports, at its head or later: "services.common.errors.MeshError"."""
        for node in nodes(self):
            if isinstance(node, ast.Import):
                yield from ((node, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """The files below the folders, in order."""
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    gc.disable()  # nothing of a million nodes is garbage
    try:
        return tuple(_source(path) for path in found if BUILT not in path.parents)
    finally:
        gc.freeze()
        gc.enable()


@cache
def _source(path: Path) -> Source:
    text = path.read_text()
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))


@cache
def nodes(source: Source) -> tuple[ast.AST, ...]:
    """Every node of a file's tree, in the order of `ast.walk`."""
    return tuple(ast.walk(source.tree))


def dotted(node: ast.AST) -> str:
    """ "asyncio.create_task" of such an expression; calls inside keep their name; "" for what has none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return ""


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[Function]:
    """Every function and method of a file."""
    for node in nodes(source):
        if isinstance(node, Function):
            yield node


def decorators(function: Function | ast.ClassDef) -> set[str]:
    """Last parts of the names of the decorators of a function or class: "asynccontextmanager", "command"."""
    return {dotted(node).removesuffix("()").rsplit(".", 1)[-1] for node in function.decorator_list}
