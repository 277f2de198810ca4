"""Batches work across sessions: items for one device that come at about the same time are computed at once.

An idle device takes a lone item at once. While it computes, items gather for the next batch (`queueing` says which go,
and when). No task runs between the batches, so none can die unseen: each step is a callback of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, Self, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode

from services.common.engines.load import Load
from services.common.errors import AtCapacity, Defect, StageFailed
from services.common.neural import instruments
from services.common.neural.queueing import Entry, Item, Limits, Queue, Reason
from services.common.retrying import jittered
from services.common.telemetry.tracing import shared_span

__all__ = ["Batcher", "Item", "Limits"]

Q = TypeVar("Q")
A = TypeVar("A")

_RETRY_AFTER_MS = 250


class _Waiter(Generic[A]):
    """An item's future answer, and the span of the caller who waits for it."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self.span = trace.get_current_span()

    def settle(self, outcome: A | Exception) -> None:
        if self.answer.done():
            return  # whoever asked has gone
        if isinstance(outcome, StopIteration):  # which no future takes
            outcome = Defect("BATCH_FAILED", "Computing stopped with StopIteration.")
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Batcher(Generic[Q, A]):
    """Computes submitted items in batches, one after the other, in a thread of its own. One event loop only.

    `compute` is blocking. It returns one answer for each item, in order; an answer that is an exception fails that item
    alone. When it raises, the batch is halved, and each half tried again, down to single items: so a bad item fails
    alone, and what was too much for the device's memory at once is computed in parts.

    `name` begins with the stage and names the work: "mt.encode". `load` is told what waits, and what is on the device.
    """

    def __init__(
        self,
        name: str,
        compute: Callable[[Sequence[Q]], Sequence[A]],
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        load: Load | None = None,
    ) -> None:
        self._name = name
        self._load = load or Load(self._stage.lower(), limits.most_items)
        self._compute = compute
        self._queue: Queue[Q, _Waiter[A]] = Queue(limits)
        self._thread: ThreadPoolExecutor | None = None  # from `start` to `stop`
        self._running: asyncio.Future[list[A | Exception]] | None = None  # the batch on the device
        self._timer: asyncio.Handle | None = None  # when to look at the queue again

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start accepting items."""
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix=self._name)

    async def stop(self) -> None:
        """Fail the items that wait, and return when the batch on the device has ended and its items are answered."""
        thread, self._thread = self._thread, None
        for entry in list(self._queue):
            self._queue.discard(entry)
            entry.waiter.settle(self._stopped())
        if self._running:
            await asyncio.wait([self._running])
        if thread:
            thread.shutdown(wait=False)

    async def submit(self, item: Item[Q]) -> A:
        """Await the answer to an item; one cancelled before its batch starts takes no place in it.

        Raises AtCapacity when the queue is full, StageFailed when the batcher is not running, else whatever `compute`
        raised for this item.
        """
        if self._thread is None:
            raise self._stopped()
        if self._queue.overfull:
            instruments.BATCHES.sheds.add(1, self._attributes)
            message = f"{len(self._queue)} items wait for {self._name} already."
            raise AtCapacity("BATCH_QUEUE_FULL", message, retry_after_ms=jittered(_RETRY_AFTER_MS), stage=self._stage)
        loop = asyncio.get_running_loop()
        entry = Entry(item, _Waiter[A](), loop.time())
        self._queue.add(entry)
        self._load.enter(entry)
        self._look_at(entry.entered)  # in the loop's next turn: what others submit in this one is of the same batch
        try:
            return await entry.waiter.answer
        finally:
            self._queue.discard(entry)
            self._load.leave(entry)

    @property
    def _attributes(self) -> dict[str, str]:
        return {"batcher": self._name}

    @property
    def _stage(self) -> str:
        return self._name.partition(".")[0].upper()

    def _stopped(self) -> StageFailed:
        return StageFailed("BATCHER_STOPPED", f"{self._name} is not running.", stage=self._stage)

    def _look_at(self, when: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        """Send a batch off if it is due; else look again when it is."""
        if self._running or not self._queue:
            return  # the end of the batch, or the next item, leads here again
        if reason := self._queue.reason(asyncio.get_running_loop().time()):
            self._send(self._queue.take(), reason)
        else:
            self._look_at(self._queue.due)

    def _send(self, batch: Sequence[Entry[Q, _Waiter[A]]], reason: Reason) -> None:
        loop = asyncio.get_running_loop()
        try:
            span = self._span(batch, reason)
            self._measure(batch, reason, loop.time())
            asked = [entry.item.asked for entry in batch]
            self._running = loop.run_in_executor(self._thread, self._computed, asked, span)
            self._running.add_done_callback(partial(self._ended, batch))
            self._load.leave(*batch)
            self._load.work(len(batch))
        except Exception as error:  # in a callback: nobody else would hear of it, and the items would wait forever
            for entry in batch:
                entry.waiter.settle(error)
            self._look_at(loop.time())

    def _ended(self, batch: Sequence[Entry[Q, _Waiter[A]]], running: asyncio.Future[list[A | Exception]]) -> None:
        self._running = None
        self._load.work(-len(batch))
        self._queue.idle(asyncio.get_running_loop().time(), batch)
        if running.exception():  # no Exception: those are answers
            failure = StageFailed("BATCH_FAILED", f"{self._name} ended in the middle of a batch.", stage=self._stage)
            outcomes: Sequence[A | Exception] = [failure] * len(batch)
        else:
            outcomes = running.result()
        for entry, outcome in zip(batch, outcomes, strict=True):
            entry.waiter.settle(outcome)
        self._look()

    def _computed(self, asked: Sequence[Q], span: Span) -> list[A | Exception]:
        """Compute a batch, in the batcher's thread; return an answer or an error for each item."""
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            outcomes = self._halved(asked)
            failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            if failures:
                span.set_status(StatusCode.ERROR, type(failures[0]).__name__)
            return outcomes

    def _halved(self, asked: Sequence[Q]) -> list[A | Exception]:
        try:
            answers = self._compute(asked)
            if len(answers) != len(asked):
                raise Defect("BATCH_ANSWERS", f"{self._name} gave {len(answers)} answers to {len(asked)} items.")
            return list(answers)
        except Exception as error:
            if len(asked) == 1:
                return [error]
        instruments.BATCHES.halvings.add(1, self._attributes)
        middle = len(asked) // 2
        return self._halved(asked[:middle]) + self._halved(asked[middle:])

    def _span(self, batch: Sequence[Entry[Q, _Waiter[A]]], reason: Reason) -> Span:
        attributes = {"babelmesh.batch.items": len(batch), "babelmesh.batch.reason": reason.value}
        return shared_span(f"{self._name}.batch", [entry.waiter.span for entry in batch], attributes)

    def _measure(self, batch: Sequence[Entry[Q, _Waiter[A]]], reason: Reason, now: float) -> None:
        instruments.BATCHES.dispatches.add(1, {**self._attributes, "reason": reason.value})
        instruments.BATCHES.items.record(len(batch), self._attributes)
        instruments.BATCHES.cost.record(sum(entry.item.cost for entry in batch), self._attributes)
        for entry in batch:
            instruments.BATCHES.queue_seconds.record(now - entry.entered, self._attributes)
