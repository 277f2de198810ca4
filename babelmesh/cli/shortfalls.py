"""Records the parts of a session's input that the mesh reported as left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Self

from babelmesh.client.errors import Incomplete
from babelmesh.client.events import (
    DEGRADED_REASON_QUARANTINED,
    GAP_REASON_QUARANTINED,
    GAP_REASON_SKIPPED,
    STAGE_MT,
    STAGE_TTS,
    Event,
    Flow,
    GapReason,
    Stage,
    short_name,
)

_LEFT_OUT = (GAP_REASON_QUARANTINED, GAP_REASON_SKIPPED)  # audio that never came is nobody's fault here
_DONE_WITHOUT = {STAGE_MT: "translated", STAGE_TTS: "spoken"}


class Shortfalls:
    """A view that records which input was left out, and shows nothing."""

    def __init__(self) -> None:
        self._audio_ms: Counter[str] = Counter()  # by reason
        self._segments: Counter[tuple[Stage.ValueType, str]] = Counter()  # by stage and language

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending."""

    def note(self, line: str) -> None:
        """Ignore notices about the connection: they report no input as left out."""

    def take(self, event: Event, at_ms: float) -> None:
        """Record gaps, and segments that were quarantined."""
        if not isinstance(event, Flow):
            return
        for gap in event.gaps:
            if gap.reason in _LEFT_OUT:
                self._audio_ms[short_name(GapReason, gap.reason)] += gap.to_ms - gap.from_ms
        for less in event.degraded:
            if less.reason == DEGRADED_REASON_QUARANTINED and less.stage in _DONE_WITHOUT:
                self._segments[(less.stage, less.target_lang)] += 1

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each kind of input that was left out."""
        for reason, milliseconds in self._audio_ms.items():
            yield f"{milliseconds / 1000:.1f} s of audio were left out ({reason})."
        for (stage, lang), count in self._segments.items():
            yield f"{count} of the segments in {lang} were not {_DONE_WITHOUT[stage]} (QUARANTINED)."


def require_whole(shortfalls: Shortfalls) -> None:
    """Raise Incomplete when any input was left out."""
    if sentences := list(shortfalls.sentences()):
        raise Incomplete(" ".join(sentences))
