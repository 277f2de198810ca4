"""Gateways are killed under resuming clients, ours and a bare one: nothing may be lost, and nobody may wait long.

    python -m bench.chaos.gateways [--short] [--kills 50] [--sessions 20] [--bare 10] [--keep FOLDER]

Two gateways that read each other's handles. Half the clients know them in the other order. The bare clients are those
of tests/chaos/node; without Node they are left out, and the table says so. Recovery is defined in
`bench.chaos.recovery`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

from bench.chaos import node
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.recovery import FaultBook
from bench.chaos.scene import Outcome, folder, judged, options, play
from bench.chaos.talking import Load

WARM_SECONDS = 4.0
PAUSE_SECONDS = (2.0, 4.0)  # between kills: a session that was just resumed is to have got somewhere

Ask = Callable[[str], None]


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, kills=(50, 3), sessions=(20, 4), bare=(10, 2))
    play("gateways", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and kills among their gateways."""
    random = Random(told.seed)
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(asr=1, mt=1, tts=1, gateways=2), path / "mesh") as up:
            book = FaultBook(up)
            async with clients(up, path / "ledgers", told.sessions, told.bare) as ask:
                await asyncio.sleep(WARM_SECONDS)
                for _ in range(told.kills):
                    await up.serving()
                    ask(book.kill(random.choice(up.names("gateway"))))
                    await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
                await asyncio.sleep(WARM_SECONDS)
            verdict = await judged(path / "ledgers", book)
    goals = {**verdict.clean("R2"), **verdict.recovery("R2", p99=2.0)}
    return Outcome([verdict.table, verdict.recovery_table()], goals)


@asynccontextmanager
async def clients(up: Fleet, ledgers: Path, sessions: int, bare: int) -> AsyncIterator[Ask]:
    """Sessions of both kinds for the block; what it gets asks all of them for an echo."""
    addresses = up.address.split(",")
    async with AsyncExitStack() as stack:
        asks: list[Ask] = []
        for first, order in ((1, addresses), (1 + sessions // 2, addresses[::-1])):
            some = sessions // 2 if first == 1 else sessions - sessions // 2
            load = Load(some, first=first)
            asks.append((await stack.enter_async_context(load.at(",".join(order), ledgers))).ping)
        if bare and not node.missing():
            program = await stack.enter_async_context(node.node_sessions(up.address, ledgers, bare))
            asks.append(program.ping)

        def ask_all(label: str) -> None:
            for ask in asks:
                ask(label)

        yield ask_all


if __name__ == "__main__":
    main()
