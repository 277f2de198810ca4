"""What neural voices say, against the implementations they are made for, without noise (tests/models/tts)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.common.audio.pcm import from_bytes
from services.tts.engine import Clause
from services.tts.engines.onnx.engine import Engine
from services.tts.settings import TtsSettings
from tests.mesh.tts import needs_espeak

MODELS = Path(__file__).parents[1] / "models/tts"
ASKED = json.loads((MODELS / "reference.json").read_text())["asked"]
TOLERANCE = 4  # of 32767: 1e-4, and a rounding

pytestmark = needs_espeak


@pytest.fixture(params=range(len(ASKED)))
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Engine, dict[str, Any], int]]:
    asked = ASKED[request.param]
    folder, _, _ = asked["voice"].partition("#")
    options = {"bundles": [MODELS / folder], "noise": 0, "duration_noise": 0, "window_ms": 120, "batch_items": 4}
    engine = Engine(TtsSettings.model_validate({"onnx": options}))
    await engine.start()
    yield engine, asked, request.param
    await engine.stop()


async def test_the_samples_are_those_of_the_reference(asked: tuple[Engine, dict[str, Any], int]) -> None:
    engine, said, place = asked
    voice = next(voice for voice in engine.voices if voice.name == said["voice"])
    pieces = [piece async for piece in engine.synthesize(Clause(said["text"], voice, said["rate"]))]
    pcm = from_bytes(b"".join(pieces)).astype(np.int32)
    with np.load(MODELS / "reference.npz") as known:
        expected = known[str(place)].astype(np.int32)
    assert len(pcm) == len(expected)
    assert np.abs(pcm - expected).max() <= TOLERANCE
