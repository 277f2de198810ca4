"""Mixes a translated voice over the original speech, which is lowered under it. Streams; nothing is held whole.

Sound is float32 between -1 and 1, [channels, samples], at one rate. The gain of the original follows the voice: it has
come down by the time the voice starts, and rises when the voice has been silent for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from babelmesh.client.decoding import wire
from babelmesh.client.decoding.guarded import Decoded

Sound = npt.NDArray[np.float32]

DUCKED = 10 ** (-16 / 20)  # the original under the voice: 16 dB lower
RAMP_MS = 150
HOLD_MS = 600  # a pause of the voice that is no longer does not bring the original back
STEP_MS = 10  # of the envelope
AUDIBLE = 0.003  # of full scale: a voice below it is silent
BLOCK_SAMPLES = 1024  # of one frame


@dataclass(frozen=True, slots=True)
class Form:
    """The sample rate and channel layout of the sound that is mixed."""

    rate: int  # samples per second
    layout: str  # "mono" or "stereo"

    @property
    def channels(self) -> int:
        """Number of channels: 1 or 2."""
        return 1 if self.layout == "mono" else 2


def mixed(original: Path, voice: Path | None, form: Form, track: int = 0) -> Iterator[Sound]:
    """Yield a track of the original with a voice over it, in blocks of BLOCK_SAMPLES, until the longer one ends.

    The original is on its container's time, as it is when it is recognized.
    """
    under = Blocks(original, form, track)
    if voice is None:
        yield from under
        return
    over, gain = Blocks(voice, form), Gain(voice, form.rate)
    start = 0
    while not (under.ended and over.ended):
        below, above = under.take(), over.take()
        length = max(below.shape[1], above.shape[1])
        if not length:
            return
        sum_ = _padded(below, length) * gain.at(start, length) + _padded(above, length)
        yield np.clip(sum_, -1.0, 1.0).astype(np.float32)
        start += length


class Gain:
    """The gain of the original under a voice, over time."""

    def __init__(self, voice: Path, rate: int) -> None:
        self._per_step = rate * STEP_MS / 1000
        self._steps = ducking(_speaking(voice))

    def at(self, start: int, length: int) -> Sound:
        """Return the gains of `length` samples from `start` on."""
        places = (start + np.arange(length)) / self._per_step
        known = np.arange(len(self._steps))
        return np.interp(places, known, self._steps, right=1.0).astype(np.float32)


def ducking(speaking: npt.NDArray[np.bool_]) -> Sound:
    """Return the gain of each step, given whether the voice speaks in it; short pauses are bridged, both ends are
    ramps.
    """
    steps = HOLD_MS // STEP_MS
    ramp = RAMP_MS // STEP_MS
    ends = np.flatnonzero(np.diff(np.concatenate(([0], speaking.view(np.int8), [0])))).reshape(-1, 2)
    gains = np.ones(len(speaking) + ramp + 1, dtype=np.float32)
    spans: list[list[int]] = []
    for start, end in ends.tolist():
        if spans and start - spans[-1][1] <= steps:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    down = np.linspace(1.0, DUCKED, ramp + 1, dtype=np.float32)
    for start, end in spans:
        first = max(0, start - ramp)
        gains[first : start + 1] = np.minimum(gains[first : start + 1], down[ramp - (start - first) :])
        gains[start:end] = DUCKED
        gains[end : end + ramp + 1] = np.minimum(gains[end : end + ramp + 1], down[::-1])
    return gains


class Blocks:
    """A file's sound converted to one form, in blocks of equal length; the last may be shorter."""

    def __init__(self, path: Path, form: Form, track: int = 0) -> None:
        self._frames = _frames(path, form, track)
        self._channels = form.channels
        self.ended = False

    def __iter__(self) -> Iterator[Sound]:
        return self._frames

    def take(self) -> Sound:
        """Return the next block; one without samples at the end."""
        block = next(self._frames, None)
        self.ended = block is None
        return np.zeros((self._channels, 0), dtype=np.float32) if block is None else block


def _frames(path: Path, form: Form, track: int) -> Iterator[Sound]:
    wanted = wire.Form(form.rate, form.channels, floats=True, block_samples=BLOCK_SAMPLES)
    for block in Decoded(str(path), track, wanted):
        yield np.frombuffer(block, dtype="<f4").reshape(form.channels, -1)


def _speaking(voice: Path) -> npt.NDArray[np.bool_]:
    """Return for each step whether the voice is audible in it."""
    form = Form(24_000, "mono")
    size = form.rate * STEP_MS // 1000
    found: list[npt.NDArray[np.bool_]] = []
    rest = np.zeros(0, dtype=np.float32)
    for block in Blocks(voice, form):
        rest = np.concatenate([rest, block[0]])
        whole = len(rest) // size
        found.append(np.abs(rest[: whole * size]).reshape(whole, size).max(axis=1) > AUDIBLE)
        rest = rest[whole * size :]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.bool_)


def _padded(sound: Sound, length: int) -> Sound:
    return np.pad(sound, ((0, 0), (0, length - sound.shape[1])))
