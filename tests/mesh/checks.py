"""What holds for every session, recomputed from what its client got."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import Heard


def check(heard: Heard, interrupted: bool = False) -> None:
    """Concluded text only grows, every segment ends once and in order, clocks never go back, voices take turns."""
    transcripts = heard.of("asr")
    _check_results(transcripts, may_correct=True)
    for lang in {each.target_lang for each in heard.of("translation")}:
        translations = [each for each in heard.of("translation") if each.target_lang == lang]
        _check_results(translations, may_correct=False)
        assert {each.segment_id for each in translations if each.final} <= {each.segment_id for each in transcripts}
    for lang in {each.target_lang for each in heard.of("tts")}:
        _check_voice(heard.speech(lang), interrupted)
        _check_turns(heard, lang)
    acks = [ack.finalized_offset_ms for ack in heard.of("ack")]
    assert acks == sorted(acks)
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


def _check_voice(chunks: list[Any], interrupted: bool) -> None:
    position = 0.0
    for chunk in chunks:
        assert abs(chunk.offset_ms - position) <= 1, "a voice's clock jumped"
        position += 1000 * len(chunk.data) / 2 / chunk.sample_rate
        assert 0 < len(chunk.data) / 2 / chunk.sample_rate <= 0.2
    if not interrupted:
        assert chunks[-1].last
    segments = [chunk.segment_id for chunk in chunks]
    assert segments == sorted(segments)


def _check_turns(heard: Heard, lang: str) -> None:
    """A voice has started before each chunk and has ended before the target does; both say where, on its own clock."""
    position, talking = 0.0, False
    for message in heard.messages:
        if message.HasField("tts") and message.tts.target_lang == lang:
            assert talking, "speech before its voice started"
            position += 1000 * len(message.tts.data) / 2 / message.tts.sample_rate
        elif message.HasField("speech_event") and message.speech_event.target_lang == lang:
            event = message.speech_event
            started = event.type == pb.SPEECH_EVENT_TYPE_VOICE_STARTED
            assert started != talking, "a voice started or ended twice"
            assert abs(event.offset_ms - position) <= 1, "a turn does not lie where its speech does"
            talking = started
        elif message.HasField("end") and message.end.target_lang == lang:
            assert not talking, "a target ended while its voice spoke"
