"""Cuts FLAC streams into frames as they arrive, whatever pieces they come in. Source of the format: RFC 9639.

FFmpeg's own parser looks ten frames ahead, three seconds of 16 kHz speech. Here a frame is known to be complete when
the header of the next one follows its checksum, so it is late by a single frame. A header by itself proves nothing: its
sync code and checksum occur by chance inside frames, once in some fifty megabytes.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from services.gateway.incoming.flac_header import LONGEST_HEADER, Header, crc16, header

MAGIC = b"fLaC"
PATIENCE_BYTES = 256 * 1024  # without a frame, where no header says that a frame may be longer
_ID3 = b"ID3"  # starts a tag that some programs put before the stream
_ID3_HEADER = 10  # bytes
_STREAMINFO = 34  # bytes of the first metadata block, the only one that is read
_BORDER = re.compile(rb"\xff[\xf8\xf9]|fLaC|ID3")  # what can follow a frame
_NO_KIND = 127  # of a metadata block
_SYNC = 0xFF  # starts a frame header
_MOST_SUSPECTS = 4
MOST_DAMAGED_SAMPLES = 65_536  # in a row


class NotFlac(ValueError):
    """Bytes are no FLAC stream. The message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream starts: the body of its first metadata block, which a decoder needs before the first frame."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame of a FLAC stream, whose checksum is right."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Samples whose frames are damaged: they cannot be decoded, but how long they are is known."""

    samples: int


@dataclass(frozen=True, slots=True)
class LastFrame:
    """What is left at the end of a stream: its last frame, with anything behind it, or a part of that frame."""

    data: bytes
    samples: int  # of the frame, if it were whole; 0 when it is not known


Piece: TypeAlias = StreamInfo | Frame | Damaged | LastFrame


class Stream:
    """The bytes that a client sends: FLAC streams, mostly a single one, each with its metadata or a tag before it."""

    def __init__(self) -> None:
        self._metadata: Metadata | None = Metadata()  # None once it has been read
        self._frames = Frames()

    def cut(self, more: bytes) -> list[Piece]:
        """The pieces that are complete now. Raises NotFlac on bytes that cannot be any."""
        pieces: list[Piece] = []
        while True:
            if self._metadata is not None:
                found = self._metadata.cut(more)
                if found is None:
                    return pieces
                info, more = found
                pieces.append(info)
                self._metadata, self._frames = None, Frames()
            pieces += self._frames.cut(more)
            if self._frames.behind is None:
                return pieces
            more, self._metadata = self._frames.behind, Metadata()

    def flush(self) -> list[Piece]:
        """Cut what is left: the stream has ended."""
        return self._frames.flush() if self._metadata is None else []


class Metadata:
    """What stands before the frames of one stream: tags, the magic, and blocks that each say how long they are.

    Of all this only STREAMINFO is kept. The rest is counted, not stored, so it may be as long as it says.
    """

    def __init__(self) -> None:
        self._head = bytearray()  # of what comes next: a tag, the magic, or a block
        self._skip = 0  # bytes of what is not read
        self._info: StreamInfo | None = None  # None before STREAMINFO was read
        self._in_stream = False  # whether the magic was read
        self._last = False  # whether there is no further block

    def cut(self, more: bytes) -> tuple[StreamInfo, bytes] | None:
        """STREAMINFO, and the bytes behind the metadata; None while it is not complete. Looks at each block once.

        Raises NotFlac on what is no metadata.
        """
        at = 0
        while True:
            skipped = min(self._skip, len(more) - at)
            self._skip -= skipped
            at += skipped
            if self._info is not None and self._last and not self._skip:
                return self._info, more[at:]
            missing = self._needed() - len(self._head)
            if not missing:
                self._read()
            elif at == len(more):
                return None
            else:
                self._head += more[at : at + missing]
                at = min(at + missing, len(more))

    def _needed(self) -> int:
        """Bytes of `_head` without which nothing can be said."""
        if self._in_stream:
            return 4 + (0 if self._info else _STREAMINFO)
        return _ID3_HEADER if self._head.startswith(_ID3) else len(MAGIC)

    def _read(self) -> None:
        head = bytes(self._head)
        self._head.clear()
        if self._in_stream:
            self._read_block(head)
        elif head == MAGIC:
            self._in_stream = True
        elif head.startswith(_ID3):
            self._skip = _id3_length(head)
        else:
            raise NotFlac("The chunks do not start a FLAC stream.")

    def _read_block(self, head: bytes) -> None:
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:4], "big")
        if kind == _NO_KIND or (self._info is None and (kind, length) != (0, _STREAMINFO)):
            raise NotFlac("The FLAC stream does not start with STREAMINFO, or a metadata block is of no kind.")
        self._last = bool(head[0] & 0x80)
        if self._info is None:
            self._info = StreamInfo(head[4:])
        else:
            self._skip = length


def _id3_length(head: bytes) -> int:
    """Bytes of an ID3v2 tag behind its header: four times seven bits, and ten more where a footer is announced."""
    length = 0
    for octet in head[6:10]:
        length = length << 7 | octet & 0x7F
    return length + (_ID3_HEADER if head[5] & 0x10 else 0)


@dataclass(slots=True)
class _Start:
    """A place in the waiting bytes where a frame starts, or may start."""

    at: int
    header: Header | None  # None where a frame should start, and no header does
    checked: int  # end of the bytes whose checksum is known
    checksum: int = 0

    def moved(self, by: int) -> None:
        """Count places from a byte that comes so much later."""
        self.at -= by
        self.checked -= by


class Frames:
    """The frames of one stream, from its first frame on.

    A frame ends where a header follows its own right checksum. A frame whose checksum never comes right is damaged: it
    is given up once a later one is found whole whose header goes on with the numbers of the stream.
    """

    def __init__(self) -> None:
        self.behind: bytes | None = None  # what follows the last frame and starts another stream
        self._waiting = bytearray()  # an incomplete frame, or what is none
        self._searched = 0  # every border in `_waiting` before here was dealt with
        self._frame = _Start(0, None, 0)
        self._suspects: deque[_Start] = deque(maxlen=_MOST_SUSPECTS)  # in the frame: one follows it if it is damaged

    def cut(self, more: bytes) -> list[Piece]:
        """The frames that are complete now. Looks at each byte once, and moves what is left once.

        Raises NotFlac when no frame came for long.
        """
        self._waiting += more
        pieces: list[Piece] = []
        while self.behind is None and (border := self._next_border()) is not None:
            pieces += self._bordered(border)
        done = self._frame.at
        del self._waiting[:done]
        self._searched -= done
        for start in (self._frame, *self._suspects):
            start.moved(done)
        longest = 2 * self._frame.header.most_bytes if self._frame.header else 0
        if len(self._waiting) > max(PATIENCE_BYTES, longest):
            raise NotFlac(f"{len(self._waiting)} bytes hold no whole FLAC frame.")
        return pieces

    def flush(self) -> list[Piece]:
        """What is left: the stream has ended. Raises NotFlac when there never was a frame."""
        pieces = self.cut(bytes(LONGEST_HEADER))  # so that a header at the very end is seen
        end = len(self._waiting) - LONGEST_HEADER
        if self.behind is not None or not end:
            return pieces
        last = self._ended_before(end)
        if last:
            return pieces + last
        if self._frame.header is None and end >= LONGEST_HEADER:
            raise NotFlac("The FLAC stream holds no frames.")
        return [*pieces, LastFrame(bytes(self._waiting[:end]), self._block_size)]

    def _ended_before(self, end: int) -> list[Piece]:
        """The last frame, if it ends at the end of the stream or before a piece of a header; nothing if it does not."""
        for border in range(max(1, end - LONGEST_HEADER + 1), end):
            if self._waiting[border] == _SYNC and (ended := self._ended(border, None)):
                return [*ended, LastFrame(bytes(self._waiting[border:end]), self._block_size)]
        return self._ended(end, None)

    @property
    def _block_size(self) -> int:
        return self._frame.header.block_size if self._frame.header else 0

    def _next_border(self) -> int | None:
        """Where a frame may end or start next; the last bytes are left for when more is there."""
        end = len(self._waiting) - LONGEST_HEADER
        found = _BORDER.search(self._waiting, self._searched) if self._searched < end else None
        if found is None or found.start() >= end:
            self._searched = max(self._searched, end)
            return None
        self._searched = found.start() + 1
        return found.start()

    def _bordered(self, border: int) -> list[Piece]:
        following = header(bytes(self._waiting[border : border + LONGEST_HEADER]))
        starts_stream = self._waiting[border] != _SYNC
        if following is None and not starts_stream:
            return []
        pieces = self._ended(border, following)
        if pieces and starts_stream:
            self.behind = bytes(self._waiting[border:])
        elif following and (pieces or (self._frame.header is None and border == self._frame.at)):
            self._frame = _Start(border, following, border)
            self._suspects.clear()
        elif following and (
            self._frame.header is None or 0 < self._frame.header.samples_until(following) <= MOST_DAMAGED_SAMPLES
        ):
            self._suspects.append(_Start(border, following, border))
        return pieces

    def _ended(self, border: int, following: Header | None) -> list[Piece]:
        """The frame that ends at a border, by its checksum, and what was damaged before it; nothing when none does."""
        for start in (self._frame, *self._suspects):
            if start.header is None or (
                start is not self._frame and following and start.header.samples_until(following) <= 0
            ):
                continue
            start.checksum = crc16(self._waiting[start.checked : border], start.checksum)
            start.checked = border
            if start.checksum == 0:
                frame = Frame(bytes(self._waiting[start.at : border]))
                pieces = [frame] if start is self._frame else [Damaged(self._samples_until(start.header)), frame]
                return [*pieces, *_missing_between(start.header, following)]
        return []

    def _samples_until(self, later: Header) -> int:
        """Samples from the start of the damaged frame, or of the stream, to a later frame."""
        if self._frame.header is not None:
            return self._frame.header.samples_until(later)
        samples = later.number * (1 if later.variable else later.block_size)
        return samples if samples <= MOST_DAMAGED_SAMPLES else 0  # a stream that was joined late


def _missing_between(whole: Header, following: Header | None) -> list[Piece]:
    """What is missing behind a whole frame: zeros in the place of others leave its checksum right."""
    samples = whole.samples_until(following) - whole.block_size if following else 0
    return [Damaged(samples)] if 0 < samples <= MOST_DAMAGED_SAMPLES else []
