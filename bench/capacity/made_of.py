"""What the mesh's processor time is made of: idle, for audio that nobody speaks in, and for speech.

    python -m bench.capacity.made_of [--sessions 8] [--seconds 6] [--rounds 3] [--perf]

The mesh and its sessions are those of `bench.capacity.messages`, the rounds take turns, figures are medians. Sessions
of silence cost what audio costs on its way through gateway and VAD; what speech costs beyond that are transcripts,
translations and speech. What one message of audio costs the gateway is the difference between silence in messages of
20 ms and of 100 ms, which are 40 fewer a second. In brackets is what gRPC's threads spent of it, which run in C beside
the loop's. What Silero costs the recognizer is told by a mesh beside it whose VAD is energy alone. With `--perf`, and
Linux's program of that name, the gateway's time is also told by library.

What longer messages save the gateway is told for silence and for speech. It joins short ones on the way to the
recognizer: what that saves it is no part of these figures, as it is of C3 (`bench.capacity.messages`).
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import psutil

from bench.capacity.messages import CHUNKS_MS
from bench.capacity.null_work import Arm, ours
from bench.measuring.processes import SERVICES
from bench.measuring.report import Rows, finish
from bench.measuring.speech import talks
from services.common.audio.pcm import ASR_RATE

IDLE_SECONDS = 6.0
OF_GRPC = ("event_engine", "grpc_global_tim", "lifeguard")  # the threads that gRPC names itself
IDLE, SILENCE, SPEECH = "idle", "silence", "speech"
PLAIN = "silence, VAD by energy"
PERF = ("perf", "record", "-q", "-F", "999", "-o")

Spent: TypeAlias = Mapping[str, tuple[float, float]]  # seconds of the loop's thread and ours, and of gRPC's; by service


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=8, help="at once")
    parser.add_argument("--seconds", type=float, default=6.0, help="of audio in each session")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind")
    parser.add_argument("--perf", action="store_true", help="tell the gateway's time by library")
    options = parser.parse_args()
    rounds, libraries = asyncio.run(measured(options))
    tables = [spent_table(rounds), derived_table(rounds)]
    if libraries:
        tables.append(library_table(libraries))
    sys.exit(not finish("made_of", tables, {}))


async def measured(options: argparse.Namespace) -> tuple[dict[tuple[str, int], list[Spent]], Counter[str]]:
    """What was spent, in milliseconds a second of a stream (idle: of the clock), by kind and length of messages."""
    spoken = talks(options.sessions, options.seconds)
    silent = [np.zeros_like(each) for each in spoken]
    rounds: dict[tuple[str, int], list[Spent]] = defaultdict(list)
    libraries: Counter[str] = Counter()
    async with (
        ours("ours", options.sessions) as arm,
        ours("plain", options.sessions, variables={"ASR_VAD": "energy"}) as plain,
    ):
        for each in (arm, plain):
            await each.stream([spoken[0][: 3 * ASR_RATE]], 100)
        before = spent(arm)
        await asyncio.sleep(IDLE_SECONDS)
        rounds[IDLE, 0].append(_between(before, spent(arm), IDLE_SECONDS))
        seconds = sum(map(len, silent)) / ASR_RATE
        for number in range(options.rounds):
            before = spent(plain)
            await plain.stream(silent, 100)
            rounds[PLAIN, 100].append(_between(before, spent(plain), seconds))
            for chunk_ms in CHUNKS_MS if number % 2 else CHUNKS_MS[::-1]:
                for kind, pcms in ((SILENCE, silent), (SPEECH, spoken)):
                    before = spent(arm)
                    async with sampled(arm.mesh.processes["gateway"], libraries, options):
                        await arm.stream(pcms, chunk_ms)
                    rounds[kind, chunk_ms].append(_between(before, spent(arm), seconds))
    return rounds, libraries


def spent(arm: Arm) -> Spent:
    """The processor time of each service so far, in seconds."""
    return {name: _of_threads(process) for name, process in arm.mesh.processes.items()}


def _of_threads(process: psutil.Process) -> tuple[float, float]:
    own = theirs = 0.0
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
        if (thread / "comm").read_text().startswith(OF_GRPC):
            theirs += seconds
        else:
            own += seconds
    return own, theirs


def _between(before: Spent, after: Spent, seconds: float) -> Spent:
    """What was spent meanwhile, in milliseconds for each of so many seconds."""
    return {
        name: (1000 * (own - before[name][0]) / seconds, 1000 * (theirs - before[name][1]) / seconds)
        for name, (own, theirs) in after.items()
    }


@asynccontextmanager
async def sampled(process: psutil.Process, into: Counter[str], options: argparse.Namespace) -> AsyncIterator[None]:
    """Count in which library a process is, where that was asked for, while it works in the block."""
    if not options.perf:
        yield
        return
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        data = str(Path(folder) / "perf")
        command = (*PERF, data, "-p", str(process.pid), "--", "sleep", str(options.seconds - 1))
        recording = await asyncio.create_subprocess_exec(*command, stderr=subprocess.DEVNULL)
        yield
        await recording.wait()
        report = await asyncio.create_subprocess_exec(
            *("perf", "script", "-i", data, "-F", "dso,ip"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        written, _ = await report.communicate()
    into.update(_library(line) for line in written.decode().splitlines() if "(" in line)


def _library(line: str) -> str:
    path = line.rpartition("(")[2].rstrip(")")
    return "the kernel" if path.startswith("[kernel") else Path(path).name.partition(".")[0]


def total(each: Spent, services: Sequence[str] = SERVICES) -> float:
    """What some services spent, in all threads."""
    return sum(sum(each[service]) for service in services)


def spent_table(rounds: Mapping[tuple[str, int], Sequence[Spent]]) -> Rows:
    """One row a kind and length of messages; a service's time, and how much of it was in gRPC's own threads."""
    table = Rows("ms of processor time a second of a stream; idle: a second", ("what", "message ms", "all", *SERVICES))
    for (kind, chunk_ms), own in rounds.items():
        cells = []
        for service in SERVICES:
            whole, theirs = median(total(each, [service]) for each in own), median(each[service][1] for each in own)
            cells.append(f"{whole:.2f} ({theirs:.2f})")
        table.add(kind, chunk_ms or None, median(total(each) for each in own), *cells)
    return table


def derived_table(rounds: Mapping[tuple[str, int], Sequence[Spent]]) -> Rows:
    """What follows for the gateway."""

    def gateway(kind: str, chunk_ms: int) -> float:
        return float(median(total(each, ["gateway"]) for each in rounds[kind, chunk_ms]))

    short, long = CHUNKS_MS
    fewer = 1000 / short - 1000 / long
    table = Rows("The gateway", ("what", "figure"))
    table.add("one message of audio, ms", (gateway(SILENCE, short) - gateway(SILENCE, long)) / fewer)
    table.add("a second of audio in messages of 100 ms, ms", gateway(SILENCE, long))
    table.add("a second of speech beyond that, ms", gateway(SPEECH, long) - gateway(SILENCE, long))
    silero, plain = (median(total(each, ["asr"]) for each in rounds[kind, long]) for kind in (SILENCE, PLAIN))
    table.add("beside it: a second of audio in the recognizer's VAD, ms", silero - plain)
    for what, kind in (("audio alone", SILENCE), ("speech", SPEECH)):
        table.add(f"{what}: messages of 100 ms against 20 ms", gateway(kind, long) / gateway(kind, short))
    return table


def library_table(libraries: Counter[str]) -> Rows:
    """One row a library, the largest share first."""
    table = Rows("The gateway's time by library", ("library", "share"))
    for name, count in libraries.most_common(7):
        table.add(name, count / libraries.total())
    return table


if __name__ == "__main__":
    main()
