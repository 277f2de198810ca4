"""Runs a service as `python -m` does, and writes what tasks its loop has whenever it is sent SIGUSR1.

python -m tests.fuzz.watched FILE MODULE

Of each task: the name of its coroutine, and where it waits (the innermost coroutine's name and line).
"""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any


def main() -> None:
    """Runs the module in the place of this one."""
    file = Path(sys.argv[1])

    def write(number: int, frame: FrameType | None) -> None:
        # In the main thread, and so in the loop: `all_tasks` knows which.
        tasks = asyncio.all_tasks()
        names = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in tasks)
        places = Counter(" < ".join(reversed(list(_awaits(task.get_coro())))) for task in tasks)
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps({"names": names, "places": places}))
        beside.replace(file)

    signal.signal(signal.SIGUSR1, write)
    del sys.argv[0:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _awaits(waiting: Any) -> Iterator[str]:
    """What waits for what, from a task's coroutine to the innermost one."""
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        yield f"{waiting.__qualname__}:{frame.f_lineno}"
        waiting = waiting.cr_await


if __name__ == "__main__":
    main()
