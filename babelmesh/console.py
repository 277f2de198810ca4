"""Console output: results to stdout, all about the run to stderr, with terminal control characters escaped."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from babelmesh.client.printable import printable_lines

out = Console(highlight=False)

ESCAPED = "babelmesh.escaped"  # a handler of characters that cannot be encoded


@dataclass(frozen=True, slots=True)
class Shown:
    """A renderable whose text is escaped where it would steer the terminal."""

    renderable: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)


def prepare() -> None:
    r"""Escape characters that the output's encoding lacks, as in `\u00f1`, instead of failing on them."""
    codecs.register_error(ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def close_output() -> None:
    """Redirect stdout to nowhere, so that later writes, and the interpreter's last flush, cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def line(text: str) -> None:
    """Print a line of results, unwrapped and flushed."""
    print(printable_lines(text), flush=True)


def note(text: str = "") -> None:
    """Print a line about the run to stderr."""
    print(printable_lines(text), file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """Print the one line that says why the program ends."""
    note(f"babelmesh: {text}")


def show(renderable: RenderableType) -> None:
    """Print a table or another renderable to stdout."""
    out.print(Shown(renderable))
