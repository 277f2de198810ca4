"""The ledger of a session: when each thing happened to each segment, and how far everything has been delivered.

Instants are seconds of a steady clock; what is told to the client is milliseconds on the session's clock, which starts
where the audio clock does: when the first sample was captured, one chunk before the first chunk arrived.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, get_current

from services.common.audio.pcm import ASR_RATE
from services.common.telemetry.tracing import Metadata, outgoing, tracer
from services.gateway.values.continuation import Continuation, Position, beginning
from services.gateway.values.speech import AHEAD_SAMPLES, Steps, Transcript, milliseconds


class Outcome(StrEnum):
    """What became of a segment in a target language; of two, the later one here."""

    WHOLE = "whole"
    CAPTIONS = "captions"  # speech was asked for, and some of it left out
    UNTRANSLATED = "untranslated"  # what was concluded stands, which may be nothing


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one segment in one target language, once all of it was sent."""

    steps: Steps
    outcome: Outcome
    typed: bool
    since_ms: int | None  # when its last sample was captured, or its text was complete; None: nobody knows, or waits


@dataclass(slots=True)
class _Account:
    span: trace.Span
    typed: bool
    began_ms: int | None  # when its first sample was captured, or its first text came; None: nobody knows, or waits
    trace: Context
    metadata: Metadata  # that carries the trace to a stage
    shortfalls: dict[str, Outcome] = field(default_factory=dict)  # by target
    first_audio_ms: dict[str, int] = field(default_factory=dict)  # by target; speech may come before the final
    steps: dict[str, Steps] = field(default_factory=dict)  # by target, from the final until all of it was sent


