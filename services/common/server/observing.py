"""Gauges of a replica, read whenever metrics are collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from services.common.engines.engine import Engine
from services.common.server.replica import Replica
from services.common.server.status import State, Status
from services.common.telemetry import metrics
from services.common.telemetry.metrics import Reading


@contextmanager
def observed(stage: str, replica: Replica, status: Status) -> Iterator[None]:
    """Observe a replica in metrics for the block; its engine from when it has started."""
    seen = _Observation(stage, replica, status)
    with ExitStack() as reads:
        reads.enter_context(metrics.observed("babelmesh.slots.total", seen.slots_total))
        reads.enter_context(metrics.observed("babelmesh.slots.used", seen.slots_used))
        reads.enter_context(metrics.observed("babelmesh.state", seen.state))
        reads.enter_context(metrics.observed("babelmesh.engine", seen.engine))
        reads.enter_context(metrics.observed("babelmesh.queue.seconds", seen.queue_seconds))
        reads.enter_context(metrics.observed("babelmesh.fill", seen.fill))
        reads.enter_context(metrics.observed("babelmesh.version.calls", seen.calls))
        reads.enter_context(metrics.observed("babelmesh.version.failures", seen.failures))
        yield


class _Observation:
    """Reads a replica's gauges in the collecting thread, without changing anything."""

    def __init__(self, stage: str, replica: Replica, status: Status) -> None:
        self._of = {"stage": stage}
        self._replica = replica
        self._status = status

    def slots_total(self) -> Iterable[Reading]:
        return [(self._replica.slots.total, self._of)]

    def slots_used(self) -> Iterable[Reading]:
        return [(self._replica.slots.used, self._of)]

    def state(self) -> Iterable[Reading]:
        return [(1, {**self._of, "state": self._status.state.name})]

    def engine(self) -> Iterable[Reading]:
        for engine in self._started():
            yield 1, {**self._of, "engine": engine.name, "version": engine.version, "device": engine.device}

    def queue_seconds(self) -> Iterable[Reading]:
        return [(engine.load.queue_seconds, self._of) for engine in self._started()]

    def fill(self) -> Iterable[Reading]:
        return [(engine.load.fill, self._of) for engine in self._started()]

    def calls(self) -> Iterable[Reading]:
        return [(calls, of) for calls, _, of in self._versions()]

    def failures(self) -> Iterable[Reading]:
        return [(failures, of) for _, failures, of in self._versions()]

    def _versions(self) -> Iterator[tuple[int, int, dict[str, str]]]:
        for engine in self._started():
            for version, _ in engine.versions:
                of = {"bundle": version.bundle, "version": version.version, "serves": version.serves}
                yield version.calls, version.failures, of

    def _started(self) -> list[Engine]:
        """Return a list of the engine; an empty one before it has loaded, as it has no name and version yet."""
        engine = self._replica.engine
        return [] if engine is None or self._status.state is State.STARTING else [engine]
