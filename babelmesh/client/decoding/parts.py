"""Where the files begin that were joined into one: FFmpeg reads such a file to the end of the first and no further.

Formats without a header of their own (MP3, ADTS, MPEG-TS) need none of this: FFmpeg reads them frame by frame, through.
"""

from __future__ import annotations

import io
import mmap
import re
from dataclasses import dataclass
from pathlib import Path

_HEADERS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rb"(?:RIFF|RF64)....WAVE",
        rb"RIFF....AVI ",
        rb"FORM....AIF[FC]",
        rb"caff\x00\x01\x00\x00",
        rb"fLaC[\x00\x80]\x00\x00\x22",
        rb"\x00\x00\x00[\x08-\x80]ftyp[\x20-\x7e]{4}",
        rb"\x1a\x45\xdf\xa3.{1,60}?(?:matroska|webm)",
        rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",  # ASF: its header's GUID
        rb"FLV\x01[\x00-\x05]\x00\x00\x00\x09",
        rb"#!AMR(?:-WB)?\n",
    )
)
_OGG_FIRST = re.compile(rb"OggS\x00[\x02\x06]\x00{8}")  # a page with which a stream of a link begins
_OGG_HEAD_BYTES = 27


@dataclass(frozen=True, slots=True)
class Part:
    """One of the files that a joined file consists of, as a span of its bytes."""

    start: int
    end: int


def parts(path: Path) -> list[Part]:
    """Return the files that a joined file consists of, in order; mostly just one. Raises OSError."""
    if not path.is_file():
        return [Part(0, 0)]
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            starts = _starts(content)
    return [Part(start, end) for start, end in zip(starts, [*starts[1:], size], strict=True)]


def _starts(content: mmap.mmap) -> list[int]:
    if _OGG_FIRST.match(content):
        return _links(content)
    for header in _HEADERS:
        if header.match(content):
            return [found.start() for found in header.finditer(content)]
    return [0]


def _links(content: mmap.mmap) -> list[int]:
    """Return where the links of an Ogg chain begin. First pages of parallel streams directly follow each other."""
    starts: list[int] = []
    group_end = -1
    for found in _OGG_FIRST.finditer(content):
        at = found.start()
        if at != group_end:
            starts.append(at)
        lacing = content[at + _OGG_HEAD_BYTES : at + _OGG_HEAD_BYTES + content[at + 26]] if _whole(content, at) else b""
        group_end = at + _OGG_HEAD_BYTES + len(lacing) + sum(lacing)
    return starts


def _whole(content: mmap.mmap, at: int) -> bool:
    return at + _OGG_HEAD_BYTES <= len(content)


class Window(io.RawIOBase):
    """A span of a file's bytes, readable as a file of its own."""

    def __init__(self, path: Path, part: Part) -> None:
        self.name = path.name
        self._file = path.open("rb")
        self._part = part
        self._file.seek(part.start)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; none at the span's end."""
        left = max(0, self._part.end - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset in the span, and return it."""
        base = {io.SEEK_SET: self._part.start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._part.end}[whence]
        return self._file.seek(max(self._part.start, base + offset)) - self._part.start

    def tell(self) -> int:
        """Return the current offset in the span."""
        return self._file.tell() - self._part.start

    def readable(self) -> bool:
        """Return True: the span can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: the span can be sought in."""
        return True

    def close(self) -> None:
        """Close the underlying file, and this one."""
        self._file.close()
        super().close()
