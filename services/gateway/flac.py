"""Cuts a FLAC stream into frames as they arrive. Source of the format: RFC 9639.

FFmpeg's own parser looks ten frames ahead, three seconds of 16 kHz speech. A frame is known to be complete when the
header of the next one follows it, so this one is late by a single frame.
"""

from __future__ import annotations

MAGIC = b"fLaC"
STREAMINFO = slice(8, 42)  # of the stream: the body of its first metadata block

_SYNC = (b"\xff\xf8", b"\xff\xf9")  # fixed and variable block size
_LONGEST_HEADER = 16  # bytes


def metadata_length(stream: bytes) -> int | None:
    """Where the frames start; None while the metadata blocks are not complete. Starts at the magic."""
    position, last = len(MAGIC), False
    while not last:
        if len(stream) < position + 4:
            return None
        last = bool(stream[position] & 0x80)
        position += 4 + int.from_bytes(stream[position + 1 : position + 4], "big")
    return position if len(stream) >= position else None


class Frames:
    """The frames of one stream, from its first frame on."""

    def __init__(self) -> None:
        self.waiting = b""  # an incomplete frame, or what is none
        self._searched = 1  # no header starts in `waiting` between its own and here

    def cut(self, more: bytes) -> list[bytes]:
        """The frames that are complete now."""
        self.waiting += more
        frames = []
        while (start := self._next_header()) is not None:
            frames.append(self.waiting[:start])
            self.waiting, self._searched = self.waiting[start:], 1
        return frames

    def finish(self) -> list[bytes]:
        """The last frame: the stream has ended."""
        rest, self.waiting = self.waiting, b""
        return [rest] if rest else []

    def _next_header(self) -> int | None:
        """Where the second header in `waiting` starts; the last bytes are left for when more is there."""
        end = len(self.waiting) - _LONGEST_HEADER
        while self._searched < end:
            found = self.waiting.find(b"\xff", self._searched, end)
            if found < 0:
                self._searched = end
            elif is_header(self.waiting[found : found + _LONGEST_HEADER]):
                return found
            else:
                self._searched = found + 1
        return None


def is_header(octets: bytes) -> bool:
    """Whether a frame header starts here, by its sync code, reserved bits and checksum. Needs sixteen bytes."""
    if octets[:2] not in _SYNC or octets[3] & 1:
        return False
    block_size, sample_rate = octets[2] >> 4, octets[2] & 15
    if block_size == 0 or sample_rate == 15 or octets[3] >> 4 > 10:
        return False
    length = 4 + _coded_number_length(octets[4])
    length += {6: 1, 7: 2}.get(block_size, 0) + {12: 1, 13: 2, 14: 2}.get(sample_rate, 0)
    return length < _LONGEST_HEADER and _crc8(octets[:length]) == octets[length]


def _coded_number_length(first: int) -> int:
    """Bytes of the frame or sample number, coded like UTF-8 up to seven bytes; 99 for what cannot start one."""
    ones = 8 - (first ^ 0xFF).bit_length()
    return 1 if ones == 0 else 99 if ones in (1, 8) else ones


def _crc8(octets: bytes) -> int:
    remainder = 0
    for octet in octets:
        remainder = _CRC8[remainder ^ octet]
    return remainder


def _crc8_table(polynomial: int = 0x07) -> bytes:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & 0x80 else value << 1) & 0xFF  # noqa: PLW2901  # shifts in place
        table.append(value)
    return bytes(table)


_CRC8 = _crc8_table()
