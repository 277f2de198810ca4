"""The `onnx` recognizer hears what sherpa-onnx hears: the same tokens at the same frames, of the same models.

Windows, features, caches and searches are all in it. Both are given the same audio and no end of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import sherpa_onnx

from services.asr.engines.onnx.encoder import Place
from services.asr.engines.onnx.features import Features
from services.asr.engines.onnx.model import LAYOUTS, Step, opened
from services.asr.settings import OnnxSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural import bundles, devices
from services.common.neural.settings import Served
from tests.models.asr.utterances import CTC, SPOKEN, TRANSDUCER, utterance

Spoken: TypeAlias = list[tuple[int, int]]  # tokens, each with its frame

FRAME_SECONDS = 0.08
CTC_SECONDS = 0.04  # what sherpa-onnx takes for it in any streaming CTC model
TAIL = np.zeros(ASR_RATE, np.int16)
WIDTH = 4  # of the beam, on both sides


@pytest.fixture(scope="module")
def recordings() -> list[Pcm]:
    """Three sentences, one after another in the last, and noise."""
    said = [utterance(text) for text in SPOKEN]
    noise = np.random.default_rng(3).normal(0, 800, 2 * ASR_RATE).astype(np.int16)
    return [np.concatenate((each, TAIL)) for each in (*said, np.concatenate(said), noise)]


CASES = pytest.mark.parametrize(
    ("folder", "decoding"),
    [(TRANSDUCER, "greedy"), (TRANSDUCER, "beam"), (CTC, "greedy")],
    ids=lambda each: str(each)[-10:],
)


@CASES
def test_a_session_alone_has_the_tokens_and_frames_of_sherpa(
    folder: Path, decoding: str, recordings: list[Pcm]
) -> None:
    expected = by_sherpa(folder, decoding, recordings)
    assert [by_engine(folder, decoding, [recording])[0] for recording in recordings] == expected
    assert all(expected[:4])


@CASES
def test_sessions_in_a_batch_have_the_tokens_and_frames_of_sherpa(
    folder: Path, decoding: str, recordings: list[Pcm]
) -> None:
    assert by_engine(folder, decoding, recordings) == by_sherpa(folder, decoding, recordings)


@pytest.mark.parametrize("folder", [TRANSDUCER, CTC], ids=lambda each: each.name)
def test_the_phrasebook_is_heard_in_voices_nobody_learned_from(folder: Path, recordings: list[Pcm]) -> None:
    pieces = _tokens(folder)
    texts = []
    for spoken in by_sherpa(folder, "greedy", recordings[:3]):
        texts.append("".join(pieces[token] for token, _ in spoken).strip())
    assert texts == list(SPOKEN)


def by_sherpa(folder: Path, decoding: str, recordings: list[Pcm]) -> list[Spoken]:
    """What sherpa-onnx says, all of them in batches as they are ready."""
    recognizer = _sherpa(folder, decoding)
    streams = [recognizer.create_stream() for _ in recordings]
    for stream, recording in zip(streams, recordings, strict=True):
        stream.accept_waveform(ASR_RATE, recording.astype(np.float32) / np.float32(32768))
    while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
        recognizer.decode_streams(ready)
    numbers = {piece: number for number, piece in enumerate(_tokens(folder))}
    seconds = CTC_SECONDS if folder == CTC else FRAME_SECONDS
    results = [recognizer.get_result_all(stream) for stream in streams]
    return [
        [(numbers[token], round(at / seconds)) for token, at in zip(result.tokens, result.timestamps, strict=True)]
        for result in results
    ]


def by_engine(folder: Path, decoding: str, recordings: list[Pcm]) -> list[Spoken]:
    """What ours says, likewise."""
    settings = OnnxSettings(bundles=[Served(path=folder)], decoding=decoding, beam=WIDTH)
    bundle = bundles.opened(folder, "asr", "onnx", LAYOUTS)
    model: Any = opened(bundle, settings, len(recordings), devices.chosen("cpu"))
    features = [Features(model.bins) for _ in recordings]
    for each, recording in zip(features, recordings, strict=True):
        each.hear(recording)
    rows = [model.rows.take() for _ in recordings]
    found = [model.search.begin(None) for _ in recordings]
    layout, start = model.layout, 0
    while ready := [number for number, each in enumerate(features) if start + layout.window_frames < each.ready]:
        steps = [
            Step(features[number].window(start, layout.window_frames), Place(rows[number], not start), found[number])
            for number in ready
        ]
        for number, after in zip(ready, model.advance(steps), strict=True):
            found[number] = after
        start += layout.shift_frames
    return [[(each.token, each.frame) for each in after.emitted] for after in found]


def _sherpa(folder: Path, decoding: str) -> Any:
    tokens = str(folder / "tokens.txt")
    if folder == CTC:
        return sherpa_onnx.OnlineRecognizer.from_nemo_ctc(tokens, str(folder / "model.onnx"), num_threads=1)
    files = [str(folder / name) for name in ("encoder.onnx", "decoder.onnx", "joiner.onnx")]
    method = {"greedy": "greedy_search", "beam": "modified_beam_search"}[decoding]
    return sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens, *files, num_threads=1, decoding_method=method, max_active_paths=WIDTH
    )


def _tokens(folder: Path) -> list[str]:
    """As sherpa-onnx writes them."""
    lines = (folder / "tokens.txt").read_text(encoding="utf-8").splitlines()
    return [line.rpartition(" ")[0].replace("\u2581", " ") for line in lines]
