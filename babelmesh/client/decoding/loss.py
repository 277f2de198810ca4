"""Decodes packets, and estimates how much sound is lost where that fails."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

KNOWN_PACKETS = 50  # by which the usual size of a packet is told
TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS", b"Xing", b"Info", b"VBRI")  # in MP3 that was joined; no sound
TAG_BYTES = 256  # of a packet, in which such a tag begins
LEAST_SKIPPED_SECONDS = 0.1  # of ADTS; less may be a tag


class Loss:
    """Decodes packets in order, and records for the next frame whether sound before it was lost, and how much."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._stream = stream
        self._sizes: deque[int] = deque(maxlen=KNOWN_PACKETS)
        self._tagged = container.format.name == "mp3"
        self._damaged, self._lost = False, 0.0
        self._adts = Adts() if container.format.name == "aac" else None
        self._bytes = container.size if self._adts else 0

    def frames(self, packet: Packet[Any] | None) -> list[av.AudioFrame]:
        """Return the frames of a packet; none of a damaged one, or of a place that could not be read."""
        if packet is None:
            self._damaged = True
            return []
        if self._adts:
            self._adts.take(packet)
        try:
            decoded: list[Any] = packet.decode()
        except av.FFmpegError:
            self._lose(packet)
            return []
        if packet.size:
            self._sizes.append(packet.size)
        return [frame for frame in decoded if frame.samples and frame.sample_rate]

    def taken(self) -> tuple[bool, float]:
        """Return whether sound before the frame was lost, and an estimate in seconds; resets both."""
        damaged, lost = self._damaged, self._lost
        self._damaged, self._lost = False, 0.0
        return damaged, lost

    def at_end(self) -> tuple[bool, float]:
        """Return the same for what has no frame behind it; for ADTS, also bytes that became no packet."""
        damaged, lost = self.taken()
        if self._adts and (skipped := self._adts.skipped(self._bytes)):
            return True, lost + skipped
        return damaged, lost

    def _lose(self, packet: Packet[Any]) -> None:
        if self._tagged and any(tag in bytes(packet)[:TAG_BYTES] for tag in TAGS):
            return
        self._damaged = True
        usual = median(self._sizes) if self._sizes else packet.size
        self._lost += _seconds(packet) * max(1.0, packet.size / max(1, usual))


class Adts:
    """Counts how many bytes of ADTS became packets: its parser silently skips what has no header."""

    def __init__(self) -> None:
        self._tag_bytes: int | None = None
        self._bytes = 0
        self._seconds = 0.0

    def take(self, packet: Packet[Any]) -> None:
        """Count a packet."""
        if self._tag_bytes is None:
            self._tag_bytes = packet.pos or 0
        self._bytes += packet.size
        self._seconds += _seconds(packet)

    def skipped(self, all_bytes: int) -> float:
        """Return about how many seconds the other bytes were; 0 where that is less than a few frames."""
        left = all_bytes - self._bytes - (self._tag_bytes or 0)
        seconds = left * self._seconds / self._bytes if self._bytes else 0.0
        return seconds if seconds > LEAST_SKIPPED_SECONDS else 0.0


def _seconds(packet: Packet[Any]) -> float:
    return float((packet.duration or 0) * (packet.time_base or 0))
