"""Every certificate of a mesh, and the authority behind them, is replaced again and again while sessions speak.

    python -m bench.strangers.rotation [--sessions 20] [--rotations 10] [--at-once]

A mesh of four processes on scripted engines, TLS throughout and mutual between them. A rotation has three steps: the
new authority is trusted beside the old one; all certificates are of the new one; the old one is trusted no more.
`--at-once` makes it one step, without an overlap. At each step a new session speaks one utterance over a connection of
its own, that trusts whom the mesh does. After each rotation a client that trusts the new authority alone is to be
answered, and one that trusts the old one alone is not.

Lost: utterances without a final translation. Reconnects: sessions that went on in another call. Failed stage calls and
recognitions that changed over to another call are the gateway's own count.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

import babelmesh
from babelmesh.local import supervisor
from bench.measuring.authority import Authority
from bench.measuring.encrypted import RELOAD_SECONDS, Certificates, encrypted_mesh
from bench.measuring.processes import SCRIPTED
from bench.measuring.report import Goal, Rows, at_least, at_most, finish
from services.common.audio.pcm import ASR_RATE

CHUNK_SECONDS = 0.1
LOUD_SECONDS, QUIET_SECONDS = 1.2, 0.8
STEP_SECONDS = 4 * RELOAD_SECONDS  # for all processes to have read the files


@dataclass(slots=True)
class Spoken:
    """One session: what it said, what came back, and whether it was cut."""

    utterances: int = 0
    finals: int = 0
    reconnects: int = 0
    failure: str = ""

    async def speak(
        self,
        address: str,
        tls: babelmesh.Tls | None,
        stop: asyncio.Event,
        token: str | None = None,
        config: babelmesh.SessionConfig | None = None,
    ) -> None:
        """Speak, utterance by utterance, until it is to stop."""
        try:
            async with (
                babelmesh.connect(address, tls, token) as mesh,
                mesh.session("en", "es", config, notice=self._cut) as session,
            ):
                async for event in session.translate(self._utterances(stop)):
                    self.finals += isinstance(event, babelmesh.TranslationResult) and event.final
        except babelmesh.SessionFailed as failure:
            self.failure = failure.code

    def _cut(self, line: str) -> None:
        self.reconnects += 1

    async def _utterances(self, stop: asyncio.Event) -> AsyncIterator[bytes]:
        times = np.arange(round(ASR_RATE * CHUNK_SECONDS)) / ASR_RATE
        loud = np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype="<i2").tobytes()
        due = time.monotonic()
        while not stop.is_set():
            for seconds, chunk in ((LOUD_SECONDS, loud), (QUIET_SECONDS, bytes(len(loud)))):
                for _ in range(round(seconds / CHUNK_SECONDS)):
                    due += CHUNK_SECONDS
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    yield chunk
            self.utterances += 1


@dataclass(slots=True)
class Found:
    """What all sessions came to."""

    live: list[Spoken] = field(default_factory=list)
    new: list[Spoken] = field(default_factory=list)
    rotated: int = 0  # rotations after which the new authority alone was good
    failed_calls: int = 0
    failovers: int = 0

    @property
    def lost(self) -> int:
        """Utterances of live sessions without a final translation."""
        return sum(each.utterances - each.finals for each in self.live)

    @property
    def new_failed(self) -> int:
        """New sessions that did not get the translation of their utterance."""
        return sum(bool(each.failure) or each.finals != each.utterances for each in self.new)


def main() -> None:
    """Prints the table; ends with status 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--rotations", type=int, default=10)
    parser.add_argument("--at-once", action="store_true", help="no overlap of old and new")
    told = parser.parse_args()
    found = asyncio.run(measure(told.sessions, told.rotations, told.at_once))
    sys.exit(not finish("rotation", [table(found, told.rotations)], goals(found, told.rotations)))


