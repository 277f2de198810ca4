"""The place of each chunk on the session's audio clock, in samples of the input's own rate. Pure."""

from __future__ import annotations

from babelmesh.client.events import AudioChunk, AudioFormat

# Samples of one Opus frame at 48 kHz, by the configuration number of its packet (RFC 6716, table 2).
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
OPUS_RATE = 48_000
USUAL_OPUS_SAMPLES = 960  # what a packet lasts that does not tell, unless others came before it
MOST_OPUS_SAMPLES = 5760  # of a packet: one that tells more is corrupt


class AudioClock:
    """Assigns offsets to chunks whose length their format reveals, so that a repeat can be recognized."""

    def __init__(self, sound: AudioFormat) -> None:
        self.rate = sound.sample_rate
        self._format = sound.format or "pcm16le"
        self._next = 0
        self._usual = USUAL_OPUS_SAMPLES

    @property
    def now_samples(self) -> int:
        """Offset of the next chunk, in samples, unless it has one of its own."""
        return self._next

    def place(self, chunk: AudioChunk) -> int:
        """Set a chunk's offset, unless it has one or can have none; return where the chunk ends."""
        length = self._length(chunk.data)
        if length is None:
            return self._next
        if not chunk.HasField("offset_samples"):
            chunk.offset_samples = self._next
        self._next = max(self._next, chunk.offset_samples + length)
        return chunk.offset_samples + length

    def _length(self, data: bytes) -> int | None:
        """Return the chunk's samples; an empty or corrupt Opus packet lasts as long as the one before, as servers
        count.
        """
        if self._format != "opus":
            return samples_in(data, self._format, self.rate)
        samples = opus_samples(data)
        self._usual = samples if 0 < samples <= MOST_OPUS_SAMPLES else self._usual
        return self._usual * self.rate // OPUS_RATE


def samples_in(data: bytes, sound_format: str, rate: int) -> int | None:
    """Return how many samples a chunk holds; None where its bytes do not reveal that."""
    match sound_format:
        case "pcm16le":
            return len(data) // 2
        case "mulaw":
            return len(data)
        case "opus":
            return opus_samples(data) * rate // OPUS_RATE
    return None


def opus_samples(packet: bytes) -> int:
    """Return how many samples at 48 kHz an Opus packet holds, by its first bytes (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = _SILK[configuration & 3]
    elif configuration < 16:
        frame = _HYBRID[configuration & 1]
    else:
        frame = _CELT[configuration & 3]
    counted = packet[1] & 0x3F if len(packet) > 1 else 0
    return frame * (1, 2, 2, counted)[code]
