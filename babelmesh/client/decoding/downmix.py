"""Converts frames of any form, which may change from one to the next, to sound of one form.

Two channels are made one so that speech recorded in opposite phase is heard: their sum would cancel it.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt

from babelmesh.client.decoding.wire import Form

Sound = npt.NDArray[np.float32]

FORGOTTEN = 0.02  # of what is known of the phase, with each frame: a second is half of it
OPPOSITE, ALIKE = -0.5, -0.1  # correlations at which the second channel is turned over, and back
NEGLIGIBLE = 0.001  # of the energy known by now: 30 dB less


class Downmix:
    """Mixes two channels to one: their mean, or half their difference while they are in opposite phase."""

    def __init__(self) -> None:
        self._energies = np.zeros(3)  # of both channels, and of the one in the other
        self._sign = 1.0

    def mono(self, stereo: Sound) -> Sound:
        """Return stereo sound as mono; where the phase changes, the mix is cross-faded over the whole block."""
        left, right = stereo[0].astype(np.float64), stereo[1].astype(np.float64)
        self._energies *= 1 - FORGOTTEN
        known = self._energies[:2].sum()
        self._energies += (left @ left, right @ right, left @ right)
        both = float(np.sqrt(self._energies[0] * self._energies[1]))
        correlation = self._energies[2] / both if both else 0.0
        before = self._sign
        if correlation < OPPOSITE:
            self._sign = -1.0
        elif correlation > ALIKE:
            self._sign = 1.0
        first = known < NEGLIGIBLE * self._energies[:2].sum()  # speech begins: there is nothing to cross over from
        signs = self._sign if first or before == self._sign else np.linspace(before, self._sign, len(left))
        mono: Sound = ((left + right * signs) / 2).astype(np.float32)[None]
        return mono


class Converter:
    """Converts frames to one form; a frame of another form than the one before restarts the conversion."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._known: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None
        self._downmix = Downmix()

    def converted(self, frame: av.AudioFrame) -> list[Sound]:
        """Convert a frame; return its sound with what was held back of earlier ones: float32, [channels, samples]."""
        frame.pts = None  # time is counted in samples
        sounds: list[Sound] = []
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._known:
            sounds += self.rest()
            self._known = form
            layout = "stereo" if 2 in (self._form.channels, frame.layout.nb_channels) else "mono"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=self._form.rate)
        return sounds + self._out(frame)

    def rest(self) -> list[Sound]:
        """Return the sound that is still held back, and reset the conversion."""
        sounds = self._out(None) if self._resampler else []
        self._resampler, self._known = None, None
        return sounds

    def _out(self, frame: av.AudioFrame | None) -> list[Sound]:
        assert self._resampler is not None
        return [self._fit(made.to_ndarray()) for made in self._resampler.resample(frame) if made.samples]

    def _fit(self, made: npt.NDArray[Any]) -> Sound:
        sound: Sound = np.nan_to_num(made, posinf=1.0, neginf=-1.0).astype(np.float32, copy=False)
        if self._form.channels == 1 and len(sound) > 1:
            return self._downmix.mono(sound)
        return sound


class Blocks:
    """Cuts sound into blocks of equal length, as bytes of the wanted form."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._waiting: list[Sound] = []
        self._length = 0

    def add(self, sound: Sound) -> list[bytes]:
        """Add sound, and return the blocks that are complete."""
        self._waiting.append(sound)
        self._length += sound.shape[1]
        size = self._form.block_samples
        if self._length < size:
            return []
        all_ = np.concatenate(self._waiting, axis=1)
        whole = self._length // size * size
        self._waiting, self._length = [all_[:, whole:]], self._length - whole
        return [self._bytes(all_[:, start : start + size]) for start in range(0, whole, size)]

    def rest(self) -> list[bytes]:
        """Return the last, shorter block, if there is one."""
        left, self._waiting, size = self._waiting, [], self._length
        self._length = 0
        return [self._bytes(np.concatenate(left, axis=1))] if size else []

    def _bytes(self, sound: Sound) -> bytes:
        if self._form.floats:
            return np.ascontiguousarray(sound, dtype="<f4").tobytes()
        return np.minimum(np.rint(np.clip(sound, -1.0, 1.0) * 32_768), 32_767).astype("<i2").tobytes()
