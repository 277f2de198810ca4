"""Live speech translation: client, command line and local mesh.

async with babelmesh.connect("localhost:7700") as mesh:
    async with mesh.session("en", targets=["es", "ca"]) as session:
        async for event in session.translate(babelmesh.audio_file("talk.wav")):
            if isinstance(event, babelmesh.TranslationResult):
                print(event.target_lang, event.text)
"""

from babelmesh.audio import audio_file
from babelmesh.client import Mesh, connect
from babelmesh.errors import AddressUnusable, AudioUnreadable, BabelmeshError, GlossaryUnreadable, SessionFailed
from babelmesh.events import (
    Ack,
    AsrResult,
    DescribeResponse,
    End,
    Error,
    Event,
    Flow,
    Glossary,
    GlossaryTerm,
    GoAway,
    Latency,
    Marker,
    Ready,
    SessionConfig,
    SpeechEvent,
    Target,
    TranslationResult,
    TtsChunk,
)
from babelmesh.glossary import glossary_file
from babelmesh.session import Chunk, Session

__all__ = [
    "Ack",
    "AddressUnusable",
    "AsrResult",
    "AudioUnreadable",
    "BabelmeshError",
    "Chunk",
    "DescribeResponse",
    "End",
    "Error",
    "Event",
    "Flow",
    "Glossary",
    "GlossaryTerm",
    "GlossaryUnreadable",
    "GoAway",
    "Latency",
    "Marker",
    "Mesh",
    "Ready",
    "Session",
    "SessionConfig",
    "SessionFailed",
    "SpeechEvent",
    "Target",
    "TranslationResult",
    "TtsChunk",
    "audio_file",
    "connect",
    "glossary_file",
]
