"""What sessions leave behind: nothing.

    python -m bench.capacity.leaks [--sessions 100] [--engines embedded|scripted]

Sessions end in four ways: whole, cancelled by the client, interrupted and half-closed early, refused at the door.
Threads, children, open files and memory of each service are counted after a first round of sessions and again after a
second. Tasks are counted with all four services in this one process, on scripted engines.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict

import babelmesh
from bench.measuring.processes import SCRIPTED, SERVICES, Inventory, LocalMesh, inventory, local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.speech import talks
from bench.measuring.take import chunks, take
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.audio.pcm import Pcm
from services.common.server.lifecycle import running
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings

AT_ONCE = 4  # half the slots: that of a cancelled session is free a little later, when its work has ended
SETTLE_SECONDS = 3.0
TARGETS = ("es", "ca")
SLOTS = 8  # of the recognizer, by default


def main() -> None:
    """Prints the tables; ends with status 1 when something was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--engines", choices=("embedded", "scripted"), default="embedded")
    options = parser.parse_args()
    (speech,) = talks(1, 3.0)
    tasks = asyncio.run(task_counts(speech, options.sessions))
    before, after = asyncio.run(inventories(speech, options.sessions, options.engines))
    tables = [inventory_table(before, after), task_table(tasks)]
    sys.exit(not finish("leaks", tables, goals(before, after, tasks)))


async def inventories(speech: Pcm, sessions: int, engines: str) -> tuple[dict[str, Inventory], dict[str, Inventory]]:
    """What each service held after the first round, and after the second."""
    async with local_mesh(SCRIPTED if engines == "scripted" else {}) as mesh:
        return await one_round(mesh, speech, sessions), await one_round(mesh, speech, sessions)


async def one_round(mesh: LocalMesh, speech: Pcm, sessions: int) -> dict[str, Inventory]:
    """What each service holds after so many sessions, its pools full.

    A cancelled session takes its child with it: at the end, as many sessions at once as there are slots fill the pool.
    """
    async with babelmesh.connect(mesh.address) as client:
        await many(client, speech, sessions)
        await asyncio.sleep(SETTLE_SECONDS)
        async with asyncio.TaskGroup() as group:
            for _ in range(SLOTS):
                group.create_task(take(client, speech, TARGETS))
    await asyncio.sleep(SETTLE_SECONDS)
    return counted(mesh)


def counted(mesh: LocalMesh) -> dict[str, Inventory]:
    """What each service holds now."""
    return {name: inventory(mesh.processes[name]) for name in SERVICES}


async def task_counts(speech: Pcm, sessions: int) -> tuple[int, int]:
    """Tasks in this process, with the whole mesh in it, before and after the sessions."""
    async with one_process() as address:
        await many_at(address, speech, sessions)
        await asyncio.sleep(SETTLE_SECONDS)
        before = len(asyncio.all_tasks())
        await many_at(address, speech, sessions)
        await asyncio.sleep(SETTLE_SECONDS)
        return before, len(asyncio.all_tasks())


@asynccontextmanager
async def one_process() -> AsyncIterator[str]:
    """The four services in this process; the gateway's address."""
    asr = AsrSettings(engine="scripted")
    mt = MtSettings(engine="scripted")
    tts = TtsSettings(engine="scripted")
    async with AsyncExitStack() as stack:
        ports = [
            await stack.enter_async_context(running(servicer, settings))
            for servicer, settings in ((AsrServicer(asr), asr), (MtServicer(mt), mt), (TtsServicer(tts), tts))
        ]
        endpoints = [(f"127.0.0.1:{port}",) for port in ports]
        gateway = GatewaySettings(asr_endpoints=endpoints[0], mt_endpoints=endpoints[1], tts_endpoints=endpoints[2])
        port = await stack.enter_async_context(running(GatewayServicer(gateway), gateway))
        yield f"127.0.0.1:{port}"


async def many_at(address: str, speech: Pcm, sessions: int) -> None:
    """Sessions over a connection of their own."""
    async with babelmesh.connect(address) as client:
        await many(client, speech, sessions)


async def many(client: babelmesh.Mesh, speech: Pcm, sessions: int) -> None:
    """So many sessions, some at once, ended in turn in each of the ways."""
    places = asyncio.Semaphore(AT_ONCE)
    ways = (whole, cancelled, interrupted, refused)

    async def one(number: int) -> None:
        async with places:
            await ways[number % len(ways)](client, speech)

    async with asyncio.TaskGroup() as group:
        for number in range(sessions):
            group.create_task(one(number))


async def whole(client: babelmesh.Mesh, speech: Pcm) -> None:
    """A session to its end."""
    await take(client, speech, TARGETS, speed=0)


async def cancelled(client: babelmesh.Mesh, speech: Pcm) -> None:
    """A session whose client goes away at the first result."""
    async with client.session("en", TARGETS) as session:
        async for event in session.translate(chunks(speech, 0)):
            if isinstance(event, babelmesh.SpeechEvent | babelmesh.AsrResult):
                return


async def interrupted(client: babelmesh.Mesh, speech: Pcm) -> None:
    """A session that ends in the middle of a word, its speech interrupted."""
    async with client.session("en", TARGETS) as session:
        async for chunk in chunks(speech[: len(speech) // 2], 0):
            await session.send_audio(chunk)
        await session.interrupt()
        await session.end()
        async for _ in session:
            pass


async def refused(client: babelmesh.Mesh, speech: Pcm) -> None:
    """A session that is not let in."""
    try:
        async with client.session("en", ["tlh"]):
            raise RuntimeError("a language nobody has was let in")
    except babelmesh.SessionFailed:
        return


def left_behind(before: Mapping[str, Inventory], after: Mapping[str, Inventory]) -> int:
    """How many threads, children and files more there are."""
    kinds = ("threads", "children", "files")
    return sum(max(0, getattr(after[name], kind) - getattr(before[name], kind)) for name in SERVICES for kind in kinds)


def inventory_table(before: Mapping[str, Inventory], after: Mapping[str, Inventory]) -> Rows:
    """One row a service and kind."""
    table = Rows("Four processes", ("service", "kind", "before", "after"))
    for name in SERVICES:
        for kind, held in asdict(before[name]).items():
            table.add(name, kind, held, getattr(after[name], kind))
    return table


def task_table(tasks: Sequence[int]) -> Rows:
    """One row."""
    table = Rows("One process", ("kind", "before", "after"))
    table.add("tasks", *tasks)
    return table


def goals(before: Mapping[str, Inventory], after: Mapping[str, Inventory], tasks: Sequence[int]) -> dict[str, Goal]:
    """Nothing is left."""
    more_tasks = max(0, tasks[1] - tasks[0])
    return {"leaks.tasks": at_most(more_tasks, 0), "leaks.processes": at_most(left_behind(before, after), 0)}


if __name__ == "__main__":
    main()
