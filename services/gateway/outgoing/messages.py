"""The server's messages, made from the gateway's own values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import MeshError
from services.gateway.outgoing import closed
from services.gateway.outgoing.told_masks import tell_masks
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import SAMPLES_PER_MS, Caption, SpeechChunk, Steps, Transcript, Word, milliseconds
from services.gateway.values.terms import Glossary, TargetTerms, Terms, Uses

ServerMessage = pb.ServerMessage
_OF_A_CHUNK = [each.name for each in fields(SpeechChunk) if each.name != "typed"]
Event = pb.SpeechEventType


def ready(terms: Terms, settings: GatewaySettings, start: int | None = None, resume: str = "") -> pb.ServerMessage:
    """What was agreed, every default filled in; a resumed session's start in samples; a handle to resume from there."""
    config = pb.SessionConfig(
        source_lang=terms.source_lang,
        partial_results=terms.interim,
        targets=[target(each) for each in terms.targets],
        output=pb.AudioFormat(format=terms.output.format, sample_rate=terms.output.sample_rate),
        stabilization=pb.Stabilization.ValueType(terms.stabilization),
        endpointing=pb.Endpointing(trailing_silence_ms=terms.trailing_silence_ms, max_segment_ms=terms.max_segment_ms),
        latency_budget_ms=terms.latency_budget_ms,
        overload=pb.OverloadPolicy.ValueType(terms.overload),
        protocol_version=1,
        turn_taking=pb.TURN_TAKING_CONSECUTIVE if terms.consecutive else pb.TURN_TAKING_SIMULTANEOUS,
        heartbeat_ms=terms.heartbeat_ms,
        source_langs=terms.source_langs,
    )
    tell_masks(config, terms.masks)
    within = limits(settings)
    if not resume:
        within.resume_handle_ms = 0
    if terms.glossary.entries:
        config.glossary.CopyFrom(glossary(terms.glossary))
    if terms.input is not None:
        config.input.CopyFrom(pb.AudioFormat(format=terms.input.format, sample_rate=terms.input.sample_rate))
    return pb.ServerMessage(
        ready=pb.Ready(
            session_id=terms.session_id,
            config=config,
            limits=within,
            resume_offset_ms=None if start is None else milliseconds(start),
            resume_handle=resume,
            voices=[target_voice(each) for each in terms.targets if each.speech],
            narrowband=terms.too_narrow,
        )
    )


def target_voice(terms: TargetTerms) -> pb.TargetVoice:
    """The voice of a target, and why it is this one."""
    return pb.TargetVoice(
        target_lang=terms.lang,
        voice=terms.voice,
        engine=terms.why.engine,
        real_time_factor=terms.why.real_time_factor,
        reason=terms.why.reason,
    )


def glossary(agreed: Glossary) -> pb.Glossary:
    """The glossary in force, as the contract writes it."""
    terms = [
        pb.GlossaryTerm(
            source=entry.source, translations=dict(entry.translations), pronunciations=dict(entry.pronunciations)
        )
        for entry in agreed.entries
    ]
    return pb.Glossary(terms=terms, name=agreed.name, version=agreed.version)


def target(terms: TargetTerms) -> pb.Target:
    """One target as it was agreed."""
    if terms.captions:
        delivery = pb.DELIVERY_CAPTIONS_AND_SPEECH if terms.speech else pb.DELIVERY_CAPTIONS
    else:
        delivery = pb.DELIVERY_SPEECH
    if terms.same_language:
        same = pb.SameLanguage.ValueType(terms.same_language)
        return pb.Target(lang=terms.lang, delivery=pb.DELIVERY_CAPTIONS, same_language=same)
    same_if_spoken = max((each.same_language for _, each in terms.by_source), default=0)
    rate = terms.speaking_rate if terms.speech else 0
    max_lag_ms = terms.max_lag_ms if terms.speech else 0
    return pb.Target(
        lang=terms.lang,
        delivery=delivery,
        voice=terms.voice,
        speaking_rate=rate,
        max_lag_ms=max_lag_ms,
        same_language=pb.SameLanguage.ValueType(same_if_spoken),
        formality=pb.Formality.ValueType(terms.formality),
    )


