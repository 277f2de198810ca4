"""Plays what strangers may send to an edge, on a mesh of five processes, and says what should not have been.

    python -m tests.fuzz.edge [--seed N] [--seconds S]   sequences 0, 1, 2, ... of a seed for so long
    python -m tests.fuzz.edge --seed N --only K[-L]      some of them again, printed

A fault is: a connection that does not end; a code that says that something was not foreseen; a line of a log that is an
error; a process that ended; a slot, a file or a task that is held after all have gone; and a canary, a client that
types line after line beside all this, that is not answered. Ends with status 1 when there was one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import websockets

from tests.fuzz.edge_playing import EdgePlayer
from tests.fuzz.edge_sequences import EdgeSequence, edge_sequence
from tests.fuzz.hunting import Catch, event_of
from tests.fuzz.mesh import VARIABLES, Held, Mesh, scripted_mesh
from tests.fuzz.playing import Fault, Oddity
from tests.mesh.edge import hello, typed
from tests.mesh.wyoming import free_port

BATCH, AT_ONCE = 60, 12
SETTLE_SECONDS = 12.0  # until what a connection held is given back: TCP waits for seconds who reads nothing
PATIENCE_SECONDS = 10.0
PERIOD_SECONDS = 0.3
SERVICES = ("asr", "mt", "tts", "gateway", "edge")
EDGE: Mapping[str, str] = {
    "GATEWAY_CLIENT_STALL_MS": "8000",
    "EDGE_SLOTS": "64",
    "EDGE_CLIENT_SLOTS": "0",
    "EDGE_HELLO_MS": "2000",
    "EDGE_CLIENT_STALL_MS": "2000",
    "EDGE_HEARTBEAT_MS": "300",
    "EDGE_DRAIN_SECONDS": "1",
    "EDGE_PEER_CONNECT_MS": "1500",
    "EDGE_ROOMS_HOLD_SECONDS": "1",
    "EDGE_ROOMS_KEPT_SECONDS": "1",
    "EDGE_ROOMS_LOST_MS": "2000",
}


@dataclass(slots=True)
class EdgeCanary:
    """A client that types a line at a time and waits for its translation."""

    port: int
    seconds: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Type until cancelled; a session that ends is opened again."""
        last: object = None  # of what tells why a session ended
        while True:
            try:
                async with websockets.connect(f"ws://127.0.0.1:{self.port}/v1/realtime", max_size=None) as socket:
                    await socket.send(json.dumps(hello("es")))
                    while True:
                        began = time.monotonic()
                        async with asyncio.timeout(PATIENCE_SECONDS):
                            await socket.send(json.dumps(typed("a line")))
                            while (event := json.loads(await socket.recv()))["type"] != "final_translation":
                                last = event if event["type"] in ("error", "go_away", "flow") else last
                        self.seconds.append(time.monotonic() - began)
                        await asyncio.sleep(max(0.0, PERIOD_SECONDS - (time.monotonic() - began)))
            except (TimeoutError, ConnectionError, websockets.WebSocketException) as error:
                self.complaints.append(f"{type(error).__name__} {error} {last}"[:400])
            await asyncio.sleep(PERIOD_SECONDS)

    def taken_complaints(self) -> list[str]:
        """What went wrong since it was last asked."""
        complaints, self.complaints = self.complaints, []
        return complaints


