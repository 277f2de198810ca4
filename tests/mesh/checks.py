"""What holds for every session, recomputed from what its client got."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests.mesh.mesh import Heard


def check(heard: Heard) -> None:
    """Concluded text only grows, every segment ends once and in order, clocks never go back."""
    transcripts = heard.of("asr")
    _check_results(transcripts, may_correct=True)
    for lang in {each.target_lang for each in heard.of("translation")}:
        translations = [each for each in heard.of("translation") if each.target_lang == lang]
        _check_results(translations, may_correct=False)
        assert {each.segment_id for each in translations if each.final} <= {each.segment_id for each in transcripts}
    for lang in {each.target_lang for each in heard.of("tts")}:
        _check_voice(heard.speech(lang))
    acks = [ack.finalized_offset_ms for ack in heard.of("ack")]
    assert acks == sorted(set(acks))
    assert heard.messages[-1].HasField("end")


def _check_results(results: list[Any], may_correct: bool) -> None:
    finals = [result.segment_id for result in results if result.final]
    assert finals == sorted(set(finals)), "a final came twice or out of order"
    assert finals == list(range(finals[0], finals[0] + len(finals))) if finals else True
    for segment in {result.segment_id for result in results}:
        revisions = [result for result in results if result.segment_id == segment]
        assert not any(result.final for result in revisions[:-1]), "something came after a final"
        for before, after in pairwise(revisions):
            assert after.revision > before.revision
            concluded = before.text[: before.stable_length]
            corrected = may_correct and after.final and after.corrected
            assert corrected or after.text[: after.stable_length].startswith(concluded), "concluded text changed"


def _check_voice(chunks: list[Any]) -> None:
    position = 0.0
    for chunk in chunks:
        assert abs(chunk.offset_ms - position) <= 1, "a voice's clock jumped"
        position += 1000 * len(chunk.data) / 2 / chunk.sample_rate
        assert 0 < len(chunk.data) / 2 / chunk.sample_rate <= 0.2
    assert chunks[-1].last
    segments = [chunk.segment_id for chunk in chunks]
    assert segments == sorted(segments)
