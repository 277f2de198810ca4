"""What strangers send to the edge, made from a seed: to its own protocol, to rooms, to those of others. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.fuzz.edge_requests import ROOMS, Request, connections, readers, room_pages
from tests.fuzz.values import ACTIONS, SOURCES, TARGETS, TEXTS
from tests.mesh.mesh import UTTERANCE, loud, quiet

HANDLE = "@handle"  # stands for the newest handle that the sequence got
ODD: Sequence[Any] = (
    *(None, True, -1, 0, 1, 1 << 31, 1 << 63, 1e308, 0.5, "", "x" * 5000, "\ud800", "\x00", [], {}, [[]], "es", "xx"),
    {"a": {"b": 1}},
    "pcm16le",
    HANDLE,
)
NOT_JSON = (
    "{",
    "[" * 20_000,
    "null",
    '{"type": NaN}',
    '{"type": "ping"} x',
    "\ufeff{}",
    '{"a": 1e999}',
    "5",
    '"hello"',
)
FORMATS = (("pcm16le", 16_000), ("pcm16le", 8_000), ("mulaw", 8_000), ("opus", 48_000), ("flac", 16_000))


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a sequence: where it goes, what it sends, and how it is left."""

    protocol: str
    path: str
    protocols: Sequence[str]  # subprotocols that are offered
    sent: Sequence[str | bytes]
    raw: bytes  # sent behind that, past the framing; empty for nothing
    last: str | bytes  # what ends it politely; empty: the server is to end it
    ending: str  # "wait" for the server's end, "abort", "close", "deaf": read nothing for a while, then abort
    pause_seconds: float  # before the ending
    asked: Sequence[Request] = ()  # by HTTP: all of it, or beside the session


@dataclass(frozen=True, slots=True)
class EdgeSequence:
    """Connections one behind another; a later one may go on with an earlier one's session."""

    number: int
    connections: Sequence[Connection]


def edge_sequence(seed: int, number: int) -> EdgeSequence:
    """The same for the same numbers."""
    chance = Random(f"{seed} {number}")
    count = chance.choice([1, 1, 1, 2, 3])
    make = chance.choice([_own, _own, _own, _openai, _deepgram, _wyoming, _room, _room, None])
    if make is None:
        return EdgeSequence(number, [_by_http(chance) for _ in range(count)])
    made = [_connection(chance, make, index) for index in range(count)]
    return EdgeSequence(number, [_read_along(each, chance) if make is _own else each for each in made])


def _by_http(chance: Random) -> Connection:
    asked = chance.choice([connections, connections, readers, room_pages])(chance)
    return Connection("http", "", (), (), b"", "", "wait", 0.0, asked)


def _read_along(connection: Connection, chance: Random) -> Connection:
    return replace(connection, asked=readers(chance)) if chance.random() < 0.15 else connection


Made = tuple[str, str, list[Any], list[Any], "str | bytes"]  # protocol, path, the beginning, what may follow, the end


def _connection(chance: Random, make: Callable[[Random, int], Made], index: int) -> Connection:
    protocol, path, first, others, last = make(chance, index)
    told = [each if chance.random() < 0.88 else mutated(each, chance) for each in first]
    told += [_sometimes(chance.choice(others), chance) for _ in range(chance.choice([0, 1, 3, 8, 20]))]
    sent = [each if isinstance(each, bytes | str) else json.dumps(each) for each in told]
    if chance.random() < 0.25:
        sent.insert(chance.randrange(len(sent) + 1), chance.randbytes(chance.choice([0, 1, 3, 999, 70_000])))
    if chance.random() < 0.1:
        sent.insert(chance.randrange(len(sent) + 1), chance.choice(NOT_JSON))
    if chance.random() < 0.05:
        chance.shuffle(sent)
    raw = chance.choice(RAW) if chance.random() < 0.08 else b""
    ending = chance.choices(["wait", "abort", "close", "deaf"], [6, 2, 1, 1])[0]
    if raw and protocol == "room":  # half a frame may take the goodbye in
        ending = "abort"
    offered = chance.choice([(), (), ("babelmesh.v1",), ("babelmesh.v1", "babelmesh.bearer.eA"), ("chat",)])
    polite = last if chance.random() < 0.9 or protocol == "room" else ""  # whoever listens may stay for ever
    pause = chance.choice([0.0, 0.0, 0.05, 0.3])
    return Connection(protocol, path, offered if protocol == "own" else (), sent, raw, polite, ending, pause)


