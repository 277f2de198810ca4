"""A caller in a process of its own, as callers are: it asks for a session again and again, and times the refusals.

    python -m bench.chaos.knocking ADDRESS SECONDS

Prints a list of milliseconds as JSON, from the hello to the refusal. A session that it is let into, it leaves at once.
The process that plays all the other callers has dozens of sessions in one event loop: what it is told, it notices late.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import babelmesh
from bench.chaos.talking import Wishes

PERIOD_SECONDS = 0.1


async def knock(address: str, seconds: float) -> list[float]:
    """Milliseconds of each refusal."""
    refused_after: list[float] = []
    until = time.monotonic() + seconds
    async with babelmesh.connect(address) as mesh:
        while time.monotonic() < until:
            asked = time.monotonic()
            try:
                async with mesh.session("en", ("es",), Wishes().hello()):
                    pass
            except babelmesh.SessionFailed:
                refused_after.append(1000 * (time.monotonic() - asked))
            await asyncio.sleep(PERIOD_SECONDS)
    return refused_after


async def knocked(address: str, seconds: float) -> list[float]:
    """The same, by another process; of at least one."""
    command = [sys.executable, "-m", "bench.chaos.knocking", address, str(seconds)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return [float(each) for each in json.loads(out)]


def main() -> None:
    """Prints what was measured."""
    address, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(knock(address, float(seconds)))))


if __name__ == "__main__":
    main()
