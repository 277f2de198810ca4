"""How many live streams one device recognizes: batched across sessions, one by one, and by sherpa-onnx.

    python -m bench.recognition.asr_density [--model BUNDLE] [--device auto] [--streams 16] [--pairs 5] [--seconds 12]

First a fixed number of streams as fast as they go, the arms taking turns: audio that a second of the processor (on a
GPU: of the clock) gets through, and how long a step takes from the audio to its answer. Then live streams, more and
more, until the 95th percentile of that time exceeds a chunk. Without --model: a recognizer as large as
FastConformer-Large whose weights are drawn by chance, made by tests/models/asr/big.py in the environment of
`make parity-setup`.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from statistics import median

from bench.measuring.report import OUT, Goal, Rows, at_least, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.recognition.asr_arms import Arm, Ours, Served, Sherpa, chunk_samples, served
from services.asr.engine import Endpoint, Heard, Speech
from services.asr.engines.onnx.layout import FRAME_MS, Layout
from services.common.audio.pcm import ASR_RATE, Pcm

MODEL = OUT / "models" / "asr-large"
ROOT = OUT.parent.parent
PARITY = ROOT / ".parity" / "bin" / "python"
GROWTH = 1.25  # of the number of live streams, from one try to the next
FLOAT_BYTES = 4
SETTLING = 2  # chunks of a live stream that are not counted


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    streams: int
    pairs: int
    live_seconds: float
    chunk: int  # samples
    most: int  # live streams


@dataclass(slots=True)
class Turn:
    """One go of an arm."""

    audio_seconds: float = 0.0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds, from a chunk's end to its answer
    texts: list[str] = field(default_factory=list)

    def speed(self, gpu: bool) -> float:
        """Audio over the time it took: of the processor, or, where that is not what computes, of the clock."""
        return self.audio_seconds / (self.wall_seconds if gpu else self.cpu_seconds)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of a bundle")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1, help="of one computation on the CPU")
    parser.add_argument("--streams", type=int, default=16, help="at once, and most of a batch")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0, help="of speech in each stream")
    parser.add_argument("--live", type=float, default=12.0, help="seconds of each try with live streams; 0: none")
    parser.add_argument("--most", type=int, default=64, help="live streams tried; several hundred on a GPU")
    options = parser.parse_args()
    model = served(made(options.model), options.device, options.threads, max(options.streams, options.most))
    layout = model.layout()
    plan = Plan(options.streams, options.pairs, options.live, chunk_samples(layout), options.most)
    speech = talks(4, options.seconds)
    sys.exit(not asyncio.run(measured(model, layout, plan, speech)))


def made(folder: Path) -> Path:
    """The folder, its model made first if it is ours and not there."""
    if folder == MODEL and not folder.exists():
        if not PARITY.exists():
            print("Skipped: a large model is made with .parity (`make parity-setup`); or name a bundle with --model.")
            sys.exit()
        subprocess.run([PARITY, "-m", "tests.models.asr.big", folder], check=True, cwd=ROOT)
    return folder


async def measured(model: Served, layout: Layout, plan: Plan, speech: Sequence[Pcm]) -> bool:
    """Whether every goal was reached."""
    arms: list[Arm] = [Ours(model, plan.streams), Ours(model, 1)]
    async with AsyncExitStack() as running:
        await started(running, arms[0])
        gpu = arms[0].device != "cpu"
        if not gpu:  # its wheel has no provider for a GPU
            arms.append(Sherpa(model, layout, plan.streams))
        for arm in arms[1:]:
            await started(running, arm)
        turns = await in_turns(arms, plan, speech)
        live = (
            {arm.name: await most_live(arm, plan, speech, turns[arm.name]) for arm in arms} if plan.live_seconds else {}
        )
    tables = [of_the_model(model, layout, arms), closed_table(turns, gpu), live_table(live, plan)]
    return finish("asr_density", tables, goals([turns[arm.name] for arm in arms], gpu))


async def started(running: AsyncExitStack, arm: Arm) -> None:
    """Starts an arm, to be stopped with the others."""
    await arm.start()
    running.push_async_callback(arm.stop)


async def in_turns(arms: Sequence[Arm], plan: Plan, speech: Sequence[Pcm]) -> dict[str, list[Turn]]:
    """All streams of each arm, as fast as they go; the first round is for warming up."""
    turns: dict[str, list[Turn]] = {arm.name: [] for arm in arms}
    for number in range(plan.pairs + 1):
        for arm in arms if number % 2 else arms[::-1]:
            turn = Turn()
            cpu, wall = time.process_time(), time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for stream in range(plan.streams):
                    group.create_task(listen(arm, at_once(speech[stream % len(speech)], plan.chunk, turn), turn))
            turn.cpu_seconds, turn.wall_seconds = time.process_time() - cpu, time.perf_counter() - wall
            if number:
                turns[arm.name].append(turn)
    return turns


async def listen(arm: Arm, heard: AsyncIterator[Heard], turn: Turn) -> None:
    """One stream."""
    async for text in arm.recognize(heard):
        turn.texts.append(text)


async def at_once(talk: Pcm, chunk: int, turn: Turn) -> AsyncGenerator[Heard, None]:
    """A talk, chunk by chunk as they are answered."""
    for start in range(0, len(talk), chunk):
        asked = time.perf_counter()
        yield Speech(talk[start : start + chunk], start)
        turn.latencies.append(time.perf_counter() - asked)
    yield Endpoint()
    turn.audio_seconds += len(talk) / ASR_RATE


async def most_live(arm: Arm, plan: Plan, speech: Sequence[Pcm], closed: Sequence[Turn]) -> tuple[int, float | None]:
    """Live streams with the 95th percentile within a chunk, and that percentile of them."""
    fast = median(turn.audio_seconds / turn.wall_seconds for turn in closed)
    streams = max(1, int(fast / 2))
    found: tuple[int, float | None] = (0, None)
    while streams <= plan.most:
        turn = await live(arm, streams, plan, speech)
        p95 = percentile(turn.latencies, 0.95)
        if p95 is None or p95 > plan.chunk / ASR_RATE:
            if found[0] or streams == 1:
                break
            streams = max(1, int(streams / GROWTH / GROWTH))
            continue
        found = (streams, p95)
        streams = max(streams + 1, int(streams * GROWTH))
    return found


async def live(arm: Arm, streams: int, plan: Plan, speech: Sequence[Pcm]) -> Turn:
    """So many streams at the pace of speech, their chunks' ends spread evenly over time."""
    turn = Turn()
    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for stream in range(streams):
            starts = begin + stream / streams * plan.chunk / ASR_RATE
            group.create_task(listen(arm, paced(speech[stream % len(speech)], starts, plan, turn), turn))
    return turn