class Ledger:
    """Accounts of the segments that are not fully delivered, in order, and the spans they are traced by."""

    def __init__(self, clock: Callable[[], float], goes_on: Continuation | None = None) -> None:
        goes_on = goes_on or beginning("")
        self._clock = clock
        self._started = clock() - goes_on.clock_ms / 1000 if goes_on.clock_ms else None
        self._resumed = goes_on.resumed
        # The session's clock at the audio clock's zero: later than its own where text was typed before, earlier where
        # audio began with a gap. None before there is audio, and in a session that was resumed without its clock.
        self._zero_ms = 0 if goes_on.clock_ms else None
        self._arrivals: deque[tuple[int, float]] = deque()
        self._accounts: dict[int, _Account] = {}
        voices = {lang: target.voice_samples for lang, target in goes_on.targets.items()}
        self.delivery = Delivery(goes_on.position, voices)
        self._acknowledged = goes_on.position

    @property
    def now_samples(self) -> int:
        """The session's clock; 0 before it starts."""
        return 0 if self._started is None else round((self._clock() - self._started) * 1000) * ASR_RATE // 1000

    @property
    def position(self) -> Position:
        """The place from where the session can be continued with nothing lost."""
        return self.delivery.position(self._ms(self._clock()))

    def received(self, end_samples: int, duration_samples: int) -> None:
        """Record when audio up to an offset arrived."""
        now = self._clock()
        if self._started is None:
            self._started = now - duration_samples / ASR_RATE
        if not self._resumed and not self._arrivals:
            self._zero_ms = self._ms(now) - milliseconds(end_samples)
        self._arrivals.append((end_samples, now))

    def opened(self, transcript: Transcript) -> Context:
        """The trace context of a segment; its first transcript opens its account."""
        number = transcript.segment_id
        if self._started is None:  # typed text: the session's clock starts with the first of it
            self._started = self._clock()
        if number not in self._accounts:
            span = tracer.start_span("segment", attributes={"babelmesh.segment_id": number})
            context = trace.set_span_in_context(span)
            began_ms = self._began_ms(transcript)
            self._accounts[number] = _Account(span, transcript.typed, began_ms, context, outgoing(context))
            self.delivery.opened(transcript)
        return self._accounts[number].trace

    def trace(self, segment_id: int) -> Context:
        """The trace context of a segment; the current one when it is closed already."""
        account = self._accounts.get(segment_id)
        return account.trace if account else get_current()

    def metadata(self, segment_id: int) -> Metadata:
        """What carries the trace of a segment to a stage."""
        account = self._accounts.get(segment_id)
        return account.metadata if account else outgoing()

    def recognized(self, transcript: Transcript, langs: Iterable[str]) -> None:
        """Record the final transcript, which goes to these targets. With none, the segment's account closes."""
        if not transcript.typed:
            self.delivery.finalized(transcript.end_samples)
        received_ms = self._ms(self._arrival(transcript.end_samples))
        steps = Steps(milliseconds(transcript.end_samples), received_ms, self._ms(self._clock()))
        self._accounts[transcript.segment_id].steps.update(dict.fromkeys(langs, steps))
        self._close_when_sent(transcript.segment_id)

    def translated(self, segment_id: int, lang: str) -> None:
        """Record when the final translation of a segment was there."""
        self._stamp(segment_id, lang, translated_ms=self._ms(self._clock()))

    def spoken(self, segment_id: int, lang: str) -> None:
        """Record when the first speech of a segment was there."""
        account = self._accounts.get(segment_id)
        if account:  # a target that was removed may still be speaking of a segment that is closed
            account.first_audio_ms.setdefault(lang, self._ms(self._clock()))

    def fell_short(self, segment_id: int, lang: str, outcome: Outcome) -> None:
        """A segment is not whole in a target language."""
        if account := self._accounts.get(segment_id):
            account.shortfalls[lang] = max(outcome, account.shortfalls.get(lang, outcome), key=[*Outcome].index)

    def age_seconds(self, segment_id: int) -> float | None:
        """How long ago its first sample was captured, or its first text came; None: nobody knows, or waits for it."""
        account = self._accounts.get(segment_id)
        if account is None or account.began_ms is None:
            return None
        return (self._ms(self._clock()) - account.began_ms) / 1000

    def sent(self, segment_id: int, lang: str) -> Delivered:
        """Record that all of a final segment was written for a target. The account closes with its last target."""
        account = self._accounts[segment_id]
        first_audio_ms = account.first_audio_ms.get(lang)
        self._stamp(segment_id, lang, first_audio_ms=first_audio_ms, sent_ms=self._ms(self._clock()))
        delivered = self._delivered(account, lang)
        self.delivery.said(segment_id, lang)
        self._close_when_sent(segment_id)
        return delivered

    def _close_when_sent(self, segment_id: int) -> None:
        """Closes the account of a final segment that no target is still to be sent of."""
        account = self._accounts[segment_id]
        if not account.steps:
            account.span.set_attribute("babelmesh.degraded", bool(account.shortfalls))
            account.span.end()
            del self._accounts[segment_id]
            self.delivery.delivered(segment_id)

    def _delivered(self, account: _Account, lang: str) -> Delivered:
        steps, outcome = account.steps.pop(lang), account.shortfalls.get(lang, Outcome.WHOLE)
        since_ms = steps.recognized_ms if account.typed else self._heard_ms(steps.captured_ms, steps.received_ms)
        if account.span.is_recording():
            happened = {f"babelmesh.{step}": at_ms for step, at_ms in asdict(steps).items() if at_ms is not None}
            told = {"babelmesh.target_lang": lang, "babelmesh.outcome": outcome.value, **happened}
            account.span.add_event("delivered", told)
        return Delivered(steps, outcome, account.typed, since_ms)

    def finalized(self, offset_samples: int) -> None:
        """All audio before an offset is in a final transcript or held no speech."""
        self.delivery.finalized(offset_samples)
        needed_samples = self.position.offset_samples
        while len(self._arrivals) > 1 and self._arrivals[0][0] < needed_samples:
            self._arrivals.popleft()

    def acknowledge(self, least_samples: int = 1) -> Position | None:
        """The position to acknowledge now; None when it is not so much past the one before, nor past more segments."""
        position, before = self.position, self._acknowledged
        further = position.offset_samples - before.offset_samples >= least_samples
        if not further and position.next_segment_id == before.next_segment_id:
            return None
        self._acknowledged = position
        return position

    def close(self) -> list[str]:
        """Ends the spans of segments that were never delivered. Gives the target of each that was final."""
        undelivered = [lang for account in self._accounts.values() for lang in account.steps]
        for account in self._accounts.values():
            account.span.set_attribute("babelmesh.undelivered", [*account.steps])
            account.span.end()
        self._accounts.clear()
        return undelivered

    def _began_ms(self, transcript: Transcript) -> int | None:
        if transcript.typed:
            return self._ms(self._clock())
        start_samples = transcript.start_samples
        return self._heard_ms(milliseconds(start_samples), self._ms(self._arrival(start_samples)))

    def _heard_ms(self, captured_ms: int, received_ms: int) -> int | None:
        """When a sample at an offset of the audio clock was captured: not later than it came.

        None for one of a recording sent faster than real time, which nobody waits for, and where nobody knows.
        """
        if self._zero_ms is None:
            return None
        captured_ms += self._zero_ms
        recording = captured_ms - received_ms > milliseconds(AHEAD_SAMPLES)
        return None if recording else min(captured_ms, received_ms)

    def _stamp(self, segment_id: int, lang: str, **steps_ms: Any) -> None:
        steps = self._accounts[segment_id].steps
        steps[lang] = replace(steps[lang], **steps_ms)

    def _arrival(self, offset_samples: int) -> float:
        return next((when for end, when in self._arrivals if end >= offset_samples), self._clock())

    def _ms(self, instant: float) -> int:
        return round((instant - (self._started if self._started is not None else instant)) * 1000)


