"""The ledger of a session: when each thing happened to each segment, and how far everything has been delivered.

Instants are seconds of a steady clock; what is told to the client is milliseconds on the session's clock, which starts
where the audio clock does: when the first sample was captured, one chunk before the first chunk arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from opentelemetry import trace
from opentelemetry.context import Context, get_current

from services.common.audio import ASR_RATE
from services.common.telemetry import tracer
from services.gateway.terms import Transcript, milliseconds, samples


@dataclass(frozen=True, slots=True)
class Steps:
    """When each step of one segment and target had happened, in milliseconds on the session's clock; 0: it did not."""

    captured_ms: int
    received_ms: int
    recognized_ms: int
    translated_ms: int = 0
    first_audio_ms: int = 0
    sent_ms: int = 0


@dataclass(slots=True)
class _Account:
    span: trace.Span
    start_samples: int
    first_audio_ms: dict[str, int] = field(default_factory=dict)  # by target; speech may come before the final
    steps: dict[str, Steps] = field(default_factory=dict)  # by target, from the final until all of it was sent


class Ledger:
    """Accounts of the segments that are not fully delivered, in order, and the spans they are traced by."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started: float | None = None
        self._arrivals: deque[tuple[int, float]] = deque()
        self._accounts: dict[int, _Account] = {}
        self._finalized_samples = 0
        self._acknowledged_samples = 0

    @property
    def now_samples(self) -> int:
        """The session's clock; 0 before it starts."""
        return samples(self._ms(self._clock()))

    def received(self, end_samples: int, duration_samples: int) -> None:
        """Audio up to an offset has arrived."""
        now = self._clock()
        if self._started is None:
            self._started = now - duration_samples / ASR_RATE
        self._arrivals.append((end_samples, now))

    def opened(self, transcript: Transcript) -> Context:
        """The trace context of a segment; its first transcript opens its account."""
        number = transcript.segment_id
        if self._started is None:  # typed text: the session's clock starts with the first of it
            self._started = self._clock()
        if number not in self._accounts:
            span = tracer.start_span("segment", attributes={"babelmesh.segment_id": number})
            self._accounts[number] = _Account(span, transcript.start_samples)
        return self.trace(number)

    def trace(self, segment_id: int) -> Context:
        """The trace context of a segment; the current one when it is closed already."""
        account = self._accounts.get(segment_id)
        return trace.set_span_in_context(account.span) if account else get_current()

    def recognized(self, transcript: Transcript, langs: Iterable[str]) -> None:
        """The final transcript is there; it goes to these targets."""
        received_ms = self._ms(self._arrival(transcript.end_samples))
        steps = Steps(milliseconds(transcript.end_samples), received_ms, self._ms(self._clock()))
        self._accounts[transcript.segment_id].steps = dict.fromkeys(langs, steps)

    def translated(self, segment_id: int, lang: str) -> None:
        """The final translation is there."""
        self._stamp(segment_id, lang, translated_ms=self._ms(self._clock()))

    def spoken(self, segment_id: int, lang: str) -> None:
        """Speech of the segment is there."""
        account = self._accounts.get(segment_id)
        if account:  # a target that was removed may still be speaking of a segment that is closed
            account.first_audio_ms.setdefault(lang, self._ms(self._clock()))

    def sent(self, segment_id: int, lang: str) -> Steps:
        """All of a final segment was written for a target: its steps. The account closes with its last target."""
        account = self._accounts[segment_id]
        first_audio_ms = account.first_audio_ms.get(lang, 0)
        self._stamp(segment_id, lang, first_audio_ms=first_audio_ms, sent_ms=self._ms(self._clock()))
        steps = account.steps.pop(lang)
        if not account.steps:
            account.span.end()
            del self._accounts[segment_id]
        return steps

    def finalized(self, offset_samples: int) -> None:
        """All audio before an offset is in a final transcript or held no speech."""
        self._finalized_samples = max(self._finalized_samples, offset_samples)
        while len(self._arrivals) > 1 and self._arrivals[0][0] < self.delivered_samples:
            self._arrivals.popleft()

    @property
    def delivered_samples(self) -> int:
        """All before this offset has been written to the client, in every language."""
        return min([self._finalized_samples, *(account.start_samples for account in self._accounts.values())])

    def acknowledge(self, least_samples: int = 1) -> int | None:
        """The offset to acknowledge now; None when it is not so much past the one before."""
        delivered = self.delivered_samples
        if delivered - self._acknowledged_samples < least_samples:
            return None
        self._acknowledged_samples = delivered
        return delivered

    def close(self) -> None:
        """Ends the spans of segments that were never delivered."""
        for account in self._accounts.values():
            account.span.end()
        self._accounts.clear()

    def _stamp(self, segment_id: int, lang: str, **steps_ms: int) -> None:
        steps = self._accounts[segment_id].steps
        steps[lang] = replace(steps[lang], **steps_ms)

    def _arrival(self, offset_samples: int) -> float:
        return next((when for end, when in self._arrivals if end >= offset_samples), self._clock())

    def _ms(self, instant: float) -> int:
        return round((instant - (self._started if self._started is not None else instant)) * 1000)
