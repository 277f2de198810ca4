"""A meeting over two edges: what it costs beside a session for each listener, and what is lost when processes die.

    python -m bench.rooms.meeting [--seconds 40] [--listeners 200]

Four speakers of one room, at two edges that share it over NATS, and listeners in five languages, all with scripted
engines. First it runs undisturbed; then an edge is killed, and is started again; then NATS is killed for five
seconds. *CPU* is that of all processes that serve: gateway, stages, edges, NATS. Beside it stand eight sessions of one
listener each, scaled to as many as there are listeners. Each listener's captions are held against those of all others
in its language: complete by their numbers, in order, equal.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.edge.typing import spread
from bench.measuring.report import Rows, at_most, finish
from bench.rooms.members import Listener, Speaker, lateness_ms, utterances
from bench.rooms.servers import Hall, cpu_seconds, hall
from bench.rooms.sessions import cpu_of_sessions

LANGS = ("en", "es", "fr", "de", "it")
SPEAKERS = 4
MOST_CPU = 0.1
NATS_AWAY_SECONDS = 5.0
SETTLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What listeners have, held against each other and against what was said."""

    segments: int  # said by all speakers
    missing: int
    doubled: int
    disordered: int
    unequal: int

    @property
    def wrong(self) -> int:
        """All that is wrong."""
        return self.missing + self.doubled + self.disordered + self.unequal


def verdict(listeners: Sequence[Listener], speakers: Sequence[Speaker]) -> Verdict:
    """Hold the captions of all listeners against what was said, and against each other."""
    missing = doubled = disordered = unequal = 0
    said = {each.speaker: max(each.finals, default=0) for each in speakers}
    first: dict[tuple[str, str, int], str] = {}
    for listener in listeners:
        book = listener.book()
        for speaker, last in said.items():
            got = book.get(speaker, [])
            numbers = [number for number, _ in got]
            missing += len(set(range(1, last + 1)) - set(numbers))
            doubled += len(numbers) - len(set(numbers))
            disordered += sum(one > other for one, other in pairwise(numbers))
            for number, text in got:
                unequal += first.setdefault((listener.lang, speaker, number), text) != text
    return Verdict(sum(said.values()), missing, doubled, disordered, unequal)


@dataclass(frozen=True, slots=True)
class Held:
    """What one meeting came to."""

    verdict: Verdict
    cpu: float  # seconds of all processes in a second of the meeting
    recognitions: int
    pairs: int  # of speaker and language that were translated
    p50_ms: float
    p99_ms: float
    resumed: int  # speakers that went on elsewhere
    rejoined: int  # listeners


async def meeting(held: Hall, count: int, seconds: float, kill: str = "") -> Held:
    """Hold a meeting to its end; `kill` names what is killed in the middle of it: an "edge", "nats", or nothing."""
    room = f"/v1/rooms/meeting-{kill or 'calm'}"
    ports = [held.ports, held.ports[::-1]]
    listeners = [Listener(ports[at % 2], LANGS[at % len(LANGS)], path=room) for at in range(count)]
    async with asyncio.TaskGroup() as tasks:
        speakers = [
            Speaker(ports[at % 2], utterances(seconds, pause=1.0 + at / 10), tasks, f"speaker {at}", room)
            for at in range(SPEAKERS)
        ]
        reading = [tasks.create_task(each.run()) for each in listeners]
        await asyncio.sleep(2 + count / 100)
        speaking = [tasks.create_task(each.run()) for each in speakers]
        await asyncio.gather(*(each.ready.wait() for each in speakers))
        await asyncio.sleep(seconds / 3)
        before = 0.0 if kill else cpu_seconds(held.processes())
        recognitions = await held.recognitions()
        await _kill(held, kill)
        await asyncio.sleep(seconds / 3)
        used = cpu_seconds(held.processes()) - before if not kill else 0.0
        await asyncio.gather(*speaking)
        await asyncio.sleep(SETTLE_SECONDS)
        for each in reading:
            each.cancel()
    return _judged(listeners, speakers, 3 * used / seconds, recognitions)


async def _kill(held: Hall, what: str) -> None:
    """Kill an "edge", or "nats" for a while."""
    if what == "edge":
        held.kill_edge(0)
    elif what == "nats":
        await held.nats.kill()
        await asyncio.sleep(NATS_AWAY_SECONDS)
        await held.nats.start()


def _judged(listeners: Sequence[Listener], speakers: Sequence[Speaker], cpu: float, recognitions: int) -> Held:
    late = [ms for each in listeners for ms in lateness_ms(each, speakers)]
    pairs = {(event["speaker"], event["lang"]) for each in listeners for _, event in each.finals() if "source" in event}
    return Held(
        verdict(listeners, speakers),
        cpu,
        recognitions,
        len(pairs),
        spread(late, 0.5),
        spread(late, 0.99),
        sum(each.resumed for each in speakers),
        sum(each.joined - 1 for each in listeners),
    )


async def measured(count: int, seconds: float) -> tuple[dict[str, Held], float]:
    """The three meetings, and the processor time of one listener's own session, in seconds a second."""
    async with hall() as held:
        alone = await cpu_of_sessions(held, seconds)
        found = {"undisturbed": await meeting(held, count, seconds)}
        found["an edge killed"] = await meeting(held, count, seconds, "edge")
        await held.serves(0)
        found["NATS away for 5 s"] = await meeting(held, count, seconds, "nats")
    return found, alone


def _table(found: Mapping[str, Held], listeners: int) -> Rows:
    wrongs = ["segments", "missing", "doubled", "disordered", "unequal"]
    title = f"{SPEAKERS} speakers, {listeners} listeners, {len(LANGS)} languages, 2 edges"
    table = Rows(title, ["meeting", *wrongs, "resumed", "rejoined", "p50 ms", "p99 ms"])
    for name, each in found.items():
        counts = [getattr(each.verdict, wrong) for wrong in wrongs]
        table.add(name, *counts, each.resumed, each.rejoined, each.p50_ms, each.p99_ms)
    return table


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--listeners", type=int, default=200)
    told = parser.parse_args()
    found, alone = asyncio.run(measured(told.listeners, told.seconds))
    table = _table(found, told.listeners)
    calm = found["undisturbed"]
    scaled = alone * told.listeners
    costs = Rows("processor time, seconds a second", ["what", "CPU"])
    costs.add("the meeting", calm.cpu)
    costs.add("one listener's own session", alone)
    costs.add(f"{told.listeners} of them", scaled)
    goals = {
        "rooms.meeting.recognitions": at_most(calm.recognitions, SPEAKERS),
        "rooms.meeting.translations": at_most(calm.pairs, SPEAKERS * (len(LANGS) - 1)),
        "rooms.meeting.CPU beside a session for each": at_most(calm.cpu / scaled, MOST_CPU),
        "rooms.meeting.lost, doubled, out of order, unequal": at_most(
            sum(each.verdict.wrong for each in found.values()), 0
        ),
    }
    sys.exit(not finish("rooms_meeting", [table, costs], goals))


if __name__ == "__main__":
    main()