def limits(settings: GatewaySettings) -> pb.Limits:
    """The limits that a session must stay within."""
    return pb.Limits(
        max_chunk_bytes=settings.max_chunk_bytes,
        max_chunk_ms=settings.max_chunk_ms,
        max_speed=0,
        idle_timeout_ms=settings.idle_timeout_ms,
        max_targets=settings.max_targets,
        max_text_length=settings.max_text_length,
        max_backlog_ms=settings.max_backlog_ms,
        max_glossary_terms=settings.max_glossary_terms,
        max_term_length=settings.max_term_length,
        resume_handle_ms=settings.resume_ttl_ms,
        max_glossary_bytes=settings.max_glossary_bytes,
        max_glossary_langs=settings.max_glossary_languages,
    )


def transcript(said: Transcript, default_lang: str = "") -> pb.ServerMessage:
    """A revision of a segment's transcript, in the default language unless it says another one."""
    result = pb.AsrResult(
        final=said.final,
        text=said.text,
        segment_id=said.segment_id,
        revision=said.revision,
        stable_length=said.stable_length,
        start_ms=said.start_samples // SAMPLES_PER_MS,
        end_ms=said.end_samples // SAMPLES_PER_MS,
        confidence=said.confidence,
        stability=said.stability,
        corrected=said.corrected,
        lang=said.language or default_lang,
        lang_confidence=said.language_confidence,
        lang_tentative=said.language_tentative,
        lang_unsure=said.language_unsure,
        words=map(_word, said.words),
        origin=closed.ORIGINS[said.typed],
    )
    return pb.ServerMessage(asr=result)


def _word(word: Word) -> pb.Word:
    return pb.Word(
        text=word.text,
        start_ms=milliseconds(word.start_samples),
        end_ms=milliseconds(word.end_samples),
        confidence=word.confidence,
    )


def translation(said: Transcript, caption: Caption, lang: str, revision: int, uses: Uses) -> pb.ServerMessage:
    """A revision of a segment's translation, made from `said`."""
    result = pb.TranslationResult(
        final=caption.final,
        text=caption.text,
        segment_id=said.segment_id,
        revision=revision,
        stable_length=caption.stable_length,
        target_lang=lang,
        source_revision=said.revision,
        start_ms=said.start_samples // SAMPLES_PER_MS,
        end_ms=said.end_samples // SAMPLES_PER_MS,
        glossary=glossary_uses(uses) if uses.terms else (),
        glossary_version=uses.version,
        retranslation=caption.retranslation,
        origin=closed.ORIGINS[said.typed],
    )
    return pb.ServerMessage(translation=result)


def text_translation(lang: str, text: str, uses: Uses) -> pb.TextTranslation:
    """The translation of a text without a session."""
    return pb.TextTranslation(target_lang=lang, text=text, glossary=glossary_uses(uses), glossary_version=uses.version)


def glossary_uses(uses: Uses) -> list[pb.GlossaryUse]:
    """What became of the glossary's terms in a translation."""
    return [
        pb.GlossaryUse(
            source=use.term.source, required=use.term.required, occurrences=use.occurrences, honoured=use.honoured
        )
        for use in uses.terms
    ]


def error(fault: MeshError, fatal: bool = False, segment_id: int = 0, target_lang: str = "") -> pb.ServerMessage:
    """A fault, as a message of the stream."""
    result = pb.Error(
        code=fault.code,
        message=str(fault),
        retry_after_ms=fault.retry_after_ms,
        stage=closed.stage(fault.stage),
        segment_id=segment_id,
        fatal=fatal,
        field=fault.field,
        accepted=fault.accepted,
        target_lang=target_lang,
    )
    return pb.ServerMessage(error=result)


def source_event(started: bool, offset_samples: int) -> pb.ServerMessage:
    """Word that the speaker started or stopped."""
    kind = Event.SPEECH_EVENT_TYPE_SOURCE_STARTED if started else Event.SPEECH_EVENT_TYPE_SOURCE_ENDED
    return pb.ServerMessage(speech_event=pb.SpeechEvent(type=kind, offset_ms=milliseconds(offset_samples)))


def voice_event(started: bool, offset_ms: int, lang: str) -> pb.ServerMessage:
    """A voice started or has no more to say for now."""
    kind = Event.SPEECH_EVENT_TYPE_VOICE_STARTED if started else Event.SPEECH_EVENT_TYPE_VOICE_ENDED
    return pb.ServerMessage(speech_event=pb.SpeechEvent(type=kind, offset_ms=offset_ms, target_lang=lang))


