"""Values of single fields: those that callers send every day, and those at and beyond the edges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, TypeAlias

import av
import numpy as np
from google.protobuf.descriptor import FieldDescriptor

Value: TypeAlias = "int | float | bool | str | bytes"

HANDLE = "@handle"  # stands for the newest handle that the sequence got
SESSION = "@session"  # stands for the session that the handle is of

SOURCES = ("en", "en-US")
TARGETS = ("es", "fr", "de", "ca", "it", "pt")
ACTIONS = ("commit", "pause", "resume", "set_target_lang", "set_dictionary", "interrupt", "ping", "end")
TEXTS = (
    "hello there",
    "The end of the call report is due, is it not?",
    "one two three four five six seven eight nine ten. ",
    "voicemail",
)

# By the name of a field, in whatever message it stands.
USUAL: Mapping[str, Sequence[Value]] = {
    "source_lang": SOURCES,
    "target_lang": TARGETS,
    "target_langs": TARGETS,
    "lang": (*TARGETS, "en-US", "es-ES"),
    "format": ("pcm16le", "pcm16le", "mulaw", "opus", "flac"),
    "sample_rate": (8_000, 16_000, 24_000, 44_100, 48_000),
    "action": ACTIONS,
    "marker": ("here", "x" * 64),
    "voice": ("", "es-1", "es-2", "fr-1"),
    "speaking_rate": (0.0, 0.5, 1.0, 2.0),
    "max_lag_ms": (0, 1_000, 20_000, 600_000),
    "trailing_silence_ms": (0, 200, 500, 3_000),
    "least_silence_ms": (0, 100, 300),
    "max_segment_ms": (0, 2_000, 15_000, 30_000),
    "latency_budget_ms": (0, 500, 1_500, 10_000),
    "heartbeat_ms": (0, 200, 10_000),
    "protocol_version": (0, 1),
    "first_segment_id": (0, 1, 7),
    "agreement": (0, 1, 10),
    "offset_samples": (0, 1_600, 16_000),
    "clock_ms": (0, 100, 5_000),
    "resume": (HANDLE,),
    "session_id": (SESSION,),
    "text": TEXTS,
    "source": ("voicemail", "call report", "US", "Asterisk"),
    "translation": ("", "buzón de voz"),
    "terms": ("voicemail", "call report"),
    "ipa": ("\u0259\u02c8st\u025b\u0279\u026ask", "a"),
    "name": ("", "kept"),
    "version": ("",),
    "stage": ("", "ASR", "MT", "TTS"),
    "traceparent": ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",),
    "interval_ms": (0, 100, 60_000),
    "pii_kinds": ("email", "phone", "card", "iban", "ip", "birth_date", "national_id"),
    "max_wait_ms": (0, 5, 100),
    "longest_pause_ms": (0, 200),
}

LONG_TAG = "es-" + "-".join(["abcdefgh"] * 2_000)
STRINGS: Sequence[str] = (
    "",
    " ",
    "\n",
    "a",
    "\0",
    "a\0b",
    "\x1b]0;x\x07\x1b[31m",
    "\u200b\u200e\u202e",
    "\ufeff\ufffe\uffff\ufdd0",
    "\U0001f469\u200d\U0001f467" * 20,
    "a" + "\u0301" * 1_900,
    "ﷺ" * 300,
    "ß\u0130\u0131",
    "a " * 999,
    "a" * 1_990,
    "(a) " * 490,
    "a. " * 660,
    "<speak>&lt;/speak>]]>",
    "../../../../etc/passwd",
    "%s%n{0}$(id)",
    "x" * 100_000,
    "en-x-" + "-".join(["a"] * 200),
    "und",
    "i-klingon",
    "en_US.UTF-8",
    "-",
    LONG_TAG,
)
SMALL = (0, 1, 2, 3, 7, 99, 199, 200, 499, 500, 999, 1_000, 1_999, 2_000, 10_001, 30_001, 65_535, 65_536, 600_001)
LARGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
NEGATIVE = (-1, -2, -(2**31), -(2**63))
FLOATS = (0.0, -0.0, 1e-45, 0.49, 2.01, -1.0, 3.4e38, math.inf, -math.inf, math.nan)

_BITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def usual(field: FieldDescriptor, random: Random) -> Value:
    """A value that such a field has in everyday calls."""
    choices: Sequence[Value] = (0, 1, 2, 100)
    match field.cpp_type:
        case _ if field.name in USUAL:
            choices = USUAL[field.name]
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            choices = (tone(100), silence(100), tone(1_000), b"")
        case FieldDescriptor.CPPTYPE_STRING:
            choices = (*TARGETS, *TEXTS)
        case FieldDescriptor.CPPTYPE_BOOL:
            choices = (False, True)
        case FieldDescriptor.CPPTYPE_ENUM:
            choices = [int(value.number) for value in (field.enum_type.values if field.enum_type else ())]
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            choices = (0.0, 0.5, 1.0)
    return random.choice(choices)


def edge(field: FieldDescriptor, random: Random) -> Value:
    """A value that hardly anybody sends."""
    choices: Sequence[Value]
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            choices = (b"", b"\0", b"odd", noise(random, 1_275), bytes(300_000), tone(6_000), b"fLaC\0\0\0\x22")
        case FieldDescriptor.CPPTYPE_STRING:
            choices = STRINGS
        case FieldDescriptor.CPPTYPE_BOOL:
            choices = (False, True)
        case FieldDescriptor.CPPTYPE_ENUM:
            choices = (-1, 99, 2**31 - 1)
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            choices = FLOATS
        case _:
            least, most = _BITS[field.cpp_type]
            choices = [number for number in (*SMALL, *LARGE, *NEGATIVE) if least <= number <= most]
    return random.choice(choices)


def noise(random: Random, most: int) -> bytes:
    """Random bytes, at most so many."""
    return random.randbytes(random.randrange(most + 1))


def mangled(data: bytes, random: Random) -> bytes:
    """The bytes with some changed, cut off, put in or repeated."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    match random.randrange(5):
        case 0:
            del changed[random.randrange(len(changed) + 1) :]
        case 1:
            changed += noise(random, 2_000)
        case 2:
            changed[random.randrange(len(changed) + 1) : 0] = b"\xff" * random.choice((1, 9, 10))
        case 3:
            changed += changed[: random.randrange(len(changed) + 1)]
    return bytes(changed)


@cache
def tone(milliseconds: int, rate: int = 16_000) -> bytes:
    """A tone in 16-bit PCM, which the scripted recognizer takes for speech."""
    times = np.arange(rate * milliseconds // 1000) / rate
    return np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes()


@cache
def silence(milliseconds: int, rate: int = 16_000) -> bytes:
    """Silence in 16-bit PCM."""
    return bytes(2 * (rate * milliseconds // 1000))


@cache
def packets(codec: str, rate: int) -> tuple[bytes, ...]:
    """A second of tone as packets of "libopus", or as the pieces of a stream of "flac"."""
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "s16"
    encoder.open()
    size = encoder.frame_size or 960
    sound = np.frombuffer(tone(1_000, rate), dtype="<i2")
    made: list[bytes] = []
    for start in range(0, len(sound) - size + 1, size):
        frame = av.AudioFrame.from_ndarray(sound[start : start + size].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        made += [bytes(packet) for packet in encoder.encode(frame)]
    made += [bytes(packet) for packet in encoder.encode(None)]
    if codec == "flac":
        info = bytes(encoder.extradata or b"")[-34:]
        made.insert(0, b"fLaC\x80" + len(info).to_bytes(3, "big") + info)
    return tuple(made)
