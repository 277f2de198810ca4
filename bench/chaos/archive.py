"""Kills what archives, at random moments, and counts what is on the disk in the clear, and what of it is not there.

    python -m bench.chaos.archive [--kills 300] [--gateways 5] [--seed 1] [--short]

Most kills are of a process that archives three sessions without pause, as the gateway does it; what it says is archived
has to be there. --gateways are kills of whole gateways: a text has to be there whose translation their client had for
longer than the gateway takes to write it. Each time every file is searched for what was said, and for whom it was
about.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from bench.chaos.archiving import CANARY, SECRET, archive_until_killed, settings_of, text_of
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_least, at_most, finish
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.gateway.archive.cabinet import Cabinet
from services.gateway.archive.receipts import Wanted
from services.gateway.archive.sealing import State
from services.gateway.settings import GatewaySettings

LONGEST_SECONDS = 0.25  # a writer lives
WRITTEN_SECONDS = 1.0  # after which a gateway's text has to be on the disk: twice its setting
KINDS = ("writers", "gateways")


@dataclass(slots=True)
class Count:
    """What came of the kills of one kind."""

    kills: int = 0
    told: int = 0  # texts that were told to be archived
    lost: int = 0  # of those, texts that are not there
    plain: int = 0  # files with a word of what was said, or of whom it was about
    altered: int = 0  # parts that do not open, and audit logs that are not right

    @property
    def cells(self) -> tuple[int, ...]:
        """The counts, as a row of the table."""
        return (self.kills, self.told, self.lost, self.plain, self.altered)


def main() -> None:
    """Kill, count, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--gateways", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="a rehearsal: 10 kills, no gateways")
    asked = parser.parse_args()
    chance, counts = random.Random(asked.seed), {kind: Count() for kind in KINDS}
    with TemporaryDirectory(prefix="babelmesh-archive-") as folder:
        for number in range(10 if asked.short else asked.kills):
            kill_writer(Path(folder) / f"writer-{number}", chance, counts["writers"])
        for number in range(0 if asked.short else asked.gateways):
            asyncio.run(kill_gateway(Path(folder) / f"gateway-{number}", chance, counts["gateways"]))
    table = Rows("kills while archiving", ("killed", "kills", "texts told", "lost", "plaintext", "altered"))
    for kind, count in counts.items():
        table.add(kind, *count.cells)
    goals = {
        "archive.lost": at_most(sum(each.lost for each in counts.values()), 0),
        "archive.plaintext": at_most(sum(each.plain for each in counts.values()), 0),
        "archive.altered": at_most(sum(each.altered for each in counts.values()), 0),
        "archive.told": at_least(sum(each.told for each in counts.values()), 1),
    }
    sys.exit(0 if finish("archive", [table], goals) else 1)


def kill_writer(folder: Path, chance: random.Random, count: Count) -> None:
    """Fork a writer, kill it, and look at what it left."""
    settings = settings_of(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            archive_until_killed(settings, folder / "temp", writing)
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(chance.uniform(0.01, LONGEST_SECONDS))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        lines = [line.split() for line in pipe if line.endswith("\n")]
    kept = {part: int(records) for part, records in lines}
    asyncio.run(_look(Cabinet.of(settings), kept, count))
    count.plain += len(list(plain(folder)))


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


def plain(folder: Path) -> Iterable[Path]:
    """The files with a word of what was said."""
    return (path for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes())


async def kill_gateway(folder: Path, chance: random.Random, count: Count) -> None:
    """Kill a gateway in the middle of a session, and look at what it left."""
    settings = settings_of(folder)
    told = {"GATEWAY_ARCHIVE": settings.archive, "GATEWAY_ARCHIVE_KEYS": settings.archive_keys}
    temp = folder / "temp"
    temp.mkdir()
    os.environ["TMPDIR"] = str(temp)
    variables = {**SCRIPTED, **told, "GATEWAY_ARCHIVE_SECRET": SECRET, "ASR_VAD": "energy"}
    heard: list[tuple[float, str]] = []
    async with (
        local_mesh(variables) as mesh,
        grpc.aio.insecure_channel(mesh.address) as channel,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(_talk(channel, heard))
        await asyncio.sleep(chance.uniform(2.0, 4.0))
        killed = time.monotonic()
        mesh.processes["gateway"].kill()
    del os.environ["TMPDIR"]
    await _compare(settings, [text for at, text in heard if killed - at >= WRITTEN_SECONDS], count)
    count.plain += len(list(plain(folder)))


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
