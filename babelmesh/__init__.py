"""Live speech translation: the client of a mesh.

async with babelmesh.connect("localhost:7700") as mesh:
    async with mesh.session("en", targets=["es", "ca"]) as session:
        async for event in session.translate(babelmesh.audio_file("talk.wav")):
            if isinstance(event, babelmesh.TranslationResult):
                print(event.target_lang, event.text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babelmesh.client.audio import audio_file
    from babelmesh.client.errors import (
        AddressUnusable,
        AudioUnreadable,
        BabelmeshError,
        GlossaryUnreadable,
        SessionFailed,
    )
    from babelmesh.client.events import (
        DELIVERY_CAPTIONS,
        DELIVERY_CAPTIONS_AND_SPEECH,
        DELIVERY_SPEECH,
        DELIVERY_UNSPECIFIED,
        FORMALITY_FORMAL,
        FORMALITY_INFORMAL,
        FORMALITY_UNSPECIFIED,
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
        TURN_TAKING_CONSECUTIVE,
        TURN_TAKING_SIMULTANEOUS,
        TURN_TAKING_UNSPECIFIED,
        Ack,
        AsrResult,
        AudioFormat,
        Degraded,
        Delivery,
        DescribeResponse,
        End,
        Endpointing,
        EngineInfo,
        Error,
        Event,
        Flow,
        Formality,
        Gap,
        Glossary,
        GlossaryTerm,
        GlossaryUse,
        GoAway,
        LanguagePair,
        Latency,
        Limits,
        Marker,
        OverloadPolicy,
        Ready,
        SameLanguage,
        SessionConfig,
        SpeechEvent,
        SpeechEventType,
        Stabilization,
        StageBacklog,
        Target,
        TargetVoice,
        TranslationResult,
        TtsChunk,
        TurnTaking,
        Voice,
        Word,
    )
    from babelmesh.client.glossary import glossary_file
    from babelmesh.client.mesh import Mesh, connect
    from babelmesh.client.session import Chunk, Session

__all__ = [
    "DELIVERY_CAPTIONS",
    "DELIVERY_CAPTIONS_AND_SPEECH",
    "DELIVERY_SPEECH",
    "DELIVERY_UNSPECIFIED",
    "FORMALITY_FORMAL",
    "FORMALITY_INFORMAL",
    "FORMALITY_UNSPECIFIED",
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
    "TURN_TAKING_CONSECUTIVE",
    "TURN_TAKING_SIMULTANEOUS",
    "TURN_TAKING_UNSPECIFIED",
    "Ack",
    "AddressUnusable",
    "AsrResult",
    "AudioFormat",
    "AudioUnreadable",
    "BabelmeshError",
    "Chunk",
    "Degraded",
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
    "Glossary",
    "GlossaryTerm",
    "GlossaryUnreadable",
    "GlossaryUse",
    "GoAway",
    "LanguagePair",
    "Latency",
    "Limits",
    "Marker",
    "Mesh",
    "OverloadPolicy",
    "Ready",
    "SameLanguage",
    "Session",
    "SessionConfig",
    "SessionFailed",
    "SpeechEvent",
    "SpeechEventType",
    "Stabilization",
    "StageBacklog",
    "Target",
    "TargetVoice",
    "TranslationResult",
    "TtsChunk",
    "TurnTaking",
    "Voice",
    "Word",
    "audio_file",
    "connect",
    "glossary_file",
]

if not TYPE_CHECKING:
    # gRPC and protobuf take most of the time and memory of an import: they come with the first name that is used. Type
    # checkers see the imports above alone, so a name that is not there is an error to them.
    _MODULES = {
        "AddressUnusable": "errors",
        "AudioUnreadable": "errors",
        "BabelmeshError": "errors",
        "Chunk": "session",
        "GlossaryUnreadable": "errors",
        "Mesh": "mesh",
        "Session": "session",
        "SessionFailed": "errors",
        "audio_file": "audio",
        "connect": "mesh",
        "glossary_file": "glossary",
    }

    def __getattr__(name: str) -> object:
        """Import a public name when it is used for the first time."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  # with the rest

        thing = getattr(import_module(f"{__name__}.client.{_MODULES.get(name, 'events')}"), name)
        globals()[name] = thing
        return thing

    def __dir__() -> list[str]:
        """List the public names, imported or not."""
        return sorted({*globals(), *__all__})