async def measure(sessions: int, rotations: int, at_once: bool) -> Found:
    """Have sessions speak while the certificates are replaced so often."""
    found, stop = Found(), asyncio.Event()
    (port,) = supervisor.unused_ports(1)
    variables = {**SCRIPTED, "ASR_VAD": "energy", "ASR_SLOTS": "64", "MT_SLOTS": "64", "TTS_SLOTS": "64"}
    variables |= {"GATEWAY_SLOTS": "64", "GATEWAY_ADMIN": f"{supervisor.HOST}:{port}"}
    with TemporaryDirectory(prefix="babelmesh-tls-") as folder:
        certificates = await asyncio.to_thread(Certificates.made, Path(folder))
        async with encrypted_mesh(certificates, variables) as mesh:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(sessions):
                    found.live.append(Spoken())
                    tasks.create_task(found.live[-1].speak(mesh.address, certificates.client(), stop))
                await asyncio.sleep(2 * (LOUD_SECONDS + QUIET_SECONDS))
                for number in range(1, rotations + 1):
                    old, new = (
                        certificates.authority,
                        await asyncio.to_thread(Authority.made, Path(folder, str(number))),
                    )
                    async for _ in steps(certificates, new, at_once):
                        await asyncio.sleep(STEP_SECONDS)
                        found.new.append(Spoken())
                        tasks.create_task(found.new[-1].speak(mesh.address, certificates.client(), once()))
                    found.rotated += await answered(mesh.address, new) and not await answered(mesh.address, old)
                stop.set()
            await asyncio.to_thread(count, port, found)
    return found


async def steps(certificates: Certificates, new: Authority, at_once: bool) -> AsyncIterator[None]:
    """Take the steps of one rotation, one at a time."""
    old, certificates.authority = certificates.authority, new
    if not at_once:
        certificates.trust(old, new)
        yield
    await asyncio.to_thread(certificates.sign)
    if not at_once:
        yield
    certificates.trust(new)
    yield


def once() -> asyncio.Event:
    """Return an event for a session that is to speak one utterance: it is set after the first look at it."""
    event = asyncio.Event()
    asyncio.get_running_loop().call_later(LOUD_SECONDS, event.set)
    return event


async def answered(address: str, authority: Authority) -> bool:
    """Return whether a client gets an answer that trusts one authority alone."""
    async with babelmesh.connect(address, babelmesh.Tls(authority.file)) as mesh:
        try:
            await mesh.describe()
        except babelmesh.SessionFailed:
            return False
    return True


def count(port: int, found: Found) -> None:
    """Add what the gateway counted."""
    with urlopen(f"http://{supervisor.HOST}:{port}/metrics", timeout=5) as answer:  # a port of our own
        told = text_string_to_metric_families(answer.read().decode())
    for sample in (sample for family in told for sample in family.samples):
        if sample.name == "babelmesh_stage_calls_total" and sample.labels["outcome"] != "answered":
            found.failed_calls += round(sample.value)
        elif sample.name == "babelmesh_failovers_total":
            found.failovers += round(sample.value)


def table(found: Found, rotations: int) -> Rows:
    """One row."""
    columns = ("rotations", "sessions", "utterances", "lost", "reconnects", "failed", "new sessions", "of them failed")
    rows = Rows("Certificates replaced under live sessions", (*columns, "failed stage calls", "changed recognizers"))
    live = (sum(each.utterances for each in found.live), found.lost, sum(each.reconnects for each in found.live))
    failed = sum(bool(each.failure) for each in found.live)
    new = (len(found.new), found.new_failed, found.failed_calls, found.failovers)
    rows.add(f"{found.rotated} of {rotations}", len(found.live), *live, failed, *new)
    return rows


def goals(found: Found, rotations: int) -> dict[str, Goal]:
    """Nothing lost, nobody reconnected, everybody new let in, and each rotation took place."""
    return {
        "rotation.done": at_least(found.rotated, rotations),
        "rotation.lost": at_most(found.lost + sum(bool(each.failure) for each in found.live), 0),
        "rotation.reconnects": at_most(sum(each.reconnects for each in found.live) + found.failovers, 0),
        "rotation.new_failed": at_most(found.new_failed, 0),
    }


if __name__ == "__main__":
    main()
