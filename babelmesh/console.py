"""Where output goes: results to stdout, everything about the run to stderr."""

from __future__ import annotations

import sys

from rich.console import Console, RenderableType

out = Console(highlight=False)


def line(text: str) -> None:
    """A line of results, unwrapped, at once."""
    print(text, flush=True)


def note(text: str = "") -> None:
    """A line about the run."""
    print(text, file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """The one line that says why the program ends."""
    note(f"babelmesh: {text}")


def show(renderable: RenderableType) -> None:
    """A table or the like, to stdout."""
    out.print(renderable)
