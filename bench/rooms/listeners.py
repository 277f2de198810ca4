"""Listeners that come late, change their language, do not read or lose the network; and a thousand of one room.

    python -m bench.rooms.listeners [--seconds 45] [--many 1000]

First one room at one edge of a scripted mesh, in which a speaker talks in real time, and four listeners that behave
badly beside one that does not; what each got is held against what was said. Then a room with ten listeners and one
with a thousand, one after the other at an edge of its own each: how long after its last word a final caption came, and
what memory a listener takes of the edge's process. All are read as they come; texts are looked at when it is over.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from dataclasses import dataclass
from itertools import pairwise

import psutil

from bench.edge.typing import spread
from bench.measuring.report import Rows, at_most, finish
from bench.rooms.members import Listener, Speaker, utterances
from bench.rooms.servers import Hall, hall

FEW = 10
AWAY_SECONDS = 20.0
JOINED_AT_ONCE = 50
MOST_P99, MOST_RSS_KIB = 1.5, 100.0
VOICED = {"voice": True}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one listener got of what was said."""

    name: str
    said: int  # segments, in its languages
    got: int
    doubled: int
    disordered: int
    told: str  # events beside captions that say why something is otherwise


def seen(name: str, listener: Listener, said: int, first: int = 1) -> Seen:
    """Hold a listener's captions against those that were said from a segment on."""
    numbers = [event["segment_id"] for _, event in listener.finals()]
    kinds = ("no_captions", "voice_skipped", "changed", "error", "go_away")
    told = [f"{kind} {len(found)}" for kind in kinds if (found := listener.events(kind))]
    told += [f"joined {listener.joined}"] if listener.joined > 1 else []
    unique = set(numbers)
    disordered = sum(one > other for one, other in pairwise(numbers))
    wanted = set(range(first, said + 1))
    return Seen(name, len(wanted), len(wanted & unique), len(numbers) - len(unique), disordered, ", ".join(told) or "-")


async def behaved(held: Hall, seconds: float) -> list[Seen]:
    """Hold a room with listeners of all sorts, and say what each got."""
    port, room = held.ports[:1], "/v1/rooms/sorts"
    steady, late, leaving, deaf, gone = (Listener(port, "es", path=room) for _ in range(5))
    deaf.wish, deaf.receive_bytes = VOICED, 16 * 1024
    async with asyncio.TaskGroup() as tasks:
        speaker = Speaker(port, utterances(seconds), tasks, "Ann", room)
        reading = [tasks.create_task(each.run()) for each in (steady, leaving, deaf, gone)]
        await asyncio.sleep(1)
        speaking = tasks.create_task(speaker.run())
        await speaker.ready.wait()
        await asyncio.sleep(seconds / 3)
        reading.append(tasks.create_task(late.run()))
        assert leaving.reading
        assert deaf.reading
        leaving.reading.say({"type": "change", "lang": "fr"})
        deaf.reading.pause()
        tasks.create_task(_lose(gone))
        await asyncio.sleep(AWAY_SECONDS)
        deaf.reading.go_on()
        await speaking
        await asyncio.sleep(3)
        for each in reading:
            each.cancel()
    said = max(speaker.finals, default=0)
    french = [event["segment_id"] for _, event in leaving.finals() if event["lang"] == "fr"]
    return [
        seen("reads all the time", steady, said),
        seen("comes late", late, said),
        seen("changes to French", leaving, said),
        seen(f"does not read for {AWAY_SECONDS:g} s, hears the voice", deaf, said),
        seen(f"loses the network for {AWAY_SECONDS:g} s", gone, said),
        seen("French, from the change on", Listener(port, "fr", came=leaving.came), said, min(french, default=said)),
    ]


async def _lose(listener: Listener) -> None:
    """Break a listener's network for a while."""
    ports, listener.ports = listener.ports, (1,)  # where nobody answers
    assert listener.reading is not None
    listener.reading.close()
    await asyncio.sleep(AWAY_SECONDS)
    listener.ports = ports


@dataclass(frozen=True, slots=True)
class Crowd:
    """What so many listeners came to."""

    listeners: int
    captions: int  # finals that came, of all
    missing: int
    p50_ms: float
    p99_ms: float
    rss_kib: float  # of each


async def crowd(held: Hall, edge: int, count: int, seconds: float) -> Crowd:
    """Hold a room with so many listeners at one edge."""
    port, room = held.ports[edge : edge + 1], f"/v1/rooms/crowd-{count}"
    process = psutil.Process(held.edges[edge].child.pid)
    warm = Listener(port, "es", path=room)
    listeners = [Listener(port, "es", path=room) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        speaker = Speaker(port, utterances(seconds), tasks, "Ann", room)
        reading = [tasks.create_task(warm.run())]
        speaking = tasks.create_task(speaker.run())
        await speaker.ready.wait()
        await asyncio.sleep(4)
        before = process.memory_info().rss
        for at in range(0, count, JOINED_AT_ONCE):
            reading += [tasks.create_task(each.run()) for each in listeners[at : at + JOINED_AT_ONCE]]
            await asyncio.sleep(0.4)
        while sum(each.joined for each in listeners) < count:  # noqa: ASYNC110  # they join by themselves
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        rss = process.memory_info().rss - before
        settled = max(speaker.finals, default=0)
        await speaking
        await asyncio.sleep(3)
        for each in reading:
            each.cancel()
    late, missing, captions = list[float](), 0, 0
    for listener in listeners:
        finals = {event["segment_id"]: (at, event) for at, event in listener.finals()}
        captions += len(finals)
        missing += len(set(range(1, max(speaker.finals) + 1)) - set(finals))
        late += [
            1000 * (at - speaker.began) - event["end_ms"] for number, (at, event) in finals.items() if number > settled
        ]
    return Crowd(count, captions, missing, spread(late, 0.5), spread(late, 0.99), rss / 1024 / count)


async def measured(seconds: float, many: int) -> tuple[list[Seen], list[Crowd]]:
    """The listeners of all sorts, and the crowds."""
    async with hall(3) as held:
        sorts = await behaved(held, seconds)
        few = await crowd(held, 1, FEW, 30)
        return sorts, [few, await crowd(held, 2, many, 30 + many / JOINED_AT_ONCE * 0.5)]


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--many", type=int, default=1000)
    told = parser.parse_args()
    gc.disable()
    sorts, crowds = asyncio.run(measured(told.seconds, told.many))
    table = Rows("one speaker, Spanish", ["listener", "said", "got", "doubled", "disordered", "told"])
    for each in sorts:
        table.add(each.name, each.said, each.got, each.doubled, each.disordered, each.told)
    numbers = Rows(
        "listeners of one room", ["listeners", "captions", "missing", "p50 ms", "p99 ms", "RSS of each, KiB"]
    )
    for found in crowds:
        numbers.add(str(found.listeners), found.captions, found.missing, found.p50_ms, found.p99_ms, found.rss_kib)
    few, most = crowds
    wrong = sum(each.said - each.got + each.doubled + each.disordered for each in sorts if "French" not in each.name)
    goals = {
        "rooms.listeners.captions lost, doubled, out of order": at_most(wrong + few.missing + most.missing, 0),
        f"rooms.listeners.p99 of {told.many} above that of {FEW}": at_most(most.p99_ms / few.p99_ms, MOST_P99),
        "rooms.listeners.RSS of a listener, KiB": at_most(most.rss_kib, MOST_RSS_KIB),
    }
    sys.exit(not finish("rooms_listeners", [table, numbers], goals))


if __name__ == "__main__":
    main()
