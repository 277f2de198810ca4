"""Between the recognizer's messages and the gateway's own values."""

from __future__ import annotations

from mesh.asr.v1 import asr_pb2
from services.gateway.inputs import Audio, Commit
from services.gateway.listening import Answer, Asked, Echo, Phrases, Result, Trace
from services.gateway.ring import Marked
from services.gateway.stages import RecognizeCall
from services.gateway.terms import Progress, SourceEvent, Terms, Transcript, Word


def config(terms: Terms, first_segment_id: int, resumed: bool, first_language: str = "") -> asr_pb2.RecognizeConfig:
    """How a session is to be recognized from some segment on, whose language may be decided already."""
    return asr_pb2.RecognizeConfig(
        language=terms.source_lang,
        interim_results=terms.interim or terms.holding.policy != "endpointed",  # the other policies need them
        trailing_silence_ms=terms.trailing_silence_ms,
        least_silence_ms=terms.least_silence_ms,
        max_segment_ms=terms.max_segment_ms,
        stabilization=_stabilization(terms.stabilization),
        first_segment_id=first_segment_id,
        resumed=resumed,
        affinity=terms.affinity,
        languages=terms.source_langs,
        first_language=first_language if first_language in terms.source_langs else "",
        objective_ms=terms.objectives.asr_ms,
    )


def _stabilization(agreed: int) -> asr_pb2.Stabilization.ValueType:
    """Both contracts number it alike; the stages know none that waits for whole segments."""
    return asr_pb2.Stabilization.ValueType(min(agreed, asr_pb2.STABILIZATION_AGGRESSIVE))


def request(asked: Asked, hurried: bool = False) -> asr_pb2.RecognizeRequest:
    """What the recognizer is told. `hurried`: it may leave out what costs time and is not needed."""
    match asked:
        case Audio(pcm, offset_samples):
            samples = pcm.astype("<i2", copy=False).tobytes()
            chunk = asr_pb2.AudioChunk(pcm=samples, offset_samples=offset_samples, hurried=hurried)
            return asr_pb2.RecognizeRequest(audio=chunk)
        case Commit():
            return asr_pb2.RecognizeRequest(commit=asr_pb2.Commit())
        case Marked(number):
            return asr_pb2.RecognizeRequest(marker=asr_pb2.Marker(id=number))
        case Trace(segment_id, traceparent):
            trace = asr_pb2.SegmentTrace(segment_id=segment_id, traceparent=traceparent)
            return asr_pb2.RecognizeRequest(segment_trace=trace)
        case Phrases(phrases):
            return asr_pb2.RecognizeRequest(terms=asr_pb2.Terms(terms=phrases))


async def answer(call: RecognizeCall) -> Answer | None:
    """What the recognizer says next; None at the end."""
    response = await call.read()
    return _answer(response) if isinstance(response, asr_pb2.RecognizeResponse) else None


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
        confidence=result.confidence,
        stability=result.stability,
        corrected=result.corrected,
        language=result.language,
        language_confidence=result.language_confidence,
        language_tentative=result.language_tentative,
        words=tuple(Word(word.text, word.start_samples, word.end_samples, word.confidence) for word in result.words),
        tier=result.tier,
        larger_tiers=result.larger_tiers,
    )
