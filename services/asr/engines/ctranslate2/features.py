"""Log-mel frames as Whisper was trained on them (Radford et al., 2022): a frame each 10 ms, in Slaney's mel bands."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.common.audio.pcm import ASR_RATE, Pcm

HOP_SAMPLES = ASR_RATE // 100
_WINDOW_SAMPLES = ASR_RATE // 40
_FULL_SCALE = 32_768
_RANGE = 8.0  # of what is kept below the loudest value, in powers of ten
_LINEAR_HERTZ = 1_000.0  # bands are evenly spaced below it, and by the logarithm above
_BANDS_TO_LINEAR = 15.0
_LOG_STEP = np.log(6.4) / 27


def log_mel(pcm: Pcm, samples: int, bands: int) -> NDArray[np.float32]:
    """Return the log-mel frames, [bands, samples // 160], of audio that is padded with silence to `samples`."""
    audio = np.pad(pcm.astype(np.float32) / _FULL_SCALE, (0, samples - len(pcm)))
    padded = np.pad(audio, _WINDOW_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::HOP_SAMPLES][: samples // HOP_SAMPLES]
    power = np.abs(np.fft.rfft(frames * _hann())) ** 2
    logs = np.log10(np.maximum(filters(bands) @ power.T, 1e-10))
    logs = np.maximum(logs, logs.max() - _RANGE)
    scaled: NDArray[np.float32] = ((logs + 4) / 4).astype(np.float32)
    return scaled


@cache
def filters(bands: int) -> NDArray[np.float32]:
    """Return the triangular mel filters from 0 Hz to Nyquist, each of area one, [bands, 201]."""
    edges = _hertz(np.linspace(0, _mel(ASR_RATE / 2), bands + 2))
    hertz = np.fft.rfftfreq(_WINDOW_SAMPLES, 1 / ASR_RATE)[None]
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
    scaled: NDArray[np.float32] = (triangles * 2 / (high - low)).astype(np.float32)
    return scaled


@cache
def _hann() -> NDArray[np.float32]:
    window: NDArray[np.float32] = np.hanning(_WINDOW_SAMPLES + 1)[:-1].astype(np.float32)
    return window


def _mel(hertz: float) -> float:
    """Return the place on Slaney's mel scale of a frequency in its logarithmic part (above 1 kHz)."""
    return float(_BANDS_TO_LINEAR + np.log(hertz / _LINEAR_HERTZ) / _LOG_STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * _LINEAR_HERTZ / _BANDS_TO_LINEAR
    logarithmic = _LINEAR_HERTZ * np.exp((mels - _BANDS_TO_LINEAR) * _LOG_STEP)
    return np.where(mels < _BANDS_TO_LINEAR, linear, logarithmic)
