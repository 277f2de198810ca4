"""The life of one session's speech: audio, gate, engine, results. Time is the session's audio clock.

One task runs it all: the engine pulls its speech from `_speech`, and asks for more only when it has answered what it
got. So whenever `_speech` runs, all audio before is through the engine, and markers and progress have their place.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms
from services.asr.gate import Gate, Gated, SpeechEdge
from services.asr.measures import Ending, Measures
from services.asr.outbox import Outbox
from services.asr.segments import Bounds, Result, Segments
from services.asr.spans import SegmentSpans
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.channel import Channel
from services.common.errors import Defect
from services.common.server.watchdog import Step

PROGRESS_SAMPLES = ASR_RATE // 2
SLICE_SAMPLES = ASR_RATE // 10  # a long chunk is taken in piece by piece, so that the backlog is bounded in time


@dataclass(frozen=True, slots=True)
class Audio:
    """A chunk of samples, mono 16 kHz, with the offset of the first."""

    pcm: Pcm
    offset_samples: int
    hurried: bool = False  # the session is far behind: what costs time and is not needed may be left out


@dataclass(frozen=True, slots=True)
class Commit:
    """Ends the open segment here, at the client's wish."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A place in the stream, which is echoed once all audio before it is through the engine."""

    number: int


@dataclass(frozen=True, slots=True)
class SegmentTrace:
    """Assigns the span of a segment to a W3C trace context."""

    segment_id: int
    traceparent: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of the stage, as two offsets: audio before the first is processed, audio before the second is final
    or silent.

    Audio that the gate keeps back for a better place to split counts as processed: a client that sent no more until it
    was through would wait for ever.
    """

    processed_samples: int
    finalized_samples: int


Asked: TypeAlias = Audio | Commit | Marker | SegmentTrace | Terms
Answer: TypeAlias = Result | SpeechEdge | Marker | Progress
Recognition: TypeAlias = Callable[[AsyncIterator[Heard]], AsyncGenerator[Hypothesis, None]]  # an engine's, of a session


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """Offsets at which the open segment's audio and its speech start."""

    audio_samples: int
    speech_samples: int


class Recognizer:
    """Recognizes one session: turns its requests into answers, in order."""

    def __init__(self, gate: Gate, segments: Segments, outbox: Outbox[Answer], step: Step, measures: Measures) -> None:
        self._gate = gate
        self._segments = segments
        self._outbox = outbox
        self._step = step
        self._spans = SegmentSpans()
        self._open: OpenSegment | None = None
        self._measures = measures
        self._reason = Ending.ENDPOINT  # what the gate ends a segment for, unless that is too long
        self._ending = Ending.ENDPOINT  # what the open segment ends for, or the last one
        self._hurried = False
        self._told_samples = 0  # the audio heard when progress was told last

    async def run(self, recognize: Recognition, asked: Channel[Asked]) -> None:
        """Answer requests until `asked` has ended and all of it is answered. Raises StageFailed when the engine
        breaks.
        """
        with self._spans:
            async with aclosing(self._speech(asked)) as speech, aclosing(recognize(speech)) as guesses:
                async for hypothesis in guesses:
                    self._step.pause()
                    self._spans.engine_rests()
                    try:
                        await self._tell(hypothesis)
                    finally:
                        self._step.go_on()
                    self._spans.engine_works()
        await self._tell_progress()

    async def _speech(self, asked: Channel[Asked]) -> AsyncGenerator[Heard, None]:
        """Yield the session's speech to the engine, and record progress and spans between its items."""
        more = True
        while more:
            request = await anext(asked, None)
            for gated in self._cut(request):
                if isinstance(gated, SpeechEdge):
                    await self._outbox.put(gated)
                    continue
                heard = gated if isinstance(gated, Terms) else self._noted(gated, len(asked) * SLICE_SAMPLES)
                async with self._step:
                    self._spans.engine_works()
                    yield heard
                    self._spans.engine_rests()
                if isinstance(gated, Endpoint):
                    self._open = None
                    self._spans.discard()
                    await self._tell_progress()
            if request is not None:
                await self._attend(request)
            more = request is not None

    def _noted(self, heard: Speech | Endpoint, waiting_samples: int) -> Heard:
        """Record the effect of an item on the open segment, and return the item for the engine."""
        if isinstance(heard, Endpoint):
            self._ending = Ending.SPLIT if heard.split else self._reason
            return heard
        if self._open is None:
            self._open = OpenSegment(heard.offset_samples, self._gate.speech_start_samples)
            self._spans.begin()
        return replace(heard, waiting_samples=waiting_samples, hurried=self._hurried)

    def _cut(self, request: Asked | None) -> Iterator[Gated | Terms]:
        """What comes through the gate with a request; without one, at the end of them all."""
        self._reason = Ending.COMMIT if request is None or isinstance(request, Commit) else Ending.ENDPOINT
        match request:
            case None:
                yield from self._gate.finish()
            case Audio(pcm, offset_samples, hurried):
                self._hurried = hurried
                if offset_samples != self._gate.heard_samples:
                    yield from self._gate.close()
                    self._gate.move(offset_samples)
                yield from self._gate.hear(pcm)
            case Commit():
                yield from self._gate.close()
            case Marker():
                yield from self._gate.release()
            case Terms():
                yield request

    async def _attend(self, request: Asked) -> None:
        match request:
            case Audio():
                if self._gate.passed_samples - self._told_samples >= PROGRESS_SAMPLES:
                    await self._tell_progress()
            case Marker():
                await self._tell_progress()
                await self._outbox.put(request)
            case SegmentTrace(segment_id, traceparent):
                self._spans.belongs(segment_id, traceparent)

    async def _tell(self, hypothesis: Hypothesis) -> None:
        if self._open is None:
            raise Defect("ENGINE_UNASKED", "The engine gave a hypothesis while no segment was open.", stage="ASR")
        speech = Bounds(self._open.speech_samples, self._gate.speech_end_samples, self._ending is Ending.SPLIT)
        result = self._segments.hear(hypothesis, speech)
        if result is None:
            return
        if result.final:
            result = replace(result, finalized_samples=self._gate.silent_until_samples)
        await self._outbox.put(result, topic=None if result.final else result.segment_id)
        if result.final:
            audio_samples = self._gate.given_samples - self._open.audio_samples
            self._measures.final(result, self._ending, audio_samples, self._spans.compute_seconds)
            self._spans.end(result.segment_id, audio_samples)

    async def _tell_progress(self) -> None:
        self._told_samples = self._gate.passed_samples
        finalized = self._open.audio_samples if self._open else self._gate.silent_until_samples
        await self._outbox.put(Progress(self._told_samples, finalized), topic=Progress)
