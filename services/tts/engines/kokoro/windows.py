"""Sizes of the windows to decode, by the speed of decoding and the speech still to be played. Pure.

A window is decoded with `context` frames on either side, which cost as much as those that are kept. It comes in time if
it is there before the listener has heard what was made before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.tts.neural.windows import Window

FRAME_SECONDS = 0.025
SPARE = 1.1  # times what a frame took before: one window is slower than another, and its way to a listener takes time


class Ahead:
    """The speech of a clause that is made but not yet played, assuming that playback starts with the first of it."""

    def __init__(self) -> None:
        self._ends = -math.inf

    def made(self, seconds: float, now: float) -> None:
        """Add `seconds` of speech, played behind all before it, or from `now` on if that is over."""
        self._ends = max(self._ends, now) + seconds

    def seconds(self, now: float) -> float:
        """Return how many seconds are yet to be played; 0 before anything was made."""
        return max(0.0, self._ends - now)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rules for the sizes of windows, in frames: context on either side, first, later and longest."""

    context: int  # on either side of those that are kept
    lookahead: int  # behind those of the first window of a clause, which waits for no more
    least: int  # of that first window
    first: int  # most of it
    later: int  # fewest of any other, but for what is left at the end
    most: int  # of any
    budget_seconds: float  # that the first window takes at most, where it is more than the least

    def beginning(self, frames: int, silent: int, frame_seconds: float) -> int:
        """Return the first window's frames: the fewest after which all later windows can be in time.

        Without any, as many as the budget allows. `silent` frames at its beginning are not heard; a frame takes so many
        seconds to decode.
        """
        allowed = int(self.budget_seconds / frame_seconds) - self.lookahead
        most = max(self.least, min(allowed, self.first))
        for size in range(self.least, most):
            if self._goes_on(frames - size, (size - silent) * FRAME_SECONDS, frame_seconds):
                return size
        return most

    def following(self, before: int, ahead_seconds: float, frame_seconds: float) -> int:
        """Return the next window's frames, as many as are in time; `before` is the number that the window before
        kept.

        Where it would be late in any case, as many as it takes for the one behind it to be in time, but at most twice
        as many as before: what is heard stops for as long as that takes.
        """
        fitting, lasting = self._fitting(ahead_seconds, frame_seconds), self._lasting(frame_seconds)
        if fitting < lasting:
            fitting = min(lasting, 2 * before)
        return min(max(self.later, fitting), self.most)

    def window(self, kept: int, size: int, frames: int) -> Window:
        """Return the window that keeps `size` frames, or what is left, behind the first `kept` of a sentence."""
        last = min(kept + size, frames)
        behind = self.context if kept else self.lookahead
        return Window(max(0, kept - self.context), min(last + behind, frames), kept, last)

    def _goes_on(self, left: int, ahead_seconds: float, frame_seconds: float) -> bool:
        """Return whether all frames that are left can be made in time."""
        while left > 0:
            size = min(self._fitting(ahead_seconds, frame_seconds), self.most, left)
            if size < min(self.later, left):
                return False
            ahead_seconds += size * FRAME_SECONDS - (size + 2 * self.context) * frame_seconds
            left -= size
        return True

    def _fitting(self, ahead_seconds: float, frame_seconds: float) -> int:
        """Return the frames of a window that is ready when all speech before it has been played."""
        return int(ahead_seconds / (SPARE * frame_seconds)) - 2 * self.context

    def _lasting(self, frame_seconds: float) -> int:
        """Return the fewest frames that play for as long as the next such window takes; `most` where none do."""
        taken = SPARE * frame_seconds
        left = FRAME_SECONDS - taken
        return min(self.most, math.ceil(2 * self.context * taken / left)) if left > 0 else self.most
