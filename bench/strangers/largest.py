"""How long the largest message of every kind holds a gateway's loop: every other session waits meanwhile.

    python -m bench.strangers.largest [--tries 5] [--only audio]

The gateway runs in this process, its scripted stages in their own, and the client in one more. While one message is
dealt with, a probe notes the processor time of the loop's thread from one turn of the loop to the next: how long the
loop is held on a machine that has nothing else to do. Beside it stands the time by the clock, with whatever other
processes took. Of several tries the best counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from babelmesh.local import supervisor
from bench.measuring.processes import SCRIPTED
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.strangers.largest_messages import KINDS, TARGETS
from services.common.server.lifecycle import running
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings

BOUND_MS = 20.0
_LOOK_SECONDS = 0.001
_CLIENT_SECONDS = 60.0


@dataclass(slots=True)
class Probe:
    """The longest turns of the loop since it was last reset, in seconds."""

    held: float = 0.0
    worked: float = 0.0  # processor time of the thread

    async def run(self) -> None:
        """Look at the clock in each turn, until cancelled."""
        before, worked_before = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now, worked = time.perf_counter(), time.thread_time()
            self.held = max(self.held, now - before - _LOOK_SECONDS)
            self.worked = max(self.worked, worked - worked_before)
            before, worked_before = now, worked


@dataclass(slots=True)
class Measured:
    """One kind of message."""

    size_bytes: int = 0
    answer: str = ""
    held_ms: list[float] = field(default_factory=list)
    worked_ms: list[float] = field(default_factory=list)


def main() -> None:
    """Prints the table; ends with status 1 when a message holds the loop for too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=5, help="of each kind; the best one counts")
    parser.add_argument("--only", default="", metavar="KIND", help="kinds whose names hold this")
    options = parser.parse_args()
    kinds = [kind for kind in KINDS if options.only in kind]
    measured = asyncio.run(measure(kinds, options.tries))
    sys.exit(not finish("largest", [table(measured)], goals(measured)))


async def measure(kinds: Sequence[str], tries: int) -> dict[str, Measured]:
    """Each kind so often, in turns."""
    found = {kind: Measured() for kind in kinds}
    async with gateway() as address, asyncio.TaskGroup() as tasks:
        probe = Probe()
        probing = tasks.create_task(probe.run())
        for number in range(tries):
            for kind in kinds:
                await one(address, kind, number, probe, found[kind])
        probing.cancel()
    return found


async def one(address: str, kind: str, number: int, probe: Probe, into: Measured) -> None:
    """Have a client send a message; measure from when it is ready to, until it has its answer."""
    async with client(address, kind, number) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        async with asyncio.timeout(_CLIENT_SECONDS):
            into.size_bytes = int((await child.stdout.readline()).split()[1])
            probe.held = probe.worked = 0.0
            child.stdin.write(b"go\n")
            into.answer = (await child.stdout.readline()).decode().strip()
        into.held_ms.append(1000 * probe.held)
        into.worked_ms.append(1000 * probe.worked)


@asynccontextmanager
async def client(address: str, kind: str, number: int) -> AsyncIterator[Process]:
    """A client in a process of its own, ready to send."""
    command = (sys.executable, "-m", "bench.strangers.largest_messages", address, kind, str(number))
    child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        await child.communicate()


@asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """The address of a gateway in this process, its stages in processes of their own."""
    ports = supervisor.free_ports()
    told = {**SCRIPTED, "MT_SCRIPTED__TARGETS": json.dumps(TARGETS), "MT_CACHE_ENTRIES": "0"}
    stages = [
        replace(service, variables={**service.variables, **_own(service.name, told)})
        for service in supervisor.mesh_services(ports)
        if service.name != "gateway"
    ]
    settings = GatewaySettings(
        listen="127.0.0.1:0",
        slots=64,
        drain_seconds=0,
        asr_endpoints=(f"127.0.0.1:{ports.asr}",),
        mt_endpoints=(f"127.0.0.1:{ports.mt}",),
        tts_endpoints=(f"127.0.0.1:{ports.tts}",),
    )
    async with AsyncExitStack() as stack:
        logs = stack.enter_context(TemporaryDirectory(prefix="babelmesh-bench-"))
        await stack.enter_async_context(supervisor.running(stages, Path(logs)))
        port = await stack.enter_async_context(running(GatewayServicer(settings), settings))
        yield f"127.0.0.1:{port}"


def _own(service: str, variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith(f"{service.upper()}_")}


def table(measured: dict[str, Measured]) -> Rows:
    """One row for each kind."""
    columns = ("message", "bytes", "answer", "work ms, best", "work ms, median", "clock ms, best", "clock ms, median")
    rows = Rows(f"The loop held by one message ({os.cpu_count()} cores)", columns)
    for kind, each in measured.items():
        held, worked = statistics.median(each.held_ms), statistics.median(each.worked_ms)
        rows.add(kind, each.size_bytes, each.answer, min(each.worked_ms), worked, min(each.held_ms), held)
    return rows


def goals(measured: dict[str, Measured]) -> dict[str, Goal]:
    """The longest hold of all kinds."""
    return {"S1.loop_held_ms": at_most(max(min(each.worked_ms) for each in measured.values()), BOUND_MS)}


if __name__ == "__main__":
    main()
