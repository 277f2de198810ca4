"""Numbers a session's segments in the order they appear, spoken and typed ones alike. Pure."""

from __future__ import annotations


class Numbering:
    """The session's own numbers, from 1 on, without gaps."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[object, int] = {}

    def of(self, segment: object, final: bool) -> int:
        """The number of a segment under any name of its source's; a final one's name is free again."""
        if segment not in self._open:
            self._last += 1
            self._open[segment] = self._last
        return self._open.pop(segment) if final else self._open[segment]
