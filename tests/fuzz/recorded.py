"""Legal sequences as clients send them, to be sent as they are and with changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from google.protobuf.message import Message

from bench.hostile.calls import audio, control, text
from mesh.asr.v1 import asr_pb2
from realtime.v1 import realtime_translate_pb2 as pb
from tests.fuzz.values import TARGETS, TEXTS, packets, silence, tone

Recorded = Sequence[Message]

CHUNK_MS = 100


def hello(random: Random, audio: pb.AudioFormat | None = None, **config: Any) -> pb.ClientMessage:
    """A hello that is let in."""
    wanted = random.sample(TARGETS, random.choice((1, 1, 2, 6)))
    targets = [pb.Target(lang=lang, delivery=pb.Delivery.ValueType(random.randrange(4))) for lang in wanted]
    config = {
        "source_lang": "en-US",
        "partial_results": random.random() < 0.5,
        "overload": random.randrange(4),
        "turn_taking": random.randrange(3),
        "stabilization": random.randrange(5),
        **config,
    }
    return pb.ClientMessage(hello=pb.SessionConfig(targets=targets, input=audio, **config))


def typed(random: Random) -> Recorded:
    """A session of typed lines."""
    lines = [text(random.choice(TEXTS), random.random() < 0.8) for _ in range(random.randrange(1, 6))]
    return [hello(random), *lines]


def spoken(random: Random) -> Recorded:
    """A session of speech in PCM."""
    rate = random.choice((8_000, 16_000, 47_999))
    said = tone(1_200, rate) + silence(700, rate)
    size = 2 * (rate * CHUNK_MS // 1000)
    offset, chunks = 0, []
    for start in range(0, len(said), size):
        piece = said[start : start + size]
        where = {"offset_samples": offset} if random.random() < 0.3 else {}
        chunks.append(audio(piece, **where))
        offset += len(piece) // 2
    return [hello(random, pb.AudioFormat(format="pcm16le", sample_rate=rate)), *chunks, control("commit")]


def encoded(random: Random) -> Recorded:
    """A session of speech in Opus, FLAC or µ-law."""
    name, rate = random.choice((("opus", 48_000), ("flac", 16_000), ("mulaw", 8_000)))
    pieces = (tone(500, 4_000),) if name == "mulaw" else packets({"opus": "libopus"}.get(name, name), rate)
    return [hello(random, pb.AudioFormat(format=name, sample_rate=rate)), *(audio(piece) for piece in pieces)]


def commanded(random: Random) -> Recorded:
    """A session with every command, in some order."""
    glossary = pb.Glossary(terms=[pb.GlossaryTerm(source="call report", translations={"es": "informe de llamada"})])
    commands = [
        control("commit"),
        control("pause"),
        control("resume"),
        control("set_target_lang", targets=[pb.Target(lang=random.choice(TARGETS))]),
        control("set_dictionary", glossary=glossary),
        control("interrupt"),
        control("interrupt", target_lang="es"),
        control("ping", marker="here"),
    ]
    random.shuffle(commands)
    said: list[Message] = []
    for command in commands:
        said += [text(random.choice(TEXTS)), audio(tone(300)), command]
    first = hello(random, pb.AudioFormat(format="pcm16le", sample_rate=16_000), glossary=glossary, heartbeat_ms=200)
    return [first, *said, control("end")]


def recognized(random: Random) -> Recorded:
    """A call of the recognition stage."""
    config = asr_pb2.RecognizeConfig(lang="en-US", interim_results=True, first_segment_id=random.choice((0, 1, 5)))
    said = tone(1_500) + silence(700)
    requests = [asr_pb2.RecognizeRequest(config=config)]
    for start in range(0, len(said), 3_200):
        chunk = asr_pb2.AudioChunk(pcm=said[start : start + 3_200], offset_samples=start // 2)
        requests.append(asr_pb2.RecognizeRequest(audio=chunk))
    rest = (
        asr_pb2.RecognizeRequest(commit=asr_pb2.Commit()),
        asr_pb2.RecognizeRequest(marker=asr_pb2.Marker(id=7)),
        asr_pb2.RecognizeRequest(terms=asr_pb2.Terms(terms=["voicemail"])),
        asr_pb2.RecognizeRequest(segment_trace=asr_pb2.SegmentTrace(segment_id=1, traceparent="00-0af7651916cd43dd")),
    )
    for request in rest:
        requests.insert(random.randrange(1, len(requests) + 1), request)
    return requests


SESSIONS: Sequence[Callable[[Random], Recorded]] = (typed, spoken, encoded, commanded)
