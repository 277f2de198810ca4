"""What a session of the recognition stage hears back. Where audio is loud, each 300 ms of its clock end with a word."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from mesh.asr.v1 import asr_pb2
from tests.mesh.asr import RATE, Session, finals, interims, loud, session, silence, stage

pytestmark = pytest.mark.clock


def quieter(pcm: bytes, from_ms: int, to_ms: int) -> bytes:
    """With a stretch in it that is fainter, but still speech."""
    samples = np.frombuffer(pcm, np.int16).copy()
    samples[from_ms * RATE // 1000 : to_ms * RATE // 1000] //= 10
    return samples.tobytes()


async def test_two_utterances_become_two_finals_in_order() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(1000), silence(1000), loud(700), silence(1000))
    assert [(final.segment_id, final.text) for final in finals(answers)] == [
        (1, "The quick brown."),
        (2, "The lazy dog."),
    ]
    assert [final.start_samples for final in finals(answers)] == pytest.approx([0, 2 * RATE], abs=1024)
    assert [final.end_samples for final in finals(answers)] == pytest.approx([RATE, 2.7 * RATE], abs=1024)
    for final in finals(answers):
        assert " ".join(word.text for word in final.words) == final.text
        assert final.stable_length == len(final.text)
        assert not final.corrected


async def test_of_a_session_that_is_hurried_all_audio_is_heard() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        for hurried in (False, True, False):
            await opened.audio(loud(500), hurried=hurried)
        await opened.audio(silence(1000), hurried=True)
        (final,) = finals(await opened.rest())
    assert len(final.text.split()) == 5


async def test_the_concluded_text_of_interims_is_append_only_and_starts_the_final() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(4000), silence(1000))
    results = [*interims(answers), *finals(answers)]
    assert len(interims(answers)) > 3
    concluded = ""
    for result in results:
        assert result.text.startswith(concluded)
        concluded = result.text[: result.stable_length]
    assert [result.revision for result in results] == sorted({result.revision for result in results})


async def test_speech_edges_surround_the_results_of_their_speech() -> None:
    async with stage() as stub:
        answers = await session(stub, silence(1000), loud(1000), silence(1000))
    kinds = [answer.WhichOneof("payload") for answer in answers if not answer.HasField("progress")]
    assert kinds[0] == "speech_event"
    assert kinds[-2:] == ["result", "speech_event"]
    edges = [answer.speech_event for answer in answers if answer.HasField("speech_event")]
    assert [edge.started for edge in edges] == [True, False]
    assert [edge.offset_samples for edge in edges] == pytest.approx([RATE, 2 * RATE], abs=1024)


async def test_progress_comes_every_second_and_ends_at_the_end_of_the_audio() -> None:
    async with stage() as stub:
        answers = await session(stub, silence(3000), loud(2000), silence(250))
    told = [answer.progress for answer in answers if answer.HasField("progress")]
    marks = [0, *(progress.processed_samples for progress in told)]
    assert max(after - before for before, after in pairwise(marks)) <= RATE
    assert all(progress.finalized_samples <= progress.processed_samples for progress in told)
    finalized = [progress.finalized_samples for progress in told]
    assert finalized == sorted(finalized)
    assert told[-1].processed_samples == told[-1].finalized_samples == RATE * 5.25


async def test_a_marker_comes_back_after_all_that_was_heard_before_it() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1000) + silence(1000))
        await opened.marker(7)
        echo = await opened.until("marker")
        assert echo.marker.id == 7
        assert [final.text for final in finals(opened.answers)] == ["The quick brown."]
        await opened.rest()


async def test_a_commit_ends_the_segment_in_the_midst_of_speech() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure(first_segment_id=5)
        await opened.audio(loud(1000))
        await opened.commit()
        await opened.marker(1)
        await opened.until("marker")
        assert [(final.segment_id, final.text) for final in finals(opened.answers)] == [(5, "The quick brown.")]
        progress = next(answer.progress for answer in reversed(opened.answers) if answer.HasField("progress"))
        assert progress.finalized_samples == progress.processed_samples == RATE
        await opened.audio(loud(1000))
        assert [final.segment_id for final in finals(await opened.rest())] == [5, 6]


async def test_a_half_close_ends_the_open_segment() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(1000))
    assert [final.text for final in finals(answers)] == ["The quick brown."]


async def test_a_noise_without_words_leaves_no_result_and_takes_no_number() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(200), silence(1000), loud(1000), silence(1000))
    assert [(final.segment_id, final.text) for final in finals(answers)] == [(1, "Jumps over the.")]


async def test_offsets_are_right_after_a_minute_of_silence() -> None:
    async with stage() as stub:
        answers = await session(stub, silence(60_000), loud(1000), silence(1000))
    (final,) = finals(answers)
    assert final.start_samples == pytest.approx(60 * RATE, abs=1024)
    assert final.words[0].start_samples >= 60 * RATE - 1024


async def test_offsets_stay_right_through_twenty_turns() -> None:
    async with stage() as stub:
        answers = await session(stub, *[loud(1010), silence(1030)] * 20)
    starts = [turn * 2.04 * RATE for turn in range(20)]
    assert [final.start_samples for final in finals(answers)] == pytest.approx(starts, abs=RATE * 0.05)
    ends = [start + 1.01 * RATE for start in starts]
    assert [final.end_samples for final in finals(answers)] == pytest.approx(ends, abs=RATE * 0.05)
    edges = [answer.speech_event.offset_samples for answer in answers if answer.HasField("speech_event")]
    assert edges == pytest.approx([place for pair in zip(starts, ends, strict=True) for place in pair], abs=RATE * 0.05)


async def test_a_marker_waits_for_nothing_that_is_held_back_for_a_split() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure(max_segment_ms=10_000)
        await opened.audio(quieter(loud(9500), from_ms=9100, to_ms=9200))
        await opened.marker(1)
        await opened.until("marker")
        progress = next(answer.progress for answer in reversed(opened.answers) if answer.HasField("progress"))
        assert progress.processed_samples == 9.5 * RATE - 9.5 * RATE % 512
        await opened.rest()


async def test_speech_without_a_pause_is_cut_where_it_is_faintest() -> None:
    async with stage() as stub:
        answers = await session(
            stub, quieter(loud(12_000), from_ms=9300, to_ms=9400), silence(1000), max_segment_ms=10_000
        )
    first, second = finals(answers)
    assert first.end_samples == second.start_samples == pytest.approx(9.35 * RATE, abs=RATE * 0.05)
    assert not first.text.endswith(".")
    assert second.text[0].islower()


async def test_a_gap_ends_the_open_segment_and_the_clock_goes_on_behind_it() -> None:
    async with stage() as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1000))
        opened.sent_samples += 10 * RATE
        await opened.audio(loud(1000) + silence(1000))
        results = finals(await opened.rest())
    assert [final.text for final in results] == ["The quick brown.", "Fox jumps over the."]
    assert results[0].end_samples == pytest.approx(RATE, abs=1024)
    assert results[1].start_samples == pytest.approx(11 * RATE, abs=1024)


async def test_speech_without_a_pause_is_cut_at_the_longest_segment() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(5000), silence(1000), max_segment_ms=2000)
    lengths = [final.end_samples - final.start_samples for final in finals(answers)]
    assert len(lengths) == 3
    assert max(lengths) <= 2 * RATE + 1024
    edges = [answer.speech_event.started for answer in answers if answer.HasField("speech_event")]
    assert edges == [True, False]


async def test_without_interim_results_only_finals_come() -> None:
    async with stage() as stub:
        answers = await session(stub, loud(2000), silence(1000), interim_results=False)
    assert not interims(answers)
    assert [final.revision for final in finals(answers)] == [1]


async def test_sessions_side_by_side_hear_only_themselves() -> None:
    lengths = [700, 1000, 1600, 2500]
    async with stage(compute_ms=2, batch=4) as stub:
        alone = [finals(await session(stub, loud(length), silence(1000)))[0].text for length in lengths]
        together = await asyncio.gather(*(session(stub, loud(length), silence(1000)) for length in lengths))
    assert [finals(answers)[0].text for answers in together] == alone


async def test_describe_tells_the_engine_and_the_slots() -> None:
    async with stage(slots=3) as stub:
        description = await stub.Describe(asr_pb2.DescribeRequest())
    assert description.engine == "scripted"
    assert "en-US" in description.langs
    assert (description.slots_total, description.slots_used) == (3, 0)


async def test_a_slow_reader_misses_no_final_and_holds_the_sender() -> None:
    seconds = 600
    async with stage(word_ms=20) as stub:
        opened = Session(stub.Recognize())
        await opened.configure()
        sending = asyncio.create_task(opened.audio((loud(400) + silence(600)) * seconds, chunk_ms=500))
        held_samples = -1
        while held_samples < opened.sent_samples:
            held_samples = opened.sent_samples
            await asyncio.sleep(0.5)
        assert held_samples < seconds * RATE / 2
        await opened.until("result")
        reading = asyncio.create_task(opened.until("marker"))
        await sending
        await opened.marker(1)
        await reading
        await opened.rest()
    assert [final.segment_id for final in finals(opened.answers)] == list(range(1, seconds + 1))
