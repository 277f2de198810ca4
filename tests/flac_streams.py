"""FLAC streams written by hand, uncompressed, so that a test says what is in them bit by bit. Source: RFC 9639."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.common.audio.pcm import Pcm
from services.gateway.incoming.flac_header import crc8, crc16

MAGIC = b"fLaC"


@dataclass(frozen=True, slots=True)
class Form:
    """How a stream of 16 bits is written."""

    rate: int = 16_000
    channels: int = 1  # which all hold the same
    variable: bool = False  # whether blocks differ in size


def stream(blocks: list[Pcm], form: Form = Form(), first_number: int = 0) -> bytes:
    """A stream of such blocks, one a frame, with nothing but STREAMINFO before them."""
    return metadata(form) + b"".join(frames(blocks, form, first_number))


def metadata(form: Form = Form(), *more: bytes) -> bytes:
    """The magic, STREAMINFO with all that may be unknown left at zero, and more metadata blocks."""
    sizes = (16).to_bytes(2, "big") + (65_535).to_bytes(2, "big") + bytes(6)
    sound = (form.rate << 44 | (form.channels - 1) << 41 | 15 << 36).to_bytes(8, "big")
    blocks = [block(0, sizes + sound + bytes(16)), *more]
    blocks[-1] = bytes([blocks[-1][0] | 0x80]) + blocks[-1][1:]
    return MAGIC + b"".join(blocks)


def block(kind: int, body: bytes) -> bytes:
    """A metadata block that is not the last one."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def frames(blocks: list[Pcm], form: Form = Form(), first_number: int = 0) -> list[bytes]:
    """The frames of blocks."""
    starts = np.cumsum([0, *map(len, blocks)]).tolist() if form.variable else range(len(blocks))
    return [frame(pcm, first_number + number, form) for pcm, number in zip(blocks, starts, strict=False)]


def frame(pcm: Pcm, number: int, form: Form = Form()) -> bytes:
    """A frame whose samples stand in it as they are."""
    octets = header(number, len(pcm), form) + (b"\x02" + pcm.astype(">i2").tobytes()) * form.channels
    return octets + crc16(octets).to_bytes(2, "big")


def silence(samples: int, number: int, form: Form = Form()) -> bytes:
    """A frame of silence, a few bytes long."""
    octets = header(number, samples, form) + bytes(3 * form.channels)
    return octets + crc16(octets).to_bytes(2, "big")


def header(number: int, samples: int, form: Form = Form()) -> bytes:
    """The header of a frame; its rate is that of STREAMINFO."""
    octets = bytes([0xFF, 0xF9 if form.variable else 0xF8, 0x70, form.channels - 1 << 4 | 0x08]) + chr(number).encode()
    octets += (samples - 1).to_bytes(2, "big")
    return octets + bytes([crc8(octets)])


def noise(samples: int, seed: int = 1) -> Pcm:
    """Samples that hold no header but by chance."""
    return np.random.default_rng(seed).integers(-9_000, 9_000, samples).astype(np.int16)
