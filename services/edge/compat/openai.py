"""The protocol of OpenAI's `/v1/realtime/translations`: one target, deltas of concluded text, speech at 24 kHz.

What it has and a gateway has not is refused by name, and the session goes on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.compat.deltas import PIECE_MS, Appended, Pieces
from services.edge.faults import Fault, fault_told
from services.edge.fields import Json, as_bytes, as_echo, as_object, as_text, given
from services.edge.realtime.dialect import Received
from services.edge.realtime.inputs import Spoken, parsed
from services.edge.realtime.outputs import Event, Out

RATE = 24_000
MODEL = "babelmesh"
SESSION_SECONDS = 3600  # told to clients that want to know; a gateway has bounds of its own
APPEND, UPDATE, CLOSE = "session.input_audio_buffer.append", "session.update", "session.close"
_PIECE_BYTES = 2 * RATE // 5


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its client has set it up."""

    id: str
    expires_at: int  # in seconds of Unix time
    source: str = ""
    target: str = ""
    voice: str = ""
    transcribed: bool = False  # whether the client is sent what was spoken, too

    def updated(self, value: object) -> Session:
        """Return the session with what an update sets. Raises InvalidArgument."""
        told = _known(value, "session", ("type", "audio", "model"))
        audio = _known(given(told, "audio", {}), "session.audio", ("input", "output"))
        heard = _known(
            given(audio, "input", {}), "session.audio.input", ("language", "transcription", "noise_reduction", "format")
        )
        spoken = _known(given(audio, "output", {}), "session.audio.output", ("language", "voice", "format"))
        if heard.get("noise_reduction") is not None:
            message = "This server does not have it."
            raise InvalidArgument("NOT_IMPLEMENTED", message, "session.audio.input.noise_reduction", ["null"])
        for name, where in (("input", heard), ("output", spoken)):
            _require_format(where.get("format"), f"session.audio.{name}.format")
        return replace(
            self,
            source=as_text(given(heard, "language", self.source), "session.audio.input.language"),
            target=as_text(given(spoken, "language", self.target), "session.audio.output.language"),
            voice=as_text(given(spoken, "voice", self.voice), "session.audio.output.voice"),
            transcribed=self.transcribed if "transcription" not in heard else heard["transcription"] is not None,
        )

    def config(self) -> pb.SessionConfig:
        """Return what the gateway is asked for."""
        form = pb.AudioFormat(format="pcm16le", sample_rate=RATE)
        target = pb.Target(lang=self.target, voice=self.voice)
        return pb.SessionConfig(
            source_lang=self.source, targets=[target], partial_results=True, input=form, output=form
        )

    def told(self) -> dict[str, object]:
        """Return the session as its events tell it."""
        transcription = {"model": MODEL} if self.transcribed else None
        return {
            "id": self.id,
            "object": "realtime.session",
            "type": "translation",
            "model": MODEL,
            "expires_at": self.expires_at,
            "audio": {
                "input": {"language": self.source or None, "transcription": transcription, "noise_reduction": None},
                "output": {"language": self.target or None, "voice": self.voice or None},
            },
        }


def new_session(target: str = "") -> Session:
    """Return a session that has not been set up."""
    return Session(f"sess_{secrets.token_hex(12)}", int(time.time()) + SESSION_SECONDS, target=target)


def event(kind: str, **told: object) -> Event:
    """Return an event with an id of its own."""
    return {"type": kind, "event_id": f"event_{secrets.token_hex(8)}", **told}


