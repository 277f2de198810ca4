"""A room for long: whether captions come later and later, and whether anything grows.

    python -m bench.rooms.soak [--minutes 30]

Two speakers in real time and twenty listeners in five languages, at two edges that share the room over NATS, with
scripted engines. *Lag* is how long after its last word a final caption came; its slope is that of a line through the
medians of each minute. Memory is that of the two edges together, after the first minute and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import numpy as np
import psutil

from bench.edge.typing import spread
from bench.measuring.report import Rows, at_most, finish
from bench.rooms.meeting import LANGS, verdict
from bench.rooms.members import Listener, Speaker, utterances
from bench.rooms.servers import Hall, hall

LISTENERS = 20
MOST_SLOPE_MS = 10.0  # a minute
MOST_GROWTH_MIB = 30.0


async def _memory(held: Hall, minutes: float) -> list[float]:
    """The memory of the edges at the end of each minute, in MiB."""
    found = []
    for _ in range(round(minutes)):
        await asyncio.sleep(60)
        found.append(sum(psutil.Process(each.child.pid).memory_info().rss for each in held.edges) / 2**20)
    return found


async def measured(minutes: float) -> tuple[list[list[float]], list[float], int]:
    """The lags by minute, the memory by minute, and what was lost, doubled or out of order."""
    room = "/v1/rooms/soak"
    async with hall() as held:
        ports = [held.ports, held.ports[::-1]]
        listeners = [Listener(ports[at % 2], LANGS[at % len(LANGS)], path=room) for at in range(LISTENERS)]
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(each.run()) for each in listeners]
            await asyncio.sleep(2)
            pcm = utterances(60 * minutes)
            speakers = [Speaker(ports[at % 2], pcm, tasks, f"speaker {at}", room) for at in range(2)]
            watching = tasks.create_task(_memory(held, minutes))
            await asyncio.gather(*(each.run() for each in speakers))
            await asyncio.sleep(3)
            memory = watching.result() if watching.done() else []
            watching.cancel()
            for each in reading:
                each.cancel()
    return by_minute(listeners, speakers), memory, verdict(listeners, speakers).wrong


def by_minute(listeners: Sequence[Listener], speakers: Sequence[Speaker]) -> list[list[float]]:
    """The lags of all finals, by the minute in which they were spoken."""
    began = {each.speaker: each.began for each in speakers}
    found: dict[int, list[float]] = {}
    for listener in listeners:
        for at, event in listener.finals():
            late = 1000 * (at - began[event["speaker"]]) - event["end_ms"]
            found.setdefault(event["end_ms"] // 60_000, []).append(late)
    return [found[minute] for minute in sorted(found)]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    told = parser.parse_args()
    lags, memory, wrong = asyncio.run(measured(told.minutes))
    table = Rows("a room for long", ["minute", "captions", "p50 ms", "p99 ms", "memory MiB"])
    medians = [spread(each, 0.5) for each in lags]
    for minute, (each, median) in enumerate(zip(lags, medians, strict=True)):
        table.add(
            str(minute + 1), len(each), median, spread(each, 0.99), memory[minute] if minute < len(memory) else None
        )
    slope = float(np.polyfit(range(len(medians)), medians, 1)[0]) if len(medians) > 1 else 0.0
    grown = memory[-1] - memory[0] if memory else 0.0
    goals = {
        "rooms.soak.slope of the lag, ms a minute": at_most(abs(slope), MOST_SLOPE_MS),
        "rooms.soak.memory grown, MiB": at_most(grown, MOST_GROWTH_MIB),
        "rooms.soak.lost, doubled, out of order, unequal": at_most(wrong, 0),
    }
    sys.exit(not finish("rooms_soak", [table], goals))


if __name__ == "__main__":
    main()
