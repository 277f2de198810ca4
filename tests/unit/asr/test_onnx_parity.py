"""The same tokens as sherpa-onnx on the same models: of noise here, of speech with the phrasebook's models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sherpa_onnx

from services.asr.engines.onnx.encoder import Place
from services.asr.engines.onnx.features import Features
from services.asr.engines.onnx.model import LAYOUTS, Model, Step, opened
from services.asr.settings import OnnxSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural import bundles, devices
from tests.unit.asr import levels
from tests.unit.asr.levels import BETWEEN, said

SPOKEN: list[Pcm] = [
    said("▁one", "▁two", "ty", "", "▁york", BETWEEN, "▁one"),
    said(BETWEEN, "▁new", "▁york", "▁york", "", "▁york", "▁two"),
    said("", "▁ann", "▁two", "▁ann", "▁one", "ty", "▁new"),
]


@pytest.mark.parametrize(
    ("layout", "decoding"), [("nemo-transducer", "greedy"), ("nemo-transducer", "beam"), ("nemo-ctc", "greedy")]
)
def test_tokens_are_those_of_sherpa_onnx(tmp_path: Path, layout: str, decoding: Any) -> None:
    folder = levels.bundle(tmp_path / "levels", layout)
    settings = OnnxSettings(bundles=[folder], decoding=decoding)
    bundle = bundles.opened(folder, "asr", "onnx", LAYOUTS)
    model = opened(bundle, settings, len(SPOKEN), devices.chosen("cpu"))
    recognizer = _sherpa(folder, layout, "greedy_search" if decoding == "greedy" else "modified_beam_search")
    expected = [_heard_by_sherpa(recognizer, pcm) for pcm in SPOKEN]
    assert all(expected)
    assert _heard(model, SPOKEN) == expected


def _heard(model: Model[Any], spoken: list[Pcm]) -> list[list[str]]:
    """All in the same batches."""
    layout = model.layout
    features = [Features(model.bins) for _ in spoken]
    found = [model.search.begin(None) for _ in spoken]
    for each, pcm in zip(features, spoken, strict=True):
        each.hear(pcm)
    # sherpa-onnx waits for one frame more than it takes.
    windows = (features[0].ready - 1 - layout.window_frames) // layout.shift_frames + 1
    for number in range(windows):
        start = number * layout.shift_frames
        found = model.advance(
            [
                Step(each.window(start, layout.window_frames), Place(row, number == 0), known)
                for row, (each, known) in enumerate(zip(features, found, strict=True), start=1)
            ]
        )
    return [[model.tokens.pieces[each.token].replace("▁", " ") for each in known.emitted] for known in found]


def _sherpa(folder: Path, layout: str, decoding: str) -> Any:
    common = {"tokens": str(folder / "tokens.txt"), "decoding_method": decoding}
    make = sherpa_onnx.OnlineRecognizer
    if layout == "nemo-ctc":
        return make.from_nemo_ctc(model=str(folder / "model.onnx"), **common)
    files = {name: str(folder / f"{name}.onnx") for name in ("encoder", "decoder", "joiner")}
    return make.from_transducer(**files, **common)


def _heard_by_sherpa(recognizer: Any, pcm: Pcm) -> list[str]:
    stream = recognizer.create_stream()
    stream.accept_waveform(ASR_RATE, pcm.astype(np.float32) / 32768)
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    return list(recognizer.tokens(stream))
