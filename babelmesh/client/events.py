"""The events that a session yields: the contract's messages, under their own names.

The generated classes are typed and documented by the .proto itself, so they are the events as they are; a second set of
classes would have to be kept in step with it for nothing. The rest of the package takes them from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from babelmesh._stubs.realtime.v1.realtime_translate_docs import DOCS
from babelmesh._stubs.realtime.v1.realtime_translate_pb2 import (
    DEGRADED_REASON_LANG_UNSURE,
    DEGRADED_REASON_MAX_LAG,
    DEGRADED_REASON_OVERLOAD,
    DEGRADED_REASON_QUARANTINED,
    DEGRADED_REASON_RUNAWAY,
    DEGRADED_REASON_TIER,
    DEGRADED_REASON_UNAVAILABLE,
    DEGRADED_REASON_UNSPECIFIED,
    DELIVERY_CAPTIONS,
    DELIVERY_CAPTIONS_AND_SPEECH,
    DELIVERY_SPEECH,
    DELIVERY_UNSPECIFIED,
    FORMALITY_FORMAL,
    FORMALITY_INFORMAL,
    FORMALITY_UNSPECIFIED,
    GAP_REASON_CORRUPT_AUDIO,
    GAP_REASON_MISSING_AUDIO,
    GAP_REASON_QUARANTINED,
    GAP_REASON_SKIPPED,
    GAP_REASON_UNSPECIFIED,
    ORIGIN_SPOKEN,
    ORIGIN_TYPED,
    ORIGIN_UNSPECIFIED,
    OVERLOAD_POLICY_BLOCK,
    OVERLOAD_POLICY_CAPTIONS_ONLY,
    OVERLOAD_POLICY_SKIP_AHEAD,
    OVERLOAD_POLICY_UNSPECIFIED,
    SAME_LANGUAGE_PASS_THROUGH,
    SAME_LANGUAGE_SILENCE,
    SAME_LANGUAGE_UNSPECIFIED,
    SPEECH_EVENT_TYPE_SOURCE_ENDED,
    SPEECH_EVENT_TYPE_SOURCE_STARTED,
    SPEECH_EVENT_TYPE_UNSPECIFIED,
    SPEECH_EVENT_TYPE_VOICE_ENDED,
    SPEECH_EVENT_TYPE_VOICE_STARTED,
    STABILIZATION_AGGRESSIVE,
    STABILIZATION_BALANCED,
    STABILIZATION_FAST,
    STABILIZATION_UNSPECIFIED,
    STABILIZATION_WHOLE_SEGMENTS,
    STAGE_ASR,
    STAGE_MT,
    STAGE_TTS,
    STAGE_UNSPECIFIED,
    TURN_TAKING_CONSECUTIVE,
    TURN_TAKING_SIMULTANEOUS,
    TURN_TAKING_UNSPECIFIED,
    Ack,
    AsrResult,
    AudioChunk,
    AudioFormat,
    ClientMessage,
    Control,
    Degraded,
    DegradedReason,
    Delivery,
    DescribeResponse,
    End,
    Endpointing,
    EngineInfo,
    Error,
    Flow,
    Formality,
    Gap,
    GapReason,
    Glossary,
    GlossaryTerm,
    GlossaryUse,
    GoAway,
    LanguagePair,
    Latency,
    Limits,
    Marker,
    Origin,
    OverloadPolicy,
    Ready,
    Received,
    ReceivedSegment,
    ReceivedTranslation,
    ReceivedVoice,
    Renewal,
    SameLanguage,
    ServerMessage,
    SessionConfig,
    SpeechEvent,
    SpeechEventType,
    Stabilization,
    Stage,
    StageBacklog,
    Target,
    TargetVoice,
    TextChunk,
    TranslationResult,
    TtsChunk,
    TurnTaking,
    Voice,
    Word,
)

Event: TypeAlias = (
    Ready
    | AsrResult
    | TranslationResult
    | TtsChunk
    | Error
    | SpeechEvent
    | Ack
    | Flow
    | Latency
    | GoAway
    | End
    | Marker
)
# A tree of JSON values.
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool"

__all__ = [
    "DEGRADED_REASON_LANG_UNSURE",
    "DEGRADED_REASON_MAX_LAG",
    "DEGRADED_REASON_OVERLOAD",
    "DEGRADED_REASON_QUARANTINED",
    "DEGRADED_REASON_RUNAWAY",
    "DEGRADED_REASON_TIER",
    "DEGRADED_REASON_UNAVAILABLE",
    "DEGRADED_REASON_UNSPECIFIED",
    "DELIVERY_CAPTIONS",
    "DELIVERY_CAPTIONS_AND_SPEECH",
    "DELIVERY_SPEECH",
    "DELIVERY_UNSPECIFIED",
    "FORMALITY_FORMAL",
    "FORMALITY_INFORMAL",
    "FORMALITY_UNSPECIFIED",
    "GAP_REASON_CORRUPT_AUDIO",
    "GAP_REASON_MISSING_AUDIO",
    "GAP_REASON_QUARANTINED",
    "GAP_REASON_SKIPPED",
    "GAP_REASON_UNSPECIFIED",
    "ORIGIN_SPOKEN",
    "ORIGIN_TYPED",
    "ORIGIN_UNSPECIFIED",
    "OVERLOAD_POLICY_BLOCK",
    "OVERLOAD_POLICY_CAPTIONS_ONLY",
    "OVERLOAD_POLICY_SKIP_AHEAD",
    "OVERLOAD_POLICY_UNSPECIFIED",
    "SAME_LANGUAGE_PASS_THROUGH",
    "SAME_LANGUAGE_SILENCE",
    "SAME_LANGUAGE_UNSPECIFIED",
    "SPEECH_EVENT_TYPE_SOURCE_ENDED",
    "SPEECH_EVENT_TYPE_SOURCE_STARTED",
    "SPEECH_EVENT_TYPE_UNSPECIFIED",
    "SPEECH_EVENT_TYPE_VOICE_ENDED",
    "SPEECH_EVENT_TYPE_VOICE_STARTED",
    "STABILIZATION_AGGRESSIVE",
    "STABILIZATION_BALANCED",
    "STABILIZATION_FAST",
    "STABILIZATION_UNSPECIFIED",
    "STABILIZATION_WHOLE_SEGMENTS",
    "STAGE_ASR",
    "STAGE_MT",
    "STAGE_TTS",
    "STAGE_UNSPECIFIED",
    "TURN_TAKING_CONSECUTIVE",
    "TURN_TAKING_SIMULTANEOUS",
    "TURN_TAKING_UNSPECIFIED",
    "Ack",
    "AsrResult",
    "AudioChunk",
    "AudioFormat",
    "ClientMessage",
    "Control",
    "Degraded",
    "DegradedReason",
    "Delivery",
    "DescribeResponse",
    "End",
    "Endpointing",
    "EngineInfo",
    "Error",
    "Event",
    "Flow",
    "Formality",
    "Gap",
    "GapReason",
    "Glossary",
    "GlossaryTerm",
    "GlossaryUse",
    "GoAway",
    "Json",
    "LanguagePair",
    "Latency",
    "Limits",
    "Marker",
    "Origin",
    "OverloadPolicy",
    "Ready",
    "Received",
    "ReceivedSegment",
    "ReceivedTranslation",
    "ReceivedVoice",
    "Renewal",
    "SameLanguage",
    "ServerMessage",
    "SessionConfig",
    "SpeechEvent",
    "SpeechEventType",
    "Stabilization",
    "Stage",
    "StageBacklog",
    "Target",
    "TargetVoice",
    "TextChunk",
    "TranslationResult",
    "TtsChunk",
    "TurnTaking",
    "Voice",
    "Word",
    "as_json",
    "event_json",
    "event_of",
    "short_name",
]


def document(name: str, thing: Any) -> None:
    """Set the contract's comment as the docstring of a message or an enum, with an enum's values."""
    if name not in DOCS or isinstance(thing, int):
        return
    values = thing.keys() if isinstance(thing, EnumTypeWrapper) else ()
    thing.__doc__ = "\n\n".join([DOCS[name], *(f"{value}: {DOCS[value]}" for value in values if value in DOCS)])


for _name in __all__:
    document(_name, globals().get(_name))


def short_name(enum: Any, value: int) -> str:
    """Return the short name of a value of an enum of the contract, as in "ASR" for STAGE_ASR; or its number."""
    names = dict(zip(enum.values(), enum.keys(), strict=True))
    return names[value].removeprefix(names[0].removesuffix("UNSPECIFIED")) if value in names else str(value)


def event_of(message: ServerMessage) -> Event | None:
    """Return the event inside a server message; None for a kind newer than this client."""
    kind = message.WhichOneof("payload")
    return getattr(message, kind) if kind else None


def event_json(event: Event, at_ms: float) -> dict[str, Json]:
    """Return an event as JSON: kind, time on the session's clock, and fields. Audio is given as its size."""
    kind = next(field.name for field in ServerMessage.DESCRIPTOR.fields if field.message_type is event.DESCRIPTOR)
    return {"event": kind, "at_ms": round(at_ms), **as_json(event)}


def as_json(message: Message) -> dict[str, Json]:
    """Return a message as JSON with the contract's names, defaults included; bytes become a count."""
    fields: dict[str, Json] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        names = {member.number: member.name for member in field.enum_type.values} if field.enum_type else {}
        if field.message_type and field.message_type.GetOptions().map_entry:
            fields[field.name] = dict(value)
        elif field.is_repeated:
            fields[field.name] = [_scalar(item, names) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            name = f"{field.name}_bytes" if isinstance(value, bytes) else field.name
            fields[name] = _scalar(value, names)
    return fields


def _scalar(value: object, names: Mapping[int, str]) -> Json:
    match value:
        case Message():
            return as_json(value)
        case bytes():
            return len(value)
        case float():
            return round(value, 4)  # a 32-bit float has no more to tell
        case int() if value in names:
            return names[value]
        case str() | bool() | int():
            return value
    raise TypeError(f"not a field's value: {type(value).__name__}")
