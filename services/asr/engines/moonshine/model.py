"""One model bundle, ready to recognize the windows of many sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine import tokenizer
from services.asr.engines.moonshine.decoding import NO_DRAFT, Decoder, Draft, decoded, most_tokens
from services.asr.engines.moonshine.network import Network
from services.asr.engines.moonshine.tokenizer import Tokenizer
from services.common.audio import ASR_RATE, Pcm
from services.common.bundles import Bundle, fault
from services.common.devices import BROKEN, Device
from services.common.errors import StageFailed

LAYOUTS = ("moonshine-v2",)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a segment's audio, and what was recognized in the most of it before."""

    pcm: Pcm
    draft: Draft = NO_DRAFT


class Listener(Protocol):
    """Whatever can listen to audio."""

    def listening(self, audio: NDArray[np.float32]) -> Decoder:
        """Return a decoder that listens to a window of samples between -1 and 1."""


class Model:
    """A network and its tokens. For the batcher's thread."""

    def __init__(self, network: Listener, tokens: Tokenizer) -> None:
        self.tokens = tokens
        self._network = network

    def recognize(self, windows: Sequence[Window]) -> list[Draft]:
        """Return the tokens of each window. Blocking. Raises StageFailed."""
        try:
            return [self._recognize(window) for window in windows]
        except BROKEN as error:
            message = f"The recognizer broke: {type(error).__name__}."
            raise StageFailed("ASR_ENGINE_FAILED", message, stage="ASR") from error

    def _recognize(self, window: Window) -> Draft:
        audio = window.pcm.astype(np.float32) / np.float32(32_768)
        return decoded(self._network.listening(audio), window.draft, most_tokens(len(audio) / ASR_RATE))


def opened(bundle: Bundle, device: Device) -> Model:
    """Load and try the model of a bundle. Blocking. Raises InvalidArgument when its files do not fit together."""
    if bundle.manifest.sample_rate_hertz not in (0, ASR_RATE):
        wrong = f"It hears {bundle.manifest.sample_rate_hertz} Hz; recognizers here hear {ASR_RATE}."
        raise fault(bundle.folder, wrong)
    tokens = tokenizer.read(bundle.file("tokenizer.bin"))
    model = Model(Network(bundle, device), tokens)
    try:
        model.recognize([Window(np.zeros(ASR_RATE, np.int16))])
    except StageFailed as error:
        wrong = f"Its files do not fit together: {str(error.__cause__).partition(chr(10))[0]}"
        raise fault(bundle.folder, wrong) from error
    return model
