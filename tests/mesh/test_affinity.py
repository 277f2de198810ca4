"""The calls of one session to the stages carry one number, which says what version of a model answers them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.engine import Heard
from services.asr.engines.scripted import engine as asr_scripted
from services.mt.engine import Source, Translation
from services.mt.engines.scripted import engine as mt_scripted
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as tts_scripted
from tests.mesh.mesh import UTTERANCE, chunks, gateway, hello, loud, quiet, talk
from tests.mesh.resuming import lost_after, resumed, resuming

asked: dict[str, list[int]] = {}


class Asr(asr_scripted.Engine):
    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Any, None]:
        asked["ASR"].append(affinity)
        async for each in super().recognize(heard, language, affinity):
            yield each


class Mt(mt_scripted.Engine):
    versions: Any = ((None, 0.5), (None, 0.5))  # two, so that it matters who asks

    async def translate(self, source: Source) -> Translation:
        asked["MT"].append(source.affinity)
        return await super().translate(source)


class Tts(tts_scripted.Engine):
    async def synthesize(self, clause: Clause) -> AsyncGenerator[Any, None]:
        asked["TTS"].append(clause.affinity)
        async for piece in super().synthesize(clause):
            yield piece


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> None:
    asked.clear()
    asked.update({"ASR": [], "MT": [], "TTS": []})
    for module, own in ((asr_scripted, Asr), (mt_scripted, Mt), (tts_scripted, Tts)):
        monkeypatch.setattr(module, "Engine", own)


def _numbers() -> set[int]:
    """Those asked with since the last look."""
    assert asked["ASR"]
    assert asked["TTS"]  # and MT, but for what it remembers
    numbers = {number for each in asked.values() for number in each}
    for each in asked.values():
        each.clear()
    return numbers


async def test_a_sessions_calls_carry_one_number_and_another_sessions_another() -> None:
    async with gateway() as stub:
        sessions = []
        for _ in range(2):
            await talk(stub, hello("es", "fr"), *chunks(UTTERANCE + UTTERANCE))
            assert asked["MT"]
            sessions.append(_numbers())
    (first,), (second,) = sessions
    assert len({0, first, second}) == 3
    assert max(first, second) < 1 << 64


async def test_a_session_that_is_resumed_keeps_its_number() -> None:
    said = UTTERANCE + loud(1.0) + quiet(1.0)
    async with gateway(asr={"text": "word"}) as stub:
        before = await lost_after(stub, 20, hello("es"), chunks(said))
        first = _numbers()
        await resumed(stub, resuming(hello("es"), before), said)
        assert _numbers() == first
    assert len(first) == 1


async def test_a_text_without_a_session_is_translated_by_one_version_each_time() -> None:
    async with gateway(mt={"targets": ["es", "fr"]}) as stub:
        for text in ("One.", "One.", "Two."):
            await stub.TranslateText(pb.TranslateTextRequest(text=text, source_lang="en", target_langs=["es", "fr"]))
    assert len(set(asked["MT"])) == 2
    assert 0 not in asked["MT"]
