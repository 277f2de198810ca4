"""Another recognizer goes on where one broke off: it gets the audio from a final's `finalized_samples` on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from google.rpc import error_details_pb2

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.asr.settings import AsrSettings
from tests.mesh.asr import RATE, Session, detail_of, finals, loud, serving, silence, stage


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said, and where the open segment is committed."""

    pcm: bytes
    commits: tuple[int, ...] = ()  # offsets
    max_segment_ms: int = 0

    async def heard(
        self, stub: asr_pb2_grpc.AsrAsyncStub, from_samples: int = 0, segment_id: int = 1
    ) -> list[asr_pb2.Result]:
        """The finals of a session that is given this from an offset on."""
        opened = Session(stub.Recognize(), sent_samples=from_samples)
        await opened.configure(
            first_segment_id=segment_id, resumed=bool(from_samples), max_segment_ms=self.max_segment_ms
        )
        for commit in [place for place in self.commits if place > from_samples]:
            await opened.audio(self.pcm[2 * opened.sent_samples : 2 * commit])
            await opened.commit()
        await opened.audio(self.pcm[2 * opened.sent_samples :])
        return finals(await opened.rest())


SPEECH = {
    "endpoint": Speech((loud(1300) + silence(900)) * 3 + loud(700)),
    "commit": Speech(loud(6000) + silence(800), commits=(16_000, 33_333, 70_001)),
    "split": Speech(loud(9000) + silence(1000) + loud(1000), max_segment_ms=2000),
}


@pytest.mark.parametrize("cause", SPEECH)
async def test_a_fresh_recognizer_hears_the_very_same_segments_behind_each_final(cause: str) -> None:
    speech = SPEECH[cause]
    async with stage() as stub:
        whole = await speech.heard(stub)
        assert len(whole) >= 4
        for place, final in enumerate(whole):
            rest = await speech.heard(stub, final.finalized_samples, final.segment_id + 1)
            assert list(map(_told, rest)) == list(map(_told, whole[place + 1 :]))


def _told(final: asr_pb2.Result) -> tuple[object, ...]:
    """All but the case of the first letter: a recognizer cannot know that a sentence goes on."""
    words = [(word.text.casefold(), word.start_samples, word.end_samples) for word in final.words]
    return final.segment_id, words, final.start_samples, final.end_samples, final.finalized_samples


async def test_a_final_is_told_where_its_audio_ends_and_an_interim_is_not() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1000) + silence(1000))
        results = [answer.result for answer in await opened.rest() if answer.HasField("result")]
    assert [result.finalized_samples > 0 for result in results] == [result.final for result in results]
    assert RATE <= results[-1].finalized_samples <= 2 * RATE


async def test_the_reserve_of_slots_is_for_resumed_sessions() -> None:
    settings = AsrSettings(engine="scripted", vad="energy", slots=2, reserved_slots=1, drain_seconds=0)
    async with serving(settings) as stub:
        first, second, resumed = (Session(stub.Recognize()) for _ in range(3))
        await first.configure()
        await first.call.initial_metadata()
        await second.configure()
        assert detail_of(await second.status(), error_details_pb2.ErrorInfo()).reason == "AT_CAPACITY"
        await resumed.configure(resumed=True)
        await resumed.audio(loud(500))
        assert finals(await resumed.rest())
        await first.rest()
