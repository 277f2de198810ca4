"""Live captions on a terminal: a panel per language, concluded text solid, tentative dim, a bar of audio time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from babelmesh.cli.captions import Caption, Captions, Languages
from babelmesh.cli.ledger import Ledger
from babelmesh.cli.views import clock, notice_of
from babelmesh.client.events import Event
from babelmesh.client.printable import printable
from babelmesh.console import Shown

REDRAW_SECONDS = 0.08
TALLEST_PANEL = 9  # rows, frame included
SHORTEST_PANEL = 3
SHORTEST_BAR = 8  # columns
WIDEST = 120  # longer lines are hard to read
TAIL_SEGMENTS = 12  # more never fit into a panel


@dataclass(slots=True)
class Track:
    """The source's name, its length, and how much of it has been sent."""

    title: str
    total_ms: float  # 0 for a source without a known end
    heard_ms: float = 0


class Screen:
    """A view that redraws in place, at most twelve times a second, and leaves its last frame and the latencies."""

    def __init__(self, console: Console, languages: Languages, track: Track) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._languages = languages
        self._captions = Captions(languages)
        self._ledger = Ledger(languages)
        self._track = track
        self._notice = ""
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._live.stop()
        if self._ledger:
            self._live.console.print(Shown(self._ledger.table()))

    def heard(self, audio_ms: float) -> None:
        """Advance the progress bar."""
        self._track.heard_ms = audio_ms
        self._draw_soon()

    def take(self, event: Event, at_ms: float) -> None:
        """Update the captions and latencies from an event."""
        self._captions.take(event)
        self._ledger.take(event)
        self._notice = notice_of(event) or self._notice
        self._draw_soon()

    def note(self, line: str) -> None:
        """Show a notice below the captions at once, as nothing else may change for a while."""
        self._notice = printable(line)
        self._draw()

    def _draw_soon(self) -> None:
        if time.monotonic() - self._drawn_at >= REDRAW_SECONDS:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._live.update(Shown(self.picture()), refresh=True)

    def picture(self) -> RenderableType:
        """Return the whole screen, never higher or wider than the terminal."""
        console = self._live.console
        width = min(console.width, WIDEST)
        langs = (self._languages.source, *self._languages.targets)
        notices = [Text(self._notice, style="yellow", no_wrap=True, overflow="ellipsis")] if self._notice else []
        room = console.height - 2 - len(notices)  # the bar, and the row the cursor rests on
        height = min(TALLEST_PANEL, room // len(langs))
        panels = [_panel(lang, _flow(self._captions.of(lang)), (width, height), console) for lang in langs]
        if height < SHORTEST_PANEL:
            panels = [_row(lang, _flow(self._captions.of(lang)), width, console) for lang in langs[:room]]
        return Group(_bar(self._track, width), *panels, *notices)


def _bar(track: Track, width: int) -> RenderableType:
    heard, total = clock(track.heard_ms)[:-2], clock(track.total_ms)[:-2]
    title = Text(track.title, style="bold")
    title.truncate(max(1, width // 3), overflow="ellipsis")
    times = f"{heard} / {total}" if track.total_ms else heard
    room = width - title.cell_len - len(times) - 2
    if not track.total_ms or room < SHORTEST_BAR:
        return Text.assemble(title, " ", times, no_wrap=True, overflow="crop")
    done = min(track.heard_ms, track.total_ms)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        title, ProgressBar(track.total_ms, done, width=room, complete_style="cyan", finished_style="cyan"), times
    )
    return bar


def _flow(captions: Sequence[Caption]) -> Text:
    """Return the last captions as one running text."""
    flow = Text()
    for caption in captions[-TAIL_SEGMENTS:]:
        flow.append(" " if flow else "")
        flow.append(caption.concluded)
        flow.append(caption.tentative, style="dim")
    return flow


def _panel(lang: str, flow: Text, size: tuple[int, int], console: Console) -> RenderableType:
    width, height = size
    lines = flow.wrap(console, max(1, width - 4))
    tail = Text("\n").join(lines[-max(1, height - 2) :])
    title = Text(lang, style="bold")
    return Panel(tail, title=title, title_align="left", border_style="cyan", width=width, height=height, padding=(0, 1))


def _row(lang: str, flow: Text, width: int, console: Console) -> RenderableType:
    """Return one language as a single line of its newest words, for terminals too low for panels."""
    label = Text(f"{lang}  ", style="bold")
    lines = flow.wrap(console, max(1, width - label.cell_len))
    return Text.assemble(label, lines[-1] if lines else "", no_wrap=True, overflow="crop")
