"""Cuts a FLAC stream into frames as they arrive. Source of the format: RFC 9639.

FFmpeg's own parser looks ten frames ahead, three seconds of 16 kHz speech. A frame is known to be complete when the
header of the next one follows it, so this one is late by a single frame.
"""

from __future__ import annotations

MAGIC = b"fLaC"
STREAMINFO = slice(8, 42)  # of the stream: the body of its first metadata block

_SYNC = (b"\xff\xf8", b"\xff\xf9")  # fixed and variable block size
_LONGEST_HEADER = 16  # bytes


class Metadata:
    """What stands before the frames of one stream: the magic, and blocks that each say how long they are."""

    def __init__(self) -> None:
        self.read = bytearray()  # so far
        self._next = len(MAGIC)  # where the next block starts, or the frames
        self._last = False  # whether there is no further block

    def cut(self, more: bytes) -> bytes | None:
        """The bytes behind the metadata; None while it is not complete. Looks at each block once."""
        self.read += more
        while not self._last and len(self.read) >= self._next + 4:
            block = self.read[self._next : self._next + 4]
            self._last = bool(block[0] & 0x80)
            self._next += 4 + int.from_bytes(block[1:], "big")
        return bytes(self.read[self._next :]) if self._last and len(self.read) >= self._next else None


class Frames:
    """The frames of one stream, from its first frame on."""

    def __init__(self) -> None:
        self.waiting = bytearray()  # an incomplete frame, or what is none
        self._searched = 1  # no header starts in `waiting` between its own and here

    def cut(self, more: bytes) -> list[bytes]:
        """The frames that are complete now. Looks at each byte once, and moves what is left once."""
        self.waiting += more
        frames, start = [], 0
        while (following := self._next_header()) is not None:
            frames.append(bytes(self.waiting[start:following]))
            start, self._searched = following, following + 1
        del self.waiting[:start]
        self._searched -= start
        return frames

    def finish(self) -> list[bytes]:
        """The last frame: the stream has ended."""
        rest, self.waiting = bytes(self.waiting), bytearray()
        return [rest] if rest else []

    def _next_header(self) -> int | None:
        """Where the next header in `waiting` starts; the last bytes are left for when more is there."""
        end = len(self.waiting) - _LONGEST_HEADER
        while self._searched < end:
            found = self.waiting.find(b"\xff", self._searched, end)
            if found < 0:
                self._searched = end
            elif is_header(bytes(self.waiting[found : found + _LONGEST_HEADER])):
                self._searched = found
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
