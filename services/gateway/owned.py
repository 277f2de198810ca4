"""Calls to stages, each with an owner that ends it."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TypeVar

from services.common.cancelling import Cancellable, end_call

C = TypeVar("C", bound=Cancellable)


class Owned:
    """Calls that are cancelled when the block is left, whatever way: by a result, an exception or a cancellation.

    A call is to be added in the step that opens it, before anything is awaited. gRPC never ends one that was dropped:
    the call is referred to by its own callbacks and by a task that waits for its status, and so is never collected.
    """

    def __init__(self) -> None:
        self._calls: list[Cancellable] = []

    def add(self, call: C) -> C:
        """Owns one more call, and gives it. Those that have ended are owned no longer."""
        for ended in [each for each in self._calls if each.done()]:
            end_call(self.release(ended))
        self._calls.append(call)
        return call

    def release(self, call: C) -> C:
        """Gives a call up, to whoever is to own it before anything is awaited."""
        self._calls = [each for each in self._calls if each is not call]
        return call

    def close(self) -> None:
        """Cancels the calls that are owned."""
        calls, self._calls = self._calls, []
        for call in calls:
            end_call(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
