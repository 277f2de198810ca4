"""Decodes the texts of all sessions together: they join at any step, and leave when they end or are cancelled.

One thread for each model, which works as long as there is something to do. When a step fails, memory that ran out
included, all texts are set aside and begun anew in halves, down to a single one: the bad one fails alone.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from onnxruntime.capi import onnxruntime_pybind11_state as faults

from services.common.engines.load import Load
from services.common.errors import AtCapacity, MeshError, StageFailed
from services.mt.neural.jobs import Found, Job, Scoring, next_up
from services.mt.neural.watching import Watching

log = logging.getLogger(__name__)

_RETRY_MS = 500
_QUEUE_MS = 200
BROKEN = (  # what a step that fails raises: ONNX Runtime's faults have no base of their own
    *(getattr(faults, name) for name in ("Fail", "RuntimeException", "EPFail", "InvalidArgument", "EngineError")),
    RuntimeError,
    MemoryError,
    ValueError,
)


class Decoding(Protocol):
    """The texts that a model decodes at the moment. Methods block, and are called by one thread only."""

    jobs: list[Job]

    @property
    def most(self) -> int:
        """Most texts at once."""

    @property
    def free(self) -> int:
        """Number of texts that may join."""

    @property
    def rows(self) -> int:
        """Number of rows that a step computes."""

    @property
    def crossed(self) -> tuple[int, int]:
        """Bytes sent to the device and received from it so far."""

    def join(self, jobs: Sequence[Job]) -> None:
        """Encode new texts and begin their translations; those whose translation is empty leave at once."""

    def step(self) -> None:
        """Decode one token more for each text, or a few; those that end are answered and leave."""

    def leave(self, gone: Callable[[Job], bool]) -> None:
        """Remove the texts for which `gone` holds."""

    def clear(self) -> list[Job]:
        """Remove all texts, whatever state the model is in, and return them."""

    def score(self, asked: Scoring) -> Sequence[Sequence[float]]:
        """Return the log probability of each wanted id behind each pick of a translation."""


class Loop:
    """Decodes the texts of one model on a thread of its own."""

    def __init__(self, batch: Decoding, queue: int, load: Load | None = None) -> None:
        self._batch = batch
        self._queue = queue  # most that may wait
        self._waiting: list[Job | Scoring] = []
        self._aside: deque[list[Job]] = deque()  # begun anew, one group at a time
        self._lock = threading.Lock()  # of what waits, and of whether the thread is at work
        self._working = self._closed = False
        self._watching = Watching(load or Load("mt", batch.most))
        self._pool = ThreadPoolExecutor(1, "mt-onnx")

    async def decode(self, job: Job) -> Found:
        """Decode a text, and return its translations, best first. Raises AtCapacity, or StageFailed when it cannot
        be computed.
        """
        try:
            self._submit(job)
            return await asyncio.wrap_future(job.future)
        finally:
            self._watching.answered(job)

    async def score(self, asked: Scoring) -> list[list[float]]:
        """Return the log probability of each wanted id behind each pick. Raises AtCapacity, StageFailed."""
        self._submit(asked)
        return [list(scores) for scores in await asyncio.wrap_future(asked.future)]

    async def close(self) -> None:
        """Fail all jobs under way, and end the thread."""
        with self._lock:
            self._closed = True
        await asyncio.to_thread(self._pool.shutdown)

    def _submit(self, asked: Job | Scoring) -> None:
        with self._lock:
            if self._closed:
                raise failed("The engine has stopped.")
            if len(self._waiting) >= self._queue:
                self._watching.refused()
                full = f"{self._queue} texts wait already."
                raise AtCapacity("MT_QUEUE_FULL", full, retry_after_ms=_QUEUE_MS, stage="MT")
            self._waiting.append(asked)
            if isinstance(asked, Job):  # what is to be scored waits for no place
                self._watching.asked(asked)
            if not self._working:
                self._working = True
                self._pool.submit(self._work)

    def _work(self) -> None:
        """Run steps on the thread while there is work. Whatever breaks fails all jobs."""
        try:
            while self._turn():
                pass
        except BaseException:
            log.exception("decoding broke")
            self._fail_all("The engine broke.")
            raise

    def _turn(self) -> bool:
        """Run one step; return False when there is nothing left to do, or the engine has stopped."""
        self._batch.leave(lambda job: job.future.cancelled())
        self._watching.in_hand(len(self._batch.jobs))
        joining, scorings = self._next()
        if joining is None:
            return False
        try:
            if joining:
                with self._watching.joining(joining, len(self._batch.jobs)):
                    self._batch.join(joining)
            if self._batch.jobs:
                self._watching.step(self._batch.rows)
                self._batch.step()
        except BROKEN as error:
            self._set_aside(error)
        self._watching.in_hand(len(self._batch.jobs))
        for asked in scorings:
            self._score(asked)
        if joining or not self._batch.jobs:  # a step is short: no need to tell at each
            self._watching.crossed(*self._batch.crossed)
        return True

    def _next(self) -> tuple[list[Job] | None, list[Scoring]]:
        """Return the texts that join now (None when the thread may rest), and the translations to score."""
        with self._lock:
            self._waiting = [asked for asked in self._waiting if not asked.future.cancelled()]
            scorings = [asked for asked in self._waiting if isinstance(asked, Scoring)]
            jobs = [asked for asked in self._waiting if isinstance(asked, Job)]
            if self._closed:
                self._fail_all("The engine has stopped.")
                return None, []
            again = bool(self._aside)
            if again:
                joining = [] if self._batch.jobs else self._aside.popleft()
            else:
                joining = next_up(jobs, self._batch.jobs, self._batch.free)
            left = [job for job in jobs if job not in joining]
            self._waiting = [*left]
            self._watching.chosen(joining, left, again)
            if not (joining or scorings or self._batch.jobs or self._aside):
                self._working = False
                return None, []
        return [job for job in joining if not job.future.cancelled()], scorings

    def _set_aside(self, error: Exception) -> None:
        """Halve the texts whose step failed, to be retried apart; a single one fails."""
        jobs = self._batch.clear()
        log.warning("step failed", extra={"fields": {"reason": type(error).__name__, "texts": len(jobs)}})
        if len(jobs) == 1:
            _fail(jobs[0].future, failed("The text could not be translated."))
        elif jobs:
            half = len(jobs) // 2
            self._aside += (jobs[:half], jobs[half:])

    def _score(self, asked: Scoring) -> None:
        try:
            scores = self._batch.score(asked)
        except BROKEN as error:
            self._set_aside(error)
            _fail(asked.future, failed("The translation could not be scored."))
            return
        if asked.future.set_running_or_notify_cancel():
            asked.future.set_result(scores)

    def _fail_all(self, message: str) -> None:
        jobs: list[Job | Scoring] = [*self._batch.jobs, *(job for group in self._aside for job in group)]
        for asked in [*jobs, *self._waiting]:
            _fail(asked.future, failed(message))
        self._batch.jobs.clear()
        self._watching.in_hand(0)
        self._aside.clear()
        self._waiting.clear()
        self._working = False


def failed(message: str) -> StageFailed:
    """Return the StageFailed error for a model that broke."""
    return StageFailed("MT_ENGINE_FAILED", message, retry_after_ms=_RETRY_MS, stage="MT")


def _fail(future: Future[Any], error: MeshError) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
