"""An event loop whose time passes at once: it jumps to the next thing that is to happen."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Does not wait, but notes how long it should have."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.waited += timeout or 0.0
        return super().select(0)


class InstantLoop(asyncio.SelectorEventLoop):
    """Its `time` is the sum of all that was waited for. What other threads do takes no time of it."""

    def __init__(self) -> None:
        self._waits = _Selector()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._waits.waited


def run_at_once(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that waits for timers only."""
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(main)


def at_once(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a test of a coroutine that waits for timers only."""

    @wraps(test)
    def run(*arguments: Any, **more: Any) -> None:
        run_at_once(test(*arguments, **more))

    return run
