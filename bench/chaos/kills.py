"""Stages are killed at random under live sessions: nothing concluded may be lost, and nobody may wait long.

    python -m bench.chaos.kills [--short] [--kills 200] [--sessions 50] [--keep FOLDER]
                              [--doors | --masks | --everything]

Two replicas of each stage; one is killed and started again while the other works. Recovery is defined in
`bench.chaos.recovery`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.recovery import FaultBook
from bench.chaos.scene import Outcome, folder, judged, options, play
from bench.chaos.talking import Load, Wishes
from bench.measuring.all_doors import Doors, add_options, doors

WARM_SECONDS = 4.0
PAUSE_SECONDS = (0.4, 1.2)  # between kills
SAME_STAGE_SECONDS = 4.0  # a killed replica has to be back, and its gateway to know, before the other may go


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, add_options, kills=(200, 6), sessions=(50, 8))
    play(Doors(told.doors).file("kills"), told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and kills among their stages."""
    with folder(told) as kept:
        path = Path(kept)
        async with doors(told.doors) as behind, fleet(Plan(doors=behind), path / "mesh") as up:
            hunter = Hunter(up, Random(told.seed))
            load = Load(told.sessions, Wishes(doors=behind))
            async with load.at(up.address, path / "ledgers") as company:
                await asyncio.sleep(WARM_SECONDS)
                for _ in range(told.kills):
                    company.ping(await hunter.kill_one())
                    await hunter.pause()
                await asyncio.sleep(WARM_SECONDS)
            verdict = await judged(path / "ledgers", hunter.book)
    goals = {**verdict.clean("R1"), **verdict.recovery("R1", p99=1.0, p50=0.3)}
    return Outcome([verdict.table, verdict.recovery_table()], Doors(told.doors).goals(goals))


@dataclass(slots=True)
class Hunter:
    """Kills replicas of stages at random, never the last one that serves."""

    fleet: Fleet
    random: Random
    book: FaultBook = field(init=False)
    _last: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.book = FaultBook(self.fleet)

    async def kill_one(self) -> str:
        """Kills one; the label of the fault."""
        name = self.random.choice(self.fleet.names())
        stage = name.rsplit("-", 1)[0]
        await asyncio.sleep(max(0.0, self._last.get(stage, 0.0) + SAME_STAGE_SECONDS - time.monotonic()))
        await self.fleet.serving(self.fleet.names(stage))
        self._last[stage] = time.monotonic()
        return self.book.kill(name)

    async def pause(self) -> None:
        """As long as chance has it."""
        await asyncio.sleep(self.random.uniform(*PAUSE_SECONDS))


if __name__ == "__main__":
    main()
