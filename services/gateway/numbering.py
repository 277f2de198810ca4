"""Numbers a session's segments in the order they appear, spoken and typed ones alike. Pure."""

from __future__ import annotations

from services.gateway.continuation import Continuation

TYPED = "typed"  # names the open segment of typed text; those of speech have the recognizer's numbers


class Numbering:
    """The session's own numbers, from 1 on, without gaps."""

    def __init__(self, goes_on: Continuation) -> None:
        self._last = goes_on.last_segment_id
        self._unnamed = goes_on.unnamed_segment_id  # whoever begins first has begun it; 0: none
        self._open: dict[object, int] = {}
        if spoken := goes_on.spoken_segment_id:
            self._open[spoken] = spoken
        if typed := goes_on.open_typed:
            self._open[TYPED] = typed.segment_id

    def of(self, segment: object, final: bool) -> int:
        """The number of a segment under any name of its source's; a final one's name is free again."""
        if segment not in self._open:
            self._open[segment] = self._unnamed or self._last + 1
            self._last, self._unnamed = max(self._last, self._open[segment]), 0
        return self._open.pop(segment) if final else self._open[segment]
