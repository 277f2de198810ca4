"""How many rooms a process of the edge holds, and how many speakers' sessions a core of the mesh.

    python -m bench.rooms.density [--rooms 50] [--seconds 30]

Rooms with a speaker that talks in real time and four listeners in two languages each, at one edge of a scripted mesh.
*Per core* is how many would use up one core at the measured processor time: of the edge's own, and of all processes
together. Scripted engines take next to nothing; so this is what carrying and copying cost, not what engines do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

import psutil

from bench.edge.typing import spread
from bench.measuring.report import Rows, at_least, at_most, finish
from bench.rooms.members import Listener, Speaker, lateness_ms, utterances
from bench.rooms.servers import cpu_seconds, hall

LANGS = ("es", "es", "fr", "fr")
STAGGER_SECONDS = 0.15
LEAST_ROOMS = 20.0  # of one core of the edge


async def measured(rooms: int, seconds: float) -> dict[str, float]:
    """What so many rooms came to."""
    async with hall(1) as held:
        edge = psutil.Process(held.edges[0].child.pid)
        before_rss = edge.memory_info().rss
        paths = [f"/v1/rooms/dense-{number}" for number in range(rooms)]
        listeners = [Listener(held.ports, lang, path=path) for path in paths for lang in LANGS]
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(each.run()) for each in listeners]
            speakers = [Speaker(held.ports, utterances(seconds + 20), tasks, path=path) for path in paths]
            speaking = []
            for each in speakers:
                speaking.append(tasks.create_task(each.run()))
                await asyncio.sleep(STAGGER_SECONDS)
            await asyncio.gather(*(each.ready.wait() for each in speakers))
            await asyncio.sleep(3)
            edge_before, all_before = cpu_seconds([edge]), cpu_seconds(held.processes())
            await asyncio.sleep(seconds)
            edge_used, all_used = cpu_seconds([edge]) - edge_before, cpu_seconds(held.processes()) - all_before
            rss = edge.memory_info().rss - before_rss
            for task in (*reading, *speaking):
                task.cancel()
    late = [ms for each in listeners for ms in lateness_ms(each, speakers)]
    return {
        "edge": edge_used / seconds,
        "all": all_used / seconds,
        "rss": rss / 1024 / rooms,
        "p50": spread(late, 0.5),
        "p99": spread(late, 0.99),
        "captions": float(len(late)),
    }


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    told = parser.parse_args()
    found = asyncio.run(measured(told.rooms, told.seconds))
    table = Rows(
        "rooms of one speaker and four listeners",
        [
            "rooms",
            "edge's CPU s/s",
            "all CPU s/s",
            "rooms a core of the edge",
            "sessions a core, all",
            "RSS, KiB",
            "p99 ms",
        ],
    )
    per_core, sessions = told.rooms / found["edge"], told.rooms / found["all"]
    table.add(str(told.rooms), found["edge"], found["all"], per_core, sessions, found["rss"], found["p99"])
    goals = {
        "rooms.density.rooms of one core of the edge": at_least(per_core, LEAST_ROOMS),
        "rooms.density.captions that did not come": at_most(0.0 if found["captions"] else 1.0, 0),
    }
    sys.exit(not finish("rooms_density", [table], goals))


if __name__ == "__main__":
    main()
