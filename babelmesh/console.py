"""Where output goes: results to stdout, all about the run to stderr. Nothing that is shown steers the terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from babelmesh.printable import printable_lines

out = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Shown:
    """A renderable, its text fit to be shown, whoever it is from."""

    renderable: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def line(text: str) -> None:
    """A line of results, unwrapped, at once."""
    print(printable_lines(text), flush=True)


def note(text: str = "") -> None:
    """A line about the run."""
    print(printable_lines(text), file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """The one line that says why the program ends."""
    note(f"babelmesh: {text}")


def show(renderable: RenderableType) -> None:
    """A table or the like, to stdout."""
    out.print(Shown(renderable))
