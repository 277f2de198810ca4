"""Typed text as a source: one segment a line."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence

READ_BYTES = 64 * 1024
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # what some editors begin a file with: it is no text


async def given(lines: Sequence[str]) -> AsyncIterator[str]:
    """Lines that are there already, without byte order marks; blank ones are none."""
    for line in lines:
        if text := line.replace(BOM, "").strip():
            yield text


async def typed(descriptor: int | None = None) -> AsyncIterator[str]:
    """Lines of stdin, or another descriptor, as they are typed or piped in; waiting for them never blocks the loop."""
    source = sys.stdin.fileno() if descriptor is None else descriptor
    unfinished = b""
    while more := await _read(source):
        *lines, unfinished = (unfinished + more).split(b"\n")
        async for line in given([line.decode(errors="replace") for line in lines]):
            yield line
    async for line in given([unfinished.decode(errors="replace")]):
        yield line


async def _read(descriptor: int) -> bytes:
    """What has come, at least a byte; nothing at the end.

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
