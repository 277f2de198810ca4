"""The captions of Deepgram's `/v1/listen`: results, ends of utterances, and what a client says between its audio."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.faults import Fault, fault_told
from services.edge.realtime.dialect import Received
from services.edge.realtime.inputs import STAY, Inputs, parsed
from services.edge.realtime.outputs import Event, Out

ENCODINGS = {"linear16": "pcm16le", "mulaw": "mulaw", "opus": "opus", "flac": "flac"}
_FLAGS = ("interim_results", "vad_events", "punctuate", "smart_format")
_NUMBERS = ("sample_rate", "endpointing", "utterance_end_ms", "channels")
_TEXTS = ("model", "language", "encoding", "version", "mip_opt_out", "tag")
KNOWN = (*_FLAGS, *_NUMBERS, *_TEXTS)
_MODEL = {"name": "babelmesh", "version": "1", "arch": "babelmesh"}
_LEAST_SILENCE_MS, _MOST_SILENCE_MS = 200, 3000


@dataclass(frozen=True, slots=True)
class Listening:
    """What a client of `/v1/listen` asks for in its address."""

    config: pb.SessionConfig
    utterance_ends: bool = False
    speech_events: bool = False


def listening(query: Mapping[str, str]) -> Listening:
    """Read an address's parameters. Raises InvalidArgument for what this server has not, by name."""
    for name, value in query.items():
        if name not in KNOWN and value.lower() not in ("false", ""):
            raise InvalidArgument("NOT_IMPLEMENTED", "This server does not have it.", name[:64], list(KNOWN))
    encoding = query.get("encoding", "")
    if encoding not in ENCODINGS:
        message = "Audio has no container: its encoding and sample_rate are named."
        raise InvalidArgument("UNKNOWN_FORMAT", message, "encoding", list(ENCODINGS))
    if _number(query, "channels", 1) != 1:
        raise InvalidArgument("OUT_OF_RANGE", "Audio has one channel.", "channels", ["1"])
    lang = query.get("language", "en")
    target = pb.Target(lang=lang, delivery=pb.DELIVERY_CAPTIONS, same_language=pb.SAME_LANGUAGE_PASS_THROUGH)
    form = pb.AudioFormat(format=ENCODINGS[encoding], sample_rate=_number(query, "sample_rate", 16_000))
    config = pb.SessionConfig(source_lang=lang, targets=[target], input=form)
    config.partial_results = _flag(query, "interim_results")
    if query.get("endpointing", "false") not in ("false", "true"):
        silence = min(max(_number(query, "endpointing", 0), _LEAST_SILENCE_MS), _MOST_SILENCE_MS)
        config.endpointing.trailing_silence_ms = silence
    return Listening(config, _number(query, "utterance_end_ms", 0) > 0, _flag(query, "vad_events"))


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise InvalidArgument("WRONG_TYPE", "The value has another type.", name, ["true", "false"])
    return value == "true"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidArgument("WRONG_TYPE", "The value has another type.", name, ["a whole number"])
    return int(value)


@dataclass(slots=True)
class DeepgramDialect:
    """One connection that speaks Deepgram's protocol."""

    asked: Listening
    forgiving: bool = False
    fatal: int = 0
    request_id: str = field(default_factory=lambda: secrets.token_hex(16))
    _inputs: Inputs = field(default_factory=Inputs)
    _finalized: bool = False  # whether the next final was asked for
    _last_word: float = 0.0

    def __post_init__(self) -> None:
        self._inputs.format = self.asked.config.input.format
        self._inputs.rate = self.asked.config.input.sample_rate

    @property
    def heard_ms(self) -> float:
        """Where the session's audio stands that came, in milliseconds."""
        return self._inputs.heard_ms

    def read(self, message: Received) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's message. Raises InvalidArgument."""
        text = message.get("text")
        if not isinstance(text, str):
            data = message.get("bytes")
            yield from self._inputs.binary(data if isinstance(data, bytes) else b"")
            return
        match parsed(text).get("type"):
            case "KeepAlive":
                yield pb.ClientMessage(control=pb.Control(action="ping", marker=STAY))
            case "Finalize":
                self._finalized = True
                yield pb.ClientMessage(control=pb.Control(action="commit"))
            case "CloseStream":
                yield pb.ClientMessage(control=pb.Control(action="end"))
            case kind:
                shown = quoted(kind) if isinstance(kind, str) else "such type"
                accepted = ["KeepAlive", "Finalize", "CloseStream"]
                raise InvalidArgument("UNKNOWN_TYPE", f"There is no {shown} here.", "type", accepted)

    def answers(self) -> Iterator[Event]:
        """Yield nothing: the protocol answers no message at once."""
        return iter(())

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield nothing: there is no speech."""
        return iter(())

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message of the gateway."""
        match message.WhichOneof("payload"):
            case "asr":
                asr = message.asr
                yield Out(self._results(asr), None if asr.final else ("asr", asr.segment_id, ""))
                if asr.final and self.asked.utterance_ends:
                    yield Out({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": self._last_word})
            case "speech_event" if self.asked.speech_events:
                if message.speech_event.type == pb.SPEECH_EVENT_TYPE_SOURCE_STARTED:
                    at = message.speech_event.offset_ms / 1000
                    yield Out({"type": "SpeechStarted", "channel": [0, 1], "timestamp": at})
            case "error":
                fault = fault_told(message.error)
                self.fatal = fault.status if message.error.fatal else self.fatal
                yield Out(self.refusal(fault, message.error.fatal))
            case "end" if not message.end.target_lang:
                yield Out(self._metadata())

    def _results(self, asr: pb.AsrResult) -> Event:
        words = [
            {
                "word": each.text.strip(".,;:!?").lower(),
                "start": each.start_ms / 1000,
                "end": each.end_ms / 1000,
                "confidence": round(each.confidence, 4),
                "punctuated_word": each.text,
            }
            for each in asr.words
        ]
        self._last_word = asr.end_ms / 1000
        finalized, self._finalized = self._finalized and asr.final, self._finalized and not asr.final
        alternative = {"transcript": asr.text, "confidence": round(asr.confidence, 4), "words": words}
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": (asr.end_ms - asr.start_ms) / 1000,
            "start": asr.start_ms / 1000,
            "is_final": asr.final,
            "speech_final": asr.final and not finalized,
            "channel": {"alternatives": [alternative]},
            "metadata": {"request_id": self.request_id, "model_info": _MODEL, "model_uuid": "babelmesh"},
            "from_finalize": finalized,
        }

    def _metadata(self) -> Event:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": "",
            "created": "",
            "duration": self.heard_ms / 1000,
            "channels": 1,
            "models": ["babelmesh"],
            "model_info": {"babelmesh": _MODEL},
        }

    def refusal(self, fault: Fault, fatal: bool) -> Event:
        """Return the error of a fault."""
        return {"type": "Error", "variant": fault.code, "description": fault.message, "message": fault.field}

    def goodbye(self, milliseconds: int) -> None:
        """Say nothing: the protocol has no such event."""

    def beat(self) -> None:
        """Say nothing: the protocol has no such event."""
