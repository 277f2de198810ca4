"""The views of a session: their protocol, and the plain ones."""

from __future__ import annotations

import json
from typing import Protocol, Self

from babelmesh import console
from babelmesh.cli.captions import Captions, Languages
from babelmesh.client.events import (
    DEGRADED_REASON_UNAVAILABLE,
    Degraded,
    DegradedReason,
    Error,
    Event,
    Flow,
    GapReason,
    GoAway,
    Stage,
    TranslationResult,
    event_json,
    short_name,
)
from babelmesh.client.printable import printable


class View(Protocol):
    """Watches one session from `ready` to its end, as a context manager around it."""

    def heard(self, audio_ms: float) -> None:
        """Report that `audio_ms` of source audio have been sent."""

    def take(self, event: Event, at_ms: float) -> None:
        """Handle an event that came at a moment of the session's clock."""

    def note(self, line: str) -> None:
        """Show a notice that is no event, such as a connection that was lost or is back."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Lines:
    """Prints final captions as plain lines: offset, language, text; for typed text translations only."""

    def __init__(self, languages: Languages, typed: bool = False) -> None:
        self._captions = Captions(languages)
        self._source = languages.source
        self._typed = typed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending, which has no line."""

    def take(self, event: Event, at_ms: float) -> None:
        """Print final captions, and notices about other events."""
        caption = self._captions.take(event)
        if caption and caption.final and caption.text.strip():
            if not self._typed:
                console.line(f"[{clock(caption.start_ms)}] {caption.spoken or caption.lang}  {caption.text}")
            elif caption.lang != self._source:
                console.line(f"{caption.lang}  {caption.text}")
        if notice := notice_of(event):
            self.note(notice)

    def note(self, line: str) -> None:
        """Print a notice to stderr, beside the results."""
        console.note(line)


class Unseen:
    """A view that shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending."""

    def take(self, event: Event, at_ms: float) -> None:
        """Ignore an event of the session: nothing is shown."""

    def note(self, line: str) -> None:
        """Ignore notices about the connection."""


class JsonLines:
    """Prints every event as a line of JSON."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending, which has no line."""

    def take(self, event: Event, at_ms: float) -> None:
        """Print the event as a line of JSON."""
        console.line(json.dumps(event_json(event, at_ms), ensure_ascii=False))

    def note(self, line: str) -> None:
        """Print a notice to stderr, as it is no event."""
        console.note(line)


def notice_of(event: Event) -> str:
    """Return a notice about an event that is no result, fit to be shown; empty for most events."""
    return printable(_notice_of(event))


def _notice_of(event: Event) -> str:
    match event:
        case Error():
            return f"{event.code}: {event.message}"
        case TranslationResult() if missed := [use for use in event.glossary if not use.honoured]:
            terms = ", ".join(f"{use.source} ({use.required})" for use in missed)
            return f"{event.target_lang} {clock(event.start_ms)}: not as the glossary has it: {terms}"
        case Flow() if event.gaps:
            gap = event.gaps[-1]
            what = "Sound made up" if gap.filled else "No result"
            return f"{what} from {clock(gap.from_ms)} to {clock(gap.to_ms)}: {short_name(GapReason, gap.reason)}"
        case Flow() if event.degraded:
            return _degraded(event.degraded[-1])
        case GoAway():
            return f"The server closes in {event.time_left_ms / 1000:.0f} s."
    return ""


def _degraded(less: Degraded) -> str:
    stage = f"{short_name(Stage, less.stage)} {less.target_lang}".strip()
    reason = short_name(DegradedReason, less.reason)
    if less.over:
        return f"{stage} works as was asked for again: {reason} is over"
    if less.text:
        return f"Not spoken in {less.target_lang}, {reason}: {less.text}"
    if less.reason == DEGRADED_REASON_UNAVAILABLE:
        return f"{stage} cannot be had at the moment"
    return f"{stage} works at less than was asked for: {reason}"


def clock(offset_ms: float) -> str:
    """Format an offset for people: 1:02:03.4, or 2:03.4 in the first hour."""
    tenths = int(offset_ms // 100)
    hours, minutes, seconds = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"
