"""Time in which a processor was denied is nobody's fault."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.common.server.starving import own_time

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the kernel tells nothing of it")


@asynccontextmanager
async def program() -> AsyncIterator[int]:
    child = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        yield child.pid
    finally:
        child.kill()
        await child.wait()


async def test_a_program_that_only_rests_has_its_time_and_no_more() -> None:
    async with program():
        with pytest.raises(TimeoutError):
            async with own_time(0.2):
                await asyncio.sleep(20)


async def test_a_program_that_is_stopped_has_as_much_time_left_as_before() -> None:
    async with program() as pid:
        os.kill(pid, signal.SIGSTOP)
        async with own_time(0.2):
            await asyncio.sleep(0.7)
        os.kill(pid, signal.SIGCONT)
        with pytest.raises(TimeoutError):
            async with own_time(0.2):
                await asyncio.sleep(20)
