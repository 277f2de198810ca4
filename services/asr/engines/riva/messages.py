"""Converts between Riva's messages and the stage's values. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from riva.client.proto import riva_asr_pb2, riva_audio_pb2

from services.asr.engine import Speech, Terms, Word
from services.asr.engines.riva.joining import Part
from services.asr.settings import RivaSettings
from services.common.audio.pcm import ASR_RATE


def listed(model: str) -> Any:
    """Build the request that lists the server's models, or just one of them."""
    return riva_asr_pb2.RivaSpeechRecognitionConfigRequest(model_name=model)


def opening(settings: RivaSettings, tag: str, terms: Terms | None = None) -> Any:
    """Build the first message of a call: its configuration, in a language by Riva's name."""
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.LINEAR_PCM,
        sample_rate_hertz=ASR_RATE,
        audio_channel_count=1,
        language_code=tag,
        model=settings.model,
        max_alternatives=1,
        enable_word_time_offsets=True,
        enable_automatic_punctuation=settings.punctuation,
        verbatim_transcripts=settings.verbatim,
        profanity_filter=settings.profanity_filter,
    )
    if terms is not None and terms.phrases:
        config.speech_contexts.add(phrases=terms.phrases, boost=settings.boost)
    for name, value in settings.endpointing.model_dump(exclude_none=True).items():
        setattr(config.endpointing_config, name.removesuffix("_ms"), value)
    streaming_config = riva_asr_pb2.StreamingRecognitionConfig(config=config, interim_results=True)
    return riva_asr_pb2.StreamingRecognizeRequest(streaming_config=streaming_config)


def audio(speech: Speech) -> Any:
    """Build a message that carries audio."""
    return riva_asr_pb2.StreamingRecognizeRequest(audio_content=speech.pcm.astype("<i2").tobytes())


def is_streaming(parameters: Mapping[str, str]) -> bool:
    """Return whether a model with these parameters recognizes streams."""
    online = parameters.get("type", "online") == "online"
    return online and parameters.get("streaming", "true").lower() == "true" and "language_code" in parameters


def parts(response: Any) -> Iterator[Part]:
    """Yield the parts of a response, in order. Only final results give words' offsets and confidences."""
    for result in response.results:
        best = result.alternatives[0] if result.alternatives else riva_asr_pb2.SpeechRecognitionAlternative()
        words = tuple(
            Word(word.word, _samples(word.start_time), _samples(word.end_time), _confidence(word.confidence))
            for word in best.words
        )
        processed_samples = max(0, round(result.audio_processed * ASR_RATE))
        yield Part(
            best.transcript, result.is_final, result.stability, processed_samples, words if result.is_final else ()
        )


def _samples(milliseconds: int) -> int:
    return milliseconds * ASR_RATE // 1000


def _confidence(told: float) -> float:
    """Return a confidence of 0 to 1; some models send a natural logarithm, and 0 means none (riva_asr.proto)."""
    return min(1.0, math.exp(told) if told < 0 else told)
