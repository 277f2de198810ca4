"""Stages that stand still without ending: when is it noticed, and how long do sessions wait?

    python -m bench.chaos.freezes [--short] [--rounds 4] [--sessions 20] [--keep FOLDER]

One of two replicas of each stage in turn is frozen (SIGSTOP), has its engine hang, or its event loop blocked.
*Noticed* is when the gateway logs that the replica is lost or stuck. *Failed over* is the longest a session waits for
the echo of a ping sent within a second and a half of the fault; those that waited no longer than an undisturbed one
do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import grpc

from bench.chaos.fleet import STAGES, Fleet, Plan, fleet
from bench.chaos.ledger import Line, read_all
from bench.chaos.recovery import Struck, open_calls
from bench.chaos.scene import Outcome, folder, judged, options, play, share
from bench.chaos.talking import Company, Load
from bench.measuring.report import Goal, Rows, at_most
from mesh.fault.v1 import fault_pb2, fault_pb2_grpc

KINDS = ("frozen", "hung engine", "blocked loop")
WARM_SECONDS = 4.0
PINGS = 6
PING_SECONDS = 0.25
OUT_SECONDS = 7.0  # longer than a blocked loop takes to be ended by its own watchdog
DISTURBED_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Fault:
    """One that was made."""

    t: float
    kind: str
    target: str
    label: str

    @property
    def stage(self) -> str:
        """Which stage, as logs name it."""
        return self.target.rsplit("-", 1)[0].upper()


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, rounds=(4, 1), sessions=(20, 6))
    play("freezes", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and replicas that stand still."""
    random = Random(told.seed)
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(), path / "mesh") as up:
            async with Load(told.sessions).at(up.address, path / "ledgers") as company:
                await asyncio.sleep(WARM_SECONDS)
                wanted = [(stage, kind) for _ in range(told.rounds) for stage in STAGES for kind in KINDS]
                made = [await stand_still(up, company, victim(up, random, stage), kind) for stage, kind in wanted]
            seen = [noticed(up, fault) for fault in made]
            verdict = await judged(path / "ledgers")
            ledgers = read_all(path / "ledgers")
    waits = [waited(ledgers, fault) for fault in made]
    return Outcome([verdict.table, table(made, seen, waits)], {**verdict.clean("R3"), **goals(seen, waits)})


def victim(up: Fleet, random: Random, stage: str) -> str:
    """The replica with the most calls in its hands: after a fault all streams may be on one."""
    now = time.monotonic()
    held = {name: len(open_calls(up.book(name), Struck(now, "", name, up[name].pid))) for name in up.names(stage)}
    return random.choice([name for name, calls in held.items() if calls == max(held.values())])


async def stand_still(up: Fleet, company: Company, name: str, kind: str) -> Fault:
    """Has a replica stand still, asks all sessions meanwhile, and waits until all is as before."""
    fault = Fault(await strike(up, name, kind), kind, name, f"{name}.{time.monotonic():.0f}")
    for number in range(PINGS):
        company.ping(f"{fault.label}.{number}")
        await asyncio.sleep(PING_SECONDS)
    await asyncio.sleep(OUT_SECONDS)
    if kind == "frozen":
        up[name].thaw()
    await up.serving()
    await asyncio.sleep(WARM_SECONDS)
    return fault


async def strike(up: Fleet, name: str, kind: str) -> float:
    """The instant from which it stands still."""
    if kind == "frozen":
        return up[name].freeze()
    wanted = fault_pb2.FAULT_KIND_HANG if kind == "hung engine" else fault_pb2.FAULT_KIND_BLOCK_LOOP
    async with grpc.aio.insecure_channel(up[name].address) as channel:
        stub = fault_pb2_grpc.FaultStub(channel)
        await stub.SimulateFault(fault_pb2.SimulateFaultRequest(kind=wanted), timeout=2)
    return time.monotonic()


def noticed(up: Fleet, fault: Fault) -> float | None:
    """Seconds until a gateway says that a replica of that stage is lost or stuck; None when it does not.

    An engine hangs from its next call on: where the replica logs that the fault struck, that instant counts.
    """
    ends = fault.t + OUT_SECONDS
    began = [line.t for line in up.logged(fault.target) if line.event == "fault struck" and fault.t < line.t < ends]
    start = next(iter(began), fault.t)
    for line in up.logged("gateway-1"):
        ours = start < line.t < ends and line.fields.get("stage") == fault.stage
        if ours and (line.event == "replica lost" or line.fields.get("state") == "STUCK"):
            return line.t - start
    return None


def waited(ledgers: Mapping[str, Sequence[Line]], fault: Fault) -> list[float]:
    """Of each session that was disturbed, its longest wait for an echo; infinity where there was none."""
    found = [longest_wait(lines, fault.label) for lines in ledgers.values()]
    return [seconds for seconds in found if seconds > DISTURBED_SECONDS]


def longest_wait(lines: Sequence[Line], label: str) -> float:
    """For the echoes of the pings with a label."""
    asked = {line["marker"]: line["t"] for line in lines if line["kind"] == "ping" and line["marker"].startswith(label)}
    echoed = {line["marker"]: line["t"] for line in lines if line["kind"] == "marker"}
    return max((echoed.get(marker, float("inf")) - at for marker, at in asked.items()), default=0.0)


def table(made: Sequence[Fault], seen: Sequence[float | None], waits: Sequence[Sequence[float]]) -> Rows:
    """One row a stage and kind."""
    rows = Rows(
        "Standing still, seconds", ("stage", "kind", "faults", "noticed, latest", "disturbed", "p50", "longest")
    )
    for stage in STAGES:
        for kind in KINDS:
            those = [index for index, each in enumerate(made) if (each.stage, each.kind) == (stage.upper(), kind)]
            latest = max((seen[index] or float("inf") for index in those), default=None)
            waiting = [seconds for index in those for seconds in waits[index]]
            p50 = share(waiting, 0.5) if waiting else None
            rows.add(stage, kind, len(those), latest, len(waiting), p50, max(waiting, default=None))
    return rows


def goals(seen: Sequence[float | None], waits: Sequence[Sequence[float]]) -> dict[str, Goal]:
    """What was noticed, and when all went on."""
    told = [float("inf") if each is None else each for each in seen]
    waiting = [seconds for each in waits for seconds in each]
    return {
        "R3.noticed": at_most(share(told, 0.99), 1.5),
        "R3.failed_over": at_most(share(waiting, 0.99) if waiting else 0.0, 3.0),
        "R3.undisturbed": at_most(int(not waiting), 0),
    }


if __name__ == "__main__":
    main()
