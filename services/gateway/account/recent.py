"""What became of this gateway's segments in the last minute. Bounded, and without a word of what was said."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

WINDOW_SECONDS = 60.0
MOST = 10_000  # segments kept, and degradations; of more, the oldest are forgotten
Langs: TypeAlias = tuple[str, str]  # spoken, and translated into
_Entry: TypeAlias = tuple[float, Langs, int | None]  # when, and how long something took, in milliseconds


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 95th percentile of a duration, in milliseconds."""

    p50_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """Of the segments from one language into another."""

    langs: Langs
    segments: int
    lag: Spread | None  # None of recordings that come faster than real time, for which nobody waits
    first_audio: Spread | None  # None where nothing was spoken


class Recent:
    """What became of the segments of the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lags: deque[_Entry] = deque(maxlen=MOST)
        self._first_audios: deque[_Entry] = deque(maxlen=MOST)
        self._degraded: deque[float] = deque(maxlen=MOST)

    def sent(self, langs: Langs, lag_ms: int | None) -> None:
        """All of a segment was sent for a target, so long after its last sample was captured; None: nobody waited."""
        self._lags.append((self._clock(), langs, lag_ms))

    def spoke(self, langs: Langs, first_audio_ms: int) -> None:
        """A segment's first speech was there, so long after its first sample was captured."""
        self._first_audios.append((self._clock(), langs, first_audio_ms))

    def degraded(self) -> None:
        """A session had to do without a stage, or with less of it."""
        self._degraded.append(self._clock())

    @property
    def degradations(self) -> int:
        """How often a session had to do without a stage, or with less of it, in the last minute."""
        since = self._clock() - WINDOW_SECONDS
        return sum(when > since for when in self._degraded)

    def outcomes(self) -> list[PairOutcome]:
        """What became of the last minute's segments, by pair of languages, in their order."""
        since = self._clock() - WINDOW_SECONDS
        lags, first_audios = _by_langs(self._lags, since), _by_langs(self._first_audios, since)
        return [
            PairOutcome(langs, len(lags[langs]), spread(lags[langs]), spread(first_audios.get(langs, ())))
            for langs in sorted(lags)
        ]


def _by_langs(entries: Iterable[_Entry], since: float) -> dict[Langs, list[int | None]]:
    found: defaultdict[Langs, list[int | None]] = defaultdict(list)
    for when, langs, value_ms in entries:
        if when > since:
            found[langs].append(value_ms)
    return found


def spread(values_ms: Iterable[int | None]) -> Spread | None:
    """Median and 95th percentile, each as the nearest of the values that are known; None where there are none."""
    known = sorted(value for value in values_ms if value is not None)
    return Spread(*(known[round(share * (len(known) - 1))] for share in (0.5, 0.95))) if known else None
