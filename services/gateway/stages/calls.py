"""Calls to stages: each with an owner that ends it, and none waited for once its replica is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from services.common.cancelling import Cancellable, end_call, heed_cancellation

C = TypeVar("C", bound=Cancellable)
LOOK_SHARE = 0.9  # of the time an answer may take, after which it is looked who else could give it


class Owned:
    """Calls that are cancelled when the block is left, whatever way: by a result, an exception or a cancellation.

    A call is to be added in the step that opens it, before anything is awaited. gRPC never ends one that was dropped:
    the call is referred to by its own callbacks and by a task that waits for its status, and so is never collected.
    """

    def __init__(self) -> None:
        self._calls: list[Cancellable] = []

    def add(self, call: C) -> C:
        """Own one more call, and return it. Those that have ended are owned no longer."""
        for ended in [each for each in self._calls if each.done()]:
            end_call(self.release(ended))
        self._calls.append(call)
        return call

    def release(self, call: C) -> C:
        """Give a call up, to whoever is to own it before anything is awaited."""
        self._calls = [each for each in self._calls if each is not call]
        return call

    def close(self) -> None:
        """Cancel the calls that are still owned."""
        calls, self._calls = self._calls, []
        for call in calls:
            end_call(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Abandoned(Exception):
    """Raised when what was waited for will not come."""


class Signal(asyncio.Event):
    """An event that also interrupts those who do something else until it is set (see `Attempt`)."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupts: set[Callable[[], None]] = set()

    def set(self) -> None:
        """Set the event: wake those who wait for it, and interrupt those who do not."""
        super().set()
        for interrupt in list(self.interrupts):
            interrupt()


class Uses:
    """How many calls are made on a connection; `none` is set while there are none.

    `outdated` is set once new calls belong on another one, as there are other certificates; it is None in plaintext.
    """

    def __init__(self, outdated: asyncio.Event | None = None) -> None:
        self.outdated = outdated
        self.none = asyncio.Event()
        self.none.set()
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more for the block."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def until_done(self, call: Any) -> None:
        """Count a gRPC call until it has ended."""
        self._begin()
        call.add_done_callback(lambda _: self._end())

    def _begin(self) -> None:
        self._count += 1
        self.none.clear()

    def _end(self) -> None:
        self._count -= 1
        if not self._count:
            self.none.set()


@dataclass(frozen=True, slots=True)
class Limit:
    """How long an attempt may take, and whether nobody else could do the work, so that it may take longer."""

    seconds: float
    alone: Callable[[], bool]
    longest_seconds: float


class Attempt:
    """An attempt is left when `gone` is set, or its time is over: `with` raises Abandoned, or TimeoutError.

    A gRPC call whose channel was closed under it surfaces as a cancellation, which would end whoever waits for it as if
    it had been told to stop. Here it is Abandoned. Where nobody else could do the work, it is only slow, as nobody
    would do it any sooner; but in the end it is believed to be forgotten.

    Whoever is cancelled meanwhile gets no result, though there may be one: work that opens something is to have an
    owner for it (see `Owned`) before it gives it.
    """

    def __init__(self, gone: Signal, limit: Limit | None = None) -> None:
        self._gone = gone
        self._limit = limit
        self._left: type[Exception] | None = None  # what it was left for
        self._ends = self._last = 0.0  # on the loop's clock: its time as it stands, and at most
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        if self._gone.is_set():
            raise Abandoned
        task = asyncio.current_task()
        assert task is not None, "an attempt is made by a task"
        self._task, self._cancelling = task, task.cancelling()
        self._gone.interrupts.add(self._abandon)
        if self._limit:
            now = task.get_loop().time()
            self._ends, self._last = now + self._limit.seconds, now + self._limit.longest_seconds
            self._timer = task.get_loop().call_at(now + LOOK_SHARE * self._limit.seconds, self._look, self._limit)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._gone.interrupts.discard(self._abandon)
        if self._timer:
            self._timer.cancel()
        cancelled = kind is asyncio.CancelledError
        if self._left and self._task.uncancel() <= self._cancelling and cancelled:
            raise self._left from None
        if cancelled and not self._task.cancelling():
            raise Abandoned from None  # gRPC has cancelled the call, and nobody us
        if kind is not None and not cancelled and issubclass(kind, Exception):
            heed_cancellation()

    def _abandon(self) -> None:
        self._leave(Abandoned)

    def _leave(self, reason: type[Exception]) -> None:
        if self._left is None:
            self._left = reason
            self._task.cancel()

    def _look(self, limit: Limit) -> None:
        """Look, before the time is over and when it is, who else could do the work."""
        loop = self._task.get_loop()
        now = loop.time()
        if limit.alone():
            self._ends = max(self._ends, min(now + limit.seconds, self._last))
        if now >= self._ends:
            self._leave(TimeoutError)
        else:
            self._timer = loop.call_at(min(self._ends, now + LOOK_SHARE * limit.seconds), self._look, limit)
