"""A speaker's input of which not everything has come back: what a lost session needs again. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.realtime.inputs import PCM_WIDTHS, packet_ms
from services.edge.rooms.values import Input

MOST_SECONDS = 60  # of audio that is kept; of more, the oldest is missing should it be needed
MOST_CONTROLS = 50  # that wait to be written
MOST_TEXTS = 200  # that wait for their finals
_PIECE_MS = 200
_MOST_PACKET = 48 * 1275  # bytes: so many frames of so many (RFC 6716, section 3.2)
FORMATS = (*PCM_WIDTHS, "opus")


@dataclass(frozen=True, slots=True)
class Piece:
    """One input, with the end of its audio on the session's clock."""

    number: int  # rising
    message: pb.ClientMessage
    end_ms: float = 0.0  # of audio

    @property
    def kind(self) -> str:
        """The kind of the input: "audio", "text" or "control"."""
        return str(self.message.WhichOneof("payload"))


@dataclass(slots=True)
class Unfinished:
    """The inputs of one speaker, until their results are delivered."""

    input: Input | None
    at_samples: int = 0  # where the next audio is, on the session's clock
    typed: int = 0  # texts that were taken in, on the whole
    _pieces: deque[Piece] = field(default_factory=deque)
    _last: int = 0
    _rest: bytes = b""  # half a sample

    @property
    def at_ms(self) -> float:
        """Where the next audio is, in milliseconds."""
        return self.at_samples * 1000 / self.input.sample_rate if self.input else 0.0

    def audio(self, data: bytes, offset_samples: int | None) -> None:
        """Add audio, at an offset or behind the audio before it. Raises InvalidArgument where none was announced."""
        if self.input is None:
            message = "The speaker announced no audio: name its format when joining."
            raise InvalidArgument("FORMAT_MISSING", message, "join.input", list(FORMATS))
        if offset_samples is not None:
            self.at_samples, self._rest = offset_samples, b""
        width = PCM_WIDTHS.get(self.input.format)
        if width is None:
            if len(data) > _MOST_PACKET:
                accepted = [f"one Opus packet of at most {_MOST_PACKET} bytes"]
                raise InvalidArgument("PACKET_TOO_LONG", "This is no Opus packet.", "input_audio.data", accepted)
            self._place(data, round(packet_ms(data) * self.input.sample_rate / 1000))
            return
        data = self._rest + data
        whole = len(data) - len(data) % width
        self._rest = data[whole:]
        size = max(1, self.input.sample_rate * _PIECE_MS // 1000) * width
        for start in range(0, whole, size):
            piece = data[start : min(start + size, whole)]
            self._place(piece, len(piece) // width)

    def text(self, text: str, number: int | None) -> bool:
        """Add typed text, one segment; return whether it is new by its number."""
        if number is not None and number <= self.typed:
            return False
        if len([each for each in self._pieces if each.kind == "text"]) >= MOST_TEXTS:
            raise InvalidArgument("TOO_MANY_TEXTS", "Too many texts wait for their finals.", "input_text")
        self.typed = number or self.typed + 1
        self._add(pb.ClientMessage(text=pb.TextChunk(text=text, final=True)))
        return True

    def control(self, control: pb.Control) -> None:
        """Add a command, which counts for the call of now alone; one that sets something takes an older one's place."""
        sets = control.action.startswith("set_")
        self._keep(lambda each: not (sets and each.message.control.action == control.action))
        waiting = [each for each in self._pieces if each.kind == "control"]
        if len(waiting) >= MOST_CONTROLS:
            self._keep(lambda each: each is not waiting[0])
        self._add(pb.ClientMessage(control=control))

    def behind(self, number: int) -> Iterator[Piece]:
        """Yield the inputs behind a number."""
        for piece in list(self._pieces):
            if piece.number > number:
                yield piece

    def waiting_ms(self, number: int) -> float:
        """Return how much audio lies behind a number, in milliseconds."""
        first = next((each for each in self._pieces if each.number > number and each.kind == "audio"), None)
        return self.at_ms - first.end_ms if first else 0.0

    def delivered(self, offset_ms: int) -> None:
        """Drop the audio before an offset."""
        self._keep(lambda each: each.kind != "audio" or each.end_ms > offset_ms)

    def transcribed(self, result: pb.AsrResult) -> None:
        """Drop the typed text that a final transcript is of; audio is kept until its results are delivered."""
        if result.origin == pb.ORIGIN_TYPED:
            first = next((each for each in self._pieces if each.kind == "text"), None)
            self._keep(lambda each: each is not first)

    def written(self, piece: Piece) -> None:
        """Record that an input was written: a command is not written again."""
        if piece.kind == "control":
            self._keep(lambda each: each is not piece)

    def _place(self, data: bytes, samples: int) -> None:
        assert self.input is not None
        chunk = pb.AudioChunk(data=data, format=self.input.format, sample_rate=self.input.sample_rate)
        chunk.offset_samples = self.at_samples
        self.at_samples += samples
        self._add(pb.ClientMessage(audio=chunk))
        oldest = next(each for each in self._pieces if each.kind == "audio")
        if self.at_ms - oldest.end_ms > 1000 * MOST_SECONDS:
            self._keep(lambda each: each is not oldest)

    def _add(self, message: pb.ClientMessage) -> None:
        self._last += 1
        self._pieces.append(Piece(self._last, message, self.at_ms))

    def _keep(self, kept: Callable[[Piece], bool]) -> None:
        self._pieces = deque(each for each in self._pieces if kept(each))