def latency(segment_id: int, lang: str, steps: Steps) -> pb.ServerMessage:
    """Where the time of one segment and target went."""
    return pb.ServerMessage(latency=pb.Latency(segment_id=segment_id, target_lang=lang, **asdict(steps)))


def speech(chunk: SpeechChunk) -> pb.ServerMessage:
    """A chunk of translated speech."""
    told = {name: getattr(chunk, name) for name in _OF_A_CHUNK}
    origin = closed.ORIGINS[chunk.typed]
    return pb.ServerMessage(tts=pb.TtsChunk(origin=origin, synthetic=True, **told))


def ack(delivered_samples: int, resume: str) -> pb.ServerMessage:
    """Everything before an offset has been delivered; a handle to continue from there."""
    return pb.ServerMessage(ack=pb.Ack(finalized_offset_ms=milliseconds(delivered_samples), resume_handle=resume))


def go_away(time_left_ms: int, resume: str) -> pb.ServerMessage:
    """The server stops soon; a handle to continue elsewhere."""
    return pb.ServerMessage(go_away=pb.GoAway(time_left_ms=time_left_ms, resume_handle=resume))


def flow(stages: Iterable[tuple[str, str, int]], held: bool) -> pb.ServerMessage:
    """The backlog per stage and language, given in samples."""
    backlog = [
        pb.StageBacklog(stage=closed.stage(stage), target_lang=lang, backlog_ms=milliseconds(behind))
        for stage, lang, behind in stages
    ]
    return pb.ServerMessage(flow=pb.Flow(backlog=backlog, held=held))


def missing_audio(from_samples: int, to_samples: int, filled: bool = False, corrupt: bool = False) -> pb.ServerMessage:
    """Audio that did not come, or came corrupt; where it is filled, the segment goes on."""
    reason = pb.GAP_REASON_CORRUPT_AUDIO if corrupt else pb.GAP_REASON_MISSING_AUDIO
    return _gap(from_samples, to_samples, reason, filled)


def quarantined(from_samples: int, to_samples: int) -> pb.ServerMessage:
    """Audio that is left out: recognizers ended on it."""
    return _gap(from_samples, to_samples, pb.GAP_REASON_QUARANTINED)


def skipped(from_samples: int, to_samples: int) -> pb.ServerMessage:
    """Audio that is left out: the work lies too far behind."""
    return _gap(from_samples, to_samples, pb.GAP_REASON_SKIPPED)


def _gap(from_samples: int, to_samples: int, reason: pb.GapReason.ValueType, filled: bool = False) -> pb.ServerMessage:
    gap = pb.Gap(from_ms=milliseconds(from_samples), to_ms=milliseconds(to_samples), reason=reason, filled=filled)
    return pb.ServerMessage(flow=pb.Flow(gaps=[gap]))


def degraded(stage: str, lang: str, reason: str, segment_id: int, over: bool = False) -> pb.ServerMessage:
    """A stage gave less than was asked of it, or, when that is over, gives all of it again."""
    return _degraded(stage, reason, target_lang=lang, segment_id=segment_id, over=over)


def tier(stage: str, lang: str, name: str, segment_id: int, over: bool) -> pb.ServerMessage:
    """From a segment on a stage uses a smaller one of its models, or, when that is over, the largest again."""
    return _degraded(stage, "TIER", target_lang=lang, segment_id=segment_id, over=over, tier=name)


def unspoken(lang: str, segment_id: int, text: str, reason: str) -> pb.ServerMessage:
    """Word of a clause that is not spoken."""
    return _degraded("TTS", reason, target_lang=lang, segment_id=segment_id, text=text)


def _degraded(stage: str, reason: str, **more: Any) -> pb.ServerMessage:
    less = pb.Degraded(stage=closed.stage(stage), reason=closed.degraded_reason(reason), **more)
    return pb.ServerMessage(flow=pb.Flow(degraded=[less]))


def end(lang: str = "") -> pb.ServerMessage:
    """Word that nothing more will come for a target, or for the session."""
    return pb.ServerMessage(end=pb.End(target_lang=lang))


def marker(text: str) -> pb.ServerMessage:
    """The echo of a client's ping."""
    return pb.ServerMessage(marker=pb.Marker(marker=text))
