"""Counts the work of our own code in steps, which no other process and no clock has a part in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Steps:
    """How many lines of Python were run, and functions called, those of C among them."""

    def __init__(self) -> None:
        self.count = 0

    def _called(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._lined if "/services/" in frame.f_code.co_filename else None

    def _lined(self, frame: FrameType, event: str, _: Any) -> Any:
        self.count += event == "line"
        return self._lined

    def _profiled(self, frame: FrameType, event: str, _: Any) -> None:
        self.count += event == "c_call" and "/services/" in frame.f_code.co_filename


@contextmanager
def counted() -> Iterator[Steps]:
    """Counts what this thread runs of `services` within the block: generators and comprehensions by their rounds."""
    steps = Steps()
    tracing, profiling = sys.gettrace(), sys.getprofile()
    sys.settrace(steps._called)
    sys.setprofile(steps._profiled)
    try:
        yield steps
    finally:
        sys.settrace(tracing)
        sys.setprofile(profiling)


def steps(work: Callable[[], object]) -> int:
    """The steps of a piece of work."""
    with counted() as made:
        work()
    return made.count
