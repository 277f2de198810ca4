"""Plays sequences in batches, looks at the mesh after each, and keeps what was wrong, by its kind."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.hostile.canary import Canary, singing
from bench.measuring.report import percentile
from tests.fuzz.mesh import Held, Mesh, scripted_mesh
from tests.fuzz.playing import END_SECONDS, Fault, Oddity, Player
from tests.fuzz.sequences import CallSequence, legal, sequence

BATCH = 120
AT_ONCE = 20
SETTLE_SECONDS = 7.0  # until what a call held is given back; less than the canary may be silent
WARM = 4  # of each legal session, before anything is measured: what is held for good is held from then on
SERVICES = ("asr", "mt", "tts", "gateway")


@dataclass(slots=True)
class Catch:
    """What was found so far."""

    seed: int
    played: int = 0
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # by kind, the first of each first
    canary_seconds: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)  # how often each came, where they are counted

    def add(self, faults: Iterable[Fault]) -> list[Fault]:
        """Keeps faults; returns those of a kind that is new."""
        new = []
        for fault in faults:
            known = self.faults.setdefault(fault.title, [])
            if not known:
                new.append(fault)
            known.append(fault)
        return new

    def summary(self) -> str:
        """Return what was found, by kind."""
        lines = [f"{self.played} sequences of seed {self.seed}"]
        if self.canary_seconds:
            p50, p99 = (1000 * (percentile(self.canary_seconds, share) or 0.0) for share in (0.5, 0.99))
            lines.append(f"the canary's {len(self.canary_seconds)} lines: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
        for kind, faults in sorted(self.faults.items(), key=lambda item: -len(item[1])):
            lines.append(f"{len(faults):6} x {kind}  {', '.join(fault.again for fault in faults[:5])}")
        return "\n".join(lines if self.faults else [*lines, "nothing was found"])


@dataclass(slots=True)
class Hunt:
    """A mesh with a canary, and what it held before anybody strange came."""

    mesh: Mesh
    player: Player
    canary: Canary
    before: Mapping[str, Held]
    sound: bool = True  # whether what comes next can be judged on this mesh

    async def batch(self, sequences: Sequence[CallSequence]) -> list[Fault]:
        """Plays sequences, several at once, and looks at the mesh when they are over."""
        faults: list[Fault] = []
        waiting = iter(sequences)

        async def play_some() -> None:
            for each in waiting:
                if self.mesh.ended():
                    return
                faults.extend(await self.player.play(each))

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(play_some())
        numbers = range(sequences[0].number, sequences[-1].number + 1)
        return faults + [Fault(numbers, each.kind, each.about) for each in await self._seen()]

    async def _seen(self) -> list[Oddity]:
        """What is wrong with the mesh."""
        await self.player.close()
        with self.canary.resting():
            left = [] if self.mesh.ended() else await self.mesh.left(self.before, SETTLE_SECONDS)
        ended = self.mesh.ended()
        self.sound = not left and not ended
        return [
            *(Oddity(f"the process of {name} ended", self._why(name)) for name in ended),
            *(Oddity(f"logged: {event_of(line)}", line[:600]) for line in self.mesh.defects()),
            *(
                Oddity(what, f"still after seconds, connections: {self.mesh.connections()}")
                for what in ([] if ended else left)
            ),
            *(Oddity(f"the canary: {what}", "beside it") for what in self.canary.taken_complaints()),
        ]

    def _why(self, name: str) -> str:
        code = self.mesh.children[name].returncode
        last = (self.mesh.logs / f"{name}.log").read_text(errors="replace").splitlines()[-1:]
        return f"status {code}: {' '.join(last)[:600]}"


def event_of(line: str) -> str:
    """What a log's line says, without what differs from one to the next."""
    places = re.search(r'"event": "([^"]*)".*?(?:"exception": "([^"]*)".*"at": \[.*"([^"]*)"\])?\s*}?$', line)
    return " ".join(part for part in places.groups() if part) if places else line[:120]


@asynccontextmanager
async def hunt(end_seconds: float = END_SECONDS) -> AsyncIterator[Hunt]:
    """Has a mesh to hunt on for the block. Legal sessions come first, so that what is held for good is held by then."""
    logs = Path(tempfile.mkdtemp(prefix="babelmesh-fuzz-"))
    try:
        async with scripted_mesh(logs) as mesh, singing(mesh.addresses["gateway"], Canary()) as canary:
            player = Player(mesh, end_seconds)
            for each in legal(WARM):
                await player.play(each)
            await player.close()
            before = await _held_while_idle(mesh)
            mesh.defects()
            canary.seconds.clear()
            try:
                yield Hunt(mesh, player, canary, before)
            finally:
                await player.close()
    finally:
        shutil.rmtree(logs, ignore_errors=True)


async def _held_while_idle(mesh: Mesh) -> dict[str, Held]:
    """What the services hold with no guest but the canary: of slots the least, as its lines come and go."""
    before: dict[str, Held] = {}
    for _ in range(10):
        for name in SERVICES:
            now = await mesh.held(name)
            before[name] = before.get(name, now).widest(now)
        await asyncio.sleep(0.15)
    return before


async def run(catch: Catch, seconds: float, tell: Callable[[Fault], None], first: int = 0) -> None:
    """Plays sequences from a number on for so long; tells of the first fault of each kind as it is found."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        async with hunt() as hunted:
            while hunted.sound and time.monotonic() < until:
                start = first + catch.played
                batch = [sequence(catch.seed, number) for number in range(start, start + BATCH)]
                catch.played += len(batch)
                for fault in catch.add(await hunted.batch(batch)):
                    tell(fault)
            catch.canary_seconds += hunted.canary.seconds


class Judge:
    """Plays sequences on a mesh of its own, which is another one once something was left behind on it."""

    def __init__(self, end_seconds: float) -> None:
        self._end_seconds = end_seconds
        self._stack = AsyncExitStack()
        self._hunt: Hunt | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def faults(self, sequences: Sequence[CallSequence]) -> list[Fault]:
        """What is wrong with sequences that are played at once."""
        if self._hunt is None:
            self._hunt = await self._stack.enter_async_context(hunt(self._end_seconds))
        found = await self._hunt.batch(sequences)
        if not self._hunt.sound:
            self._hunt = None
            await self._stack.aclose()
        return found
