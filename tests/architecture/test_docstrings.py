"""A docstring stands alone: an IDE shows it without the lines around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import PRODUCT, Source, sources

REWRITTEN_LATER = ("services/gateway/",)  # remove once that folder's docstrings have been rewritten
LEAST_WORDS = 2

REFERENCE = re.compile(r"\b(See|As) [`\w./]+\.?(?=\s|$)|\S+/\S+")
WORD = re.compile(r"[^\W\d_][\w'-]*")
PRONOUN = re.compile(
    r"(It|They|Those|These|This|That|Who|Whoever|What|Which|Some of them|All of (it|them)|The same|Nobody|Something"
    r"|Nothing)( (is|are|was|does|do|has|came|comes|stands|asked|waits|what|of|them|it|now|more|else))*[.:]?"
)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _documented(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Each documented part of a file, with the first paragraph of its docstring on one line."""
    for node in ast.walk(source.tree):
        if isinstance(node, Documented) and (docstring := ast.get_docstring(node)):
            yield node, " ".join(docstring.split("\n\n")[0].split())


def _complaint(docstring: str) -> str:
    """Why a docstring cannot be read alone; empty when it can."""
    if docstring.startswith("See "):
        return "begins with a reference"
    if PRONOUN.fullmatch(docstring):
        return "is a pronoun without a noun"
    if len(WORD.findall(REFERENCE.sub(" ", docstring))) < LEAST_WORDS:
        return "has fewer than two words of its own"
    return ""


def test_a_docstring_stands_alone() -> None:
    wrong = [
        f"{source.at(node)} {complaint}: {docstring}"
        for source in sources(*PRODUCT)
        if not source.path.startswith(REWRITTEN_LATER)
        for node, docstring in _documented(source)
        if (complaint := _complaint(docstring))
    ]
    assert not wrong


@pytest.mark.parametrize(
    "docstring",
    [
        "See Engine.",
        "See docs/engines/asr-onnx.md.",
        "As Manifest.serves.",
        "It is.",
        "Some of them.",
        "What came of it.",
        "Nobody asked.",
        "Blocking.",
    ],
)
def test_a_docstring_that_leans_on_its_neighbours_is_found(docstring: str) -> None:
    assert _complaint(docstring)


@pytest.mark.parametrize("docstring", ["Count a packet.", "Load the models, as `start` of Engine.", "Whisper on CPU."])
def test_a_short_docstring_with_a_noun_passes(docstring: str) -> None:
    assert not _complaint(docstring)