async def paced(talk: Pcm, starts: float, plan: Plan, turn: Turn) -> AsyncGenerator[Heard, None]:
    """A talk, each chunk when it has been spoken, or when the one before is answered, if that is later."""
    chunks = min(len(talk) // plan.chunk, int(plan.live_seconds * ASR_RATE / plan.chunk))
    for number in range(chunks):
        spoken = starts + (number + 1) * plan.chunk / ASR_RATE
        await asyncio.sleep(max(0.0, spoken - time.perf_counter()))
        yield Speech(talk[number * plan.chunk : (number + 1) * plan.chunk], number * plan.chunk)
        if number >= SETTLING:
            turn.latencies.append(time.perf_counter() - spoken)


def of_the_model(model: Served, layout: Layout, arms: Sequence[Arm]) -> Rows:
    """What was measured, and on what."""
    table = Rows("The model", ("bundle", "weights", "chunk ms", "caches of a stream MB", "threads", "computed on"))
    weights = "random: it is timed, not heard" if model.random else "trained"
    caches_mb = (prod(layout.channel_shape) + prod(layout.time_shape)) * FLOAT_BYTES / 1e6
    chunk_ms = layout.shift_frames * FRAME_MS
    table.add(model.bundle.manifest.name, weights, chunk_ms, caches_mb, model.threads, arms[0].device)
    return table


def closed_table(turns: dict[str, list[Turn]], gpu: bool) -> Rows:
    """As fast as they go: medians over the turns."""
    time_of = "clock" if gpu else "processor"
    columns = ("arm", f"audio s per {time_of} s", "audio s per s", "step p50 ms", "step p95 ms", "texts as the first's")
    table = Rows(f"{len(next(iter(turns.values()))[0].texts)} streams as fast as they go", columns)
    first = sorted(next(iter(turns.values()))[0].texts)
    for name, found in turns.items():
        latencies = [latency * 1000 for turn in found for latency in turn.latencies]
        alike = sum(one == other for one, other in zip(first, sorted(found[0].texts), strict=True)) / len(first)
        table.add(
            name,
            median(turn.speed(gpu) for turn in found),
            median(turn.audio_seconds / turn.wall_seconds for turn in found),
            percentile(latencies, 0.5),
            percentile(latencies, 0.95),
            alike,
        )
    return table


def live_table(live: dict[str, tuple[int, float | None]], plan: Plan) -> Rows:
    """Live streams."""
    table = Rows("Live streams with p95 within a chunk", ("arm", "streams", "p95 ms", "chunk ms"))
    for name, (streams, p95) in live.items():
        table.add(name, streams, p95 and p95 * 1000, plan.chunk * 1000 // ASR_RATE)
    return table


def goals(turns: Sequence[Sequence[Turn]], gpu: bool) -> dict[str, Goal]:
    """Medians over the pairs."""
    batched, alone, *sherpa = turns
    times = median(one.speed(gpu) / other.speed(gpu) for one, other in zip(batched, alone, strict=True))
    late = median(p95(one) / p95(other) for one, other in zip(batched, alone, strict=True))
    reached = {
        "asr_density.batched": at_least(times, 3.3 if gpu else 2.0),
        "asr_density.p95": at_most(late, 0.31 if gpu else 1.0),
    }
    if sherpa:
        over = median(one.speed(gpu) / other.speed(gpu) for one, other in zip(batched, sherpa[0], strict=True))
        reached["asr_density.vs_sherpa"] = at_least(over, 1.0)
    return reached


def p95(turn: Turn) -> float:
    """Of its steps, seconds."""
    return percentile(turn.latencies, 0.95) or 0.0


if __name__ == "__main__":
    main()
