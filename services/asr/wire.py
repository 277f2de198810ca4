"""Converts between the contract's messages and the stage's values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mesh.asr.v1 import asr_pb2
from services.asr.endpointing import EndpointingRules
from services.asr.engine import Engine, Stabilization, Terms
from services.asr.gate import SpeechEdge
from services.asr.recognizer import SLICE_SAMPLES, Answer, Asked, Audio, Commit, Marker, Progress, SegmentTrace
from services.asr.segments import Result, Transcription
from services.asr.serving import Engines
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, from_bytes
from services.common.errors import InvalidArgument
from services.common.text import languages

_TRAILING_SILENCE_MS = (100, 5_000)
_MAX_SEGMENT_MS = (1_000, 60_000)
_AGREEMENT = (1, 10)
_OBJECTIVE_MS = (1, 60_000)
_MOST_TERMS = 1_000
_TERM_CHARS = 200
_STABILIZATIONS: dict[int, Stabilization] = {
    asr_pb2.STABILIZATION_UNSPECIFIED: Stabilization.BALANCED,
    asr_pb2.STABILIZATION_FAST: Stabilization.FAST,
    asr_pb2.STABILIZATION_BALANCED: Stabilization.BALANCED,
    asr_pb2.STABILIZATION_AGGRESSIVE: Stabilization.AGGRESSIVE,
}

MOST_OFFSET_SAMPLES = 2**62  # of audio: results behind it could not be told


@dataclass(frozen=True, slots=True)
class Manner:
    """A session's wishes on how hypotheses become text, whichever engine they come from."""

    interim_results: bool
    stabilization: Stabilization
    agreement: int  # successive hypotheses that conclude a word; 0: as it suits the engine

    def transcription(self, language: str, engine: Engine) -> Transcription:
        """Return the rules by which an engine's hypotheses in one language become text."""
        prefix = engine.prefixes[self.stabilization]
        prefix = replace(prefix, agreement=self.agreement) if self.agreement else prefix
        return Transcription(language, prefix, self.interim_results, engine.written)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """A session's checked configuration, with the stage's defaults filled in."""

    transcription: Transcription  # of the default language
    transcriptions: Mapping[str, Transcription]  # of each allowed language, the default first
    manner: Manner
    first_language: str  # of the first utterance; empty: it is found out, where several are allowed
    rules: EndpointingRules
    first_segment_id: int
    resumed: bool
    affinity: int
    objective_ms: int  # within which a segment's final is to be there; 0: as the stage is set


def session_config(request: asr_pb2.RecognizeRequest, settings: AsrSettings, engines: Engines) -> SessionConfig:
    """Parse a session's first message into its configuration. Raises InvalidArgument naming the field that is wrong."""
    if request.WhichOneof("payload") != "config":
        raise InvalidArgument("CONFIG_MISSING", "The first message must be the config.", field="config")
    config = request.config
    language = languages.require(config.lang, engines.languages, "config.lang")
    allowed = _allowed(config, language, engines)
    first = languages.require(config.first_lang, allowed, "config.first_lang") if config.first_lang else ""
    manner = _manner(config, settings)
    transcriptions = {each: manner.transcription(each, engines.of(each)) for each in allowed}
    silence_ms = _within(config.trailing_silence_ms, _TRAILING_SILENCE_MS, "config.trailing_silence_ms")
    least_ms = _within(config.least_silence_ms, _TRAILING_SILENCE_MS, "config.least_silence_ms")
    segment_ms = _within(config.max_segment_ms, _MAX_SEGMENT_MS, "config.max_segment_ms")
    return SessionConfig(
        transcription=transcriptions[language],
        transcriptions=transcriptions,
        manner=manner,
        first_language=first,
        rules=EndpointingRules(
            trailing_silence_samples=_samples(silence_ms or settings.trailing_silence_ms),
            max_segment_samples=_samples(segment_ms or settings.max_segment_ms),
            least_silence_samples=_samples(least_ms or settings.least_silence_ms),
        ),
        first_segment_id=config.first_segment_id or 1,
        resumed=config.resumed,
        affinity=config.affinity,
        objective_ms=_within(config.objective_ms, _OBJECTIVE_MS, "config.objective_ms"),
    )


def _allowed(config: asr_pb2.RecognizeConfig, default: str, engines: Engines) -> list[str]:
    """Return the languages an utterance may be in, default first. Raises InvalidArgument where they cannot be
    identified.
    """
    wanted = [(f"config.langs[{index}]", each) for index, each in enumerate(config.langs)]
    asked = [languages.require(each, engines.languages, path) for path, each in wanted]
    allowed = list(dict.fromkeys([default, *asked]))
    if asked and default not in asked:
        message = f"{default!r} is the default, and not among them."
        raise InvalidArgument("UNKNOWN_LANGUAGE", message, "config.lang", sorted(asked))
    if len(allowed) > 1 and (unknown := [each for each in allowed if each not in engines.identified]):
        message = f"{engines.name} does not tell {unknown[0]!r} from other languages."
        raise InvalidArgument("NOT_IDENTIFIED", message, "config.langs", engines.identified or ["one language"])
    return allowed


def _manner(config: asr_pb2.RecognizeConfig, settings: AsrSettings) -> Manner:
    agreement = _within(config.agreement, _AGREEMENT, "config.agreement") or settings.agreement
    return Manner(config.interim_results, _stabilization(config.stabilization), agreement)


