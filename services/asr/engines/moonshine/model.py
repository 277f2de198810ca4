"""Loads a Moonshine bundle, which recognizes the windows of many sessions in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.asr.engines.moonshine import tokenizer
from services.asr.engines.moonshine.decoding import NO_DRAFT, Decoder, Draft, Search, decoded, most_tokens
from services.asr.engines.moonshine.network import Network
from services.asr.engines.moonshine.tokenizer import Tokenizer
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import StageFailed
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import BROKEN, Device

Floats = NDArray[np.float32]

LAYOUTS = ("moonshine-v2",)
_FULL_SCALE = np.float32(32_768)
_PADDED_FRAMES = 150  # at most: what padding costs then is less than what a batch saves


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a segment's audio, and the draft recognized from most of it before."""

    pcm: Pcm
    draft: Draft = NO_DRAFT
    final: bool = False  # the probabilities of the draft's tokens are computed anew


class Listener(Protocol):
    """A network that encodes audio and decodes from its frames."""

    def encoded(self, audio: Floats) -> Floats:
        """Encode a window of samples between -1 and 1 into frames [frames, width]."""

    def listening(self, windows: Sequence[Floats]) -> Decoder:
        """Return a decoder over the frames of several windows, which may differ in length."""


class Model:
    """A loaded network with its tokenizer. Its methods are called by the batcher's thread alone."""

    def __init__(self, network: Listener, tokens: Tokenizer) -> None:
        self.tokens = tokens
        self._network = network

    def recognize(self, windows: Sequence[Window]) -> list[Draft]:
        """Return the tokens of each window. Blocking. Raises StageFailed.

        Each window is encoded by itself: its norm is over all of a window, so that padding would change it, and an
        encoder that is bound by its arithmetic gains nothing from a batch. They are decoded together.
        """
        found = [NO_DRAFT] * len(windows)
        try:
            frames = [self._network.encoded(window.pcm.astype(np.float32) / _FULL_SCALE) for window in windows]
            for group in together([len(each) for each in frames]):
                decoder = self._network.listening([frames[number] for number in group])
                for number, draft in zip(group, decoded(decoder, [_search(windows[n]) for n in group]), strict=True):
                    found[number] = draft
        except BROKEN as error:
            message = f"The recognizer broke: {type(error).__name__}."
            raise StageFailed("ASR_ENGINE_FAILED", message, stage="ASR") from error
        return found


def together(lengths: Sequence[int]) -> list[list[int]]:
    """Group windows to decode together, as lists of indexes: those whose lengths in frames are not too far apart."""
    groups: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if groups and lengths[groups[-1][0]] - lengths[number] <= _PADDED_FRAMES:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _search(window: Window) -> Search:
    return Search(window.draft, most_tokens(len(window.pcm) / ASR_RATE), window.final)


def opened(bundle: Bundle, device: Device) -> Model:
    """Load and try the model of a bundle. Blocking. Raises InvalidArgument when its files do not fit together."""
    if bundle.manifest.sample_rate_hertz not in (0, ASR_RATE):
        wrong = f"It hears {bundle.manifest.sample_rate_hertz} Hz; recognizers here hear {ASR_RATE}."
        raise fault(bundle.folder, wrong)
    tokens = tokenizer.read(bundle.file("tokenizer.bin"))
    model = Model(Network(bundle, device), tokens)
    try:
        model.recognize([Window(np.zeros(count * ASR_RATE, np.int16)) for count in (1, 2)])
    except StageFailed as error:
        wrong = f"Its files do not fit together: {str(error.__cause__).partition(chr(10))[0]}"
        raise fault(bundle.folder, wrong) from error
    return model
