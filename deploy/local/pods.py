"""All pods of some manifests, and their number, which may change while they run."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

from deploy.local.manifests import Cluster, Deployment
from deploy.local.names import HostsFile, find, hosts
from deploy.local.pod import Place, Pod

FIRST = 2  # 127.0.1.1 is Debian's name for the machine itself
NETWORKS = range(256)  # one for each run of pods on this machine: 127.0.0.0/16, 127.1.0.0/16 and so on
TAKEN_BY = 7699  # a port, held in a network for as long as it is somebody's
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "XDG_DATA_HOME")  # and no setting of a service
MISSING = "libnss_wrapper.so is missing: apt install libnss-wrapper. Services' names are looked up by it."


class CannotRun(Exception):
    """This machine lacks what pods need; the text says what."""


@contextmanager
def network() -> Iterator[int]:
    """One that is nobody else's for the block: probes and clients would take the pods there for ours.

    Raises CannotRun when there is none left.
    """
    for number in NETWORKS:
        with socket.socket() as taken:
            try:
                taken.bind((f"127.{number}.0.1", TAKEN_BY))
            except OSError:
                continue
            yield number
            return
    raise CannotRun(f"Port {TAKEN_BY} is in use in all of 127.0.0.0/8: pods have no addresses of their own.")


class Pods:
    """The pods that run now."""

    def __init__(self, cluster: Cluster, folder: Path, tell: Callable[[str], None]) -> None:
        library = find()
        if library is None:
            raise CannotRun(MISSING)
        folder.mkdir(parents=True, exist_ok=True)
        self._cluster = cluster
        self._hosts = HostsFile(folder / "hosts")
        machine = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._place = Place(folder, {**machine, **self._hosts.variables(library)}, self._publish, tell)
        self._lives: dict[Pod, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()
        self._network = 0
        self._change = asyncio.Event()  # set with each
        self._numbers = count(FIRST)

    def of(self, name: str) -> Sequence[Pod]:
        """A Deployment's pods that are to stay, the oldest first."""
        return [pod for pod in self._lives if pod.deployment.name == name and not pod.leaving]

    def addresses(self, name: str, port: int) -> str:
        """Of its ready pods, as a client takes them."""
        return ",".join(f"{pod.address}:{port}" for pod in self.of(name) if pod.ready)

    async def scale(self, name: str, replicas: int) -> None:
        """Starts pods, or has the youngest leave, those that are not ready first; `settled` tells when it is done.

        Raises KeyError for a name that no Deployment has.
        """
        deployment = {each.name: each for each in self._cluster.deployments}[name]
        now = sorted(self.of(name), key=lambda pod: not pod.ready)
        for pod in now[replicas:]:
            pod.leave()
        for _ in range(replicas - len(now)):
            self._start(deployment)

    async def settled(self) -> None:
        """Waits until every pod is ready, and those that were to leave have ended."""
        while not all(pod.ready for pod in self._lives):
            self._change.clear()
            await self._change.wait()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Has them run for the block. Whatever is left of them at its end is killed."""
        self._publish()
        try:
            with network() as self._network:
                async with self._tasks:
                    for deployment in self._cluster.deployments:
                        await self.scale(deployment.name, deployment.replicas)
                    yield
                    for task in list(self._lives.values()):
                        task.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    def _start(self, deployment: Deployment) -> None:
        number = next(self._numbers)
        address = f"127.{self._network}.{1 + number // 256}.{number % 256}"
        pod = Pod(deployment, f"{deployment.name}-{number}", address, self._place)
        self._lives[pod] = self._tasks.create_task(self._kept(pod))

    async def _kept(self, pod: Pod) -> None:
        try:
            await pod.run()
        finally:
            del self._lives[pod]
            self._publish()

    def _publish(self) -> None:
        """Readiness has changed, or the pods: names follow."""
        self._change.set()
        ready = [pod for pod in self._lives if pod.ready]
        self._hosts.write(
            hosts(
                (service, [pod.address for pod in ready if service.selects(pod.deployment)])
                for service in self._cluster.services
            )
        )
