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
from services.gateway.continuation import Continuation, Position, beginning
from services.gateway.delivery import Delivery
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
    began_ms: int | None  # when its first sample was captured; None: it was typed
    first_audio_ms: dict[str, int] = field(default_factory=dict)  # by target; speech may come before the final
    steps: dict[str, Steps] = field(default_factory=dict)  # by target, from the final until all of it was sent


class Ledger:
    """Accounts of the segments that are not fully delivered, in order, and the spans they are traced by."""

    def __init__(self, clock: Callable[[], float], goes_on: Continuation | None = None) -> None:
        goes_on = goes_on or beginning("")
        self._clock = clock
        self._started = clock() - goes_on.clock_ms / 1000 if goes_on.clock_ms else None
        self._arrivals: deque[tuple[int, float]] = deque()
        self._accounts: dict[int, _Account] = {}
        voices = {lang: target.voice_samples for lang, target in goes_on.targets.items()}
        self.delivery = Delivery(goes_on.position, voices)
        self._acknowledged = goes_on.position

    @property
    def now_samples(self) -> int:
        """The session's clock; 0 before it starts."""
        return samples(self._ms(self._clock()))

    @property
    def position(self) -> Position:
        """Where the session can be continued."""
        return self.delivery.position(self._ms(self._clock()))

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
            self._accounts[number] = _Account(
                span, None if transcript.typed else milliseconds(transcript.start_samples)
            )
            self.delivery.opened(transcript)
        return self.trace(number)

    def trace(self, segment_id: int) -> Context:
        """The trace context of a segment; the current one when it is closed already."""
        account = self._accounts.get(segment_id)
        return trace.set_span_in_context(account.span) if account else get_current()

    def recognized(self, transcript: Transcript, langs: Iterable[str]) -> None:
        """The final transcript is there; it goes to these targets."""
        if not transcript.typed:
            self.delivery.finalized(transcript.end_samples)
        received_ms = self._ms(self._arrival(transcript.end_samples))
        steps = Steps(milliseconds(transcript.end_samples), received_ms, self._ms(self._clock()))
        self._accounts[transcript.segment_id].steps.update(dict.fromkeys(langs, steps))

    def translated(self, segment_id: int, lang: str) -> None:
        """The final translation is there."""
        self._stamp(segment_id, lang, translated_ms=self._ms(self._clock()))

    def spoken(self, segment_id: int, lang: str) -> None:
        """Speech of the segment is there."""
        account = self._accounts.get(segment_id)
        if account:  # a target that was removed may still be speaking of a segment that is closed
            account.first_audio_ms.setdefault(lang, self._ms(self._clock()))

    def began_ms(self, segment_id: int) -> int | None:
        """When its first sample was captured; None for one that was typed."""
        return self._accounts[segment_id].began_ms

    def sent(self, segment_id: int, lang: str) -> Steps:
        """All of a final segment was written for a target: its steps. The account closes with its last target."""
        account = self._accounts[segment_id]
        first_audio_ms = account.first_audio_ms.get(lang, 0)
        self._stamp(segment_id, lang, first_audio_ms=first_audio_ms, sent_ms=self._ms(self._clock()))
        steps = account.steps.pop(lang)
        self.delivery.said(segment_id, lang)
        if not account.steps:
            account.span.end()
            del self._accounts[segment_id]
            self.delivery.delivered(segment_id)
        return steps

    def finalized(self, offset_samples: int) -> None:
        """All audio before an offset is in a final transcript or held no speech."""
        self.delivery.finalized(offset_samples)
        while len(self._arrivals) > 1 and self._arrivals[0][0] < self.position.offset_samples:
            self._arrivals.popleft()

    def acknowledge(self, least_samples: int = 1) -> Position | None:
        """The position to acknowledge now; None when it is not so much past the one before, nor past more segments."""
        position, before = self.position, self._acknowledged
        further = position.offset_samples - before.offset_samples >= least_samples
        if not further and position.next_segment_id == before.next_segment_id:
            return None
        self._acknowledged = position
        return position

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
