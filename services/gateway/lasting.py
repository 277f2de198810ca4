"""A session from the outside, for as long as it lasts: its span, its end by name, and how far behind it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from opentelemetry.trace import Span, StatusCode

from services.common.audio.pcm import ASR_RATE
from services.common.errors import InvalidArgument, MeshError, Superseded, Unsupported
from services.common.telemetry import metrics
from services.common.telemetry.tracing import caller_links, tracer
from services.gateway.backlog import Backlog
from services.gateway.opening import Opening
from services.gateway.shared import Shared

_SESSIONS = metrics.counter("babelmesh.sessions")
_RESUMED = metrics.counter("babelmesh.sessions.resumed")
_DURATION = metrics.histogram("babelmesh.session.duration")

_OUTCOMES = ("done", "failed", "invalid", "resumable", "cancelled")

_open: dict[Backlog, Shared] = {}  # of the sessions that last, in this process


@contextmanager
def lasting(opening: Opening, shared: Shared) -> Iterator[Lasting]:
    """The session's span and account, for the block. An exception is told in them by its kind, never by its words."""
    with (
        tracer.start_as_current_span(
            "session",
            attributes=opening.attributes(),
            links=caller_links(),
            record_exception=False,
            set_status_on_exception=False,
        ) as span,
        Lasting(shared, span) as session,
    ):
        yield session


class Lasting:
    """One session. `fault` is what it ends with, where that is no exception."""

    def __init__(self, shared: Shared, span: Span) -> None:
        self.fault: MeshError | None = None
        self._shared = shared
        self._span = span
        self._since: float | None = None  # when it was let in; one that was refused is none that ended

    def begin(self) -> None:
        """It was let in."""
        self._since = time.monotonic()
        _open[self._shared.backlog] = self._shared
        source = self._shared.measures.source
        metrics.from_zero(_SESSIONS, ({**source, "outcome": outcome} for outcome in _OUTCOMES))
        if self._shared.goes_on.resumed:
            _RESUMED.add(1, source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _open.pop(self._shared.backlog, None)
        ended = error or self.fault
        outcome = self._outcome(ended)
        undelivered = self._shared.ledger.close()
        if ended and not isinstance(ended, Superseded | asyncio.CancelledError):
            self._shared.measures.lost(undelivered)
            name = ended.code if isinstance(ended, MeshError) else type(ended).__name__
            self._span.set_status(StatusCode.ERROR, name)
        self._span.set_attribute("babelmesh.target_langs", sorted(self._shared.begun))
        self._span.set_attribute("babelmesh.outcome", outcome)
        if self._since is not None:
            source = self._shared.measures.source
            self._shared.measures.count_audio()
            _SESSIONS.add(1, {**source, "outcome": outcome})
            _DURATION.record(time.monotonic() - self._since, source)

    def _outcome(self, ended: BaseException | None) -> str:
        match ended:
            case None:
                return "done"
            case asyncio.CancelledError():
                return "cancelled"
            case InvalidArgument() | Unsupported():
                return "invalid"
            case MeshError() if self._since is None:
                return "refused"
            case MeshError() if self._can_go_on(ended):
                return "resumable"
        return "failed"

    def _can_go_on(self, fault: MeshError) -> bool:
        """Whether its client may resume it, or has."""
        handle = self._shared.sign(self._shared.ledger.position)
        return isinstance(fault, Superseded) or bool(fault.retry_after_ms and handle)


def backlogs() -> list[metrics.Reading]:
    """Of each stage, the backlog of the session with the most of it. May be asked in any thread."""
    most = dict.fromkeys(("ASR", "MT", "TTS"), 0)
    for backlog in list(_open):
        for stage, _, samples in backlog.stages():
            most[stage] = max(most[stage], samples)
    return [(samples / ASR_RATE, {"stage": stage.lower()}) for stage, samples in most.items()]


def wanted_slots() -> list[metrics.Reading]:
    """How many slots of recognizers and synthesizers the sessions have use for, at most. May be asked in any thread."""
    sessions = list(_open.values())
    clauses = sum(len(shared.begun) for shared in sessions)
    return [(len(sessions), {"stage": "asr"}), (clauses, {"stage": "tts"})]
