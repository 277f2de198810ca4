"""One client that stops reading, among many that read: what is held for it, and what the others feel.

    python -m bench.chaos.stalled [--short] [--sessions 20] [--seconds 15] [--pairs 2] [--keep FOLDER]

It asks for four voices, speaks in real time, and reads nothing from the first speech on. *Accepted* is the audio it
could send after the standstill, beyond the backlog that `ready` announces. *Held* is what it still gets when it reads
again while the synthesizer is frozen: all that had been made for it and was waiting, in the gateway and on the way.
Then it stops for good and is to be closed as one that can resume. The others' latency is from the last sample of a
segment to the last message about it, beside the stalled one over alone.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from babelmesh.client.events import AudioFormat, SessionConfig
from bench.chaos import raw
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.ledger import Line, read_all
from bench.chaos.scene import Outcome, folder, judged, options, play, share
from bench.chaos.talking import Load, Wishes
from bench.measuring.report import Goal, Rows, at_least, at_most
from realtime.v1.realtime_translate_pb2 import Target
from services.common.audio.pcm import ASR_RATE

WARM_SECONDS = 4.0
READ_SECONDS = 0.7  # less than it takes to notice that the synthesizer is frozen
SPOKEN_SECONDS = 5.5  # two utterances: more speech is made of them than anything on the way takes
SPEAKER = 400
STALL_MS = 25_000
LANGS = ("es", "fr", "de", "ca")


@dataclass(slots=True)
class Stalled:
    """What became of one that does not read."""

    backlog_seconds: float = 0.0
    accepted_seconds: float = 0.0
    held_bytes: int = 0
    code: str = ""
    handles: list[str] = field(default_factory=list)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, sessions=(20, 4), seconds=(15.0, 8.0), pairs=(2, 1))
    play("stalled", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """The others alone, then beside it, and again."""
    spans: list[tuple[float, float]] = []
    stalled: list[Stalled] = []
    with folder(told) as kept:
        path = Path(kept)
        variables = {"GATEWAY_CLIENT_STALL_MS": str(STALL_MS)}
        async with fleet(Plan(asr=1, mt=1, tts=1, variables=variables), path / "mesh") as up:
            async with Load(told.sessions).at(up.address, path / "ledgers"):
                await asyncio.sleep(WARM_SECONDS)
                for _ in range(told.pairs):
                    spans.append((time.monotonic(), time.monotonic() + told.seconds))
                    await asyncio.sleep(told.seconds)
                    began = time.monotonic()
                    stalled.append(await stand_still(up.address, told.seconds))
                    spans.append((began, time.monotonic()))
            stalled[-1].held_bytes = await held(up, told.seconds)
            stalled[-1].code = await closed(up.address)
            verdict = await judged(path / "ledgers")
            ledgers = read_all(path / "ledgers")
    alone, beside = latencies(ledgers, spans[0::2]), latencies(ledgers, spans[1::2])
    reached = {**verdict.clean("stalled"), **goals(stalled, alone, beside)}
    return Outcome([verdict.table, table(stalled, alone, beside)], reached)


def latencies(ledgers: Mapping[str, Sequence[Line]], spans: Sequence[tuple[float, float]]) -> list[int]:
    """Milliseconds, of the segments that were through within these times."""
    told = [line for lines in ledgers.values() for line in lines if line["kind"] == "latency"]
    within = [line for line in told if any(start <= line["t"] <= end for start, end in spans)]
    return [line["sent_ms"] - line["captured_ms"] for line in within]


def hello() -> SessionConfig:
    """As much speech as can be had."""
    config = Wishes().hello()
    targets = [Target(lang=lang, speaking_rate=0.5, max_lag_ms=600_000) for lang in LANGS]
    config.MergeFrom(SessionConfig(source_lang="en", targets=targets))
    config.output.CopyFrom(AudioFormat(format="pcm16le", sample_rate=48_000))
    return config


async def stand_still(address: str, seconds: float) -> Stalled:
    """Reads until it is spoken to, then speaks for so long without reading."""
    found = Stalled()

    async def write(made: raw.Call) -> None:
        async for position in raw.speak(made, SPEAKER):
            found.accepted_seconds = position / ASR_RATE

    async with raw.call(address, hello()) as made, asyncio.TaskGroup() as group:
        ready = await raw.answer(made)
        if ready is None:
            return found
        found.backlog_seconds = ready.ready.limits.max_backlog_ms / 1000
        found.handles.append(ready.ready.resume_handle)
        writing = group.create_task(write(made))  # a write that is cancelled would cancel the call
        await first_speech(made)
        before = found.accepted_seconds
        await asyncio.sleep(seconds)
        accepted = found.accepted_seconds - before - found.backlog_seconds
        writing.cancel()
    return replace(found, accepted_seconds=accepted)


async def held(up: Fleet, seconds: float) -> int:
    """Bytes that wait for one that did not read for so long."""
    taken = 0

    async def read(made: raw.Call) -> None:
        nonlocal taken
        while message := await raw.answer(made):
            taken += message.ByteSize()

    async def write(made: raw.Call) -> None:
        async for _ in raw.speak(made, SPEAKER):
            pass

    async with raw.call(up.address, hello()) as made, asyncio.TaskGroup() as group:
        writing = group.create_task(write(made))
        await first_speech(made)
        await asyncio.sleep(seconds)
        up["tts-1"].freeze()
        reading = group.create_task(read(made))
        await asyncio.sleep(READ_SECONDS)
        up["tts-1"].thaw()
        for task in (writing, reading):
            task.cancel()
    await up.serving()
    return taken


async def first_speech(made: raw.Call) -> None:
    """Reads until a voice speaks: from here on nobody reads."""
    while message := await raw.answer(made):
        if message.HasField("tts"):
            return


async def closed(address: str) -> str:
    """What a call ends with whose client does not read until it must have been given up.

    It stops to speak before the gateway stops to listen: a status that crosses a write can be lost (grpc/grpc#36066).
    """
    async with raw.call(address, hello()) as made:
        await raw.answer(made)
        async for position in raw.speak(made, SPEAKER):
            if position >= SPOKEN_SECONDS * ASR_RATE:
                break
        await asyncio.sleep(STALL_MS / 1000 + 1.0)
        return await raw.ended(made)


def table(stalled: Sequence[Stalled], alone: Sequence[int], beside: Sequence[int]) -> Rows:
    """One row a standstill, then the others."""
    rows = Rows("One client does not read", ("what", "value"))
    for each in stalled:
        rows.add("accepted beyond the backlog, s", each.accepted_seconds)
    rows.add("held, KiB", stalled[-1].held_bytes / 1024)
    rows.add("closed with", stalled[-1].code)
    rows.add("others' p99 alone, ms", share(alone, 0.99))
    rows.add("others' p99 beside it, ms", share(beside, 0.99))
    return rows


def goals(stalled: Sequence[Stalled], alone: Sequence[int], beside: Sequence[int]) -> dict[str, Goal]:
    """It is bounded, closed resumable, and nobody else notices."""
    return {
        "stalled.accepted_seconds": at_most(max(each.accepted_seconds for each in stalled), 2.0),
        "stalled.held_kib": at_most(max(each.held_bytes for each in stalled) / 1024, 256.0),
        "stalled.others": at_most(share(beside, 0.99) / share(alone, 0.99), 1.2),
        "stalled.closed_too_slow": at_least(int(stalled[-1].code == "CLIENT_TOO_SLOW"), 1),
        "stalled.resumable": at_least(sum(bool(handle) for each in stalled for handle in each.handles), 1),
    }


if __name__ == "__main__":
    main()
