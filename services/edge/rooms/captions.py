"""What members read and hear of a speaker, as messages. Pure."""

from __future__ import annotations

from dataclasses import replace

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.rooms.values import DUCKED_GAIN, SPOKEN, Clause, Event, Sent, sent


def spoken(speaker: str, result: pb.AsrResult, began_ms: int) -> Sent:
    """Return a segment in the speaker's own words."""
    event: Event = {
        **_segment(speaker, result.lang, result, began_ms),
        **({"lang_tentative": True} if result.lang_tentative else {}),
        **({"lang_unsure": True} if result.lang_unsure else {}),
    }
    return sent(event, replaces=(speaker, SPOKEN, result.segment_id))


def translated(
    speaker: str, transcript: pb.AsrResult, source: str, result: pb.TranslationResult, began_ms: int
) -> Sent:
    """Return a segment in another language, together with the words that it translates."""
    event: Event = {
        **_segment(speaker, result.target_lang, result, began_ms),
        "source": {"lang": transcript.lang, "text": source, "revision": result.source_revision},
        **({"retranslation": result.retranslation} if result.retranslation else {}),
    }
    return sent(event, replaces=(speaker, result.target_lang, result.segment_id))


def _segment(speaker: str, lang: str, result: pb.AsrResult | pb.TranslationResult, began_ms: int) -> Event:
    """Return what is told of a segment in any language."""
    return {
        "type": "segment",
        "speaker": speaker,
        "segment_id": result.segment_id,
        "lang": lang,
        "final": result.final,
        "text": result.text,
        "stable_length": len(result.text) if result.final else result.stable_length,
        "revision": result.revision,
        "start_ms": result.start_ms,
        "end_ms": result.end_ms,
        "at_ms": began_ms + result.start_ms,
        "origin": _origin(result.origin),
    }


def voice(speaker: str, chunk: pb.TtsChunk) -> Sent:
    """Return a piece of translated speech."""
    event: Event = {
        "type": "voice",
        "speaker": speaker,
        "lang": chunk.target_lang,
        "segment_id": chunk.segment_id,
        "offset_ms": chunk.offset_ms,
        "format": chunk.format,
        "sample_rate": chunk.sample_rate,
        "original_gain": DUCKED_GAIN,
        "synthetic": True,
        **({"text": chunk.text} if chunk.text else {}),
        **({"last": True} if chunk.last else {}),
    }
    length_ms = len(chunk.data) / 2 * 1000 / chunk.sample_rate if chunk.sample_rate else 0.0
    clause = Clause(f"{speaker}/{chunk.target_lang}", length_ms, bool(chunk.text), chunk.last)
    return replace(sent(event, chunk.data), clause=clause)


def gain(speaker: str, event: pb.SpeechEvent) -> Sent:
    """Return how loud the original is to be from an offset of a voice on."""
    started = event.type == pb.SPEECH_EVENT_TYPE_VOICE_STARTED
    return sent(
        {
            "type": "gain",
            "speaker": speaker,
            "lang": event.target_lang,
            "original": DUCKED_GAIN if started else 1.0,
            "offset_ms": event.offset_ms,
        }
    )


def left_out(speaker: str, less: pb.Degraded) -> Sent:
    """Return which clause has no speech, as the voice was too far behind."""
    return sent(
        {
            "type": "voice_skipped",
            "speaker": speaker,
            "lang": less.target_lang,
            "segment_id": less.segment_id,
            "reason": pb.DegradedReason.Name(less.reason).removeprefix("DEGRADED_REASON_"),
            "text": less.text,
        }
    )


def original(speaker: str, data: bytes, format_: str, sample_rate: int, offset_samples: int) -> Sent:
    """Return a piece of a speaker's own audio."""
    event: Event = {
        "type": "original",
        "speaker": speaker,
        "format": format_,
        "sample_rate": sample_rate,
        "offset_samples": offset_samples,
    }
    return sent(event, data)


def _origin(origin: pb.Origin.ValueType) -> str:
    return "typed" if origin == pb.ORIGIN_TYPED else "spoken"