# Frames of WebSocket (RFC 6455, 5.2) that must not be: not masked, reserved bits and opcodes, a control frame in parts
# or too long, a text that is no UTF-8, a part that begins nothing, a length that is not meant, a close of one byte.
RAW = (
    b"\x81\x05hello",
    b"\xf1\x80\0\0\0\0",
    b"\x83\x80\0\0\0\0",
    b"\x09\x80\0\0\0\0",
    b"\x89\xfe\x00\x7e\0\0\0\0" + bytes(126),
    b"\x81\x82\0\0\0\0\xff\xfe",
    b"\x80\x80\0\0\0\0",
    b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    b"\x88\x81\0\0\0\0\x03",
    b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0",
    b"\x82\xfe\xff\xff\0\0\0\0half of it",
    b"GET / HTTP/1.1\r\n\r\n",
    bytes(range(256)),
)


def mutated(message: Any, chance: Random) -> Any:
    """A message with some of its parts changed, left out, repeated or made up."""
    if isinstance(message, dict):
        found = {name: mutated(value, chance) for name, value in message.items() if chance.random() > 0.07}
        if chance.random() < 0.15:
            found[chance.choice(["seq", "text", "session", "colour", "type", "targets", "data"])] = chance.choice(ODD)
        return found
    if isinstance(message, list):
        return [mutated(each, chance) for each in message for _ in range(chance.choice([1, 1, 1, 0, 2]))]
    return chance.choice(ODD) if chance.random() < 0.08 else message


def _sometimes(message: Any, chance: Random) -> Any:
    return mutated(message, chance) if isinstance(message, dict) and chance.random() < 0.2 else message


def _speech(chance: Random) -> bytes:
    return chance.choice([UTTERANCE, loud(0.3), quiet(0.5), loud(1) + quiet(1), b"\x01", chance.randbytes(5001)])


def _own(chance: Random, index: int) -> Made:
    form, rate = chance.choice(FORMATS)
    output = {"format": chance.choice(["opus", "pcm16le"]), "sample_rate": 24_000}
    features = chance.sample(["partial_results", "vad", "latency", "binary_audio", "viewing"], chance.randrange(6))
    targets = [
        {"lang": each, "delivery": chance.choice(["captions", "speech", "captions_and_speech"])} for each in TARGETS
    ]
    session: dict[str, Any] = {
        "source_lang": chance.choice(SOURCES),
        "targets": chance.sample(targets, chance.choice([1, 1, 2, 3])),
        "input": {"format": form, "sample_rate": rate},
        **({"output": output} if chance.random() < 0.5 else {}),
        **({"features": features} if chance.random() < 0.7 else {}),
        **({"dictionary": {"voicemail": "buzón"}} if chance.random() < 0.3 else {}),
        **({"formality": "casual"} if chance.random() < 0.1 else {}),
    }
    hello: dict[str, Any] = {"type": "hello", "version": "2026-05-01", "session": session}
    if index and chance.random() < 0.8:
        hello |= {"resume_handle": HANDLE}
        if chance.random() < 0.3:
            hello |= {"deaths": chance.choice([0, 1, 2, 1000]), "lost_server": "another", "received": {"clock_ms": 100}}
    last = chance.choice(['{"type":"end_of_audio"}', '{"type":"control","action":"end"}'])
    if chance.random() < 0.2:
        del session["targets"]
    named = ["target_lang=es"] if "targets" not in session else []
    return "own", _path(chance, "/v1/realtime", named), [hello], _own_messages(chance, form, rate), last


def _own_messages(chance: Random, form: str, rate: int) -> list[Any]:
    data = base64.b64encode(_speech(chance)).decode()
    audio = {"type": "input_audio", "format": form, "sample_rate": rate, "data": data}
    controls = [{"type": "control", "action": each} for each in ACTIONS if each != "end"]
    return [
        audio,
        {**audio, "seq": chance.randrange(1, 9)},
        {**audio, "offset_samples": chance.choice([0, 1600, 16_000, 10**12])},
        *({"type": "input_text", "text": each, "final": chance.random() < 0.7} for each in TEXTS),
        {"type": "input_text", "text": "again", "seq": 4},
        *controls,
        {"type": "control", "action": "set_target_lang", "targets": [{"lang": "fr"}]},
        {"type": "control", "action": "set_target_lang", "target_lang": "de"},
        {"type": "control", "action": "set_dictionary", "dictionary": {"x": "y"}},
        {"type": "control", "action": "ping", "marker": "m"},
        {"type": "ping", "id": chance.choice([1, "a", None, {"a": [1]}])},
        {"type": "keepalive"},
        {"type": "played", "target_lang": "es", "offset_ms": chance.choice([0, 5, 10**9])},
        _speech(chance),
    ]


