"""One pod: a process that is probed, started again and stopped as the kubelet does it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from babelmesh.local.restarts import Backoff
from babelmesh.local.supervisor import kill_group
from deploy.local.manifests import Deployment, Probe
from deploy.local.probing import Verdict, answers
from deploy.local.variables import Pod as Identity

Process = asyncio.subprocess.Process


@dataclass(frozen=True, slots=True)
class Place:
    """Where pods live."""

    folder: Path  # for logs
    variables: Mapping[str, str]  # of the machine, below the pod's own
    changed: Callable[[], None]  # a pod's readiness has
    tell: Callable[[str], None]


class Pod:
    """A pod under way; `run` is its life."""

    def __init__(self, deployment: Deployment, name: str, address: str, place: Place) -> None:
        self.deployment = deployment
        self.name = name
        self.address = address
        self.ready = False
        self._place = place
        self._leaving = asyncio.Event()

    @property
    def leaving(self) -> bool:
        """Whether it was told to stop."""
        return self._leaving.is_set()

    @property
    def log(self) -> Path:
        """Its output, over all its starts."""
        return self._place.folder / f"{self.name}.log"

    def leave(self) -> None:
        """Takes it out of all names at once; then its preStop, SIGTERM, and SIGKILL when its grace is over."""
        self._leaving.set()
        self._is_ready(False)

    async def run(self) -> None:
        """Until it was told to leave and has ended. Nothing of it is left, however this is left."""
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while not self.leaving:
            process, began = await self._started(), loop.time()
            try:
                reason = await self._lived(process)
                await self._stopped(process)
            finally:
                self._is_ready(False)
                kill_group(process.pid)
                await process.wait()
            if not self.leaving:
                self._place.tell(f"{self.name} {reason}. It is started again.")
                backoff = backoff.after(loop.time() - began)
                with suppress(TimeoutError):
                    async with asyncio.timeout(backoff.pause_seconds):
                        await self._leaving.wait()

    async def _started(self) -> Process:
        deployment = self.deployment
        own = deployment.variables.of(Identity(self.name, deployment.namespace, self.address, deployment.labels))
        command = (sys.executable, "-m", "babelmesh.local.child", str(os.getpid()), *deployment.module)
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *command,
                env={**self._place.variables, **own},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us
            )

    async def _lived(self, process: Process) -> str:
        """Waits until the pod is to leave, or this start of it is over; why it is."""
        async with asyncio.TaskGroup() as tasks:
            probed = tasks.create_task(self._probed())
            ended = tasks.create_task(process.wait())
            left = tasks.create_task(self._leaving.wait())
            await asyncio.wait((probed, ended, left), return_when=asyncio.FIRST_COMPLETED)
            reason = probed.result() if probed.done() else f"ended with status {process.returncode}"
            for task in (probed, ended, left):
                task.cancel()
        return reason

    async def _probed(self) -> str:
        """Asks the probes until one of them has the process started again; which one."""
        deployment = self.deployment
        if deployment.startup and not await self._succeeds(deployment.startup):
            return "failed its startupProbe"
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._follow_readiness(deployment.readiness))
            if deployment.liveness is None:
                await asyncio.Event().wait()
            else:
                await self._fails(deployment.liveness)
            reading.cancel()
        return "failed its livenessProbe"

    async def _succeeds(self, probe: Probe) -> bool:
        """Whether it does before it has failed too often."""
        failures = 0
        async for answer in answers(probe, self.address):
            failures += not answer
            if answer or failures >= probe.failures:
                return answer
        raise AssertionError("answers have no end")

    async def _fails(self, probe: Probe) -> None:
        verdict = Verdict(probe, good=True)
        async for answer in answers(probe, self.address):
            if not verdict.after(answer):
                return

    async def _follow_readiness(self, probe: Probe | None) -> None:
        if probe is None:
            return self._is_ready(True)
        verdict = Verdict(probe)
        async for answer in answers(probe, self.address):
            self._is_ready(verdict.after(answer))

    def _is_ready(self, ready: bool) -> None:
        ready = ready and not self.leaving
        if ready != self.ready:
            self.ready = ready
            self._place.changed()

    async def _stopped(self, process: Process) -> None:
        """Gently, within its grace, which the preStop is a part of."""
        pause = self.deployment.pre_stop_seconds
        try:
            async with asyncio.timeout(self.deployment.grace_seconds):
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await process.wait()
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
        except TimeoutError:
            self._place.tell(f"{self.name} had not ended after {self.deployment.grace_seconds:.0f} s: it is killed.")
