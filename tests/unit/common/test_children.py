from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from typing import cast

import pytest

from services.common.engines.children import Pool, ended


@dataclass(eq=False)
class Child:
    closed: int = 0

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


@dataclass
class Nursery:
    children: list[Child] = field(default_factory=list)

    async def start(self) -> Child:
        self.children.append(Child())
        return self.children[-1]

    def running(self) -> int:
        return sum(not child.closed for child in self.children)


async def test_a_child_is_started_when_needed_and_kept_warm() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=2)
    assert not nursery.children
    async with pool.lent() as first:
        pass
    async with pool.lent() as again:
        assert again is first
    await pool.close()
    assert (len(nursery.children), nursery.running()) == (1, 0)


async def test_no_more_than_its_size_are_lent_at_once() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=1)
    async with asyncio.TaskGroup() as group, pool.lent():
        waiting = group.create_task(_borrow(pool))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    assert len(nursery.children) == 1
    await pool.close()


async def test_a_child_is_ended_when_its_borrower_fails() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=1)
    with pytest.raises(KeyError):
        async with pool.lent():
            raise KeyError
    assert nursery.running() == 0
    await _borrow(pool)
    assert nursery.running() == 1
    await pool.close()


async def test_a_child_is_ended_when_its_borrower_is_cancelled() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), pool.lent():
            await asyncio.sleep(10)
    assert nursery.running() == 0
    await pool.close()


async def test_a_child_lent_while_the_pool_closes_is_ended_when_it_comes_back() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=1)
    async with pool.lent():
        await pool.close()
        assert nursery.running() == 1
    assert nursery.running() == 0


async def test_warming_starts_them_ahead() -> None:
    nursery = Nursery()
    pool = Pool(nursery.start, size=3)
    await pool.warm(2)
    async with pool.lent(), pool.lent():
        assert len(nursery.children) == 2
    await pool.close()
    assert nursery.running() == 0


async def test_a_start_that_fails_costs_no_place() -> None:
    async def broken() -> Child:
        raise OSError("no such program")

    pool = Pool(broken, size=1)
    for _ in range(3):
        with pytest.raises(OSError, match="no such program"):
            async with asyncio.timeout(60):
                await _borrow(pool)


async def _borrow(pool: Pool[Child]) -> None:
    async with pool.lent():
        pass


class Dying:
    """A program that takes its time to die."""

    def __init__(self) -> None:
        self.returncode: int | None = None
        self.stdin = None
        self.pid = 2**22  # larger than any process's, so that there is no such group

    def kill(self) -> None:
        """Begin to end it."""

    async def communicate(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.returncode = -9


async def test_a_program_is_gone_when_its_owner_goes_on_however_often_that_was_cancelled() -> None:
    program = Dying()

    async with asyncio.TaskGroup() as group:
        ending = group.create_task(ended(cast("Process", program)))
        for _ in range(5):
            await asyncio.sleep(0)
            ending.cancel()
        await asyncio.wait([ending])
        assert ending.cancelled()
        assert program.returncode == -9
