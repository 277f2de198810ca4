"""Frame headers and checksums of FLAC. Source of the format: RFC 9639, sections 9.1 and 9.3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST_HEADER = 16  # bytes
_ROW = 128  # bytes whose share in a checksum is looked up at once
_CHANNELS_OF_DIFFERENCES = 2  # left and side, side and right, mid and side
_BITS = {0: 32, 1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}  # of a sample, by their code; 0 leaves it to STREAMINFO
_MOST_DIFFERENCE_CODE = 10
_LONGEST_BLOCK = 65_535  # samples
_ROW_STARTS = np.arange(_ROW, dtype=np.uint16) * 256


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a FLAC frame says."""

    variable: bool  # whether blocks differ in size: then `number` counts samples, else frames
    number: int
    block_size: int  # samples of each channel
    shape: tuple[int, int, int]  # code of the sample rate, channels, code of the bits of a sample

    @property
    def most_bytes(self) -> int:
        """How large the frame is when nothing in it could be compressed."""
        _, channels, bits = self.shape
        return LONGEST_HEADER + 2 + self.block_size * (channels * _BITS[bits] + 1) // 8 + 8 * channels

    def samples_until(self, later: Header) -> int:
        """Samples from the start of this frame to that of a later one; 0 or less when `later` cannot follow it."""
        if later.variable != self.variable or later.shape != self.shape:
            return 0
        return (later.number - self.number) * (1 if self.variable else self.block_size)


def header(octets: bytes) -> Header | None:
    """The frame header that starts here, by its sync code, reserved bits and checksum; else None. Needs 16 bytes."""
    if octets[0] != 0xFF or octets[1] & 0xFE != 0xF8 or octets[3] & 1:
        return None
    size_code, rate_code = octets[2] >> 4, octets[2] & 15
    channel_code, bits_code = octets[3] >> 4, octets[3] >> 1 & 7
    if size_code == 0 or rate_code == 15 or channel_code > _MOST_DIFFERENCE_CODE or bits_code not in _BITS:
        return None
    number, at = _coded_number(octets)
    size_at, at = at, at + {6: 1, 7: 2}.get(size_code, 0)
    end = at + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if number is None or end >= LONGEST_HEADER or crc8(octets[:end]) != octets[end]:
        return None
    block_size = _block_size(size_code, octets[size_at:at])
    if block_size > _LONGEST_BLOCK:
        return None
    channels = channel_code + 1 if channel_code < 8 else _CHANNELS_OF_DIFFERENCES
    return Header(bool(octets[1] & 1), number, block_size, (rate_code, channels, bits_code))


def crc8(octets: bytes) -> int:
    """The checksum that ends a frame header."""
    remainder = 0
    for octet in octets:
        remainder = _CRC8[remainder ^ octet]
    return remainder


def crc16(octets: bytes | bytearray | memoryview, before: int = 0) -> int:
    """The checksum that ends a frame, of bytes that follow those whose checksum is `before`. A whole frame's is 0."""
    short = len(octets) % _ROW
    remainder = _crc16_bytewise(octets[:short], before)
    if len(octets) == short:
        return remainder
    rows = np.frombuffer(octets, dtype=np.uint8, offset=short).reshape(-1, _ROW)
    high, low = _PAST_ROW
    for row in np.bitwise_xor.reduce(_IN_ROW.take(rows + _ROW_STARTS), axis=1).tolist():
        remainder = high[remainder >> 8] ^ low[remainder & 0xFF] ^ row
    return remainder


def _crc16_bytewise(octets: bytes | bytearray | memoryview, remainder: int) -> int:
    for octet in octets:
        remainder = (remainder << 8 & 0xFF00) ^ _CRC16[remainder >> 8 ^ octet]
    return remainder


def _coded_number(octets: bytes) -> tuple[int | None, int]:
    """The frame or sample number, coded like UTF-8 up to seven bytes, and where it ends; None for what is none."""
    ones = 8 - (octets[4] ^ 0xFF).bit_length()
    if ones in (1, 8):
        return None, 5
    number, end = octets[4] & (0x7F >> ones), 4 + max(1, ones)
    for octet in octets[5:end]:
        if octet & 0xC0 != 0x80:
            return None, end
        number = number << 6 | octet & 0x3F
    return number, end


def _block_size(code: int, coded: bytes) -> int:
    if coded:
        return int.from_bytes(coded, "big") + 1
    return 192 if code == 1 else 576 << (code - 2) if code < 6 else 256 << (code - 8)


def _table(polynomial: int, bits: int) -> list[int]:
    """Compute the checksum of each byte."""
    table, top, mask = [], 1 << (bits - 1), (1 << bits) - 1
    for octet in range(256):
        remainder = octet << (bits - 8)
        for _ in range(8):
            remainder = (remainder << 1 ^ (polynomial if remainder & top else 0)) & mask
        table.append(remainder)
    return table


def _row_table() -> npt.NDArray[np.uint16]:
    """The share of each byte at each place of a row in the row's checksum, place by place: the last one first made."""
    shares = [np.array(_CRC16, dtype=np.uint16)]
    for _ in range(_ROW - 1):
        share = shares[-1]
        shares.append(share << 8 ^ shares[0][share >> 8])
    return np.concatenate(shares[::-1])


_CRC8 = bytes(_table(0x07, 8))


_CRC16 = tuple(_table(0x8005, 16))


_IN_ROW = _row_table()


_PAST_ROW = tuple(
    tuple(_crc16_bytewise(bytes(_ROW), octet << shift) for octet in range(256)) for shift in (8, 0)
)  # what a whole row makes of the high and the low byte of the checksum before it
