"""A service that gets little of the processor, or none for a while, as it would on a machine that is far too busy."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil

PERIOD_SECONDS = 0.1

_V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


def throttled(process: psutil.Process, share: float) -> AbstractAsyncContextManager[str]:
    """Leaves a process and its children so much of one processor for the block, which gets how: by a control group, or
    where none may be made by stopping them most of the time.
    """
    return _limited(process, share) if (_folder() is not None) else _stopped(process, share)


async def hold(process: psutil.Process, seconds: float) -> None:
    """Stops a process and its children for so long."""
    with _still(process):
        await asyncio.sleep(seconds)


def _folder() -> Path | None:
    for root, limit in ((_V1, "cpu.cfs_quota_us"), (_V2, "cpu.max")):
        folder = root / f"babelmesh-bench-{os.getpid()}"
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            continue
        if (folder / limit).exists():
            return folder
        folder.rmdir()
    return None


@asynccontextmanager
async def _limited(process: psutil.Process, share: float) -> AsyncIterator[str]:
    folder = _folder()
    assert folder
    period = round(PERIOD_SECONDS * 1e6)
    if (folder / "cpu.max").exists():
        (folder / "cpu.max").write_text(f"{round(share * period)} {period}")
    else:
        (folder / "cpu.cfs_period_us").write_text(str(period))
        (folder / "cpu.cfs_quota_us").write_text(str(round(share * period)))
    _move(process, folder)
    try:
        yield "control group"
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(OSError):  # it has ended
                (folder.parent / "cgroup.procs").write_text(pid)
        folder.rmdir()


def _move(process: psutil.Process, folder: Path) -> None:
    for each in (process, *process.children(recursive=True)):
        with suppress(OSError):  # it has ended
            (folder / "cgroup.procs").write_text(str(each.pid))


@asynccontextmanager
async def _stopped(process: psutil.Process, share: float) -> AsyncIterator[str]:
    async def beat() -> None:
        while True:
            with _still(process):
                await asyncio.sleep((1 - share) * PERIOD_SECONDS)
            await asyncio.sleep(share * PERIOD_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(beat())
        yield "stopped and continued"
        beating.cancel()


@contextmanager
def _still(process: psutil.Process) -> Iterator[None]:
    family = [process, *process.children(recursive=True)]
    for each in family:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)
