"""Moonshine's two graphs on ONNX Runtime: an encoder of audio, and a decoder with a cache.

The graphs are the makers' exports: the decoder has a branch without and one with a cache, and takes any number of
tokens at once in both. `encoder_attention_mask` counts samples, not frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine.decoding import Logits
from services.common import devices
from services.common.bundles import Bundle, fault
from services.common.devices import Device

Floats = NDArray[np.float32]

LEAST_SAMPLES = 1_600  # of a window: the encoder's convolutions need a few hundred
_FRAME_SAMPLES = 384  # of a frame of the encoder
_PAST, _PRESENT = "past_key_values", "present"


class Network:
    """The graphs of a bundle. For one thread."""

    def __init__(self, bundle: Bundle, device: Device) -> None:
        """Load the graphs. Raises InvalidArgument when a file is none, or not the one the layout asks for."""
        self._encoder = devices.session(bundle.file("encoder_model.ort"), device, arena=False)
        self._decoder = devices.session(bundle.file("decoder_model_merged.ort"), device, arena=False)
        pasts = [place for place in self._decoder.get_inputs() if place.name.startswith(_PAST)]
        if not pasts or [place.name for place in self._encoder.get_inputs()] != ["input_values", "attention_mask"]:
            raise fault(bundle.folder, "Its graphs do not have the inputs of the layout moonshine-v2.")
        self._empty: dict[str, Floats] = {
            place.name: np.zeros((1, place.shape[1], 0, place.shape[3]), np.float32) for place in pasts
        }

    def listening(self, audio: Floats) -> Listening:
        """Return a decoder that listens to a window of samples between -1 and 1."""
        missing = max(0, LEAST_SAMPLES - len(audio))
        samples = np.pad(audio, (0, missing))[None]
        feed = {"input_values": samples, "attention_mask": np.ones(samples.shape, np.int64)}
        (frames,) = self._encoder.run(["last_hidden_state"], feed)
        return Listening(self._decoder, frames, self._empty)


class Listening:
    """The decoder on its way through one window. See Decoder."""

    def __init__(self, decoder: Any, frames: Floats, empty: dict[str, Floats]) -> None:
        self._decoder = decoder
        self._feed: dict[str, Any] = {
            "encoder_hidden_states": frames,
            "encoder_attention_mask": np.ones((1, frames.shape[1] * _FRAME_SAMPLES), np.int64),
            "use_cache_branch": np.array([False]),
            **empty,
        }
        self._mine = [name for name in empty if ".decoder." in name]
        self._theirs = [name for name in empty if ".encoder." in name]

    def advance(self, known: int, tokens: Sequence[int]) -> Logits:
        """See Decoder."""
        wanted = self._mine if known else [*self._mine, *self._theirs]
        past = {name: np.ascontiguousarray(self._feed[name][:, :, :known]) for name in self._mine}
        self._feed.update(past, input_ids=np.array([tokens], np.int64), use_cache_branch=np.array([known > 0]))
        outputs = [name.replace(_PAST, _PRESENT) for name in wanted]
        logits, *present = self._decoder.run(["logits", *outputs], self._feed)
        self._feed.update(zip(wanted, present, strict=True))
        return np.asarray(logits[0])
