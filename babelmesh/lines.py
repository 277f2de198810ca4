"""Typed text as a source: one segment a line."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence

LONGEST_LINE_BYTES = 64 * 1024


async def given(lines: Sequence[str]) -> AsyncIterator[str]:
    """Lines that are there already."""
    for line in lines:
        if line.strip():
            yield line.strip()


async def typed() -> AsyncIterator[str]:
    """Lines of stdin as they are typed or piped in; reading never blocks the loop."""
    if not _streams(sys.stdin.fileno()):
        async for line in given(sys.stdin.read().splitlines()):
            yield line
        return
    reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while line_bytes := await reader.readline():
            if line := line_bytes.decode(errors="replace").strip():
                yield line
    finally:
        transport.close()


def _streams(descriptor: int) -> bool:
    """Whether it is a terminal, pipe or socket, which can be waited for; a file is simply there."""
    mode = os.fstat(descriptor).st_mode
    return not stat.S_ISREG(mode)
