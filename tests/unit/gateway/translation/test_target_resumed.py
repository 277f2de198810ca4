"""A target of a resumed session goes on from what its client has: nothing is shown, said or taken back twice."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.values.continuation import SegmentContinuation, TargetContinuation
from tests.unit.gateway.translation.fake_session import CHARACTER_SAMPLES, RATE, Client, heard, listening, speech_of

STARTED, ENDED = pb.SPEECH_EVENT_TYPE_VOICE_STARTED, pb.SPEECH_EVENT_TYPE_VOICE_ENDED


def seed(voice_samples: int = 0, talking: bool = False, **segment: object) -> TargetContinuation:
    """What the client has of segment 7."""
    has = {"text": "", "final": False, "revision": 0, "spoken": "", "speaking": "", "speaking_samples": 0, **segment}
    return TargetContinuation(voice_samples, talking, {7: SegmentContinuation(**has)})  # type: ignore[arg-type]  # by name


def turns(client: Client) -> list[tuple[int, int]]:
    return [(event.type, event.offset_ms) for event in client.of("speech_event")]


async def test_a_final_that_was_received_is_not_made_again_and_only_its_rest_is_said() -> None:
    had = seed(text="uno dos tres cuatro", final=True, revision=4, spoken="uno dos")
    async with listening(had) as client:
        await client.hear(heard(7, "one two three four"), heard(8, "five"))
    assert [question.text for question in client.stages.asked] == ["five"]
    assert [(each.segment_id, each.text) for each in client.of("translation")] == [(8, "five-es")]
    assert client.stages.said == ["tres cuatro", "five-es"]
    assert [latency.segment_id for latency in client.of("latency")] == [7, 8]


async def test_what_was_concluded_stands_and_revisions_go_on() -> None:
    had = seed(text="ONE-es TWO-es", revision=4, spoken="ONE-es")
    async with listening(had) as client:
        await client.hear(heard(7, "one two three", final=False))
        await client.hear(heard(7, "one two three four"))
    (*_, final) = client.of("translation")
    assert client.stages.asked[0].prefix == "ONE-es TWO-es"
    assert final.text == "ONE-es TWO-es three-es four-es"
    assert client.of("translation")[0].revision == 5
    assert " ".join(client.stages.said) == "TWO-es three-es four-es"


async def test_speech_that_came_without_captions_is_not_taken_back() -> None:
    async with listening(seed(spoken="ONE-es two-es", speaking="three-es", speaking_samples=10)) as client:
        await client.hear(heard(7, "one two three four"))
    assert client.of("translation")[-1].text == "ONE-es two-es three-es four-es"
    assert client.stages.said == ["three-es", "four-es"]


async def test_a_clause_that_was_begun_is_said_to_its_end_from_where_it_stopped() -> None:
    text, had_samples = "uno dos tres cuatro", 3 * CHARACTER_SAMPLES + 123
    had = seed(48_000, True, text=text, final=True, spoken="uno", speaking="dos tres", speaking_samples=had_samples)
    async with listening(had) as client:
        await client.hear(heard(7, "one two three four"))
    first, *rest = client.of("tts")
    assert [chunk.text for chunk in (first, *rest) if chunk.text] == ["cuatro"]
    expected = np.concatenate([speech_of("dos tres")[had_samples:], speech_of("cuatro")])
    assert np.array_equal(client.pcm(), expected)
    assert first.offset_ms == 48_000 * 1000 // RATE
    assert [kind for kind, _ in turns(client)] == [ENDED]  # it had started before


async def test_a_voice_that_has_nothing_more_to_say_ends_where_it_stopped() -> None:
    async with listening(seed(12_000, True, text="uno", final=True, spoken="uno")) as client:
        await client.hear(heard(7, "one"))
    assert turns(client) == [(ENDED, 500)]
    assert not client.of("tts")


@pytest.mark.parametrize("samples", [0, 12_000])
async def test_a_voice_that_was_silent_starts_on_its_own_clock(samples: int) -> None:
    async with listening(seed(samples)) as client:
        await client.hear(heard(7, "one"))
    assert turns(client)[0] == (STARTED, samples * 1000 // RATE)
    assert client.of("tts")[0].offset_ms == samples * 1000 // RATE


async def test_a_target_taken_out_before_its_segment_goes_on_ends_it_with_what_the_client_has() -> None:
    had = seed(text="uno dos tres", revision=4, spoken="uno", speaking="dos", speaking_samples=10)
    async with listening(had) as client:
        await client.target.leave()
    (final,) = client.of("translation")
    assert (final.segment_id, final.final, final.text, final.revision) == (7, True, "uno dos tres", 5)
    assert client.stages.said == ["dos", "tres"]
    assert not client.stages.asked
