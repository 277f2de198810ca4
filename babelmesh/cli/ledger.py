"""Latencies for people: how long after it was spoken each segment had passed each step."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from rich import box
from rich.table import Table

from babelmesh.cli.captions import Languages
from babelmesh.cli.views import clock
from babelmesh.client.events import Event, Latency

SHOWN_ROWS = 24
TITLE = "Seconds after the last word of a segment"

Step: TypeAlias = Literal["recognized_ms", "translated_ms", "first_audio_ms", "sent_ms"]
STEPS: tuple[tuple[str, Step], ...] = (
    ("recognized", "recognized_ms"),
    ("translated", "translated_ms"),
    ("first audio", "first_audio_ms"),
    ("all sent", "sent_ms"),
)


class Ledger:
    """The latency events of one session."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages
        self._rows: dict[tuple[int, str], Latency] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def take(self, event: Event) -> None:
        """Record a latency event."""
        if isinstance(event, Latency):
            self._rows[event.segment_id, self._languages.label(event.target_lang)] = event

    def medians(self) -> str:
        """Return one line with the median delay of each step behind a segment's last word."""
        return ", ".join(f"{name} {_seconds(self._delays(step), statistics.median)} s" for name, step in STEPS)

    def table(self) -> Table:
        """Return a table with a row per segment and target (the last ones when there are many) and the medians."""
        table = Table(
            title="Seconds after the last word of a segment", title_style="bold", box=box.SIMPLE_HEAD, show_footer=True
        )
        table.add_column("segment", "median", justify="right")
        table.add_column("to")
        table.add_column("spoken by", justify="right")
        for name, step in STEPS:
            table.add_column(name, _seconds(self._delays(step), statistics.median), justify="right")
        order = {lang: place for place, lang in enumerate(self._languages.targets)}
        rows = sorted(self._rows.items(), key=lambda row: (row[0][0], order.get(row[0][1], len(order))))
        if len(rows) > SHOWN_ROWS:
            table.caption = f"The last {SHOWN_ROWS} of {len(rows)} rows."
        for (segment_id, lang), latency in rows[-SHOWN_ROWS:]:
            delays = (_seconds(_delay(latency, step)) for _, step in STEPS)
            table.add_row(str(segment_id), lang, clock(latency.captured_ms), *delays)
        return table

    def _delays(self, step: Step) -> list[int]:
        return [delay for latency in self._rows.values() for delay in _delay(latency, step)]


def _delay(latency: Latency, step: Step) -> list[int]:
    """Return a step's delay after capture in a list, in milliseconds; an empty list for a step that did not take
    place.
    """
    return [getattr(latency, step) - latency.captured_ms] if latency.HasField(step) else []


def _seconds(delays: list[int], of: Callable[[Iterable[int]], float] = max) -> str:
    return f"{of(delays) / 1000:+.2f}" if delays else "-"
