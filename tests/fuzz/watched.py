"""Runs a service as `python -m` does, and writes what tasks its loop has whenever it is sent SIGUSR1.

python -m tests.fuzz.watched FILE MODULE
"""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType


def main() -> None:
    """Runs the module in the place of this one."""
    file = Path(sys.argv[1])

    def write(number: int, frame: FrameType | None) -> None:
        # In the main thread, and so in the loop: `all_tasks` knows which.
        names = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(names))
        beside.replace(file)

    signal.signal(signal.SIGUSR1, write)
    del sys.argv[0:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
