"""Typed text as a source: one segment per line."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import sys
import unicodedata
from collections.abc import AsyncIterator, Iterator, Sequence

READ_BYTES = 64 * 1024
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # what some editors begin a file with: it is no text

_SENTENCE_END = re.compile(
    r"[.!?\u2026][\"'\u00bb\u2019\u201d)\]]*(?=\s)|[\u3002\uff01\uff1f][\u300d\u300f\u201d\uff09]*"
)
_WORD_END = re.compile(r"(?<=\S)(?=\s)")


def portions(text: str, most: int) -> Iterator[str]:
    """Yield a text in pieces of at most `most` code points, in order; whole unless it is longer.

    A piece ends with a sentence where one ends in its second half, else with a word, else where it has to, but not
    between a letter and its accents. The spaces between two pieces are left out.
    """
    start = 0
    while len(text) - start > most > 0:
        if text[start].isspace():
            start += 1
            continue
        end = start + _cut(text[start : start + most + 1], most)
        yield text[start:end]
        start = end
    if not start or text[start:].strip():
        yield text[start:].lstrip() if start else text


def _cut(window: str, most: int) -> int:
    """Return the length, at least 1, of the first piece of a window that is one code point longer than a piece may
    be.
    """
    sentences = [end.end() for end in _SENTENCE_END.finditer(window) if most // 2 < end.end() <= most]
    if sentences:
        return sentences[-1]
    words = [end.start() for end in _WORD_END.finditer(window) if end.start() <= most]
    if words:
        return words[-1]
    return next((at for at in range(most, 0, -1) if not unicodedata.combining(window[at])), most)


async def given(lines: Sequence[str]) -> AsyncIterator[str]:
    """Yield the given lines, without byte order marks and blank lines."""
    for line in lines:
        if text := line.replace(BOM, "").strip():
            yield text


async def typed(descriptor: int | None = None) -> AsyncIterator[str]:
    """Yield lines of stdin, or another descriptor, as they come, without blocking the event loop."""
    source = sys.stdin.fileno() if descriptor is None else descriptor
    unfinished = b""
    while more := await _read(source):
        *lines, unfinished = (unfinished + more).split(b"\n")
        async for line in given([line.decode(errors="replace") for line in lines]):
            yield line
    async for line in given([unfinished.decode(errors="replace")]):
        yield line


async def _read(descriptor: int) -> bytes:
    """Return the bytes that have come, at least one; none at the end.

    A terminal is one with stdout and the shell, so it stays blocking; it is read once it has something.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor):
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(descriptor)
    return os.read(descriptor, READ_BYTES)
