"""Shows the progress of a download: a bar on a terminal, an occasional plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from babelmesh import console

LINE_SECONDS = 10.0  # between two lines of the same download

Reached = Callable[[int], None]  # receives how many bytes are there
Show = Callable[[str, int], AbstractContextManager[Reached]]  # begins a download: what it is, and its size or 0


def size(count: float) -> str:
    """Format a number of bytes, as in "1.2 GB"."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count:.0f} B"


def shown(what: str, total: int) -> AbstractContextManager[Reached]:
    """Show the progress of a download on stderr for the block."""
    terminal = Console(stderr=True)
    return _bar(terminal, what, total) if terminal.is_terminal else lines(what, total)


@contextmanager
def _bar(terminal: Console, what: str, total: int) -> Iterator[Reached]:
    columns = (TextColumn("  {task.description}"), BarColumn(24), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=terminal) as progress:
        task = progress.add_task(what, total=total or None)
        yield lambda count: progress.update(task, completed=min(count, total or count))
        progress.update(task, completed=total or None)


@contextmanager
def lines(
    what: str,
    total: int,
    tell: Callable[[str], None] = console.note,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Reached]:
    """Show a download as plain lines: one each LINE_SECONDS with percent and rate, and one at the end."""
    began = told = clock()
    most = 0

    def reached(count: int) -> None:
        nonlocal told, most
        most, now = max(most, count), clock()
        if now - told >= LINE_SECONDS:
            told = now
            share = f" of {size(total)} ({100 * min(most / total, 1):.0f} %)" if total else ""
            tell(f"  {what}: {size(most)}{share}, {size(most / (now - began))}/s")

    yield reached
    seconds = max(clock() - began, 0.1)
    whole = total or most
    tell(f"  {what}: {size(whole)} in {seconds:.0f} s, {size(whole / seconds)}/s" if whole else f"  {what}")
