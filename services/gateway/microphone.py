"""A client's audio: from any format and rate to the recognizer's, on the session's one audio clock."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio import ASR_RATE, Pcm
from services.common.errors import InvalidArgument
from services.common.resampling import Resampler
from services.gateway.decoding import Decoder, Incomplete, decoder
from services.gateway.inputs import Audio, MissingAudio
from services.gateway.possible import Chunk, Reach
from services.gateway.settings import GatewaySettings
from services.gateway.terms import Sound

_QUICK_BYTES = 4096  # of FLAC: some frames


class Microphone:
    """One session's audio, from any format and rate to 16 kHz, on one clock.

    A chunk may say where it belongs. What was heard already is dropped; what is missing is told, and the clock goes on.
    A session that was resumed starts somewhere on the clock, as if all before it had been heard.
    """

    def __init__(
        self, sound: Sound, settings: GatewaySettings, start_samples: int = 0, reach: Reach | None = None
    ) -> None:
        if start_samples and sound.format == "flac":
            message = "A piece of a FLAC stream has no offset of its own, so the session cannot go on with it."
            raise InvalidArgument("RESUME_WITH_FLAC", message, "audio.format", ["pcm16le", "mulaw", "opus"])
        self._sound = sound
        self._max_chunk_ms = settings.max_chunk_ms
        self._decoder: Decoder = decoder(sound.format, sound.sample_rate, 48 * settings.max_chunk_ms)
        self._resampler = Resampler(self._decoder.rate, ASR_RATE)
        self._received = start_samples * self._decoder.rate // ASR_RATE  # at the decoder's rate, on the audio clock
        self._decoded = 0  # likewise: where the last packet of Opus ended
        self._next = start_samples  # offset of the next sample out
        self._reach = reach or Reach()

    def slow(self, size_bytes: int) -> bool:
        """Whether a chunk of so many bytes is work for a thread: FLAC's frames are found and decoded one by one."""
        return self._sound.format == "flac" and size_bytes > _QUICK_BYTES

    def hear(self, chunk: pb.AudioChunk) -> list[Audio | MissingAudio]:
        """What a chunk adds. Raises InvalidArgument when it does not fit what was agreed."""
        self._require_same(chunk)
        heard: list[Audio | MissingAudio] = []
        skip = 0
        if chunk.HasField("offset_samples"):
            rate = self._sound.sample_rate
            offset = chunk.offset_samples * self._decoder.rate // rate
            if offset > self._received:
                gap_samples = (offset - self._received) * rate // self._decoder.rate
                self._reach.require(gap_samples, Chunk(chunk.offset_samples, rate))
                heard += self._jump(offset)
            skip = self._received - offset
            if self._sound.format == "opus" and offset < self._decoded:
                return heard  # a packet is repeated whole or not at all
        decoded = self._decoder.decode(chunk.data)
        self._decoded = self._received - skip + len(decoded)
        pcm = decoded[skip:]
        if len(pcm) * 1000 > self._max_chunk_ms * self._decoder.rate:
            raise InvalidArgument(
                "CHUNK_TOO_LONG", "The chunk is too long.", "audio.data", [f"at most {self._max_chunk_ms} ms"]
            )
        self._received += len(pcm)
        return [*heard, *self._undecoded(), *self._resampled(pcm)]

    def rest(self) -> list[Audio | MissingAudio]:
        """What decoder and resampler still held back: there will be no more audio."""
        rest = self._resampled(self._decoder.finish(), last=True)
        return [*self._undecoded(), *rest]

    def _undecoded(self) -> list[MissingAudio]:
        """The parts of a stream that are damaged. Such a stream starts with the session, and so does its clock."""
        missing = self._decoder.missing() if isinstance(self._decoder, Incomplete) else []
        to_clock = ASR_RATE / self._decoder.rate
        return [MissingAudio(int(part.start * to_clock), int(part.end * to_clock)) for part in missing]

    def _jump(self, offset: int) -> list[Audio | MissingAudio]:
        heard: list[Audio | MissingAudio] = [*self.rest()]
        start, self._received = self._next, offset
        self._next = max(start, offset * ASR_RATE // self._decoder.rate)
        self._resampler = Resampler(self._decoder.rate, ASR_RATE)
        return [*heard, MissingAudio(start, self._next)]

    def _resampled(self, pcm: Pcm, last: bool = False) -> list[Audio]:
        converted = self._resampler.convert(pcm, last)
        if not len(converted):
            return []
        audio = Audio(converted, self._next)
        self._next = audio.end_samples
        return [audio]

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
