"""On a GPU each engine answers as on the CPU. Skipped, with the reason, where ONNX Runtime can use none."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from services.asr.engine import Endpoint, Heard, Speech
from services.asr.engines.moonshine.engine import Engine as Moonshine
from services.asr.engines.onnx.engine import Engine as Recognizer
from services.asr.settings import AsrSettings
from services.common.audio.pcm import Pcm, from_bytes
from services.common.errors import InvalidArgument
from services.common.neural.devices import chosen
from services.mt.engine import Source
from services.mt.engines.firefox.engine import Engine as Firefox
from services.mt.engines.onnx.engine import Engine as Translator
from services.mt.settings import MtSettings
from services.tts.engine import Clause
from services.tts.engines.onnx.engine import Engine as Speaker
from services.tts.settings import TtsSettings
from tests.models.installed import installed

MODELS = Path(__file__).parents[1] / "models"
PHRASES = [line.split("\t")[0] for line in (MODELS / "phrasebook.tsv").read_text(encoding="utf-8").splitlines()]
TEXTS = (
    "The museum opens at nine, and the last visitors are let in at half past four.",
    "Could you send me the report before Friday?",
    "She has lived in three countries, but she never learned to cook.",
    "The train to the airport was late because of the snow.",
    "Nobody knows yet what the new rules will cost.",
)
CHUNK_SAMPLES = 1600
LOUDEST_DIFFERENCE = 33  # a thousandth of the loudest sample there is
Kind = Literal["cuda", "cpu"]
BOTH: tuple[Kind, Kind] = ("cuda", "cpu")

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def _on_a_gpu() -> None:
    try:
        chosen("cuda")
    except InvalidArgument as reason:
        pytest.skip(reason.message)


def test_auto_takes_the_gpu() -> None:
    assert chosen("auto").kind == "cuda"


async def translated(engine: Translator | Firefox, texts: Sequence[str]) -> list[str]:
    """All texts at once, so that they share batches."""
    await engine.start()
    try:
        answers = await asyncio.gather(*(engine.translate(Source(text, engine.pairs[0])) for text in texts))
        return [answer.text for answer in answers]
    finally:
        await engine.stop()


@pytest.mark.parametrize("beams", [1, 4])
async def test_a_translator_says_the_same(beams: int) -> None:
    options = {"bundles": [MODELS / "mt/phrasebook-en-es"], "precision": "fp32", "beams": beams}
    gpu, cpu = [
        await translated(Translator(MtSettings.model_validate({"onnx": {**options, "device": kind}})), PHRASES[:64])
        for kind in BOTH
    ]
    assert gpu == cpu


async def test_a_firefox_model_says_the_same() -> None:
    folder = installed("firefox-en-pt")
    if folder is None:
        pytest.skip("the bundle firefox-en-pt is not installed")
    options = {"bundles": [folder], "precision": "fp32"}
    gpu, cpu = [
        await translated(Firefox(MtSettings.model_validate({"firefox": {**options, "device": kind}})), TEXTS)
        for kind in BOTH
    ]
    assert gpu == cpu


async def heard(engine: Recognizer | Moonshine, recordings: Sequence[Pcm]) -> list[str]:
    """A session for each recording, all at once."""

    async def one(pcm: Pcm) -> str:
        return " ".join([each.text async for each in engine.recognize(spoken(pcm), engine.languages[0]) if each.final])

    await engine.start()
    try:
        return list(await asyncio.gather(*map(one, recordings)))
    finally:
        await engine.stop()


async def spoken(pcm: Pcm) -> AsyncIterator[Heard]:
    for start in range(0, len(pcm), CHUNK_SAMPLES):
        yield Speech(pcm[start : start + CHUNK_SAMPLES], start)
    yield Endpoint()


def recordings() -> list[Pcm]:
    found = []
    for path in sorted((MODELS / "asr/spoken").glob("*.wav")):
        with wave.open(str(path)) as file:
            found.append(from_bytes(file.readframes(file.getnframes())))
    return found


@pytest.mark.parametrize("bundle", ["phrasebook-transducer", "phrasebook-ctc"])
async def test_a_streaming_recognizer_writes_the_same(bundle: str) -> None:
    options = {"bundles": [MODELS / "asr" / bundle]}
    gpu, cpu = [
        await heard(Recognizer(AsrSettings.model_validate({"onnx": {**options, "device": kind}})), recordings())
        for kind in BOTH
    ]
    assert gpu == cpu
    assert all(gpu)


async def test_moonshine_writes_the_same() -> None:
    folder = installed("moonshine-tiny-en")
    if folder is None:
        pytest.skip("the bundle moonshine-tiny-en is not installed")
    gpu, cpu = [
        await heard(
            Moonshine(AsrSettings.model_validate({"moonshine": {"bundles": [folder], "device": kind}})), recordings()
        )
        for kind in BOTH
    ]
    assert gpu == cpu


async def test_a_voice_makes_the_same_samples() -> None:
    gpu, cpu = [await said(kind) for kind in BOTH]
    assert len(gpu) == len(cpu) > 0
    assert np.abs(gpu.astype(np.int32) - cpu.astype(np.int32)).max() < LOUDEST_DIFFERENCE


async def said(kind: Kind) -> Pcm:
    """A sentence by a voice that reads letters, without chance."""
    options = {"bundles": [MODELS / "tts/es-mms"], "noise": 0, "duration_noise": 0, "device": kind}
    engine = Speaker(TtsSettings.model_validate({"onnx": options}))
    await engine.start()
    try:
        clause = Clause("buenos días", engine.voices[0])
        return from_bytes(b"".join([piece async for piece in engine.synthesize(clause)]))
    finally:
        await engine.stop()
