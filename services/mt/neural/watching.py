"""Spans and metrics of a decoding loop: a span for each group of texts that joins. Never any text."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.trace import StatusCode

from services.common.engines.load import Load
from services.common.neural import instruments
from services.common.telemetry.tracing import shared_span
from services.mt.neural.jobs import Job

NAME = "mt.decode"
_OF = {"batcher": NAME}
_IN, _OUT = ({**_OF, "direction": direction} for direction in ("in", "out"))


class Watching:
    """Records the work of one loop. Used by its thread only, but for `asked`, `answered` and `refused`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._in_hand = 0  # as the load was told
        self._left: Collection[Job] = ()  # that found no room
        self._waited: Collection[Job] = ()  # of those chosen
        self._again = False
        self._crossed = (0, 0)

    def asked(self, job: Job) -> None:
        """Record that a text waits to join."""
        self._load.enter(job)

    def answered(self, job: Job) -> None:
        """Record that a text is answered or no longer wanted, joined or not."""
        self._load.leave(job)

    def in_hand(self, count: int) -> None:
        """Record how many texts are decoded from now on."""
        if count != self._in_hand:
            self._load.work(count - self._in_hand)
            self._in_hand = count

    def chosen(self, jobs: Sequence[Job], left: Collection[Job], again: bool) -> None:
        """Record the texts that join now, all of them `again` or none, and those that still wait."""
        self._waited = set(self._left).intersection(jobs) if self._left and jobs else ()
        self._left, self._again = left, again

    @contextmanager
    def joining(self, jobs: Sequence[Job], running: int) -> Iterator[None]:
        """Trace the joining of texts, beside `running` others: a span linked with the spans that asked for them."""
        now = time.monotonic()
        self._load.leave(*jobs)
        self.in_hand(running + len(jobs))
        reasons = ["again" if self._again else "waited" if job in self._waited else "free" for job in jobs]
        instruments.BATCHES.items.record(len(jobs), _OF)
        for job, reason in zip(jobs, reasons, strict=True):
            instruments.DECODINGS.joins.add(1, {**_OF, "reason": reason})
            if reason != "again":
                instruments.BATCHES.queue_seconds.record(now - job.asked, _OF)
        attributes = {
            "babelmesh.batch.items": len(jobs),
            "babelmesh.decode.waited": reasons.count("waited"),
            "babelmesh.decode.running": running,
        }
        span = shared_span(f"{NAME}.join", [job.span for job in jobs], attributes)
        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            span.end()

    def step(self, rows: int) -> None:
        """Record a step of so many rows."""
        instruments.DECODINGS.rows.record(rows, _OF)

    def crossed(self, to_device: int, from_device: int) -> None:
        """Record the bytes sent and received so far, of which the increase is counted."""
        before, self._crossed = self._crossed, (to_device, from_device)
        for of, now, then in zip((_IN, _OUT), self._crossed, before, strict=True):
            instruments.DECODINGS.bytes.add(now - then, of)

    def refused(self) -> None:
        """Record a text that was refused because the queue is full."""
        instruments.BATCHES.sheds.add(1, _OF)
