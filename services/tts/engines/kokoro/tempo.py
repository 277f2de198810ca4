"""Measures how long a network takes per frame, and counts the sessions that share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from services.tts.engines.kokoro.network import Frames
from services.tts.engines.kokoro.windows import FRAME_SECONDS
from services.tts.neural.running import Floats

_WEIGHT = 0.3  # of the last window
_UNKNOWN = FRAME_SECONDS / 2  # before the first


class Tempo:
    """Measures one network, which computes one piece after the other."""

    def __init__(self, compute: Callable[[Sequence[Frames]], Sequence[Floats]], clock: Callable[[], float]) -> None:
        """Measure calls of `compute`, which decodes windows, by `clock` in seconds."""
        self._compute = compute
        self._clock = clock
        self._seconds = 0.0  # 0: not measured yet; set in the thread that computes
        self._sessions = 0

    @property
    def frame_seconds(self) -> float:
        """Seconds per frame of one session, while all sessions that speak now take turns."""
        return (self._seconds or _UNKNOWN) * max(1, self._sessions)

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Count a session as waiting for windows, for as long as the block lasts."""
        self._sessions += 1
        try:
            yield
        finally:
            self._sessions -= 1

    def samples(self, windows: Sequence[Frames]) -> Sequence[Floats]:
        """Decode windows and record the wall time taken, load of other programs included. Blocking."""
        began = self._clock()
        made = self._compute(windows)
        took = (self._clock() - began) / sum(window.count for window in windows)
        self._seconds += (took - self._seconds) * (_WEIGHT if self._seconds else 1.0)
        return made
