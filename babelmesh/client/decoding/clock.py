"""The container's clock: how much silence belongs between two frames. Pure; frames are only asked for length and
time.

Pure: frames are only asked for their length and their time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

HOLE_SECONDS = 0.2  # less than that is jitter of the time stamps
DAMAGE_SECONDS = 0.02  # behind a damaged place
MOST_SECONDS = 3600.0  # a leap that is longer is a clock that starts anew
LOOKED_AHEAD = 4  # frames that must agree that there is a hole: one alone may have a wrong stamp

Frame = TypeVar("Frame")


@dataclass(frozen=True, slots=True)
class Timed(Generic[Frame]):
    """A frame with its length and its place on the clock, in seconds."""

    frame: Frame
    seconds: float
    at: float | None  # None: its container does not say
    damaged: bool = False  # whether a damaged place is in front of it
    lost: float = 0.0  # about how many seconds of sound that place had


@dataclass(frozen=True, slots=True)
class Placed(Generic[Frame]):
    """A frame with the silence to insert before it, in seconds."""

    frame: Frame
    silence: float
    damaged: bool
    lost: float


def placed(frames: Iterator[Timed[Frame]], position: float, end: float | None) -> Iterator[Placed[Frame]]:
    """Yield frames with the silence before each. The clock starts at `position`; no hole extends beyond `end`, if
    known.

    Frames that come too early, as after a clock that was set back, follow directly.
    """
    waiting: deque[Timed[Frame]] = deque()
    while True:
        timed = waiting.popleft() if waiting else next(frames, None)
        if timed is None:
            return
        silence = _ahead(timed, position, end)
        if silence:
            while len(waiting) < LOOKED_AHEAD - 1 and (following := next(frames, None)) is not None:
                waiting.append(following)
            passed = timed.seconds
            for later in waiting:
                silence = min(silence, _ahead(later, position + passed, end))
                passed += later.seconds
        yield Placed(timed.frame, silence, timed.damaged, timed.lost)
        position += silence + timed.seconds


def _ahead(timed: Timed[Frame], position: float, end: float | None) -> float:
    """Return how many seconds a frame is ahead of the sound before it; 0 where that is no hole."""
    if timed.at is None:
        return 0.0
    ahead = timed.at - position
    least = DAMAGE_SECONDS if timed.damaged else HOLE_SECONDS
    plausible = ahead <= MOST_SECONDS and (end is None or timed.at <= end + 1)
    return ahead if ahead >= least and plausible else 0.0
