"""Messages of the gateway as events of a WebSocket.

A result's `seq` is that of the last input that it was made from. What a plain client needs stands first in an event,
what this protocol adds stands behind it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.faults import fault_told
from services.edge.plain import plain
from services.edge.realtime.hello import BINARY, LATENCY, OPUS, VAD, Asked
from services.edge.realtime.inputs import STAY, Inputs

Event = dict[str, object]

MOST_SEGMENTS = 64  # whose numbers are remembered

_SPEECH = {
    pb.SPEECH_EVENT_TYPE_SOURCE_STARTED: "speech_started",
    pb.SPEECH_EVENT_TYPE_SOURCE_ENDED: "speech_ended",
    pb.SPEECH_EVENT_TYPE_VOICE_STARTED: "voice_started",
    pb.SPEECH_EVENT_TYPE_VOICE_ENDED: "voice_ended",
}


@dataclass(slots=True)
class Out:
    """An event on its way to a client, with what may become of it while it waits."""

    event: Event
    replaces: tuple[str, int, str] | None = None  # newer interim results about the same thing take its place
    voice: str = ""  # target language of speech
    audio: bytes = b""  # of speech
    binary: bool = False  # whether the audio follows in a message of its own
    begins: bool = False  # whether a clause begins with it
    ends: bool = False
    milliseconds: float = 0.0  # of speech
    key: str = "data"  # that the audio has in the event

    @property
    def size(self) -> int:
        """About how many bytes the event takes while it waits."""
        text = self.event.get("text")
        return 300 + len(self.audio) + (len(text) * 2 if isinstance(text, str) else 0)


@dataclass(slots=True)
class Outputs:
    """Makes the events of one connection."""

    asked: Asked
    inputs: Inputs
    handle: str = ""  # the newest to resume with
    lag_ms: int = 0  # how far the stage that is furthest behind is behind
    numbers: dict[int, int] = field(default_factory=dict)  # of the last input of each segment, the newest segments
    fatal: int = 0  # the HTTP status of the error that ends the session

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message."""
        match message.WhichOneof("payload"):
            case "asr":
                yield self._transcript(message.asr)
            case "translation":
                yield self._translation(message.translation)
            case "tts":
                yield from self._speech(message.tts)
            case "ack":
                yield Out(self._ack(message.ack))
            case kind:
                yield from self._states(message, kind)

    def _states(self, message: pb.ServerMessage, kind: str | None) -> Iterator[Out]:
        match kind:
            case "ready":
                yield Out(self._ready(message.ready))
            case "error":
                yield Out(self._error(message.error))
            case "speech_event" if VAD in self.asked.features:
                yield Out(_speech_event(message.speech_event))
            case "flow":
                yield from self._flow(message.flow)
            case "latency" if LATENCY in self.asked.features:
                yield Out({"type": "latency", **plain(message.latency)})
            case "go_away":
                self.handle = message.go_away.resume_handle or self.handle
                yield Out(go_away(message.go_away.time_left_ms, self.handle))
            case "end":
                lang = message.end.target_lang
                yield Out({"type": "end_of_target", "target_lang": lang} if lang else {"type": "end_of_session"})
            case "marker" if message.marker.marker != STAY:
                yield Out({"type": "marker", "marker": message.marker.marker})

    def _transcript(self, result: pb.AsrResult) -> Out:
        typed = result.origin == pb.ORIGIN_TYPED
        numbers = self.inputs.sequence
        number = numbers.of_text(result.final) if typed else numbers.of_audio(result.end_ms)
        self._remember(result.segment_id, number)
        event: Event = {
            "type": "final_asr" if result.final else "partial_asr",
            "seq": number,
            "text": result.text,
            "segment_id": result.segment_id,
            "revision": result.revision,
            "stable_length": result.stable_length,
            "start_ms": result.start_ms,
            "end_ms": result.end_ms,
            "lang": result.lang,
            "origin": _origin(result.origin),
        }
        if result.lang_tentative:
            event["lang_tentative"] = True
        if result.lang_unsure:
            event["lang_unsure"] = True
        if result.confidence:
            event["confidence"] = round(result.confidence, 4)
        if result.corrected:
            event["corrected"] = True
        if result.words:
            event["words"] = [plain(each) for each in result.words]
        return Out(event, None if result.final else ("asr", result.segment_id, ""))

    def _remember(self, segment_id: int, number: int) -> None:
        self.numbers[segment_id] = number
        if len(self.numbers) > MOST_SEGMENTS:
            del self.numbers[next(iter(self.numbers))]

    def _translation(self, result: pb.TranslationResult) -> Out:
        numbers = self.inputs.sequence
        known = self.numbers.get(result.segment_id, numbers.last)
        event: Event = {
            "type": "final_translation" if result.final else "partial_translation",
            "seq": max(known, numbers.of_audio(result.end_ms)) if result.end_ms > result.start_ms else known,
            "text": result.text,
            "segment_id": result.segment_id,
            "revision": result.revision,
            "stable_length": result.stable_length,
            "start_ms": result.start_ms,
            "end_ms": result.end_ms,
            "target_lang": result.target_lang,
            "origin": _origin(result.origin),
            "source_revision": result.source_revision,
        }
        if result.retranslation:
            event["retranslation"] = result.retranslation
        if result.glossary:
            event["glossary"] = [plain(each) for each in result.glossary]
        return Out(event, None if result.final else ("translation", result.segment_id, result.target_lang))

    def _speech(self, chunk: pb.TtsChunk) -> Iterator[Out]:
        length_ms = chunk.samples * 1000 / chunk.sample_rate if chunk.sample_rate else 0.0
        event: Event = {
            "type": "tts_audio",
            "seq": self.numbers.get(chunk.segment_id, self.inputs.sequence.last),
            "format": chunk.format,
            "sample_rate": chunk.sample_rate,
            "target_lang": chunk.target_lang,
            "segment_id": chunk.segment_id,
            "offset_ms": chunk.offset_ms,
            "origin": _origin(chunk.origin),
        }
        for name in ("text", "last", "speaking_rate"):
            if value := getattr(chunk, name):
                event[name] = round(value, 3) if isinstance(value, float) else value
        if chunk.HasField("lag_ms"):
            event["lag_ms"] = chunk.lag_ms
        out = Out(
            event, None, chunk.target_lang, chunk.data, BINARY in self.asked.features, bool(chunk.text), chunk.last
        )
        out.milliseconds = length_ms
        if chunk.format == OPUS:
            event["samples"] = chunk.samples  # what a resumption counts
        yield out

    def _ready(self, ready: pb.Ready) -> Event:
        config = plain(ready.config)
        self.handle = ready.resume_handle
        self.inputs.heard_ms = max(self.inputs.heard_ms, float(ready.resume_offset_ms))
        self.inputs.langs = tuple(each.lang for each in ready.config.targets)
        event: Event = {
            "type": "ready",
            "session_id": ready.session_id,
            "server": ready.server,
            "session": {**config, "features": sorted(self.asked.features)},
            "limits": plain(ready.limits),
            "voices": [plain(each) for each in ready.voices],
            "resume_handle": ready.resume_handle,
        }
        if self.asked.config.resume_handle:
            event["resume_offset_ms"] = ready.resume_offset_ms
        if self.asked.notes:
            event["notes"] = list(self.asked.notes)
        if ready.narrowband:
            event["narrowband"] = True
        return event

    def _ack(self, ack: pb.Ack) -> Event:
        self.handle = ack.resume_handle or self.handle
        offset = ack.finalized_offset_ms
        return {
            "type": "ack",
            "audio_ms": offset,
            "seq": self.inputs.sequence.done(offset),
            "resume_handle": ack.resume_handle,
        }

    def _flow(self, flow: pb.Flow) -> Iterator[Out]:
        self.lag_ms = max((each.backlog_ms for each in flow.backlog), default=0)
        if flow.gaps or flow.degraded or flow.held:
            yield Out({"type": "flow", **plain(flow)})

    def _error(self, error: pb.Error) -> Event:
        told = fault_told(error)
        event = told.event()
        event["fatal"] = error.fatal
        told_beside = plain(error)
        event |= {name: told_beside[name] for name in ("stage", "segment_id", "target_lang") if name in told_beside}
        if error.fatal:
            self.fatal = told.status
        return event


def _origin(origin: pb.Origin.ValueType) -> str:
    return "typed" if origin == pb.ORIGIN_TYPED else "spoken"


def go_away(time_left_ms: int, handle: str) -> Event:
    """Return the warning that the server will close soon."""
    return {"type": "go_away", "time_left_ms": time_left_ms, "resume_handle": handle}


def heartbeat(inputs: Inputs, lag_ms: int) -> Event:
    """Return the sign of life of a session that has sent audio."""
    return {"type": "heartbeat", "audio_received_ms": round(inputs.heard_ms), "lag_ms": lag_ms}


def _speech_event(event: pb.SpeechEvent) -> Event:
    told: Event = {"type": _SPEECH.get(event.type, "speech_event"), "offset_ms": event.offset_ms}
    if event.target_lang:
        told["target_lang"] = event.target_lang
    return told


def with_audio(out: Out) -> Event:
    """Return the event of speech as it is sent: with its audio in base64, or the number of bytes that follow."""
    if out.binary:
        return {**out.event, "bytes": len(out.audio)}
    return {**out.event, out.key: base64.b64encode(out.audio).decode()}
