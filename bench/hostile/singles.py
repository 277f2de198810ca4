"""One message, or a few, each of which asks for much work or for something that cannot be."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

import av
import grpc
import numpy as np

from bench.hostile.calls import SIX, Attack, Case, audio, control, hello, sound, text, tone
from realtime.v1 import realtime_translate_pb2 as pb

TRANSLATE = "/realtime.v1.RealtimeTranslate/TranslateText"
LONG_TAG = "es-" + "-".join(["abcdefgh"] * 2_000)
RUNAWAY = "a " * 999
LINES = 3
FAR = (2**40, 2**53, 2**62, 2**63, 2**64 - 1)
BOMB_BYTES = 200_000_000

TEXTS = (
    "the quick brown fox jumps over it and " * 52,
    "a " * 800,
    "ab cd " * 333,
    "a" * 1_990,
    "a," * 990,
    "a. " * 660,
    '"a" ' * 490,
    "(a) " * 490,
    "a\n" * 990,
    "a\u00a0" * 990,
    "a" + "\u0301" * 1_980,
    "AB CD " * 333,
    "1 " * 990,
    "- " * 990,
    "o'c " * 490,
)


async def repeated_words(attack: Attack) -> None:
    """A glossary of long terms that differ in their last word only, against a text of their first word."""
    terms = [pb.GlossaryTerm(source=" ".join(["a"] * 44 + [f"{number:x}z".rjust(2, "0")])) for number in range(500)]
    glossary = pb.Glossary(terms=terms)
    await attack.ask(pb.TranslateTextRequest(text=RUNAWAY, source_lang="en", target_langs=["es"], glossary=glossary))


async def many_tags(attack: Attack) -> None:
    """A glossary whose one term has translations for a hundred thousand languages."""
    tags = {f"es-x-{number:08d}": "b" for number in range(100_000)}
    glossary = pb.Glossary(terms=[pb.GlossaryTerm(source="foo", translations=tags)])
    await said(attack, hello(glossary=glossary))


async def long_tags(attack: Attack) -> None:
    """Language tags of thousands of parts, everywhere that one can stand."""
    await said(attack, hello(source=LONG_TAG))
    await said(attack, hello(LONG_TAG))
    await said(attack, hello(), control("interrupt", target_lang=LONG_TAG))
    await said(attack, hello(), control("set_target_lang", targets=[pb.Target(lang=LONG_TAG)]))
    term = pb.GlossaryTerm(source="a", translations={LONG_TAG: "x"}, pronunciations={LONG_TAG: "a"})
    await said(attack, hello(), control("set_dictionary", glossary=pb.Glossary(terms=[term])))
    await attack.ask(pb.TranslateTextRequest(text="a", source_lang=LONG_TAG, target_langs=["es"]))


async def long_strings(attack: Attack) -> None:
    """A megabyte where a word is expected."""
    for size in (9_000, 20_000, 1_000_000):
        await said(attack, hello(source="a" * size))
        await attack.ask(pb.TranslateTextRequest(text="a", source_lang="a" * size, target_langs=["es"]))
    await said(attack, hello(), control("x" * 1_000_000))
    await said(attack, hello(), text("x" * 1_000_000))
    await said(attack, hello(glossary=pb.Glossary(name="x" * 1_000_000)))


async def far_offsets(attack: Attack) -> None:
    """Audio that claims to be thousands of years from the session's start."""
    for rate in (16_000, 8_000):
        for offset in FAR:
            here = audio(bytes(3_200), offset_samples=offset)
            await said(attack, hello(input=sound(rate)), here, audio(tone(600)), control("commit"))


async def odd_values(attack: Attack) -> None:
    """Numbers that are none, names of files, control characters, a thousand targets."""
    for rate in (math.nan, math.inf, 1e-45):
        config = pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es", speaking_rate=rate)])
        await said(attack, pb.ClientMessage(hello=config))
    for name in ("../../../../etc/passwd", "a\0b"):
        await said(attack, hello(glossary=pb.Glossary(name=name)))
    await said(attack, hello(*["es"] * 1_000))
    await said(attack, hello(), control("\x1b]0;x\x07"))
    await said(attack, hello(), control("ping", marker="\x1b[31m" * 8))