@dataclass(slots=True)
class EdgeHunt:
    """A mesh with an edge and a canary, and what it held before anybody strange came."""

    mesh: Mesh
    player: EdgePlayer
    canary: EdgeCanary
    before: Mapping[str, Held] = field(default_factory=dict)
    sound: bool = True  # whether what comes next can be judged on this mesh

    async def batch(self, sequences: Sequence[EdgeSequence]) -> list[Fault]:
        """Play sequences, several at once, and look at the mesh when they are over."""
        faults: list[Fault] = []
        waiting = iter(sequences)

        async def play_some() -> None:
            for each in waiting:
                if not self.mesh.ended():
                    faults.extend(await self.player.play(each))

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(play_some())
        numbers = range(sequences[0].number, sequences[-1].number + 1)
        return faults + [Fault(numbers, each.kind, each.about) for each in await self.seen()]

    async def seen(self) -> list[Oddity]:
        """What is wrong with the mesh."""
        left = [] if self.mesh.ended() else await self.mesh.left(self.before, SETTLE_SECONDS)
        ended = self.mesh.ended()
        self.sound = not left and not ended
        waiting = await self.mesh.waiting("edge") if left else ""
        return [
            *(Oddity(f"the process of {name} ended", self._why(name)) for name in ended),
            *(Oddity(f"logged: {event_of(line)}", line[:2000]) for line in self.mesh.defects()),
            *(Oddity(what, f"{waiting}; {self.mesh.connections()}"[:3000]) for what in ([] if ended else left)),
            *(Oddity(f"the canary: {what}", "beside it") for what in self.canary.taken_complaints()),
        ]

    def _why(self, name: str) -> str:
        lines = (self.mesh.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join([f"status {self.mesh.children[name].returncode}", *lines[-40:]])


@asynccontextmanager
async def hunt(seed: int) -> AsyncIterator[EdgeHunt]:
    """A mesh for the block. Some sequences come first, so that what is held for good is held by then."""
    logs = Path(tempfile.mkdtemp(prefix="babelmesh-fuzz-"))
    port, wyoming = free_port(), free_port()
    told = {**VARIABLES, **EDGE, "EDGE_WYOMING": f"127.0.0.1:{wyoming}"}
    try:
        async with scripted_mesh(logs, told, port) as mesh, asyncio.TaskGroup() as group:
            hunted = EdgeHunt(mesh, EdgePlayer(port, wyoming), EdgeCanary(port))
            singing = group.create_task(hunted.canary.run())
            await asyncio.gather(*(hunted.player.play(edge_sequence(seed, -number)) for number in range(1, 25)))
            await asyncio.sleep(SETTLE_SECONDS)
            hunted.before = await _idle(mesh)
            yield hunted
            singing.cancel()
    finally:
        shutil.rmtree(logs, ignore_errors=True)


async def _idle(mesh: Mesh) -> dict[str, Held]:
    """What the services hold with no guest but the canary, at most."""
    before: dict[str, Held] = {}
    for _ in range(15):
        for name in SERVICES:
            now = await mesh.held(name)
            known = before.get(name, now)
            before[name] = Held(max(known.slots, now.slots), *_widest(known, now))
        await asyncio.sleep(0.13)
    return before


def _widest(one: Held, other: Held) -> tuple[int, Mapping[str, int]]:
    both = one.widest(other)
    return both.files, both.tasks


async def hunted_for(seed: int, seconds: float) -> Catch:
    """Play for so long. Prints the first fault of each kind at once."""
    catch, until = Catch(seed), time.monotonic() + seconds
    while time.monotonic() < until:
        async with hunt(seed) as hunted:
            while hunted.sound and time.monotonic() < until:
                batch = [edge_sequence(seed, number) for number in range(catch.played, catch.played + BATCH)]
                catch.played += len(batch)
                for fault in catch.add(await hunted.batch(batch)):
                    print(
                        f"{fault.kind}: {fault.about}\n  python -m tests.fuzz.edge --seed {seed} {fault.again}",
                        flush=True,
                    )
            catch.canary_seconds += hunted.canary.seconds
            for code, count in hunted.player.codes.items():
                catch.answers[code] = catch.answers.get(code, 0) + count
    return catch


async def again(seed: int, numbers: range) -> Catch:
    """Play some sequences once more."""
    sequences = [edge_sequence(seed, number) for number in numbers]
    if len(sequences) == 1:
        for connection in sequences[0].connections:
            print(str(connection)[:2000])
    catch = Catch(seed, len(sequences))
    async with hunt(seed) as hunted:
        for fault in catch.add(await hunted.batch(sequences)):
            print(f"{fault.kind}: {fault.about}")
    return catch


def main() -> None:
    """End with status 1 when a fault was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: another one each time")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--only", default="", metavar="K[-L]", help="one sequence, or some at once")
    told = parser.parse_args()
    print(f"seed {told.seed}", flush=True)
    if told.only:
        least, _, most = told.only.partition("-")
        catch = asyncio.run(again(told.seed, range(int(least), int(most or least) + 1)))
    else:
        catch = asyncio.run(hunted_for(told.seed, told.seconds))
    print(catch.summary())
    print("answers:", dict(sorted(catch.answers.items(), key=lambda item: -item[1])))
    sys.exit(int(bool(catch.faults)))


if __name__ == "__main__":
    main()
