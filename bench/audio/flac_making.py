"""Makes long FLAC files of recorded speech and noise, in every form that an encoder gives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr

from bench.recognition.wer import read_g722
from services.common.audio.pcm import ASR_RATE
from services.gateway.incoming.flac_header import crc8, crc16

RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
BLOCKS = (192, 576, 1152, 4096, 4608)
HEADS = ("nothing", "unknown length", "16 MB block", "ID3v2 tag", "padding")

_PART_SECONDS = 10
_STREAMINFO_BYTES = 34
_LARGEST_BLOCK = 2**24 - 1

Samples = npt.NDArray[np.int32]  # left-aligned, interleaved


@dataclass(frozen=True, slots=True)
class Form:
    """What a stream is like."""

    rate: int
    block_size: int  # samples; 0: changes from one part to the next, and the numbers of frames count samples
    channels: int
    bits: int
    head: str  # what stands before the frames beside STREAMINFO

    @property
    def name(self) -> str:
        """All of it, for people."""
        blocks = f"blocks of {self.block_size}" if self.block_size else "blocks that vary"
        channels = "mono" if self.channels == 1 else "stereo"
        return f"{self.rate} Hz, {blocks}, {channels}, {self.bits} bits, {self.head}"


def forms() -> list[Form]:
    """Each rate with each size of blocks, five times one that changes; the rest by turns."""
    found = []
    for place, rate in enumerate(RATES):
        for turn, block_size in enumerate(BLOCKS):
            number = place * len(BLOCKS) + turn
            size = 0 if number % len(RATES) == len(RATES) - 1 else block_size
            found.append(Form(rate, size, 1 + number % 2, 24 if number % 3 == 2 else 16, HEADS[(place + turn) % 5]))
    return found


def write(path: Path, form: Form, recordings: Sequence[Path], minutes: float, random: Random) -> None:
    """Writes one file. Speech and noise are other ones with another `random`."""
    samples = 0
    with path.open("wb") as file:
        file.write(_head(form, 0))
        for frame, block_samples in _frames(form, _parts(form, recordings, minutes, random)):
            file.write(frame)
            samples += block_samples
        if form.head != "unknown length":
            file.seek(0)
            file.write(_head(form, samples))


def _head(form: Form, samples: int) -> bytes:
    """What stands before the frames, of which there are so many samples; 0 where that is not known."""
    least, most = (form.block_size, form.block_size) if form.block_size else (min(BLOCKS), max(BLOCKS))
    sizes = least.to_bytes(2, "big") + most.to_bytes(2, "big") + bytes(6)
    sound = (form.rate << 44 | (form.channels - 1) << 41 | (form.bits - 1) << 36 | samples).to_bytes(8, "big")
    last = b"\x80" if form.head not in ("16 MB block", "padding") else b"\0"
    head = b"fLaC" + last + _STREAMINFO_BYTES.to_bytes(3, "big") + sizes + sound + bytes(16)
    match form.head:
        case "16 MB block":
            return head + b"\x82" + _LARGEST_BLOCK.to_bytes(3, "big") + bytes(_LARGEST_BLOCK)
        case "padding":
            return head + b"\x01\0\x20\0" + bytes(0x2000) + b"\x81\0\0\0"
        case "ID3v2 tag":
            return b"ID3\x04\0\0" + bytes([0, 0, 64, 0]) + bytes(0x2000) + head
    return head


def _parts(form: Form, recordings: Sequence[Path], minutes: float, random: Random) -> Iterator[Samples]:
    """Speech with noise of a level that changes, ten seconds at a time."""
    left = int(minutes * 60 * form.rate)
    noise = np.random.default_rng(random.randrange(2**32))
    spoken = _spoken(form.rate, recordings, random)
    while left > 0:
        count = min(left, _PART_SECONDS * form.rate)
        clean = np.stack([next(spoken)[:count]] * form.channels, axis=1)
        loud = noise.normal(scale=random.choice((3, 30, 300, 3000)), size=clean.shape)
        mixed = np.clip((clean + loud) * 65_536, -(2**31), 2**31 - 256).astype(np.int32)
        yield (mixed >> (32 - form.bits) << (32 - form.bits)).reshape(-1)
        left -= count


def _spoken(rate: int, recordings: Sequence[Path], random: Random) -> Iterator[npt.NDArray[np.float32]]:
    size = _PART_SECONDS * rate
    waiting = np.zeros(0, dtype=np.float32)
    while True:
        pieces = [waiting]
        while sum(map(len, pieces)) < size:
            pieces.append(soxr.resample(read_g722(random.choice(recordings)).astype(np.float32), ASR_RATE, rate))
        waiting = np.concatenate(pieces)
        yield waiting[:size]
        waiting = waiting[size:]


def _frames(form: Form, parts: Iterator[Samples]) -> Iterator[tuple[bytes, int]]:
    """The frames of a stream, and how many samples each holds."""
    if form.block_size:
        yield from _encoded(parts, form, form.block_size)
        return
    start = 0
    for part, block_size in zip(parts, cycle(BLOCKS), strict=False):
        for frame, samples in _encoded(iter([part]), form, block_size):
            yield _renumbered(frame, start), samples
            start += samples


def _encoded(parts: Iterator[Samples], form: Form, block_size: int) -> Iterator[tuple[bytes, int]]:
    layout, sound = "mono" if form.channels == 1 else "stereo", "s16" if form.bits == 16 else "s32"
    encoder: Any = av.CodecContext.create("flac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = form.rate, layout, sound
    encoder.options = {"frame_size": str(block_size)}
    encoder.open()
    fed = done = 0
    for part in parts:
        samples = (part >> 16).astype(np.int16) if form.bits == 16 else part
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format=sound, layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = form.rate, fed, Fraction(1, form.rate)
        fed += frame.samples
        for packet in encoder.encode(frame):
            yield bytes(packet), block_size
            done += block_size
    for packet in encoder.encode(None):
        if packet.size:
            yield bytes(packet), min(block_size, fed - done)
            done += block_size


def _renumbered(frame: bytes, start_sample: int) -> bytes:
    """The frame of a stream whose blocks differ in size: it says which sample it starts with, instead of its number."""
    old = max(1, 8 - (frame[4] ^ 0xFF).bit_length())  # bytes of the number
    rest = {6: 1, 7: 2}.get(frame[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(frame[2] & 15, 0)
    header = b"\xff\xf9" + frame[2:4] + _coded(start_sample) + frame[4 + old : 4 + old + rest]
    octets = header + bytes([crc8(header)]) + frame[4 + old + rest + 1 : -2]
    return octets + crc16(octets).to_bytes(2, "big")


def _coded(number: int) -> bytes:
    """A number as frames have it: like UTF-8, up to seven bytes."""
    if number < 0x80:
        return bytes([number])
    more: list[int] = []
    while number >= 1 << (6 - len(more)) or not more:
        more.append(0x80 | number & 0x3F)
        number >>= 6
    return bytes([0xFF << (7 - len(more)) & 0xFF | number, *reversed(more)])


FORMS = forms()
