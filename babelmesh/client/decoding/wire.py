"""What the client and the process that decodes for it say to each other: a wish as JSON, and records back."""

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
    """What a record holds."""

    SOUND = b"s"
    PLACE = b"p"
    FINDINGS = b"f"  # so far, whenever there is something new
    END = b"e"
    LOOK = b"l"
    REFUSAL = b"r"  # a sentence that says why the file cannot be read


@dataclass(frozen=True, slots=True)
class Form:
    """The form of sound that is wanted: float32, or 16-bit integers, [channels, samples], in blocks of equal length."""

    rate: int  # samples per second
    channels: int  # 1 or 2
    floats: bool
    block_samples: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading stands: the part of a joined file, the packet of that part, and how much of it has sounded."""

    part: int = 0
    packet: int = 0
    samples: int = 0  # of the part, as the form counts them

    def packed(self) -> bytes:
        """The place as a record holds it."""
        return _PLACE.pack(self.part, self.packet, self.samples)

    @classmethod
    def unpacked(cls, payload: bytes) -> Place:
        """The place that a record holds."""
        return cls(*_PLACE.unpack(payload))


@dataclass(frozen=True, slots=True)
class Wish:
    """What the process is to do: decode one track of a file from a place on, or, without a form, look into the file."""

    path: str
    track: int | None  # among the audio tracks, from 0; None: the first that is not silent
    form: Form | None = None
    place: Place = Place()

    def dumped(self) -> str:
        """The wish as an argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> Wish:
        """The wish that an argument tells."""
        read = json.loads(text)
        form = Form(**read["form"]) if read["form"] else None
        return cls(read["path"], read["track"], form, Place(**read["place"]))


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a file has found: how many audio tracks it has, the one to read, and how long it says it is."""

    tracks: int
    track: int
    duration_ms: float  # 0 where its container does not say

    def dumped(self) -> bytes:
        """The look as a record holds it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loaded(cls, payload: bytes) -> Look:
        """The look that a record holds."""
        return cls(**json.loads(payload))


def record(kind: Kind, payload: bytes) -> bytes:
    """A record, ready to be written."""
    return _HEAD.pack(kind.value, len(payload)) + payload


def records(stream: IO[bytes]) -> Iterator[tuple[Kind, bytes]]:
    """The records of a stream, up to its end; one that was cut off is left out."""
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        payload = stream.read(length)
        if len(payload) < length:
            return
        yield Kind(kind), payload
