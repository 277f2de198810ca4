"""What a message costs: the mesh with null engines, beside one Pipecat process and beside another checkout.

    python -m bench.capacity.messages [--peer PYTHON] [--before CHECKOUT] [--sessions 8] [--seconds 20] [--pairs 5]

Every session streams real speech at real pace, in messages of 20 ms and of 100 ms, into captions and speech in one
language. Engines are scripted: a word each 200 ms of speech, a final after at most 3 s, speech as long as what was
said; the VAD is Silero. PYTHON is that of an environment with
`pip install 'pipecat-ai[silero,websocket]==1.14.0' uvicorn`; its process does the same null work (see
`pipecat_server`). The arms take turns, the one that begins is another one in each pair. Processor time is that of the
servers' processes, a second of a stream; ratios are medians over the pairs, of which there are at least five. Memory is
what is resident with all sessions open beyond what was before, divided by them.

C3 is of the gateway's processor time, of our own arms: audio in messages of 100 ms on both of its sides, against one
message for each 20 ms on both (GATEWAY_RECOGNIZER_MESSAGE_MS=20). Beside it is told what each side is of that: what a
client saves the gateway by messages of 100 ms, and what the gateway saves itself by joining those of 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.capacity.null_work import Answered, Arm, ours, pipecat
from bench.measuring.processes import SERVICES, inventory, metered
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.speech import talks
from services.common.audio.pcm import ASR_RATE, Pcm

CHUNKS_MS = (20, 100)
OURS, APART, BEFORE, PEER = "ours", "ours, not joined", "before", "pipecat"
LATER = 1.05  # first words and sounds come no later than this: what two runs of the same differ by


@dataclass(frozen=True, slots=True)
class Round:
    """All sessions at once on one arm."""

    arm: str
    chunk_ms: int
    cpu: Mapping[str, float]  # processor seconds of each process a second of a stream
    answers: Sequence[Answered]

    @property
    def whole(self) -> float:
        """Processor seconds of all processes a second of a stream."""
        return sum(self.cpu.values())

    @property
    def gateway(self) -> float:
        """Processor seconds of the gateway, or of what has none 0, a second of a stream."""
        return self.cpu.get("gateway", 0.0)

    def first(self, what: str) -> float:
        """The median over the sessions of `first_word` or `first_audio`, in seconds from the start."""
        return float(median(getattr(each, what) for each in self.answers))


def main() -> None:
    """Print the tables; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", help="of an environment with Pipecat")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="of this project, its stubs built")
    parser.add_argument("--sessions", type=int, default=8, help="at once")
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech in each session")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of each arm and length of messages")
    options = parser.parse_args()
    rounds, held = asyncio.run(measured(options))
    tables = [cpu_table(rounds), answer_table(rounds), memory_table(held), joining_table(rounds)]
    sys.exit(not finish("messages", tables, goals(rounds, held)))


async def measured(options: argparse.Namespace) -> tuple[list[Round], dict[str, float]]:
    """All rounds; and the memory that a session holds, in MiB, by arm."""
    spoken = talks(options.sessions, options.seconds)
    rounds, held = [], {}
    async with AsyncExitStack() as open_for:
        arms = [await open_for.enter_async_context(ours(OURS, options.sessions))]
        apart = {"GATEWAY_RECOGNIZER_MESSAGE_MS": str(CHUNKS_MS[0])}
        arms.append(await open_for.enter_async_context(ours(APART, options.sessions, variables=apart)))
        if options.before:
            arms.append(await open_for.enter_async_context(ours(BEFORE, options.sessions, options.before)))
        if options.peer:
            arms.append(await open_for.enter_async_context(pipecat(PEER, options.peer)))
        for arm in arms:
            await arm.stream([spoken[0][: 3 * ASR_RATE]], 100)
        for arm in arms:
            if arm.name != APART:
                held[arm.name] = await memory(arm, spoken)
        for number in range(options.pairs):
            for chunk_ms in CHUNKS_MS:
                due = [arm for arm in arms if arm.name != APART or chunk_ms == CHUNKS_MS[0]]
                turn = number % len(due)
                for arm in [*due[turn:], *due[:turn]]:
                    rounds.append(await one_round(arm, spoken, chunk_ms))
                    print(
                        f"{number + 1}: {arm.name}, {chunk_ms} ms: {rounds[-1].whole:.4f}", file=sys.stderr, flush=True
                    )
    return rounds, held


async def memory(arm: Arm, spoken: Sequence[Pcm]) -> float:
    """What a session holds in all processes, in MiB, beyond what one after another needs: peak against before."""
    before = sum(inventory(each).rss_mib for each in arm.mesh.processes.values())
    async with metered(arm.mesh) as usage:
        await arm.stream([each[: 10 * ASR_RATE] for each in spoken], 100)
    return (sum(usage.peak_rss_mib.values()) - before) / len(spoken)


