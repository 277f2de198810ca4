"""Which numbers of a client can be: bounded by how long its session has lasted. Pure.

A recording may come faster than real time, and where silence is left out of one the audio clock runs ahead of both; so
the bounds are wide. They keep out what no session can have reached, and what no message, metric or engine can hold.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.common.errors import InvalidArgument

CLOCK_LEEWAY_MS = 60_000  # of a client's clock ahead of ours: its first audio was on its way, gateways' clocks differ
GAP_LEEWAY_MS = (
    3_600_000  # of audio that may be missing beside the session's age: silence that was left out of a recording
)
FASTEST = 1000  # times real time that anything is recognized or spoken
MOST_RATE = 48_000  # samples per second of any speech
MOST_DEATHS = 1000  # of servers over one session
MOST_REVISIONS = 1_000_000  # of one segment
MOST_CLAUSE_SAMPLES = MOST_RATE * 3600  # of one clause that was being spoken


@dataclass(frozen=True, slots=True)
class Most:
    """The largest values of a session that is so old."""

    age_ms: int

    @property
    def clock_ms(self) -> int:
        """The latest that the session's clock can show."""
        return self.age_ms + CLOCK_LEEWAY_MS

    @property
    def audio_ms(self) -> int:
        """The latest offset on the audio clock that can have been recognized."""
        return FASTEST * self.age_ms + GAP_LEEWAY_MS

    @property
    def voice_samples(self) -> int:
        """The most samples of speech that can have come in one language."""
        return self.audio_ms * MOST_RATE // 1000


def require_number(value: int, most: int, path: str) -> None:
    """Raises InvalidArgument naming the field when a number is below 0 or above what can be."""
    if not 0 <= value <= most:
        raise InvalidArgument("OUT_OF_RANGE", f"{value} is out of range.", path, [f"0 to {most}"])


def require_share(value: float, path: str) -> None:
    """Raises InvalidArgument naming the field when a number is not from 0 to 1."""
    if not 0 <= value <= 1:  # nor is one that is no number
        raise InvalidArgument("OUT_OF_RANGE", f"{value:g} is out of range.", path, ["0 to 1"])


class Reach:
    """How far ahead on the audio clock a chunk may lie.

    The audio that is missing in all may last as long as the session has, for a live speaker, and an hour more.
    """

    def __init__(self, age_ms: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock() - age_ms / 1000
        self._missing_seconds = 0.0

    def require(self, gap_samples: int, chunk: Chunk) -> None:
        """Count audio that is missing before a chunk. Raises InvalidArgument when it is more than can be."""
        left_seconds = self._clock() - self._began + GAP_LEEWAY_MS / 1000 - self._missing_seconds
        most_samples = math.floor(left_seconds * chunk.rate)
        if gap_samples > most_samples:
            most = chunk.offset_samples - gap_samples + most_samples
            message = f"{chunk.offset_samples} lies further ahead than this session can have got."
            raise InvalidArgument("OUT_OF_RANGE", message, "audio.offset_samples", [f"at most {most}"])
        self._missing_seconds += gap_samples / chunk.rate


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where a chunk of audio lies on the audio clock."""

    offset_samples: int  # on the audio clock
    rate: int  # samples per second


def chosen(value: int, default: int, accepted: range, path: str) -> int:
    """A number that a client chose, or the default for 0. Raises InvalidArgument naming the field."""
    require_range(value or default, accepted, path)
    return value or default


def require_range(value: int, accepted: range, path: str, code: str = "OUT_OF_RANGE") -> None:
    """Raises InvalidArgument naming the field when a number is not in a range."""
    if value not in accepted:
        span = [f"{accepted.start} to {accepted.stop - 1}"]
        raise InvalidArgument(code, f"{value} is out of range.", path, span)
