"""Kills what archives, at random moments, and counts what is kept in the clear, and what of it is not there.

    python -m bench.chaos.archive [--store folder|s3] [--kills 300] [--gateways 5] [--seed 1] [--short]

Most kills are of a process that archives three sessions without pause, as the gateway does it; what it says is archived
has to be there. --gateways are kills of whole gateways: a text has to be there whose translation their client had for
longer than the gateway takes to write it. Each time every file, and every object of the store, is searched for what was
said, and for whom it was about; then all is deleted, and what is left of it is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from bench.chaos.archiving import CANARY, SECRET, STARTED, archive_until_killed, settings_of, text_of
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_least, at_most, finish
from bench.measuring.s3_server import KEY, KEY_ID, REGION, make_bucket, s3_server
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.gateway.archive.cabinet import ORPHAN_MS, Cabinet
from services.gateway.archive.receipts import Wanted
from services.gateway.archive.s3_store import S3Store
from services.gateway.archive.sealing import State
from services.gateway.settings import GatewaySettings

LONGEST_SECONDS = {"folder": 0.25, "s3": 2.0}  # a writer lives, from its start
WRITTEN_SECONDS = 1.0  # after which a gateway's text has to be in the store: twice its setting
KINDS = ("writers", "gateways")


@dataclass(slots=True)
class Count:
    """What came of the kills of one kind."""

    kills: int = 0
    told: int = 0  # texts that were told to be archived
    lost: int = 0  # of those, texts that are not there
    plain: int = 0  # files and objects with a word of what was said, or of whom it was about
    altered: int = 0  # parts that do not open, and audit logs that are not right
    left: int = 0  # pieces that are there after all was deleted and swept

    @property
    def cells(self) -> tuple[int, ...]:
        """The counts, as a row of the table."""
        return (self.kills, self.told, self.lost, self.plain, self.altered, self.left)


@dataclass(frozen=True, slots=True)
class Kills:
    """Where archives are made, and the chance by which those who write them are killed."""

    folder: Path
    endpoint: str  # of the S3-compatible store; empty: they are folders
    longest_seconds: float
    chance: random.Random
    # Writers are forked by a process that does nothing else: the store's client does not outlive a fork.
    writers: ForkServerContext

    def place(self, name: str) -> Path:
        """A folder for one kill, and a bucket of its name, where there is a store."""
        if self.endpoint:
            make_bucket(self.endpoint, name)
        folder = self.folder / name
        folder.mkdir()
        return folder


def main() -> None:
    """Kill, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=tuple(LONGEST_SECONDS), default="folder")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--gateways", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="a rehearsal: 10 kills, no gateways")
    asked = parser.parse_args()
    counts = {kind: Count() for kind in KINDS}
    writers = get_context("forkserver")
    writers.set_forkserver_preload([archive_until_killed.__module__])
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="babelmesh-archive-")))
        endpoint = held.enter_context(s3_server()) if asked.store == "s3" else ""
        kills = Kills(folder, endpoint, LONGEST_SECONDS[asked.store], random.Random(asked.seed), writers)
        for number in range(10 if asked.short else asked.kills):
            kill_writer(kills, f"writer-{number}", counts["writers"])
        for number in range(0 if asked.short else asked.gateways):
            asyncio.run(kill_gateway(kills, f"gateway-{number}", counts["gateways"]))
    sys.exit(0 if reported(asked.store, counts) else 1)


def reported(store: str, counts: dict[str, Count]) -> bool:
    """Print the counts, and whether they are as they have to be."""
    columns = ("killed", "kills", "texts told", "lost", "plaintext", "altered", "left")
    table = Rows(f"kills while archiving ({store})", columns)
    for kind, count in counts.items():
        table.add(kind, *count.cells)
    name = "archive" if store == "folder" else f"archive.{store}"
    goals = {
        f"{name}.lost": at_most(sum(each.lost for each in counts.values()), 0),
        f"{name}.plaintext": at_most(sum(each.plain for each in counts.values()), 0),
        f"{name}.altered": at_most(sum(each.altered for each in counts.values()), 0),
        f"{name}.left": at_most(sum(each.left for each in counts.values()), 0),
        f"{name}.told": at_least(sum(each.told for each in counts.values()), 1),
    }
    return finish(name.replace(".", "-"), [table], goals)


def kill_writer(kills: Kills, name: str, count: Count) -> None:
    """Start a writer, kill it, and look at what it left."""
    folder = kills.place(name)
    settings = settings_of(folder, kills.endpoint)
    reading, writing = kills.writers.Pipe(duplex=False)
    writer = kills.writers.Process(target=archive_until_killed, args=(folder, kills.endpoint, writing))
    writer.start()
    writing.close()
    with reading, os.fdopen(os.dup(reading.fileno()), "rb") as pipe:
        assert pipe.readline() == STARTED
        time.sleep(kills.chance.uniform(0.01, kills.longest_seconds))
        writer.kill()
        writer.join()
        lines = [line.decode().split() for line in pipe if line.endswith(b"\n")]
    kept = {part: int(records) for part, records in lines}
    asyncio.run(_look(Cabinet.of(settings), kept, count))
    asyncio.run(_clear(settings, folder, count))


