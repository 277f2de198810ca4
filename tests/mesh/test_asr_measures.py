"""What a recognition stage measures of its finals."""

from __future__ import annotations

import pytest

from tests.measured import measured
from tests.mesh.asr import Answers, Session, finals, loud, session, silence, stage

LANGUAGE = ("en-US",)  # the engine's, whatever sessions call it
OF_STAGE = ("asr", "en-US")


async def test_segments_are_counted_by_what_ended_them() -> None:
    async def committed() -> Answers:
        opened = Session(stub.Recognize())
        await opened.configure()
        await opened.audio(loud(1_000))
        await opened.commit()
        await opened.audio(silence(1_500))
        return await opened.rest()

    with measured() as read:
        async with stage() as stub:
            await session(stub, loud(1_000), silence(1_500))
            assert read.values("asr.segments") == {("en-US", "endpoint"): 1}
            await committed()
            await session(stub, loud(1_000))  # its end is one, too
            assert read.values("asr.segments") == {("en-US", "endpoint"): 1, ("en-US", "commit"): 2}
            parts = finals(await session(stub, loud(3_500), silence(1_500), max_segment_ms=1_000))
        splits = read.values("asr.segments")["en-US", "split"]
        assert 2 <= splits < len(parts) + 1
        assert sum(read.values("asr.segments").values()) == 3 + len(parts)


async def test_speech_and_the_engines_time_for_it_are_measured_by_segment() -> None:
    with measured() as read:
        async with stage(compute_ms=20) as stub:
            await session(stub, loud(1_000), silence(1_500))
        heard_seconds = read.values("asr.audio")[LANGUAGE]
        assert 1.0 <= heard_seconds < 2.0
        took, factor = (read.points(name)[OF_STAGE] for name in ("engine.duration", "real_time_factor"))
    assert took.count == factor.count == 1
    assert took.sum >= 10 * 0.020  # of each of its pieces
    assert factor.sum == pytest.approx(took.sum / heard_seconds)


async def test_confidence_is_that_of_the_words() -> None:
    with measured() as read:
        async with stage() as stub:
            await session(stub, loud(1_000), silence(1_500))
        confidence = read.points("asr.confidence")[LANGUAGE]
    assert (confidence.count, confidence.sum) == (1, pytest.approx(0.9))


async def test_what_holds_no_words_is_no_segment() -> None:
    with measured() as read:
        async with stage(word_ms=5_000) as stub:
            assert not finals(await session(stub, loud(1_000), silence(1_500)))
        assert not read.points("asr.segments")
        assert not read.points("engine.duration")
