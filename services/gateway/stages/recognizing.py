"""A call to a recognizer: our own values in, and its answers out as such."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from mesh.asr.v1 import asr_pb2
from services.common.errors import MeshError
from services.gateway.stages.links import Link
from services.gateway.stages.tries import died, fault_of, given_up
from services.gateway.values.speech import (
    Answer,
    Asked,
    Audio,
    Commit,
    Echo,
    Marked,
    Phrases,
    Progress,
    Result,
    SourceEvent,
    Trace,
    Transcript,
    Word,
)
from services.gateway.values.terms import Terms

RecognizeCall: TypeAlias = "grpc.aio.StreamStreamCall[asr_pb2.RecognizeRequest, asr_pb2.RecognizeResponse]"


_CALL_IS_OVER = (grpc.aio.AioRpcError, grpc.aio.InternalError, asyncio.InvalidStateError)


class CallIsOver(Exception):
    """The call to the recognizer has ended; `ending` tells how."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call to a recognizer ended: without a fault, by its status, or on our side alone."""

    fault: MeshError | None = None
    given_up: bool = False  # the connection was given up, as the replica was silent for too long


@dataclass(frozen=True, slots=True)
class Recognizing:
    """An admitted recognition. Who gets it owns the call from then on (see `Owned`): nobody else ends it."""

    call: RecognizeCall
    link: Link

    async def write(self, asked: Asked, hurried: bool = False) -> None:
        """Send something. `hurried`: the recognizer may leave out what costs time and is not needed.

        Raises CallIsOver.
        """
        try:
            await self.call.write(request(asked, hurried))
        except _CALL_IS_OVER:
            raise CallIsOver from None

    async def done_writing(self) -> None:
        """Send the end of all there is. Raises CallIsOver."""
        try:
            await self.call.done_writing()
        except _CALL_IS_OVER:
            raise CallIsOver from None

    async def read(self) -> Answer | None:
        """The recognizer's next answer; None at the end. Raises CallIsOver."""
        try:
            response = await self.call.read()
        except _CALL_IS_OVER:
            raise CallIsOver from None
        return _answer(response) if isinstance(response, asr_pb2.RecognizeResponse) else None

    async def ending(self) -> Ending:
        """How the call ended, once it has. A write to a call that is over fails without its status: this tells it."""
        code = await self.call.code()
        if code is grpc.StatusCode.OK:
            return Ending()
        metadata = (await self.call.initial_metadata(), await self.call.trailing_metadata())
        error = grpc.aio.AioRpcError(code, *metadata, await self.call.details())
        return Ending(fault_of(error, "ASR"), given_up(error, self.link))

    @property
    def died(self) -> bool:
        """Whether the replica may have ended over what it was sent."""
        return died(self.link)

    @property
    def lost(self) -> asyncio.Event:
        """Set when nothing will come any more; `died` before that when the replica has ended."""
        return self.link.lost

    @property
    def draining(self) -> asyncio.Event:
        """Set when the replica will stop soon: leave at the next good moment."""
        return self.link.draining

    @property
    def replica_id(self) -> int:
        """The number that logs name the call's replica by."""
        return self.link.replica_id


def config(terms: Terms, first_segment_id: int, resumed: bool, first_language: str = "") -> asr_pb2.RecognizeConfig:
    """How a session is to be recognized from some segment on, whose language may be decided already."""
    return asr_pb2.RecognizeConfig(
        lang=terms.source_lang,
        interim_results=terms.interim or terms.holding.policy != "endpointed",  # the other policies need them
        trailing_silence_ms=terms.trailing_silence_ms,
        least_silence_ms=terms.least_silence_ms,
        max_segment_ms=terms.max_segment_ms,
        stabilization=_stabilization(terms.stabilization),
        first_segment_id=first_segment_id,
        resumed=resumed,
        affinity=terms.affinity,
        langs=terms.source_langs,
        first_lang=first_language if first_language in terms.source_langs else "",
        objective_ms=terms.objectives.asr_ms,
    )


def _stabilization(agreed: int) -> asr_pb2.Stabilization.ValueType:
    """Both contracts number it alike; the stages know none that waits for whole segments."""
    return asr_pb2.Stabilization.ValueType(min(agreed, asr_pb2.STABILIZATION_AGGRESSIVE))


def request(asked: Asked, hurried: bool = False) -> asr_pb2.RecognizeRequest:
    """What the recognizer is told. `hurried`: it may leave out what costs time and is not needed."""
    match asked:
        case Audio(pcm, offset_samples):
            told = asr_pb2.RecognizeRequest()
            chunk = told.audio  # filled in its place: a chunk that is handed over is copied, its samples and all
            chunk.pcm = pcm.astype("<i2", copy=False).tobytes()
            chunk.offset_samples, chunk.hurried = offset_samples, hurried
            return told
        case Commit():
            return asr_pb2.RecognizeRequest(commit=asr_pb2.Commit())
        case Marked(number):
            return asr_pb2.RecognizeRequest(marker=asr_pb2.Marker(id=number))
        case Trace(segment_id, traceparent):
            trace = asr_pb2.SegmentTrace(segment_id=segment_id, traceparent=traceparent)
            return asr_pb2.RecognizeRequest(segment_trace=trace)
        case Phrases(phrases):
            return asr_pb2.RecognizeRequest(terms=asr_pb2.Terms(terms=phrases))


def _answer(response: asr_pb2.RecognizeResponse) -> Answer:
    match response.WhichOneof("payload"):
        case "result":
            return Result(_transcript(response.result), response.result.finalized_samples)
        case "speech_event":
            return SourceEvent(response.speech_event.started, response.speech_event.offset_samples)
        case "marker":
            return Echo(response.marker.id)
        case _:
            return Progress(response.progress.processed_samples, response.progress.finalized_samples)


def _transcript(result: asr_pb2.Result) -> Transcript:
    return Transcript(
        segment_id=result.segment_id,
        revision=result.revision,
        final=result.final,
        text=result.text,
        stable_length=result.stable_length,
        start_samples=result.start_samples,
        end_samples=result.end_samples,
        confidence=result.confidence if result.HasField("confidence") else None,
        stability=result.stability if result.HasField("stability") else None,
        corrected=result.corrected,
        language=result.lang,
        language_confidence=result.lang_confidence if result.HasField("lang_confidence") else None,
        language_tentative=result.lang_tentative,
        language_unsure=result.lang_unsure,
        words=tuple(map(_word, result.words)),
        tier=result.tier,
        larger_tiers=result.larger_tiers,
        tokens=result.tokens if result.HasField("tokens") else None,
    )


def _word(word: asr_pb2.Word) -> Word:
    confidence = word.confidence if word.HasField("confidence") else None
    return Word(word.text, word.start_samples, word.end_samples, confidence)