@dataclass(slots=True)
class _Segment:
    from_samples: int | None  # the audio from here on is needed to make it again; typed text needs none
    voices: dict[str, int] = field(default_factory=dict)  # where each voice was when it had said all of it
    done: bool = False


class Delivery:
    """The segments that are not delivered in every language, and those behind the first of them.

    A position is a cut: segments before it are delivered, no audio before it belongs to a segment behind it. So that
    what is made again from there on has the numbers it had.
    """

    def __init__(self, position: Position, sent: Mapping[str, int]) -> None:
        self._next = position.next_segment_id
        self._finalized_samples = position.offset_samples
        self._segments: dict[int, _Segment] = {}
        self._voices = dict(position.voices)  # where each was when all before `_next` was said
        self._sent = {**position.voices, **sent}  # where each is now

    def opened(self, said: Transcript) -> None:
        """A segment's transcript is there. It needs all audio behind the last one: its onset lies before its words."""
        if said.segment_id >= self._next and said.segment_id not in self._segments:
            from_samples = None if said.typed else min(said.start_samples, self._finalized_samples)
            self._segments[said.segment_id] = _Segment(from_samples)

    def finalized(self, offset_samples: int) -> None:
        """All audio before an offset is in a final transcript or held no speech."""
        self._finalized_samples = max(self._finalized_samples, offset_samples)

    def voice_sent(self, lang: str, position_samples: int) -> None:
        """Record how much speech of a language has been sent."""
        self._sent[lang] = position_samples

    def voice_samples(self, lang: str) -> int:
        """How much speech of a language has been sent."""
        return self._sent.get(lang, 0)

    def said(self, segment_id: int, lang: str) -> None:
        """All of a segment has been sent in a language."""
        if segment := self._segments.get(segment_id):
            segment.voices[lang] = self.voice_samples(lang)

    def delivered(self, segment_id: int) -> None:
        """All of a segment has been sent in every language."""
        if segment := self._segments.get(segment_id):
            segment.done = True
        while (first := self._segments.get(self._next)) and first.done:
            self._voices.update({lang: at for lang, at in first.voices.items() if at})
            del self._segments[self._next]
            self._next += 1

    def position(self, clock_ms: int) -> Position:
        """Where the session can be continued with nothing lost, at a moment of its clock."""
        needed = [each.from_samples for each in self._segments.values() if each.from_samples is not None]
        return Position(min([self._finalized_samples, *needed]), self._next, dict(self._voices), clock_ms)