async def compressed(attack: Attack) -> None:
    """A message of zeros that is small on the wire and large once it is decompressed."""
    async with attack.channel() as channel:
        call: Any = channel.unary_unary(TRANSLATE)
        while attack.left > 0:
            try:
                await call(bytes(BOMB_BYTES), compression=grpc.Compression.Gzip, metadata=attack.metadata, timeout=30)
            except grpc.aio.AioRpcError as error:
                attack.came[error.code().name] += 1


async def runaway(attack: Attack) -> None:
    """The longest text of one word repeated, in six languages."""
    lines = [text(RUNAWAY) for _ in range(LINES)]
    await said(attack, hello(*SIX), *lines)


async def odd_texts(attack: Attack) -> None:
    """The longest texts of many kinds: no spaces, only punctuation, only marks, only digits."""
    for each in TEXTS:
        await said(attack, hello("es", "fr", "de", partial_results=True), text(each[:1_998]))


async def poisoned_clock(attack: Attack) -> None:
    """A session that is resumed with a clock that stands centuries ahead."""
    first = hello(input=sound())
    async with attack.stream() as call:
        await call.write(first)
        ready = await attack.read(call)
    if ready is None or not ready.ready.resume_handle:
        return
    again = pb.ClientMessage()
    again.CopyFrom(first)
    again.hello.resume_handle = ready.ready.resume_handle
    again.hello.received.session_id = ready.ready.session_id
    again.hello.received.clock_ms = 2**40
    spoken = bytes(6_400) + tone(1_200)
    chunks = [audio(spoken[at : at + 3_200], offset_samples=at // 2) for at in range(0, len(spoken), 3_200)]
    await said(attack, again, *chunks, control("commit"))


async def mutated_audio(attack: Attack) -> None:
    """Opus packets and FLAC streams with bytes changed, cut off and put in."""
    random = Random(5)
    while attack.left > 0:
        name, rate = random.choice((("opus", 48_000), ("flac", 16_000)))
        pieces = [audio(mutated(piece, random)) for piece in packets(name, rate)]
        await said(attack, hello(input=sound(rate, name)), *pieces)


def mutated(data: bytes, random: Random) -> bytes:
    """The bytes with some changed."""
    changed = bytearray(data)
    for _ in range(random.choice((0, 1, 1, 2, 5, 20))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    if random.random() < 0.1:
        del changed[random.randrange(len(changed) + 1) :]
    return bytes(changed) + (random.randbytes(random.randrange(2_000)) if random.random() < 0.05 else b"")


@cache
def packets(name: str, rate: int) -> tuple[bytes, ...]:
    """Some packets of a tone; of FLAC, its head before them."""
    encoder: Any = av.CodecContext.create({"opus": "libopus"}.get(name, name), "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
    encoder.open()
    size = encoder.frame_size or 960
    made: list[bytes] = []
    for number in range(12):
        wave = (9_000 * np.sin(np.arange(number * size, (number + 1) * size) * 0.05)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        made += [bytes(packet) for packet in encoder.encode(frame)]
    made += [bytes(packet) for packet in encoder.encode(None)]
    head = bytes(encoder.extradata or b"")[-34:]
    return (b"fLaC\x80\0\0\x22" + head, *made) if name == "flac" else tuple(made)


async def said(attack: Attack, *messages: pb.ClientMessage) -> None:
    """A session of these messages, read to its end."""
    async with attack.stream() as call, asyncio.TaskGroup() as group:
        reading = group.create_task(attack.read_all(call))
        try:
            for message in messages:
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            attack.came["ended while it wrote"] += 1
        await asyncio.wait({reading}, timeout=max(1.0, attack.left))
        call.cancel()


SINGLES: Mapping[str, Case] = {
    "glossary of repeated words": repeated_words,
    "term in 100,000 languages": many_tags,
    "language tags of 2000 parts": long_tags,
    "a megabyte for a word": long_strings,
    "offsets of centuries": far_offsets,
    "odd values": odd_values,
    "200 MB, compressed": compressed,
    "one word, repeated": runaway,
    "texts of odd kinds": odd_texts,
    "a clock of centuries": poisoned_clock,
    "audio, mutated": mutated_audio,
}
