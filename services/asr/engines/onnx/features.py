"""Log-mel frames of a segment, as sherpa-onnx makes them for NeMo's models; the filters are kaldi-native-fbank's."""

from __future__ import annotations

from typing import TypeAlias

import kaldi_native_fbank as fbank
import numpy as np
import numpy.typing as npt

from services.common.audio.pcm import ASR_RATE, Pcm

Array: TypeAlias = npt.NDArray[np.float32]

FULL_SCALE = np.float32(1 / 32768)


def options(bins: int) -> fbank.FbankOptions:
    """Return NeMo's options: Hann windows of 25 ms every 10 ms, librosa's mel bands to Nyquist, samples from -1 to 1.

    What is left as it is, kaldi's pre-emphasis of 0.97 above all, is as NeMo has it.
    """
    chosen = fbank.FbankOptions()
    chosen.frame_opts.samp_freq = ASR_RATE
    chosen.frame_opts.dither = 0.0
    chosen.frame_opts.snip_edges = False
    chosen.frame_opts.remove_dc_offset = False
    chosen.frame_opts.window_type = "hann"
    chosen.mel_opts.num_bins = bins
    chosen.mel_opts.low_freq = 0.0
    chosen.mel_opts.high_freq = ASR_RATE / 2
    chosen.mel_opts.is_librosa = True
    return chosen


class Features:
    """Computes the log-mel frames of one segment, in the calling thread. Not safe for two threads at once."""

    def __init__(self, bins: int) -> None:
        self._fbank = fbank.OnlineFbank(options(bins))
        self._bins = bins
        self._kept: Array = np.empty((0, bins), np.float32)  # made and not yet let go
        self._first = 0  # the number of its first frame

    def hear(self, pcm: Pcm) -> None:
        """Add audio that follows what was added before."""
        self._fbank.accept_waveform(ASR_RATE, (pcm * FULL_SCALE).tolist())

    @property
    def ready(self) -> int:
        """Number of frames computed so far, from the segment's first."""
        return int(self._fbank.num_frames_ready)

    def window(self, start: int, count: int) -> Array:
        """Return frames from `start` on, [count, bins], and drop those before them. The frames must be ready."""
        made = self._first + len(self._kept)
        fresh = np.empty((start + count - made, self._bins), np.float32)
        for place in range(len(fresh)):
            fresh[place] = self._fbank.get_frame(made + place)  # lent: gone with `pop`
        self._fbank.pop(len(fresh))
        self._kept = np.concatenate((self._kept, fresh))[start - self._first :]
        self._first = start
        return self._kept[:count]