async def one_round(arm: Arm, spoken: Sequence[Pcm], chunk_ms: int) -> Round:
    """All talks at once, metered."""
    async with metered(arm.mesh) as usage:
        answers = await arm.stream(spoken, chunk_ms)
    seconds = sum(len(each) for each in spoken) / ASR_RATE
    return Round(arm.name, chunk_ms, {name: used / seconds for name, used in usage.cpu_seconds.items()}, answers)


def cpu_table(rounds: Sequence[Round]) -> Rows:
    """One row an arm and length of messages: medians."""
    table = Rows("CPU s a stream second", ("arm", "message ms", "all", *SERVICES))
    for name, chunk_ms, own in _groups(rounds):
        each = [median(one.cpu.get(service, 0.0) for one in own) for service in SERVICES]
        table.add(name, chunk_ms, f"{median(one.whole for one in own):.4f}", *(f"{value:.4f}" for value in each))
    return table


def answer_table(rounds: Sequence[Round]) -> Rows:
    """One row an arm and length of messages: that the arms did the same work, and when the first of it came."""
    columns = ("arm", "message ms", "first word s", "first audio s", "transcripts", "translations", "speech s")
    table = Rows("Answers of a session", columns)
    for name, chunk_ms, own in _groups(rounds):
        firsts = [median(one.first(what) for one in own) for what in ("first_word", "first_audio")]
        made = [
            median(getattr(each, what) for one in own for each in one.answers)
            for what in ("transcripts", "translations", "speech_seconds")
        ]
        table.add(name, chunk_ms, *firsts, *made)
    return table


def memory_table(held: Mapping[str, float]) -> Rows:
    """One row an arm."""
    table = Rows("Resident memory of a session", ("arm", "MiB"))
    for name, mib in held.items():
        table.add(name, mib)
    return table


def joining_table(rounds: Sequence[Round]) -> Rows:
    """What messages of 100 ms save of the gateway's time, by the side on which they are: medians of pairs' ratios."""
    short, long = CHUNKS_MS
    by_arm = {(name, ms): own for name, ms, own in _groups(rounds)}
    apart, joined, longer = by_arm[APART, short], by_arm[OURS, short], by_arm[OURS, long]
    table = Rows("The gateway's time", ("message ms from the client, to the recognizer", "against 20, 20"))
    table.add(f"{short}, {long}", _ratio(joined, apart, "gateway", "gateway"))
    table.add(f"{long}, {long}", _ratio(longer, apart, "gateway", "gateway"))
    table.add(f"{long}, {long} against {short}, {long}", _ratio(longer, joined, "gateway", "gateway"))
    return table


def _ratio(own: Sequence[Round], theirs: Sequence[Round], what: str = "whole", beside: str = "whole") -> float:
    """The median of the pairs' ratios of `whole` or `gateway` to one of the two."""
    return float(median(getattr(a, what) / getattr(b, beside) for a, b in zip(own, theirs, strict=True)))


def _groups(rounds: Sequence[Round]) -> list[tuple[str, int, list[Round]]]:
    keys = dict.fromkeys((each.arm, each.chunk_ms) for each in rounds)
    return [(name, ms, [each for each in rounds if (each.arm, each.chunk_ms) == (name, ms)]) for name, ms in keys]


def goals(rounds: Sequence[Round], held: Mapping[str, float]) -> dict[str, Goal]:
    """C9 beside the peer, and beside the checkout before; medians of the pairs' ratios."""
    by_arm = {(name, ms): own for name, ms, own in _groups(rounds)}
    short, long = CHUNKS_MS
    reached = {"C3.gateway_cpu": at_most(_ratio(by_arm[OURS, long], by_arm[APART, short], "gateway", "gateway"), 0.4)}
    for chunk_ms, bound in ((short, 1.0), (long, 1.3)):
        own = by_arm[OURS, chunk_ms]
        if theirs := by_arm.get((PEER, chunk_ms)):
            reached[f"C9.mesh_{chunk_ms}"] = at_most(_ratio(own, theirs), bound)
            reached[f"C9.gateway_{chunk_ms}"] = at_most(_ratio(own, theirs, "gateway"), 0.6)
        if before := by_arm.get((BEFORE, chunk_ms)):
            reached[f"C9.before_{chunk_ms}"] = at_most(_ratio(own, before), 0.5)
            for what in ("first_word", "first_audio"):
                ratio = median(a.first(what) for a in own) / median(b.first(what) for b in before)
                reached[f"C9.{what}_{chunk_ms}"] = at_most(ratio, LATER)
    if BEFORE in held:
        reached["C9.memory"] = at_most(held[OURS] / held[BEFORE], 0.6)
    return reached


if __name__ == "__main__":
    main()
