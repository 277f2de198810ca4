"""What a client plays: the voice of one language, and the original, turned down while the voice speaks. Pure.

Samples are mono, at 48 kHz; a frame is 20 ms. What was played is told by the voice's own clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

RATE = 48_000
FRAME = RATE // 50
DUCKED = 0.15  # of the original's level, under a voice
_RAMP = RATE * 150 // 1000  # samples, from full to ducked
_HELD = 15  # frames behind a voice in which the original stays low: clauses have short pauses between them
_MOST_ORIGINAL = 25  # frames that may wait


@dataclass(slots=True)
class _Speech:
    lang: str
    offset_ms: float  # of its first sample that was not played yet, on the voice's own clock
    samples: Samples


@dataclass(slots=True)
class Voice:
    """What waits to be played, and the next frame of it."""

    waits: deque[_Speech] = field(default_factory=deque)
    original: deque[Samples] = field(default_factory=deque)  # frames, where the client wants to hear it
    gain: float = 1.0  # of the original, at the end of the last frame
    quiet: int = _HELD  # frames since the voice last spoke
    _played: dict[str, float] = field(default_factory=dict)

    @property
    def waiting_ms(self) -> float:
        """How much speech waits."""
        return sum(len(each.samples) for each in self.waits) * 1000 / RATE

    def add(self, lang: str, offset_ms: float, samples: Samples) -> None:
        """Add speech behind what waits."""
        if not len(samples):
            return
        self.waits.append(_Speech(lang, offset_ms, samples))
        self._played.setdefault(lang, offset_ms)

    def hear(self, samples: Samples) -> None:
        """Add a frame of the original; of too many the oldest are left out."""
        self.original.append(samples)
        while len(self.original) > _MOST_ORIGINAL:
            self.original.popleft()

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield, by language, how far its voice was played, where that has changed since it was asked last."""
        told, self._played = self._played, {}
        yield from ((lang, int(offset)) for lang, offset in told.items())

    def frame(self) -> Samples | None:
        """Return the next frame; None for silence."""
        spoken = self._spoken()
        self.quiet = 0 if spoken is not None else self.quiet + 1
        if not self.original:
            return spoken
        under = self._ducked(self.original.popleft())
        if spoken is None:
            return under
        return np.asarray(np.clip(under.astype(np.int32) + spoken, -32768, 32767), dtype=np.int16)

    def _spoken(self) -> Samples | None:
        parts: list[Samples] = []
        missing = FRAME
        while missing and self.waits:
            first = self.waits[0]
            part, first.samples = first.samples[:missing], first.samples[missing:]
            parts.append(part)
            missing -= len(part)
            first.offset_ms += len(part) * 1000 / RATE
            self._played[first.lang] = first.offset_ms
            if not len(first.samples):
                self.waits.popleft()
        if not parts:
            return None
        return np.concatenate([*parts, np.zeros(missing, np.int16)])

    def _ducked(self, samples: Samples) -> Samples:
        wanted = DUCKED if self.quiet < _HELD else 1.0
        step = (1.0 - DUCKED) * len(samples) / _RAMP
        end = max(wanted, self.gain - step) if wanted < self.gain else min(wanted, self.gain + step)
        gains = np.linspace(self.gain, end, len(samples))
        self.gain = end
        return np.asarray(samples * gains, dtype=np.int16)
