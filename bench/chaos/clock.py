"""The wall clock jumps by a day under every service: no timeout may fire, and no latency be negative.

    python -m bench.chaos.clock [--short] [--sessions 8] [--keep FOLDER]

Needs libfaketime (Debian: `apt-get install libfaketime`): each service reads its wall clock through it, from a file
that is rewritten under way, one service after the other, a day ahead and a day back. The monotonic clock is the
machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from bench.chaos.fleet import STAGES, Fleet, Plan, fleet
from bench.chaos.recovery import FaultBook
from bench.chaos.scene import Outcome, folder, judged, options, play
from bench.chaos.talking import Load
from bench.measuring.report import at_most

LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib")
WARM_SECONDS = 3.0
JUMPED_SECONDS = 5.0
MISSING = "Skipped: libfaketime is not installed (Debian: apt-get install libfaketime)."
DAY_SECONDS = 86_400
NOW, AHEAD, BACK = "+0", "+1d", "-1d"


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, sessions=(8, 3))
    library = find()
    if library is None:
        print(MISSING)
        sys.exit(0)
    play("clock", told, scene(told, library))


def find() -> Path | None:
    """The library, where Debian puts it; the one for programs with threads."""
    found = (path for folder in LIBRARIES for path in Path(folder).glob("**/faketime/libfaketimeMT.so.1"))
    return next(found, None)


async def scene(told: argparse.Namespace, library: Path) -> Outcome:
    """Sessions, and clocks that jump."""
    with folder(told) as kept:
        path = Path(kept)
        plan = Plan(asr=1, mt=1, tts=1)
        names = [name for service in (*STAGES, "gateway") for name in plan.names(service)]
        clocks = {name: path / f"{name}.clock" for name in names}
        only = {name: faked(library, clocks[name]) for name in names}
        unmoved = sum([await is_unmoved(only[name], clocks[name]) for name in names])
        async with fleet(Plan(asr=1, mt=1, tts=1, only=only), path / "mesh") as up:
            book = FaultBook(up)
            async with Load(told.sessions).at(up.address, path / "ledgers") as company:
                await asyncio.sleep(WARM_SECONDS)
                for name in names:
                    for offset in (AHEAD, BACK, NOW):
                        company.ping(jumped(up, book, clocks[name], (name, offset)))
                        await asyncio.sleep(JUMPED_SECONDS)
            verdict = await judged(path / "ledgers", book)
    goals = {**verdict.clean("clock"), **verdict.recovery("clock", p99=1.0)}
    return Outcome([verdict.table, verdict.recovery_table()], {**goals, "clock.unmoved": at_most(unmoved, 0)})


def faked(library: Path, clock: Path) -> dict[str, str]:
    """What a service is started with so that its wall clock is the file's."""
    set_to(clock, NOW)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # waits with a deadline are left alone
    }


async def is_unmoved(told: dict[str, str], clock: Path) -> bool:
    """Whether a running program that is told the same does not see its clock jump."""
    look = "import time; print(time.time(), flush=True); input(); print(time.time())"
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-c", look)
    child = await asyncio.create_subprocess_exec(*command, env={**os.environ, **told}, stdin=pipe, stdout=pipe)
    if child.stdout is None or child.stdin is None:
        return True
    before = float(await child.stdout.readline())
    set_to(clock, AHEAD)
    child.stdin.write(b"\n")
    after = float(await child.stdout.readline())
    set_to(clock, NOW)
    await child.wait()
    return after - before < DAY_SECONDS / 2


def jumped(up: Fleet, book: FaultBook, clock: Path, jump: tuple[str, str]) -> str:
    """Has a clock jump; the label of the fault."""
    name, offset = jump
    instant = time.monotonic()
    set_to(clock, offset)
    return book.struck(name, up[name].pid, instant)


def set_to(clock: Path, offset: str) -> None:
    """Never seen half written."""
    fresh = clock.with_suffix(".new")
    fresh.write_text(offset + "\n")
    os.replace(fresh, clock)


if __name__ == "__main__":
    main()
