"""Metrics of the stage's clauses: their latency, real-time factor, clipping and silence."""

from __future__ import annotations

import numpy as np

from services.common.audio.pcm import Pcm
from services.common.telemetry import metrics
from services.tts.silence import QUIET

_DURATION = metrics.histogram("babelmesh.engine.duration")
_REAL_TIME_FACTOR = metrics.histogram("babelmesh.real_time_factor")
_AUDIO = metrics.counter("babelmesh.tts.audio")
_FIRST_AUDIO = metrics.histogram("babelmesh.tts.first_audio")
_CLIPPED = metrics.counter("babelmesh.tts.clipped")
_SILENT = metrics.counter("babelmesh.tts.silent")
_SILENCE = metrics.histogram("babelmesh.tts.silence")

FULL_SCALE = 32_767
CLIPPED_SAMPLES = 3  # in a row: of two the wave may have its crest there
WINDOW_MS = 20
SILENT_MEAN_SQUARE = (32_768 * 10 ** (-50 / 20)) ** 2  # -50 dBFS


class Clipping:
    """Detects clipping: several samples in a row at full scale."""

    def __init__(self) -> None:
        self.found = False
        self._before = np.zeros(CLIPPED_SAMPLES - 1, dtype=np.bool_)  # whether the last samples were at full scale

    def passed(self, audio: Pcm) -> None:
        """Add samples that follow, and set `found` once they clip."""
        at_scale = audio.max() >= FULL_SCALE or audio.min() <= -FULL_SCALE
        if self.found or not (at_scale or self._before.any()):
            return  # nearly always
        full = np.concatenate((self._before, (audio >= FULL_SCALE) | (audio <= -FULL_SCALE)))
        self._before = full[1 - CLIPPED_SAMPLES :]
        self.found = bool(np.lib.stride_tricks.sliding_window_view(full, CLIPPED_SAMPLES).all(axis=1).any())


class Silence:
    """Counts windows of 20 ms, and those of them that are nearly silent."""

    def __init__(self, sample_rate_hertz: int) -> None:
        self.windows = self.silent = 0
        self._window = sample_rate_hertz * WINDOW_MS // 1000
        self._rest: Pcm = np.zeros(0, dtype=np.int16)  # of a window that is not whole

    def passed(self, audio: Pcm) -> None:
        """Add samples that follow, and count the whole windows among them."""
        audio = np.concatenate((self._rest, audio)) if len(self._rest) else audio
        count = len(audio) // self._window
        whole = count * self._window
        self._rest = audio[whole:].copy()
        windows = audio[:whole].astype(np.float32).reshape(count, self._window)
        energies = np.einsum("ij,ij->i", windows, windows)
        self.windows += count
        self.silent += int(np.count_nonzero(energies < SILENT_MEAN_SQUARE * self._window))


class Sound:
    """Measures a clause's sound, a second at a time, which costs a third of doing so piece by piece."""

    def __init__(self, sample_rate_hertz: int) -> None:
        self.samples = 0
        self.audible = False
        self.clipping = Clipping()
        self.silence = Silence(sample_rate_hertz)
        self._pieces: list[Pcm] = []  # not looked at yet; about a second
        self._most = sample_rate_hertz

    def passed(self, pcm: Pcm) -> None:
        """Add the next piece, of at least one sample."""
        self.audible = self.audible or bool(pcm.max() > QUIET or pcm.min() < -QUIET)
        self._pieces.append(pcm)
        self.samples += len(pcm)
        if self.samples // self._most > (self.samples - len(pcm)) // self._most:
            self.settle()

    def settle(self) -> None:
        """Measure the samples added since the last measurement."""
        if self._pieces:
            audio = np.concatenate(self._pieces)
            self._pieces.clear()
            self.clipping.passed(audio)
            self.silence.passed(audio)


class Measures:
    """Records the metrics of one clause, labelled with its language."""

    def __init__(self, language: str, sample_rate_hertz: int) -> None:
        self._of = {"target_lang": language}
        self._rate = sample_rate_hertz
        self._sound = Sound(sample_rate_hertz)

    def passed(self, pcm: Pcm, compute_seconds: float) -> None:
        """Record a piece made, for which, with those before, the engine was awaited `compute_seconds`."""
        silent = not self._sound.audible
        self._sound.passed(pcm)
        if silent and self._sound.audible:
            _FIRST_AUDIO.record(compute_seconds, self._of)

    def end(self, whole: bool, compute_seconds: float) -> None:
        """Record the clause's metrics at its end; not `whole` after a failure, or when the rest is not wanted."""
        sound, of_stage = self._sound, {**self._of, "stage": "tts"}
        sound.settle()
        audio_seconds = sound.samples / self._rate
        _AUDIO.add(audio_seconds, self._of)
        if sound.clipping.found:
            _CLIPPED.add(1, self._of)
        if not whole:
            return
        _DURATION.record(compute_seconds, of_stage)
        if not sound.audible:
            _SILENT.add(1, self._of)
        if sound.samples:
            _REAL_TIME_FACTOR.record(compute_seconds / audio_seconds, of_stage)
        if windows := sound.silence.windows:
            _SILENCE.record(sound.silence.silent / windows, self._of)