@dataclass(slots=True)
class OpenAiDialect:
    """One connection that speaks OpenAI's protocol, from when its languages are known."""

    session: Session
    forgiving: bool = True
    heard_ms: float = 0.0
    fatal: int = 0
    _said: Appended = field(default_factory=Appended)
    _heard: Appended = field(default_factory=Appended)
    _pieces: Pieces = field(default_factory=lambda: Pieces(RATE))
    _elapsed_ms: int = 0
    _answers: list[Event] = field(default_factory=list)
    _refused_id: object = None  # of the client's event that was read last

    def read(self, message: Received) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's event. Raises InvalidArgument."""
        told = read_event(message)
        self._refused_id = told.get("event_id")
        match told["type"]:
            case "session.update":
                before, self.session = self.session, self.session.updated(told.get("session"))
                self._answers.append(event("session.updated", session=self.session.told()))
                if (before.target, before.voice) != (self.session.target, self.session.voice):
                    target = pb.Target(lang=self.session.target, voice=self.session.voice)
                    yield pb.ClientMessage(control=pb.Control(action="set_target_lang", targets=[target]))
            case "session.close":
                yield pb.ClientMessage(control=pb.Control(action="end"))
            case _:
                yield from self._audio(as_bytes(told.get("audio", ""), "audio"))

    def _audio(self, data: bytes) -> Iterator[pb.ClientMessage]:
        if len(data) % 2:
            raise InvalidArgument("HALF_A_SAMPLE", "It has an odd number of bytes.", "audio", ["samples of 16 bits"])
        self.heard_ms += len(data) * 500 / RATE
        for start in range(0, len(data), _PIECE_BYTES):
            yield pb.ClientMessage(audio=pb.AudioChunk(data=data[start : start + _PIECE_BYTES]))

    def spoken(self, spoken: Spoken) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for audio of a track, which has this protocol's rate."""
        self.heard_ms = (spoken.offset + len(spoken.pcm) // 2) * 1000 / RATE
        yield pb.ClientMessage(audio=pb.AudioChunk(data=spoken.pcm, offset_samples=spoken.offset))

    def answers(self) -> Iterator[Event]:
        """Yield the `session.updated` of an update."""
        yield from self._answers
        self._answers.clear()

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield nothing: the protocol has no such event."""
        return iter(())

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message of the gateway."""
        match message.WhichOneof("payload"):
            case "asr" if self.session.transcribed and not message.asr.lang_tentative:
                asr = message.asr
                text = self._heard.delta(asr.segment_id, asr.text, asr.stable_length, asr.final, asr.lang)
                yield from self._delta("session.input_transcript.delta", text, asr.end_ms)
            case "translation":
                given = message.translation
                lang = given.target_lang
                text = self._said.delta(given.segment_id, given.text, given.stable_length, given.final, lang)
                yield from self._delta("session.output_transcript.delta", text, given.end_ms)
            case "tts":
                yield from self._speech(message.tts)
            case "error":
                fault = fault_told(message.error)
                self.fatal = fault.status if message.error.fatal else self.fatal
                yield Out(self.refusal(fault, message.error.fatal))
            case "end" if not message.end.target_lang:
                yield Out(event("session.closed"))

    def _delta(self, kind: str, text: str, end_ms: int) -> Iterator[Out]:
        self._elapsed_ms = max(self._elapsed_ms, -(-end_ms // PIECE_MS) * PIECE_MS)
        if text:
            yield Out(event(kind, delta=text, elapsed_ms=self._elapsed_ms))

    def _speech(self, chunk: pb.TtsChunk) -> Iterator[Out]:
        pieces = self._pieces.cut(chunk.data, chunk.last)
        for index, piece in enumerate(pieces):
            told = event("session.output_audio.delta", sample_rate=RATE, channels=1, format="pcm16")
            told["elapsed_ms"] = self._elapsed_ms
            out = Out(told, None, chunk.target_lang, piece, False, key="delta")
            out.ends = chunk.last and index == len(pieces) - 1
            out.milliseconds = len(piece) * 500 / RATE
            yield out

    def refusal(self, fault: Fault, fatal: bool) -> Event:
        """Return the error of a fault; the session stays, unless it is fatal."""
        kind = "server_error" if fault.status >= 500 and fault.status != 501 else "invalid_request_error"
        kind = "rate_limit_error" if fault.status in (402, 429) else kind
        field_ = fault.field or None
        told = {"type": kind, "code": fault.code, "message": fault.message, "param": field_}
        return event("error", error={**told, "event_id": None if fatal else self._refused_id})

    def goodbye(self, milliseconds: int) -> None:
        """Say nothing: the protocol has no such event."""

    def beat(self) -> None:
        """Say nothing: the protocol has no such event."""


def read_event(message: Received) -> Mapping[str, object]:
    """Return a client's event, of a type that is known. Raises InvalidArgument."""
    text = message.get("text")
    if not isinstance(text, str):
        raise InvalidArgument("UNREADABLE_MESSAGE", "Events are JSON: audio is base64 in it.", "", [APPEND])
    told = parsed(text)
    known = {UPDATE: ("session",), APPEND: ("audio",), CLOSE: ()}
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in known:
        shown = quoted(kind) if isinstance(kind, str) else "such type"
        raise InvalidArgument("UNKNOWN_TYPE", f"There is no {shown} here.", "type", list(known))
    _known(told, "", ("type", "event_id", *known[kind]))
    as_echo(told.get("event_id"), "event_id")
    return told


def _known(value: object, path: str, names: tuple[str, ...]) -> Json:
    told = as_object(value, path)
    for name in told:
        if name not in names:
            at = f"{path}.{name[:64]}" if path else name[:64]
            raise InvalidArgument("UNKNOWN_FIELD", "There is no such field here.", at, list(names))
    return told


def _require_format(value: object, path: str) -> None:
    if value in (None, "pcm16"):
        return
    told = as_object(value, path)
    if told.get("type") not in (None, "audio/pcm") or told.get("rate") not in (None, RATE):
        raise InvalidArgument("UNKNOWN_FORMAT", "Audio is mono, 16 bits, 24 kHz.", path, [f"audio/pcm at {RATE}"])
