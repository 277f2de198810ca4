"""Messages of a client behind its hello, as messages to the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.fields import Json, as_bytes, as_integer, as_object, as_text, filled, given
from services.edge.glossary import add_dictionary
from services.edge.realtime.sequence import Sequence

PCM_WIDTHS = {"pcm16le": 2, "mulaw": 1}
_PIECE_MS = 200  # longest piece of raw samples in one message to the gateway
_NUMBERED = ("input_audio", "input_text")
STAY = "edge"  # the marker of pings that keep a session from timing out; its echo is not sent on
FIELDS: Mapping[str, tuple[str, ...]] = {
    "input_audio": ("seq", "format", "sample_rate", "data", "offset_samples"),
    "input_text": ("seq", "text", "final"),
    "control": ("seq", "action", "marker", "target_lang", "targets", "glossary", "dictionary"),
    "end_of_audio": (),
    "keepalive": (),
    "ping": ("id",),
    "played": ("target_lang", "offset_ms"),
}


def parsed(text: str) -> Json:
    """Return a client's message of JSON. Raises InvalidArgument."""
    try:
        message = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidArgument(
            "UNREADABLE_MESSAGE", "The message is no JSON.", "", ["a JSON object with a type"]
        ) from None
    return as_object(message, "")


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def kind_of(message: Json, fields: Mapping[str, tuple[str, ...]]) -> str:
    """Return the type of a message, where it and its fields are among those given. Raises InvalidArgument."""
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in fields:
        shown = quoted(kind) if isinstance(kind, str) else "such type"
        raise InvalidArgument("UNKNOWN_TYPE", f"There is no {shown}.", "type", sorted(fields))
    for name in message:
        if name != "type" and name not in fields[kind]:
            raise InvalidArgument("UNKNOWN_FIELD", f"There is no {quoted(name)} here.", kind, list(fields[kind]))
    return kind


@dataclass(frozen=True, slots=True)
class Spoken:
    """Audio of a track: mono, 16 bits, with its place on the session's audio clock."""

    pcm: bytes
    rate: int
    offset: int  # in samples


