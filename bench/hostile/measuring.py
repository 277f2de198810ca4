"""Runs the cases: the mesh and the canaries on one core, the stranger on another."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from babelmesh.client.errors import MeshFailed
from bench.hostile.attacked import Attacked, Use, attacked
from bench.hostile.canary import Canary, singing
from bench.hostile.stranger import BUSY
from bench.measuring.all_doors import NONE, doors

CANARIES = 4
PERIOD_SECONDS = 0.16  # of each: a hundred lines in four seconds
LONGEST_SECONDS = 25.0  # of a case; the stranger is ended then
SETTLE_SECONDS = 5.0  # for slots to come back


@dataclass(frozen=True, slots=True)
class Times:
    """How long things last, in seconds."""

    attack: float = 4.0
    busy: float = 2.0


@dataclass(frozen=True, slots=True)
class Where:
    """Which mesh is measured: that of another checkout, where one is told, behind which doors."""

    project: Path | None = None
    doors: str = NONE


@dataclass(slots=True)
class Result:
    """What became of everybody in one case."""

    name: str
    seconds: list[float] = field(default_factory=list)  # of each line of the canaries
    busy: list[float] = field(default_factory=list)  # of each while the stranger only took its core
    use: Use = field(default_factory=Use)
    came: Mapping[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


class Stranger:
    """The process that does harm; started when it is needed, and again when it had to be ended."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._child: asyncio.subprocess.Process | None = None

    async def ask(self, case: str, mesh: Attacked, seconds: float) -> Mapping[str, int]:
        """Has it do a case; what came back to it."""
        child = self._child or await self._start()
        assert child.stdin
        told = {"case": case, "addresses": mesh.addresses, "seconds": seconds, "key": mesh.doors.key.as_json()}
        child.stdin.write(json.dumps(told).encode() + b"\n")
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await self._answer(child)
        except TimeoutError:
            await self.end()
            return {"not over in time": 1}

    async def end(self) -> None:
        """Ends the process, where it runs."""
        child, self._child = self._child, None
        if child:
            if child.returncode is None:
                child.kill()
            await child.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "bench.hostile.stranger", str(self._core))
        self._child = child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        await self._answer(child)
        return child

    async def _answer(self, child: asyncio.subprocess.Process) -> Mapping[str, int]:
        assert child.stdout
        line = await child.stdout.readline()
        if not line:
            await self.end()
            return {"the stranger ended": 1}
        answer: dict[str, int] = json.loads(line)
        return answer


@asynccontextmanager
async def strange(core: int) -> AsyncIterator[Stranger]:
    """Has a stranger for the block."""
    stranger = Stranger(core)
    try:
        yield stranger
    finally:
        await stranger.end()


@dataclass(frozen=True, slots=True)
class Stage:
    """A mesh, its canaries, and the stranger."""

    mesh: Attacked
    canaries: Sequence[Canary]
    stranger: Stranger

    async def measured(self, name: str, times: Times) -> Result:
        """One case, with the busy loop before it."""
        result = Result(name)
        await self.stranger.ask(BUSY, self.mesh, 0.01)  # so that its start is not measured
        result.busy = await self._lines(BUSY, times.busy, result)
        async with self.mesh.used() as use:
            result.seconds = await self._lines(name, times.attack, result)
        result.use = use
        with ExitStack() as stack:
            for canary in self.canaries:
                stack.enter_context(canary.resting())
            use.slots_left = await self.mesh.slots_left(len(self.canaries), SETTLE_SECONDS)
        result.complaints = [each for canary in self.canaries for each in canary.complaints]
        return result

    async def _lines(self, case: str, seconds: float, result: Result) -> list[float]:
        """The canaries' lines over a case, those under way at its end among them."""
        for canary in self.canaries:
            canary.clear()
        until = asyncio.get_running_loop().time() + seconds
        result.came = await self.stranger.ask(case, self.mesh, seconds)
        await asyncio.sleep(max(0.0, until - asyncio.get_running_loop().time()))  # one message is soon sent
        for canary in self.canaries:
            await canary.answered()
        return [each for canary in self.canaries for each in canary.seconds]


async def measured(names: Sequence[str], times: Times, where: Where, tell: Callable[[Result], None]) -> list[Result]:
    """All cases, one after the other; a mesh that one has harmed for good is not met by the next."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[:1]))  # the mesh inherits it
    results: list[Result] = []
    async with strange(cores[1] if len(cores) > 1 else -1) as stranger:
        while len(results) < len(names):
            try:
                await _some(names, results, (times, where, tell), stranger)
            except MeshFailed as failed:
                results.append(Result(names[len(results)], use=Use(ended=[str(failed).splitlines()[0]])))
                tell(results[-1])
    os.sched_setaffinity(0, set(cores))
    return results


Told = tuple[Times, Where, Callable[[Result], None]]


async def _some(names: Sequence[str], results: list[Result], told: Told, stranger: Stranger) -> None:
    """The cases that are left, until one has done harm for good."""
    times, where, tell = told
    async with AsyncExitStack() as stack:
        behind = await stack.enter_async_context(doors(where.doors))
        mesh = await stack.enter_async_context(attacked(where.project, behind))
        canaries = [Canary(PERIOD_SECONDS, key=behind.key) for _ in range(CANARIES)]
        for canary in canaries:
            await stack.enter_async_context(singing(mesh.addresses["gateway"], canary))
        for canary in canaries:
            await canary.answered()
        for name in names[len(results) :]:
            results.append(await Stage(mesh, canaries, stranger).measured(name, times))
            tell(results[-1])
            if results[-1].use.ended or results[-1].use.slots_left:
                return