def _room(chance: Random, index: int) -> Made:
    kind, rate = chance.choice(FORMATS)
    speaks = {
        "source_langs": chance.choice([["en"], ["auto"], ["en", "es"], []]),
        "input": {"format": kind, "sample_rate": rate},
    }
    join: dict[str, Any] = {
        "type": "join",
        "name": chance.choice(["Ann", "", "\u202e", "x" * 64]),
        "lang": chance.choice(TARGETS),
        **{each: chance.random() < 0.5 for each in ("captions", "voice", "original")},
        **(speaks if chance.random() < 0.6 else {}),
        **({"role": chance.choice(["listener", "speaker", "moderator"])} if chance.random() < 0.3 else {}),
        **({"received": {"0" * 12: 3}} if index and chance.random() < 0.5 else {}),
        **({"speaker": "0" * 12, "resume_handle": HANDLE} if index and chance.random() < 0.5 else {}),
    }
    data = base64.b64encode(_speech(chance)).decode()
    others = [
        {"type": "change", "lang": chance.choice(TARGETS), "voice": chance.random() < 0.5},
        {"type": "input_audio", "data": data},
        {"type": "input_audio", "data": data, "offset_samples": chance.choice([0, 1600, 10**12])},
        *({"type": "input_text", "text": each} for each in TEXTS),
        {"type": "input_text", "text": "again", "number": chance.choice([1, 4, 1 << 40])},
        *({"type": "control", "action": each} for each in ("commit", "pause", "resume", "end")),
        {"type": "set_terms", "terms": chance.choice([[{"en": "voicemail", "es": "buzón"}], [{}], [{"en": "a"}] * 50])},
        {"type": "ping", "id": chance.choice([1, "a", None])},
        {"type": "keepalive"},
        _speech(chance),
    ]
    return "room", _path(chance, f"/v1/rooms/{chance.choice(ROOMS)}", []), [join], others, '{"type":"leave"}'


def _openai(chance: Random, index: int) -> Made:
    update = {
        "type": "session.update",
        "session": {
            "audio": {"output": {"language": chance.choice(TARGETS)}, "input": {"transcription": {"model": "x"}}}
        },
    }
    append = {"type": "session.input_audio_buffer.append", "audio": base64.b64encode(_speech(chance)).decode()}
    path = _path(chance, "/v1/realtime/translations", ["source_lang=en", "model=babelmesh", "target_lang=es"])
    others = [append, append, update, {**append, "event_id": "mine"}, {"type": "response.create"}]
    return "openai", path, [update], others, '{"type":"session.close"}'


def _deepgram(chance: Random, index: int) -> Made:
    encoding = chance.choice(["linear16", "linear16", "mulaw", "opus", "flac"])
    asked = [f"encoding={encoding}", "sample_rate=16000", "language=en", "interim_results=true", "vad_events=true"]
    asked += ["utterance_end_ms=1000", f"endpointing={chance.choice(['300', 'false', '-1', '99999999'])}"]
    keeping = {"type": "KeepAlive"}
    others = [_speech(chance), _speech(chance), keeping, {"type": "Finalize"}, {"type": "Configure", "x": [1]}]
    return "deepgram", _path(chance, "/v1/listen", asked), [keeping], others, '{"type":"CloseStream"}'


def _path(chance: Random, path: str, parameters: Sequence[str]) -> str:
    named = [each for each in parameters if chance.random() < 0.9]
    if chance.random() < 0.1:
        named.append(
            chance.choice(["token=x", "colour=red", "target_lang=", "language=%00", "target_lang=xx&target_lang=es"])
        )
    return f"{path}?{'&'.join(named)}" if named else path


def _wyoming(chance: Random, index: int) -> Made:
    form = {"rate": chance.choice([16_000, 16_000, 8_000, 0]), "width": 2, "channels": 1}
    pcm = _speech(chance)
    chunk = _framed({"type": "audio-chunk", "data": form}, pcm)
    stop = {"type": "audio-stop"}
    others: list[Any] = [
        *(_line({"type": "transcribe", "data": {"language": each}}) for each in ("en", "xx", 5)),
        _line({"type": "audio-start", "data": form}),
        *(chunk, chunk, chunk, chunk[:-7]),
        _line(stop),
        *(_line({"type": kind}) for kind in ("describe", "ping", "detect", "synthesize-stop")),
        *(_line({"type": kind, "data": {"text": "good", "voice": {"language": "es"}}}) for kind in SPEAK),
        _line(mutated({"type": "synthesize", "data": {"text": "a", "voice": {"name": "x"}}}, chance)),
        chance.choice(
            [b'{"type":"ping","data_length":-1}\n', b'{"type":"ping","payload_length":99999999999}\n', b"\n"]
        ),
    ]
    first = [_line({"type": "transcribe", "data": {"language": "en"}}), _line({"type": "audio-start", "data": form})]
    return "wyoming", "", first, others, _line(stop)


SPEAK = ("synthesize", "synthesize-start", "synthesize-chunk")


def _line(header: Any) -> bytes:
    return json.dumps(header).encode() + b"\n"


def _framed(header: Mapping[str, Any], payload: bytes) -> bytes:
    return _line({**header, "payload_length": len(payload)}) + payload
