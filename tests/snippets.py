"""The fenced blocks of the READMEs and the documentation, and the commands in those of the shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.architecture.source import ROOT

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One of them."""

    place: str  # "README.md:53"
    language: str  # "" where none is given
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A line of the shell: the variables in front of it, and its words."""

    place: str
    variables: dict[str, str]
    words: list[str]


def blocks() -> Iterator[Block]:
    """All blocks, file by file."""
    for path in [ROOT / "README.md", *sorted(ROOT.glob("*/README.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for found in _BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(f"{path.relative_to(ROOT)}:{line}", found[1], found[2])


def commands() -> Iterator[Command]:
    """The commands of the blocks of the shell."""
    for block in [each for each in blocks() if each.language == "sh"]:
        for line in block.text.replace("\\\n", " ").replace(" && ", "\n").splitlines():
            words = shlex.split(line, comments=True)
            words = words[1:] if words[:1] == ["export"] else words
            variables: dict[str, str] = {}
            while words and (found := _VARIABLE.fullmatch(words[0])):
                variables[found[1]] = found[2]
                words = words[1:]
            if words or variables:
                yield Command(block.place, variables, [word for word in words if word != "&"])
