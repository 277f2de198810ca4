"""What an Opus packet says of itself before it is decoded (RFC 6716, section 3). Pure. Samples are at 48 kHz."""

from __future__ import annotations

RATE = 48_000
FRAME_SAMPLES = RATE // 50  # what a packet lasts that tells nothing, unless others came before it: 20 ms
MOST_SAMPLES = RATE * 120 // 1000  # of one packet
# Samples of one frame, by the configuration number of its packet (table 2).
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)


def samples_in(packet: bytes) -> int | None:
    """How long a packet lasts; None of one that is empty or cannot be."""
    if not packet:
        return None
    frames = _frames(packet)
    samples = frames * frame_samples(packet)
    return samples if 0 < samples <= MOST_SAMPLES else None


def frame_samples(packet: bytes) -> int:
    """How long one frame of a packet lasts, which may not be empty."""
    configuration = packet[0] >> 3
    if configuration < 12:
        return _SILK[configuration & 3]
    return _HYBRID[configuration & 1] if configuration < 16 else _CELT[configuration & 3]


def lost_frame(like: bytes) -> bytes:
    """A packet of one frame without data, coded as another one is: libopus makes up what it would have held."""
    return bytes([like[0] & 0xFC])


def _frames(packet: bytes) -> int:
    code = packet[0] & 3
    if code < 3:
        return min(code + 1, 2)
    return packet[1] & 0x3F if len(packet) > 1 else 0
