"""One model bundle, loaded, which advances the segments of many sessions by a step in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic

import numpy as np
import onnxruntime

from services.asr.engines.onnx import layout, tokens
from services.asr.engines.onnx.beam import BeamTransducer
from services.asr.engines.onnx.caches import Rows
from services.asr.engines.onnx.encoder import Encoder, Place, checked
from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.greedy import GreedyCtc, GreedyTransducer
from services.asr.engines.onnx.hotwords import Hotwords
from services.asr.engines.onnx.layout import Layout
from services.asr.engines.onnx.search import F, Search
from services.asr.engines.onnx.tokens import Tokens
from services.asr.engines.onnx.transducer import Transducer
from services.asr.settings import OnnxSettings
from services.common.audio.pcm import ASR_RATE
from services.common.errors import InvalidArgument, StageFailed
from services.common.neural import devices
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import BROKEN, Device

CTC, TRANSDUCER = "nemo-ctc", "nemo-transducer"
LAYOUTS = (CTC, TRANSDUCER)
_GLOSSARIES = 32  # kept for sessions that bring the same phrases


@dataclass(frozen=True, slots=True)
class Step(Generic[F]):
    """The next step of a segment: its window of features, its caches, and the search's state."""

    window: Array  # [frames, bins]
    place: Place
    found: F


class Model(Generic[F]):
    """An encoder with a search over its frames. Used by the batcher's thread."""

    def __init__(self, encoder: Encoder, search: Search[F], layout: Layout, tokens: Tokens, rows: Rows) -> None:
        self.layout = layout
        self.tokens = tokens
        self.rows = rows
        self.search = search
        self.hotwords = lru_cache(_GLOSSARIES)(self._hotwords)  # phrases against this model's tokens; None without any
        self._encoder = encoder

    @property
    def bins(self) -> int:
        """Number of mel bins in a feature frame."""
        return self._encoder.bins

    def advance(self, steps: Sequence[Step[F]]) -> list[F]:
        """Advance each segment by its step, and return the search's new states. Blocking, for one thread. Raises
        StageFailed.

        The caches are written last: a step that failed can be taken again.
        """
        places = [step.place for step in steps]
        try:
            frames, remembered = self._encoder.run([step.window for step in steps], places)
            found = self.search.advance(frames, [step.found for step in steps])
            self._encoder.remember(places, remembered)
        except BROKEN as error:
            message = f"The recognizer broke: {type(error).__name__}."
            raise StageFailed("ASR_ENGINE_FAILED", message, stage="ASR") from error
        return found

    def warm_up(self, batch: int) -> None:
        """Run one step alone and one full batch, so that memory allocated at first use is there. Blocking."""
        silence = np.zeros((self.layout.window_frames, self.bins), np.float32)
        for count in (1, batch):
            self.advance([Step(silence, Place(row + 1, True), self.search.begin(None)) for row in range(count)])

    def _hotwords(self, phrases: tuple[str, ...], score: float) -> Hotwords | None:
        return Hotwords(phrases, self.tokens.pieces, score) if phrases else None


def opened(bundle: Bundle, settings: OnnxSettings, slots: int, device: Device) -> Model[Any]:
    """Load a bundle's model. Blocking. Raises InvalidArgument when its files do not match its layout."""
    if bundle.manifest.sample_rate_hertz not in (0, ASR_RATE):
        wrong = f"It hears {bundle.manifest.sample_rate_hertz} Hz; recognizers here hear {ASR_RATE}."
        raise fault(bundle.folder, wrong)
    make = _ctc if bundle.manifest.layout == CTC else _transducer
    main = _session(bundle, "model.onnx" if make is _ctc else "encoder.onnx", device)
    metadata = checked(main, bundle.folder).get_modelmeta().custom_metadata_map
    shape = layout.layout(metadata, bundle.folder)
    known = tokens.read(bundle.file("tokens.txt"), shape.blank, bundle.folder)
    rows = max(slots, settings.max_batch)  # as many at least as warming up takes
    try:
        encoder = Encoder(main, shape, rows, device)
        model = Model(encoder, make(bundle, settings, metadata, device), shape, known, Rows(rows))
        model.warm_up(settings.max_batch)
    except (*BROKEN, StageFailed, ValueError) as error:
        wrong = f"Its files do not fit together, or not its metadata: {_first_line(error)}"
        raise fault(bundle.folder, wrong) from error
    return model


def _ctc(bundle: Bundle, settings: OnnxSettings, metadata: dict[str, str], device: Device) -> Search[Any]:
    if settings.decoding == "beam":
        message = f"{bundle.folder} is a CTC model, which is decoded greedily."
        raise InvalidArgument("DECODING_UNAVAILABLE", message, "ASR_ONNX__DECODING", ("greedy",))
    return GreedyCtc(int(metadata["vocab_size"]))


def _transducer(bundle: Bundle, settings: OnnxSettings, metadata: dict[str, str], device: Device) -> Search[Any]:
    shape = layout.predictor_shape(metadata, bundle.folder)
    decoder, joiner = (_session(bundle, name, device) for name in ("decoder.onnx", "joiner.onnx"))
    blank = int(metadata["vocab_size"])
    transducer = Transducer(decoder, joiner, blank, shape)
    if settings.decoding == "beam":
        return BeamTransducer(transducer, blank, settings.beam, settings.hotword_margin)
    return GreedyTransducer(transducer, blank)


def _session(bundle: Bundle, name: str, device: Device) -> onnxruntime.InferenceSession:
    return devices.session(bundle.file(name), device)


def _first_line(error: BaseException) -> str:
    return str(error.__cause__ or error).partition("\n")[0]