@dataclass(slots=True)
class Inputs:
    """The inputs of one connection: their format, their numbers, and where the session's audio stands."""

    format: str = ""
    rate: int = 0
    sequence: Sequence = field(default_factory=Sequence)
    heard_ms: float = 0.0  # where the audio stands that came
    langs: tuple[str, ...] = ()  # of the targets in force, which a dictionary is for
    typing: int = 0  # the number of the last text of an open typed segment
    played: dict[str, int] = field(default_factory=dict)  # how far voices were played, as the last messages told
    rest: bytes = b""  # of a sample that the next message goes on with

    def read(self, message: Json) -> Iterator[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a message. Raises InvalidArgument."""
        kind = kind_of(message, FIELDS)
        given = None if message.get("seq") is None else as_integer(message["seq"], f"{kind}.seq", 1)
        number = self.sequence.next(given) if kind in _NUMBERED else 0
        if number is None:
            return  # a repeat
        match kind:
            case "input_audio":
                yield from self._json_audio(message, number)
            case "input_text":
                yield self._text(message, number)
            case "control":
                yield self._control(message)
            case "end_of_audio":
                yield pb.ClientMessage(control=pb.Control(action="end"))
            case "played":
                lang = as_text(message.get("target_lang", ""), "played.target_lang")
                self.played[lang] = as_integer(message.get("offset_ms"), "played.offset_ms")
            case "ping" | "keepalive":
                yield pb.ClientMessage(control=pb.Control(action="ping", marker=STAY))

    def binary(self, data: bytes) -> Iterator[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a binary message: audio in the format that is known, or the end."""
        if not data:
            yield pb.ClientMessage(control=pb.Control(action="end"))
            return
        number = self.sequence.next(None) or 0
        yield from self._audio(data, number, None)

    def spoken(self, spoken: Spoken) -> Iterator[pb.ClientMessage]:
        """Yield what the gateway is to be sent for audio of a track."""
        self.format, self.rate = self.format or "pcm16le", self.rate or spoken.rate
        yield from self._audio(spoken.pcm, self.sequence.next(None) or 0, spoken.offset)

    def _json_audio(self, message: Json, number: int) -> Iterator[pb.ClientMessage]:
        for name, known, read in (("format", self.format, as_text), ("sample_rate", self.rate, as_integer)):
            value = message.get(name)
            if value is None:
                continue
            told = read(value, f"input_audio.{name}")
            if known and told != known:
                code = "FORMAT_CHANGED" if name == "format" else "SAMPLE_RATE_CHANGED"
                raise InvalidArgument(code, "It must stay as it was agreed.", f"input_audio.{name}", [str(known)])
        self.format = self.format or as_text(given(message, "format", ""), "input_audio.format")
        self.rate = self.rate or as_integer(given(message, "sample_rate", 0), "input_audio.sample_rate", beyond=1 << 32)
        offset = message.get("offset_samples")
        place = None if offset is None else as_integer(offset, "input_audio.offset_samples")
        if "data" not in message:
            raise InvalidArgument("FIELD_MISSING", "It has no samples.", "input_audio.data", ["base64"])
        yield from self._audio(as_bytes(message["data"], "input_audio.data"), number, place)

    def _audio(self, data: bytes, number: int, offset: int | None) -> Iterator[pb.ClientMessage]:
        if not self.format or not self.rate:
            message = "The first audio names its format and rate, or the hello does."
            raise InvalidArgument("FORMAT_MISSING", message, "input_audio.format", ["pcm16le, with a sample_rate"])
        if offset is not None:
            self.heard_ms, self.rest = offset * 1000 / self.rate, b""
        width = PCM_WIDTHS.get(self.format)
        if width is None:
            self.heard_ms += packet_ms(data) if self.format == "opus" else 0
            pieces = [data]
        else:
            data = self.rest + data
            whole = len(data) - len(data) % width
            self.rest, data = data[whole:], data[:whole]
            self.heard_ms += whole * 1000 / width / self.rate
            size = max(1, self.rate * _PIECE_MS // 1000) * width
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
        self.sequence.heard(number, self.heard_ms)
        for piece in pieces:
            chunk = pb.AudioChunk(data=piece, format=self.format, sample_rate=self.rate)
            if offset is not None:
                chunk.offset_samples = offset
                offset = offset + len(piece) // width if width else None
            yield pb.ClientMessage(audio=chunk)

    def _text(self, message: Json, number: int) -> pb.ClientMessage:
        text = as_text(message.get("text", ""), "input_text.text")
        final = message.get("final", True)
        if not isinstance(final, bool):
            raise InvalidArgument("WRONG_TYPE", "The value has another type.", "input_text.final", ["true or false"])
        self.typing = number if text.strip() else self.typing
        if final:
            self._close(number)
        return pb.ClientMessage(text=pb.TextChunk(text=text, final=final))

    def _close(self, number: int) -> None:
        """Record that the open typed segment ends with an input; a blank one is none."""
        if self.typing:
            self.sequence.closed(number)
        self.typing = 0

    def _control(self, message: Json) -> pb.ClientMessage:
        told = {name: value for name, value in message.items() if name not in ("type", "seq", "dictionary")}
        if told.get("action") == "set_target_lang" and "target_lang" in told:
            told["targets"] = [{"lang": told.pop("target_lang")}]
        control = filled(pb.Control(), told, "control")
        if control.marker == STAY:
            raise InvalidArgument("RESERVED_MARKER", "This marker is the server's own.", "control.marker", ["another"])
        if control.action in ("commit", "pause"):
            self._close(self.typing)
        if control.targets:
            self.langs = tuple(each.lang for each in control.targets)
        if "dictionary" in message:
            add_dictionary(control.glossary, message["dictionary"], self.langs, "control.dictionary")
        return pb.ClientMessage(control=control)


def packet_ms(packet: bytes) -> float:
    """Return how long an Opus packet lasts by its first bytes (RFC 6716, section 3.1); 20 ms for one without any."""
    if not packet:
        return 20.0
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = (10.0, 20.0, 40.0, 60.0)[configuration & 3]
    elif configuration < 16:
        frame = (10, 20)[configuration & 1]
    else:
        frame = (2.5, 5, 10, 20)[configuration & 3]
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 1)[code]
    return float(frame * count)
