"""The largest message of every kind that a gateway takes, and the ones it refuses; and a client that sends one.

    python -m bench.strangers.largest_messages ADDRESS KIND NUMBER

The client opens what the message needs, prints how large it is, waits for a line, sends, and prints what came back.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import av
import grpc
import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.incoming.flac_header import crc8
from services.gateway.settings import GatewaySettings

SERVICE = "/realtime.v1.RealtimeTranslate/"
TARGETS = ("es", "fr", "de", "ca", "it", "pt", "gl", "oc")
RATE = 48_000
LIMITS = GatewaySettings.model_fields
TERMS, TERM, TEXT, GLOSSARY = (
    int(LIMITS[name].default)
    for name in ("max_glossary_terms", "max_term_length", "max_text_length", "max_glossary_bytes")
)
CHUNK = int(LIMITS["max_chunk_bytes"].default)

HIDING: dict[str, Any] = {"mask_pii": True, "mask_profanity": True}

Make: TypeAlias = Callable[[int], pb.ClientMessage]


def hello(**config: Any) -> pb.ClientMessage:
    """A hello for all targets at once."""
    defaults: dict[str, Any] = {"source_lang": "en", "targets": [pb.Target(lang=lang) for lang in TARGETS]}
    return pb.ClientMessage(hello=pb.SessionConfig(partial_results=True, **{**defaults, **config}))


def prefixes(number: int) -> pb.Glossary:
    """As many terms as there may be, each as long as it may be, all the same but for their ends."""
    words = " ".join(["a"] * 31)
    return pb.Glossary(terms=[pb.GlossaryTerm(source=f"{words} {index:x}{number}z") for index in range(TERMS)])


def translated(number: int) -> pb.Glossary:
    """A glossary of as many bytes as there may be, its terms in eight languages, none asked about before."""
    glossary = pb.Glossary()
    tags = [f"{lang}-x-{number:04d}{index:04d}" for index, lang in enumerate(TARGETS)]
    for index in range(TERMS):
        glossary.terms.add(source=f"word {index} {number}", translations={tag: f"{index} " + "y" * 40 for tag in tags})
        if glossary.ByteSize() > GLOSSARY - 1024:
            break
    return glossary


def received(handle: str) -> pb.ClientMessage:
    """A session that is resumed by a client that has as much of it as it may say."""
    segments = [
        pb.ReceivedSegment(
            transcript=pb.AsrResult(
                segment_id=index + 1, revision=1, final=True, origin=pb.ORIGIN_TYPED, text="t" * 180
            ),
            translations=[
                pb.ReceivedTranslation(target_lang=lang, text="u" * 180, final=True, revision=1, stable_length=180)
                for lang in TARGETS
            ],
        )
        for index in range(250)
    ]
    return hello(resume_handle=handle, received=pb.Received(session_id=_session(handle), segments=segments))


def _session(handle: str) -> str:
    import jwt  # noqa: PLC0415 - one kind of message needs it

    return str(jwt.decode(handle, options={"verify_signature": False})["session"])


def noise(samples: int) -> bytes:
    """PCM that nothing can compress."""
    return np.random.default_rng(7).integers(-20_000, 20_000, samples, dtype=np.int16).tobytes()


def encoded(codec: str, pcm: bytes, frame: int) -> list[bytes]:
    """Frames of PCM, of so many samples each."""
    context: Any = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
    if codec == "flac":
        context.options = {"frame_size": str(frame)}
    context.open()
    size = context.frame_size or frame
    packets = []
    samples = np.frombuffer(pcm, dtype="<i2")
    for start in range(0, len(samples) - size + 1, size):
        piece = av.AudioFrame.from_ndarray(samples[start : start + size].reshape(1, -1), format="s16", layout="mono")
        piece.sample_rate, piece.pts = RATE, start
        packets += [bytes(packet) for packet in context.encode(piece)]
    header = bytes(context.extradata or b"")
    return [b"fLaC\x80" + len(header).to_bytes(3, "big") + header, *packets] if codec == "flac" else packets


def flac(frame: int) -> bytes:
    """A chunk of FLAC as large as there may be, of frames of so many samples."""
    return b"".join(encoded("flac", noise(230_000), frame))[: CHUNK - 1]


def flac_headers() -> bytes:
    """A stream of FLAC that is nothing but frames' headers, numbered on, each of which may end the frame before it."""
    numbered = (bytes([0xFF, 0xF8, 0x1A, 0x08, number]) for number in range(128))
    headers = b"".join(octets + bytes([crc8(octets)]) for octets in numbered)
    return (b"fLaC\x80\0\0\x22" + bytes(34) + headers * (CHUNK // len(headers) + 1))[: CHUNK - 1]


def audio(data: bytes, sound: str, rate: int) -> pb.ClientMessage:
    """A chunk that says what it is."""
    return pb.ClientMessage(audio=pb.AudioChunk(data=data, format=sound, sample_rate=rate))


def text(words: str) -> pb.ClientMessage:
    """A whole segment of typed text."""
    return pb.ClientMessage(text=pb.TextChunk(text=words[:TEXT], final=True))


def control(action: str, **rest: Any) -> pb.ClientMessage:
    """A control message."""
    return pb.ClientMessage(control=pb.Control(action=action, **rest))


def unary(number: int, terms: pb.Glossary, words: str) -> pb.TranslateTextRequest:
    """A text for all targets."""
    del number
    return pb.TranslateTextRequest(text=words[:TEXT], source_lang="en", target_langs=TARGETS, glossary=terms)


MARKS = "a" + "\u0315\u0327" * TEXT

# By name: a hello before it, and the message itself. Those of `ALONE` need no session.
IN_SESSION: dict[str, tuple[Make, Make]] = {
    "audio: pcm16le": (lambda _: hello(), lambda _: audio(noise(CHUNK // 2), "pcm16le", RATE)),
    "audio: pcm16le, 8 kHz": (lambda _: hello(), lambda _: audio(noise(40_000), "pcm16le", 8_000)),
    "audio: mulaw": (lambda _: hello(), lambda _: audio(noise(120_000)[:240_000], "mulaw", RATE)),
    "audio: opus": (lambda _: hello(), lambda _: audio(encoded("libopus", noise(5_760), 960)[0], "opus", RATE)),
    "audio: flac": (lambda _: hello(), lambda _: audio(flac(4096), "flac", RATE)),
    "audio: flac, short frames": (lambda _: hello(), lambda _: audio(flac(192), "flac", RATE)),
    "audio: no frame of flac": (lambda _: hello(), lambda _: audio(b"\xff\xf8\x19\x18" * (CHUNK // 4), "flac", RATE)),
    "audio: headers of flac": (lambda _: hello(), lambda _: audio(flac_headers(), "flac", RATE)),
    "text: one word over and over": (lambda _: hello(), lambda _: text("a " * TEXT)),
    "text: a sentence a word": (lambda _: hello(), lambda _: text("a. " * TEXT)),
    "text: accents": (lambda _: hello(), lambda _: text(MARKS)),
    "text: masked, a digit over and over": (lambda _: hello(**HIDING), lambda _: text("phone 7 " * TEXT)),
    "text: masked, parts of addresses": (lambda _: hello(**HIDING), lambda _: text("a.b@c " * TEXT)),
    "text: masked, letters and digits": (lambda _: hello(**HIDING), lambda _: text("x1:" * TEXT)),
    "text: one word, terms that begin alike": (
        lambda number: hello(glossary=prefixes(number)),
        lambda _: text("a " * TEXT),
    ),
    "text: signs, terms of signs": (
        lambda _: hello(glossary=pb.Glossary(terms=[pb.GlossaryTerm(source="+-" * 30 + "a")])),
        lambda _: text("+-" * TEXT),
    ),
    "set_dictionary: terms that begin alike": (
        lambda _: hello(),
        lambda number: control("set_dictionary", glossary=prefixes(number)),
    ),
    "set_dictionary: many translations": (
        lambda _: hello(),
        lambda number: control("set_dictionary", glossary=translated(number)),
    ),
    "set_target_lang": (
        lambda _: hello(targets=[pb.Target(lang="es")]),
        lambda _: control("set_target_lang", targets=[pb.Target(lang=lang) for lang in TARGETS]),
    ),
    "set_target_lang: unknown": (
        lambda _: hello(),
        lambda number: control("set_target_lang", targets=[pb.Target(lang=f"tlh-x-{number}")] * 8),
    ),
    "interrupt": (lambda _: hello(), lambda _: control("interrupt")),
    "ping": (lambda _: hello(), lambda _: control("ping", marker="m" * 64)),
    "an unknown action": (lambda _: hello(), lambda _: control("x" * (GLOSSARY - 1024))),
}

ALONE: dict[str, Make] = {
    "hello": lambda _: hello(),
    "hello: terms that begin alike": lambda number: hello(glossary=prefixes(number)),
    "hello: many translations": lambda number: hello(glossary=translated(number)),
    "hello: new tags": lambda number: hello(targets=[pb.Target(lang=f"{lang}-x-{number}") for lang in TARGETS]),
    "hello: resumed": lambda _: hello(),
    "hello: empty targets": lambda _: hello(targets=[pb.Target()] * (GLOSSARY // 2)),
    "hello: 5 MiB": lambda _: hello(source_lang="a" * (5 << 20)),
}

UNARY: dict[str, Callable[[int], pb.TranslateTextRequest]] = {
    "TranslateText": lambda number: unary(number, prefixes(number), "a " * TEXT),
    "TranslateText: many translations": lambda number: unary(number, translated(number), "word 1 2 " * TEXT),
    "TranslateText: accents": lambda number: unary(number, prefixes(number), MARKS),
}

OTHERS = ("Describe", "bytes that are no message")
KINDS = (*ALONE, *IN_SESSION, *UNARY, *OTHERS)


async def send(address: str, kind: str, number: int) -> None:
    """Send one message, and wait for what it leads to."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        if kind in UNARY:
            await _ask(channel, "TranslateText", UNARY[kind](number).SerializeToString())
        elif kind == "Describe":
            await _ask(channel, "Describe", b"")
        else:
            await _stream(channel, kind, number)


async def _ask(channel: grpc.aio.Channel, method: str, request: bytes) -> None:
    asked: Any = channel.unary_unary(SERVICE + method)
    await _told(request)
    try:
        answer = await asked(request)
        print(f"answered, {len(answer)} bytes", flush=True)
    except grpc.aio.AioRpcError as error:
        print(error.code().name, flush=True)


async def _stream(channel: grpc.aio.Channel, kind: str, number: int) -> None:
    calls: Any = channel.stream_stream(SERVICE + "Stream", response_deserializer=pb.ServerMessage.FromString)
    call = calls()
    first: pb.ClientMessage | None = None
    request = b"\xff" * GLOSSARY
    if kind in IN_SESSION:
        opening, make = IN_SESSION[kind]
        first, request = opening(number), make(number).SerializeToString()
    elif kind == "hello: resumed":
        request = (await _resuming(calls())).SerializeToString()
    elif kind in ALONE:
        request = ALONE[kind](number).SerializeToString()
    if first is not None:
        await call.write(first.SerializeToString())
        await _until(call, lambda said: said.HasField("ready"))
    await _told(request)
    await call.write(request)
    if first is not None:
        await call.write(control("ping", marker="behind").SerializeToString())
    finals = {lang: 0 for lang in TARGETS if kind.startswith("text")}

    def over(said: pb.ServerMessage) -> bool:
        if finals and said.translation.final:
            finals.pop(said.translation.target_lang)
            return not finals
        return not finals and said.HasField("ready" if first is None else "marker")

    print(await _until(call, over), flush=True)
    call.cancel()


async def _resuming(call: Any) -> pb.ClientMessage:
    """The message that resumes a session which has just been opened, and left."""
    await call.write(hello().SerializeToString())
    said = await call.read()
    call.cancel()
    return received(said.ready.resume_handle)


async def _until(call: Any, wanted: Callable[[pb.ServerMessage], bool]) -> str:
    """Read up to a message, or to the end; what it was."""
    try:
        while (said := await call.read()) is not grpc.aio.EOF:
            if said.HasField("error") and (said.error.fatal or not said.error.segment_id):
                return str(said.error.code)
            if wanted(said):
                return str(said.WhichOneof("payload"))
        return str((await call.code()).name)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)


async def _told(request: bytes) -> None:
    """Say how large the message is, and wait for leave to send it."""
    print(f"ready {len(request)}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    random.seed(0)
    asyncio.run(send(sys.argv[1], sys.argv[2], int(sys.argv[3])))
