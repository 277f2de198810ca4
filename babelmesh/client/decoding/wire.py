"""The messages between the client and its decoding process: a wish as JSON, and records back."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from typing import IO

_HEAD = struct.Struct("<cI")
_PLACE = struct.Struct("<IIQ")


class Kind(bytes, Enum):
    """The kinds of records."""

    SOUND = b"s"
    PLACE = b"p"
    FINDINGS = b"f"  # so far, whenever there is something new
    END = b"e"
    LOOK = b"l"
    REFUSAL = b"r"  # a sentence that says why the file cannot be read


@dataclass(frozen=True, slots=True)
class Form:
    """The wanted form of sound: float32 or 16-bit integers, [channels, samples], in blocks of equal length."""

    rate: int  # samples per second
    channels: int  # 1 or 2
    floats: bool
    block_samples: int


@dataclass(frozen=True, slots=True)
class Place:
    """A reading position: part of a joined file, packet of that part, and samples already output."""

    part: int = 0
    packet: int = 0
    samples: int = 0  # of the part, as the form counts them

    def packed(self) -> bytes:
        """Return the place as a record's payload."""
        return _PLACE.pack(self.part, self.packet, self.samples)

    @classmethod
    def unpacked(cls, payload: bytes) -> Place:
        """Return the place that a record's payload holds."""
        return cls(*_PLACE.unpack(payload))


@dataclass(frozen=True, slots=True)
class Wish:
    """A task for the process: to decode a track from a place on, or, without a form, to probe the file."""

    path: str
    track: int | None  # among the audio tracks, from 0; None: the first that is not silent
    form: Form | None = None
    place: Place = Place()

    def dumped(self) -> str:
        """Return the wish as a command-line argument."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> Wish:
        """Return the wish that an argument holds."""
        read = json.loads(text)
        form = Form(**read["form"]) if read["form"] else None
        return cls(read["path"], read["track"], form, Place(**read["place"]))


@dataclass(frozen=True, slots=True)
class Look:
    """The result of probing a file: its number of audio tracks, the one to read, and its stated length."""

    tracks: int
    track: int
    duration_ms: float  # 0 where its container does not say

    def dumped(self) -> bytes:
        """Return the result as a record's payload."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loaded(cls, payload: bytes) -> Look:
        """Return the result that a record's payload holds."""
        return cls(**json.loads(payload))


def record(kind: Kind, payload: bytes) -> bytes:
    """Return a record as bytes: kind, length and payload."""
    return _HEAD.pack(kind.value, len(payload)) + payload


def records(stream: IO[bytes]) -> Iterator[tuple[Kind, bytes]]:
    """Yield the records of a stream, up to its end; one that was cut off is left out."""
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        payload = stream.read(length)
        if len(payload) < length:
            return
        yield Kind(kind), payload
