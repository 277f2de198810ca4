"""Signs of life of one who owes some."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_LATE = 1.25  # a timer that fires so much later than asked: it was us who stood still, and that proves nothing


class Signs:
    """Somebody owes an answer from time to time. Time that we spend on an answer ourselves is not theirs."""

    def __init__(self) -> None:
        self._owed = asyncio.Event()
        self._given = asyncio.Event()
        self._attending = False

    def owe(self, owed: bool) -> None:
        """Whether an answer is due from now on."""
        if owed:
            self._owed.set()
        else:
            self._owed.clear()

    @contextmanager
    def given(self) -> Iterator[None]:
        """An answer is there, and we attend to it inside the block."""
        self._given.set()
        self._attending = True
        try:
            yield
        finally:
            self._attending = False
            self._given.set()

    async def missed(self, seconds: float) -> None:
        """Waits until an answer has been due for so long and none came."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._owed.wait()
            self._given.clear()
            begun = clock()
            try:
                async with asyncio.timeout(seconds):
                    await self._given.wait()
            except TimeoutError:
                late = clock() - begun > _LATE * seconds
                if self._owed.is_set() and not self._attending and not late:
                    return