class Inbound:
    """Checks and parses a session's messages after the first, in order."""

    def __init__(self, biased: bool) -> None:
        self._biased = biased  # whether the engine takes terms
        self._next_samples = 0  # where the next chunk starts at the earliest

    def asked(self, request: asr_pb2.RecognizeRequest) -> Iterator[Asked]:
        """Yield the requests that a message holds. Raises InvalidArgument naming the field that is wrong."""
        match request.WhichOneof("payload"):
            case "audio":
                yield from self._audio(request.audio)
            case "commit":
                yield Commit()
            case "marker":
                yield Marker(request.marker.id)
            case "segment_trace":
                yield SegmentTrace(request.segment_trace.segment_id, request.segment_trace.traceparent)
            case "terms":
                yield from self._terms(request.terms.terms)
            case "config":
                raise InvalidArgument("CONFIG_TWICE", "The config is sent once, first.", field="config")
            case _:
                raise InvalidArgument("PAYLOAD_MISSING", "The message is empty.", field="payload")

    def _terms(self, phrases: Sequence[str]) -> Iterator[Terms]:
        if len(phrases) > _MOST_TERMS or any(len(phrase) > _TERM_CHARS for phrase in phrases):
            accepted = (f"up to {_MOST_TERMS} terms of up to {_TERM_CHARS} characters",)
            raise InvalidArgument("TERMS_TOO_LARGE", "The terms are too many or too long.", "terms.terms", accepted)
        if self._biased:
            yield Terms(tuple(phrase for phrase in phrases if phrase.strip()))

    def _audio(self, chunk: asr_pb2.AudioChunk) -> Iterator[Audio]:
        if len(chunk.pcm) % 2:
            odd = f"{len(chunk.pcm)} bytes are no whole number of 16-bit samples."
            raise InvalidArgument("ODD_BYTE_COUNT", odd, field="audio.pcm")
        if chunk.offset_samples < self._next_samples:
            back = f"Offset {chunk.offset_samples} lies before {self._next_samples}, the end of the audio before."
            raise InvalidArgument("OFFSET_BACKWARDS", back, field="audio.offset_samples")
        pcm = from_bytes(chunk.pcm)
        if chunk.offset_samples > MOST_OFFSET_SAMPLES:
            accepted = [f"at most {MOST_OFFSET_SAMPLES}"]
            raise InvalidArgument("OUT_OF_RANGE", "No session lasts so long.", "audio.offset_samples", accepted)
        self._next_samples = chunk.offset_samples + len(pcm)
        for start in range(0, len(pcm), SLICE_SAMPLES):
            yield Audio(pcm[start : start + SLICE_SAMPLES], chunk.offset_samples + start, chunk.hurried)


def response(answer: Answer) -> asr_pb2.RecognizeResponse:
    """Return an answer as a RecognizeResponse."""
    match answer:
        case Result():
            return asr_pb2.RecognizeResponse(result=_result(answer))
        case SpeechEdge(started, offset_samples):
            event = asr_pb2.SpeechEvent(started=started, offset_samples=offset_samples)
            return asr_pb2.RecognizeResponse(speech_event=event)
        case Marker(number):
            return asr_pb2.RecognizeResponse(marker=asr_pb2.Marker(id=number))
        case Progress(processed_samples, finalized_samples):
            progress = asr_pb2.Progress(processed_samples=processed_samples, finalized_samples=finalized_samples)
            return asr_pb2.RecognizeResponse(progress=progress)


def _result(result: Result) -> asr_pb2.Result:
    words = [
        asr_pb2.Word(
            text=word.text,
            start_samples=word.start_samples,
            end_samples=word.end_samples,
            confidence=word.confidence or None,
        )
        for word in (result.words if result.final else ())
    ]
    return asr_pb2.Result(
        segment_id=result.segment_id,
        revision=result.revision,
        final=result.final,
        text=result.text,
        stable_length=result.stable_length,
        start_samples=result.start_samples,
        end_samples=result.end_samples,
        confidence=result.confidence or None,
        stability=result.stability or None,
        corrected=result.corrected,
        words=words,
        finalized_samples=result.finalized_samples,
        lang=result.language.tag,
        lang_confidence=result.language.confidence or None,
        lang_tentative=result.language.tentative,
        lang_unsure=result.language.unsure,
        tier=result.tier,
        larger_tiers=result.larger_tiers,
        tokens=result.tokens,
    )


def _stabilization(value: int) -> Stabilization:
    if value not in _STABILIZATIONS:
        known = [asr_pb2.Stabilization.Name(asr_pb2.Stabilization.ValueType(each)) for each in _STABILIZATIONS]
        raise InvalidArgument("UNKNOWN_VALUE", f"{value} has no meaning.", "config.stabilization", known)
    return _STABILIZATIONS[value]


def _within(value: int, bounds: tuple[int, int], field: str) -> int:
    least, most = bounds
    if value and not least <= value <= most:
        outside = f"{value} is outside {least} to {most}."
        raise InvalidArgument("OUT_OF_RANGE", outside, field=field, accepted=[f"{least} to {most}", "0"])
    return value


def _samples(milliseconds: int) -> int:
    return milliseconds * ASR_RATE // 1000
