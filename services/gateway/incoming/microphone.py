"""A client's audio: from any format and rate to the recognizer's, on the session's one audio clock."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.audio.resampling import Resampler
from services.common.errors import InvalidArgument, StageFailed
from services.common.telemetry import metrics
from services.gateway.agreement.bounds import Chunk, Reach
from services.gateway.incoming.audio_clock import ClockRules, Packet, Packets, PlacedChunk, Timeline
from services.gateway.incoming.decoding import NOTHING, Concealing, Decoder, Incomplete, Missing, decoder
from services.gateway.incoming.filling import MIRRORED_MS, faded_in, faded_out, mirrored, stretched
from services.gateway.incoming.flac import MOST_DAMAGED_SAMPLES
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio, MissingAudio
from services.gateway.values.terms import Sound

_QUICK_BYTES = 4096  # of FLAC: some frames
_EDGE_SECONDS = 0.005  # in which sound fades where the clock jumps
_LATE = metrics.counter("babelmesh.audio.late")
Out: TypeAlias = Audio | MissingAudio
MOST_CORRUPT = 50  # packets in a row: a second of the usual ones, and nobody hears anything of it
_RETRY_MS = 200


class Microphone:
    """A session's audio, from any format and rate to 16 kHz, on one clock.

    A chunk may say where it belongs. What was heard already is dropped, what comes in another order is put in order;
    what is missing is told and filled, or the clock jumps. A session that was resumed starts somewhere on the clock, as
    if all before it had been heard.
    """

    def __init__(
        self,
        sound: Sound,
        settings: GatewaySettings,
        start_samples: int = 0,
        reach: Reach | None = None,
        silence_ms: int = 0,
    ) -> None:
        if start_samples and sound.format == "flac":
            message = "A piece of a FLAC stream has no offset of its own, so the session cannot go on with it."
            raise InvalidArgument("RESUME_WITH_FLAC", message, "audio.format", ["pcm16le", "mulaw", "opus"])
        self._sound = sound
        self._max_chunk_ms = settings.max_chunk_ms
        self._decoder: Decoder = decoder(sound.format, sound.sample_rate, 48 * settings.max_chunk_ms)
        self._resampler = Resampler(self._decoder.rate, ASR_RATE)
        start = start_samples * self._decoder.rate // ASR_RATE  # at the decoder's rate, on the audio clock
        filled_below = (silence_ms or settings.trailing_silence_ms) * self._decoder.rate // 1000
        rules = ClockRules(self._decoder.rate, filled_below, whole=sound.format == "opus")
        self._packets = Packets(sound, self._decoder.rate, start)
        self._timeline = Timeline(rules, start)
        self._hearing = Hearing(self._decoder)
        self._next = start_samples  # offset of the next sample out
        self._late_samples = 0  # that were counted
        self._plain = range(0)  # the lengths in bytes of a chunk that is audio as it comes, where it follows the others
        self._passed: tuple[int, Pcm] = (0, NOTHING)  # what came so since the clock was told: samples, the last chunk
        # Of a chunk that is no work for a thread; FLAC's frames are found and decoded one by one.
        self.quick_bytes = _QUICK_BYTES if sound.format == "flac" else sys.maxsize
        self._look_ahead()
        self._reach = reach or Reach()

    def hear(self, chunk: pb.AudioChunk) -> list[Out]:
        """What a chunk adds. Raises InvalidArgument when it does not fit what was agreed.

        Raises StageFailed when it is one of many in a row that are corrupt.
        """
        self._require_same(chunk)
        data, follows = chunk.data, not chunk.HasField("offset_samples")
        if (follows or chunk.offset_samples == self._packets.next) and len(data) in self._plain and not len(data) % 2:
            pcm: Pcm = np.frombuffer(data, "<i2")
            audio = Audio(pcm, self._next)
            self._passed = (self._passed[0] + len(pcm), pcm)
            self._packets.next += len(pcm)
            self._next += len(pcm)
            return [audio]
        self._catch_up()
        heard = self._placed(chunk)
        self._look_ahead()
        return heard

    def _catch_up(self) -> None:
        """Let the clock know of the chunks that followed each other, and were heard as they came."""
        samples, last = self._passed
        if samples:
            self._timeline.follow(samples)
            self._hearing.follow(last)
        self._passed, self._plain = (0, NOTHING), range(0)

    def _look_ahead(self) -> None:
        """Find out whether a chunk that follows needs no work: PCM at the right rate, and nothing is held or drifts."""
        plain = self._sound.format == "pcm16le" and self._decoder.rate == ASR_RATE
        if plain and self._timeline.at_rest(self._packets.next):
            self._plain = range(2 * MIRRORED_MS * ASR_RATE // 1000, 2 * self._max_chunk_ms * ASR_RATE // 1000 + 1)

    def _placed(self, chunk: pb.AudioChunk) -> list[Out]:
        """What a chunk adds that is to be put in its place, or decoded, or resampled."""
        if self._sound.format == "flac":
            pcm, missing = self._decoder.decode(chunk.data), self._missing()
            silent = sum(part.end - part.start for part in missing)  # it came with earlier chunks
            self._require_short(len(pcm) - min(silent, MOST_DAMAGED_SAMPLES))
            return [*self._undecoded(missing), *self._resampled(pcm)]
        offset_samples = chunk.offset_samples if chunk.HasField("offset_samples") else None
        heard: list[Out] = []
        for packet in self._packets.arrive(chunk.data, offset_samples):
            self._require_short(packet.samples)
            heard += self._played(self._timeline.arrive(packet))
        if self._timeline.late_samples != self._late_samples:
            self._count_late()
        return heard

    def settle(self) -> list[Out]:
        """What waited for chunks that should have come before it: a command counts behind all that was sent before."""
        self._catch_up()
        heard: list[Out] = []
        for packet in self._packets.settle():
            heard += self._played(self._timeline.arrive(packet))
        heard += self._played(self._timeline.settle())
        self._look_ahead()
        return heard

    def rest(self) -> list[Out]:
        """What is still held back, at any step: there will be no more audio."""
        settled = self.settle()
        self._hearing.require_audio()
        rest = self._resampled(self._decoder.flush(), last=True)
        return [*settled, *self._undecoded(self._missing()), *rest]

    def _missing(self) -> list[Missing]:
        return self._decoder.missing() if isinstance(self._decoder, Incomplete) else []

    def _undecoded(self, missing: list[Missing]) -> list[MissingAudio]:
        """The parts of a stream that are damaged. Such a stream starts with the session, and so does its clock."""
        return [
            MissingAudio(self._out(part.start), self._out(part.end), filled=part.filled, corrupt=part.filled)
            for part in missing
        ]

    def _played(self, pieces: Iterable[PlacedChunk]) -> list[Out]:
        heard: list[Out] = []
        for piece in pieces:
            if piece.missing:
                self._require_reached(piece)
            jumps = piece.missing > 0 and not piece.filled
            if jumps:
                heard += self._jump(piece)
            sound = self._hearing.hear(piece)
            if piece.filled or sound.corrupt:
                heard += self._gaps(piece, sound)
            pcm = faded_in(sound.pcm, self._edge(self._decoder.rate)) if jumps else sound.pcm
            heard += self._resampled(pcm)
        return heard

    def _jump(self, piece: PlacedChunk) -> list[Out]:
        """The clock goes on behind a hole too long to be filled: what was heard before it ends there."""
        rest = self._resampled(self._decoder.flush(), last=True)
        faded = [Audio(faded_out(audio.pcm, self._edge(ASR_RATE)), audio.offset_samples) for audio in rest]
        start, self._next = self._next, max(self._next, self._out(piece.at))
        self._resampler = Resampler(self._decoder.rate, ASR_RATE)
        return [*faded, MissingAudio(start, self._next)]

    def _gaps(self, piece: PlacedChunk, sound: Decoded) -> list[MissingAudio]:
        gaps = []
        if piece.filled:
            gaps.append(MissingAudio(self._out(piece.at - piece.missing), self._out(piece.at), filled=True))
        end = self._out(piece.at + piece.packet.samples - piece.skip)
        if sound.corrupt and end > self._out(piece.at):
            gaps.append(MissingAudio(self._out(piece.at), end, filled=True, corrupt=True))
        return gaps

    def _resampled(self, pcm: Pcm, last: bool = False) -> list[Audio]:
        converted = self._resampler.convert(pcm, last)
        if not len(converted):
            return []
        audio = Audio(converted, self._next)
        self._next = audio.end_samples
        return [audio]

    def _out(self, at: int) -> int:
        return at * ASR_RATE // self._decoder.rate

    def _edge(self, rate: int) -> int:
        return int(_EDGE_SECONDS * rate)

    def _count_late(self) -> None:
        more = self._timeline.late_samples - self._late_samples
        _LATE.add(more / self._decoder.rate)
        self._late_samples += more

    def _require_reached(self, piece: PlacedChunk) -> None:
        told, own = self._sound.sample_rate, self._decoder.rate
        self._reach.require(piece.missing * told // own, Chunk(piece.packet.offset * told // own, told))

    def _require_short(self, samples: int) -> None:
        if samples * 1000 > self._max_chunk_ms * self._decoder.rate:
            accepted = [f"at most {self._max_chunk_ms} ms"]
            raise InvalidArgument("CHUNK_TOO_LONG", "The chunk is too long.", "audio.data", accepted)

    def _require_same(self, chunk: pb.AudioChunk) -> None:
        agreed = self._sound
        if chunk.format not in ("", agreed.format):
            message = f"The session's format is {agreed.format!r}."
            raise InvalidArgument("FORMAT_CHANGED", message, "audio.format", [agreed.format])
        if chunk.sample_rate not in (0, agreed.sample_rate):
            message = f"The session's rate is {agreed.sample_rate} Hz."
            raise InvalidArgument("SAMPLE_RATE_CHANGED", message, "audio.sample_rate", [str(agreed.sample_rate)])
        if chunk.HasField("offset_samples") and agreed.format == "flac":
            message = "A piece of a FLAC stream has no offset of its own."
            raise InvalidArgument("OFFSET_WITH_FLAC", message, "audio.offset_samples", ["none with flac"])


@dataclass(frozen=True, slots=True)
class Decoded:
    """The sound of one piece, that of the filled hole before it included."""

    pcm: Pcm
    corrupt: bool = False


class Hearing:
    """Decodes one session's pieces. Its decoder makes up what is lost, where it can; else neighbours are mirrored."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._conceals = decoder if isinstance(decoder, Concealing) else None
        self._edge_samples = MIRRORED_MS * decoder.rate // 1000
        self._before = NOTHING  # the end of what was heard
        self._corrupt = 0  # in a row
        self._audio = False  # whether any packet was audio

    def hear(self, piece: PlacedChunk) -> Decoded:
        """A piece's sound, as long as the piece says. Raises StageFailed after many corrupt packets in a row."""
        fill_samples = piece.missing if piece.filled else 0
        concealed = self._conceals.conceal(fill_samples) if self._conceals and fill_samples else NOTHING
        pcm = self._decoded(piece.packet)
        corrupt = pcm is None
        own = self._made_up(piece.packet.samples) if pcm is None else pcm
        if len(own) != piece.packet.samples:
            own = _as_long(own, piece.packet.samples)
        own = stretched(own[piece.skip :], piece.stretch) if piece.stretch else own[piece.skip :]
        if fill_samples and not len(concealed):
            concealed = mirrored(self._before, own[: self._edge_samples], fill_samples)
        whole = np.concatenate((concealed, own)) if len(concealed) else own
        if self._conceals is None:
            self._before = np.concatenate((self._before, whole))[-self._edge_samples :]
        return Decoded(whole, corrupt)

    def follow(self, last: Pcm) -> None:
        """Note that audio was heard without this; `last` is the end of it, long enough to be mirrored."""
        self._before, self._corrupt, self._audio = last[-self._edge_samples :], 0, True

    def require_audio(self) -> None:
        """Raise InvalidArgument where something came, and none of it was audio, at the end of the stream."""
        if self._corrupt and not self._audio:
            message = "No packet could be decoded."
            raise InvalidArgument("UNDECODABLE_AUDIO", message, "audio.data", ["audio of the announced format"])

    def _decoded(self, packet: Packet) -> Pcm | None:
        """Decode a packet; None for one to be left out. Raises InvalidArgument for bytes that are no audio at all."""
        if not packet.data:
            return np.zeros(packet.samples, dtype=np.int16)
        try:
            pcm = self._decoder.decode(packet.data)
        except InvalidArgument as refusal:
            if self._conceals is None or packet.data.startswith(b"OggS"):
                raise
            self._corrupt += 1
            if self._corrupt >= MOST_CORRUPT:
                self.require_audio()
                message = f"{MOST_CORRUPT} packets in a row could not be decoded. The session may be resumed."
                fault = StageFailed("CORRUPT_AUDIO", message, "audio.data", refusal.accepted, _RETRY_MS)
                raise fault from refusal
            return None
        self._corrupt, self._audio = 0, True
        return pcm

    def _made_up(self, samples: int) -> Pcm:
        return self._conceals.conceal(samples) if self._conceals else np.zeros(samples, dtype=np.int16)


def _as_long(pcm: Pcm, samples: int) -> Pcm:
    """A packet's sound as long as the packet said that it is."""
    return np.concatenate((pcm, np.zeros(max(0, samples - len(pcm)), dtype=np.int16)))[:samples]