async def _look(cabinet: Cabinet, kept: dict[str, int], count: Count) -> None:
    """Count what of each part is there, and whether it is as it was written."""
    count.kills += 1
    there: dict[str, list[str]] = {}
    for part in await cabinet.find(Wanted()):
        opened = await cabinet.read(part)
        count.altered += opened.state is State.ALTERED
        session = int(part.session_id.removeprefix("session-"))
        texts = [json.loads(record)["text"] for record in opened.records if b'"text"' in record]
        count.altered += texts != [text_of(session, number // 2 + 1) for number in range(len(texts))]
        there[part.name] = texts
    count.altered += bool(cabinet.audit.verified().wrong_line)
    for name, records in kept.items():
        told = max(0, records - 1)  # the first record says what the part is about
        count.told += told
        count.lost += max(0, told - len(there.get(name, [])))


async def _clear(settings: GatewaySettings, folder: Path, count: Count) -> None:
    """Search all that there is for words in the clear; then delete it, and count what is left."""
    cabinet = Cabinet.of(settings)
    count.plain += len(list(plain(folder))) + len(list(plain_pieces(cabinet)))
    parts = await cabinet.find(Wanted())
    await cabinet.delete("the measurement", Wanted(), parts)
    await cabinet.sweep(settings, round(1000 * time.time()) + 2 * ORPHAN_MS, ())
    count.left += sum("/" in name for name in cabinet.store.names())
    count.plain += len(list(plain(folder)))


def plain(folder: Path) -> Iterable[Path]:
    """The files with a word of what was said."""
    return (path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes())


def plain_pieces(cabinet: Cabinet) -> Iterable[str]:
    """The pieces of a store of objects with a word of what was said; of a folder, those that `plain` finds too."""
    if isinstance(cabinet.store, S3Store):
        everything = cabinet.store.objects()
        yield from (name for name, data in everything if CANARY.encode() in data or CANARY in name)


async def kill_gateway(kills: Kills, name: str, count: Count) -> None:
    """Kill a gateway in the middle of a session, and look at what it left."""
    folder = kills.place(name)
    settings = settings_of(folder, kills.endpoint)
    temp = folder / "temp"
    temp.mkdir()
    os.environ["TMPDIR"] = str(temp)
    variables = {**SCRIPTED, **variables_of(settings, kills.endpoint), "ASR_VAD": "energy"}
    heard: list[tuple[float, str]] = []
    async with (
        local_mesh(variables) as mesh,
        grpc.aio.insecure_channel(mesh.address) as channel,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_talk(channel, heard))
        await asyncio.sleep(kills.chance.uniform(2.0, 4.0))
        killed = time.monotonic()
        mesh.processes["gateway"].kill()
    del os.environ["TMPDIR"]
    await _compare(settings, [text for at, text in heard if killed - at >= WRITTEN_SECONDS], count)
    await _clear(settings, folder, count)


def variables_of(settings: GatewaySettings, endpoint: str) -> dict[str, str]:
    """What a gateway is told of the archive."""
    told = {"": settings.archive, "_KEYS": settings.archive_keys, "_SECRET": SECRET}
    if endpoint:
        told |= {"_S3_ENDPOINT": endpoint, "_S3_REGION": REGION, "_AUDIT": str(settings.archive_audit)}
        told |= {"_S3_ACCESS_KEY_ID": KEY_ID, "_S3_SECRET_ACCESS_KEY": KEY}
    return {f"GATEWAY_ARCHIVE{name}": value for name, value in told.items()}


async def _talk(channel: grpc.aio.Channel, heard: list[tuple[float, str]]) -> None:
    """Type texts until the call breaks, and note when the final translation of each came."""
    metadata = (("babelmesh-subject", f"{CANARY} person"),)
    call = pb_grpc.RealtimeTranslateStub(channel).Stream(metadata=metadata)
    number = 0
    try:
        await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es")])))
        while True:
            number += 1
            await call.write(pb.ClientMessage(text=pb.TextChunk(text=text_of(0, number), final=True)))
            while isinstance(message := await call.read(), pb.ServerMessage):
                if message.translation.final:
                    heard.append((time.monotonic(), text_of(0, number)))
                    break
            else:
                return
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return


async def _compare(settings: GatewaySettings, told: list[str], count: Count) -> None:
    cabinet = Cabinet.of(settings)
    count.kills += 1
    count.told += len(told)
    texts = set()
    for part in await cabinet.find(Wanted()):
        opened = await cabinet.read(part)
        count.altered += opened.state is State.ALTERED
        texts |= {json.loads(record)["text"] for record in opened.records if b'"source"' in record}
    count.lost += sum(text not in texts for text in told)
    count.altered += bool(cabinet.audit.verified().wrong_line)


if __name__ == "__main__":
    main()
