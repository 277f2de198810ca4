"""Plays sequences of calls that strangers may make on a mesh of four processes, and says what should not have been.

    python -m tests.fuzz [--seed N] [--seconds S]         sequences 0, 1, 2, ... of a seed for so long
    python -m tests.fuzz --seed N --only K [--minimise]   sequence K alone, printed; cut down to what it takes
    python -m tests.fuzz --seed N --only K-L [--minimise] sequences K to L at once, as in a batch

Ends with status 1 when anything was found. What a fault is stands in CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from google.protobuf import text_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz.hunting import Catch, Judge, run
from tests.fuzz.playing import END_SECONDS, Fault
from tests.fuzz.sequences import Call, CallSequence, Resume, Send, methods, path, sequence
from tests.fuzz.shrinking import narrowed, shrunk

WIDTH = 300
SHORT_END_SECONDS = 8.0  # a hang is one after so long while a sequence is cut down


def main() -> None:
    """Ends with status 1 when a fault was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: another one each time")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--only", default="", metavar="K[-L]", help="one sequence, or some at once")
    parser.add_argument("--minimise", action="store_true", help="with --only: find the least that fails")
    parser.add_argument("--kind", default="", help="with --minimise: of the faults whose kind contains this")
    told = parser.parse_args()
    if told.only:
        least, _, most = told.only.partition("-")
        numbers = range(int(least), int(most or least) + 1)
        sys.exit(asyncio.run(again(told.seed, numbers, told.kind if told.minimise else None)))
    sys.exit(asyncio.run(hunted(told.seed, told.seconds)))


async def hunted(seed: int, seconds: float) -> int:
    """Plays for so long. Prints the first fault of each kind at once, and all kinds with their numbers at the end."""
    catch = Catch(seed)

    def tell(fault: Fault) -> None:
        print(f"{fault.kind}: {fault.about}\n{replay(seed, fault)}", flush=True)

    print(f"seed {seed}", flush=True)
    await run(catch, seconds, tell)
    print(catch.summary())
    return int(bool(catch.faults))


def replay(seed: int, fault: Fault) -> str:
    """The command that plays it again, and the sequence where it is one."""
    command = f"  python -m tests.fuzz --seed {seed} {fault.again}"
    return f"{command}\n{printed(sequence(seed, fault.numbers[0]))}" if len(fault.numbers) == 1 else command


async def again(seed: int, numbers: range, kind: str | None) -> int:
    """Plays sequences once more on a mesh of their own; then finds the least that fails, where a kind is told."""
    sequences = [sequence(seed, number) for number in numbers]
    if len(sequences) == 1:
        print(printed(sequences[0]))
    async with Judge(END_SECONDS) as judge:
        faults = await judge.faults(sequences)
    print("\n".join(f"{fault.kind}: {fault.about} ({fault.again})" for fault in faults) or "nothing was found")
    kinds = {fault.title for fault in faults if kind is not None and kind in fault.kind}
    if kinds:
        async with Judge(SHORT_END_SECONDS) as judge:

            async def fails(some: Sequence[CallSequence]) -> bool:
                return any(fault.title in kinds for fault in await judge.faults(some))

            least = [await shrunk(each, fails) for each in await narrowed(sequences, fails)]
        print("\n".join(["The least that fails:", *(printed(each) for each in least)]))
    return int(bool(faults))


def printed(each: CallSequence) -> str:
    """A sequence as a person reads it."""
    together = " at once" if each.together else ""
    calls = [f"  sequence {each.number}, {len(each.calls)} calls{together}"]
    for call in each.calls:
        about = [f"{key}: {value}" for key, value in call.metadata]
        about += [f"deadline {call.deadline_ms} ms"] * bool(call.deadline_ms) + ["gzip"] * call.gzip
        calls.append(f"  {call.service}{call.method} {' '.join(about)}"[:WIDTH])
        calls += [f"    {_step(call, step)}"[:WIDTH] for step in call.steps]
        calls.append(f"    {call.ending.value}")
    return "\n".join(calls)


def _step(call: Call, step: object) -> str:
    if not isinstance(step, Send | Resume):
        return str(step)
    name = type(step).__name__.lower()
    if not call.method:
        return f"{name} {len(step.data)} bytes {step.data[:60].hex()}"
    (kind, *_) = (
        method.input_type for service, method in methods() if (service, path(method)) == (call.service, call.method)
    )
    try:
        message = GetMessageClass(kind)()
        message.ParseFromString(step.data)
    except DecodeError:
        return f"{name} {len(step.data)} bytes {step.data[:60].hex()}"
    return f"{name} {len(step.data)} bytes {text_format.MessageToString(message, as_one_line=True)}"


if __name__ == "__main__":
    main()
