"""Asks one of Apertium's programs about a few lines at once, in a child of its own."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence

from services.common.engines.children import ended
from services.mt.engines.embedded.modes import Command

SECONDS = 2.0  # of one look-up


async def answered(command: Command, lines: Sequence[str]) -> list[str]:
    """Return a program's answer to each line; empty ones when it does not answer within SECONDS."""
    child = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
    )
    try:
        async with asyncio.timeout(SECONDS):
            written, _ = await child.communicate("".join(f"{line}\n" for line in lines).encode())
    except TimeoutError:
        written = b""
    finally:
        await ended(child)
    answers = written.decode(errors="replace").split("\n")[: len(lines)]
    return answers + [""] * (len(lines) - len(answers))
