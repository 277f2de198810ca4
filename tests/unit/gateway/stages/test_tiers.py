from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE
from services.gateway.agreement.budget import spent
from services.gateway.stages.shortage import TierNotices
from services.gateway.translation.segment import Utterances
from services.gateway.values.speech import Rung, Transcript
from services.gateway.values.terms import Objectives


def said(segment_id: int, start: float, end: float, typed: bool = False) -> Transcript:
    """A segment that was spoken between these seconds, or typed."""
    samples = round(start * ASR_RATE), round(end * ASR_RATE)
    return Transcript(segment_id, 1, True, "word", 4, *samples, typed=typed)


def told(notices: TierNotices, tier: str, larger: int, segment_id: int = 1) -> list[tuple[str, bool, int]]:
    found = [each.flow.degraded[0] for each in notices.news(tier, larger, segment_id)]
    assert all(
        (each.stage, each.target_lang, each.reason) == (pb.STAGE_MT, "es", pb.DEGRADED_REASON_TIER) for each in found
    )
    return [(each.tier, each.over, each.segment_id) for each in found]


def test_a_client_hears_of_a_smaller_tier_once_and_when_it_is_over() -> None:
    notices = TierNotices("MT", "es")
    assert told(notices, "large", 0) == []
    assert told(notices, "small", 2, segment_id=3) == [("small", False, 3)]
    assert told(notices, "small", 2) == []
    assert told(notices, "middle", 1, segment_id=5) == [("middle", False, 5)]
    assert told(notices, "large", 0, segment_id=6) == [("large", True, 6)]


def test_a_stage_without_tiers_is_no_news() -> None:
    assert told(TierNotices("MT", "es"), "", 0) == []


def test_segments_of_one_utterance_are_spoken_by_one_tier() -> None:
    utterances = Utterances()
    first = utterances.rung(said(1, 0.0, 15.0))
    first.took("large", 0)
    assert utterances.rung(said(1, 0.0, 15.0)) is first
    assert utterances.rung(said(2, 15.0, 18.0)) is first  # it was split in the midst of speech
    assert utterances.rung(said(3, 18.6, 20.0)) == Rung()


def test_typed_segments_are_utterances_of_their_own() -> None:
    utterances = Utterances()
    first = utterances.rung(said(1, 0.0, 0.0, typed=True))
    assert utterances.rung(said(1, 0.0, 0.0, typed=True)) is first
    assert utterances.rung(said(2, 0.0, 0.0, typed=True)) is not first


def test_a_budget_has_a_share_for_the_answer_of_each_stage() -> None:
    assert spent(2000, 500).objectives == Objectives(asr_ms=600, mt_ms=200, tts_ms=600)
