"""Models of whole recordings, made streaming: the open segment is recognized again as it grows.

Its words then settle by LocalAgreement (services.asr.stable_prefix; Liu et al., Interspeech 2020; used on such a model
by Macháček et al., "Turning Whisper into Real-Time Transcription System", 2023).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from services.asr.cadence import Cadence
from services.asr.engine import Hypothesis, Speech, Terms, Word
from services.asr.engines.sherpa.online import broken, samples
from services.asr.engines.sherpa.words import Told, words
from services.asr.neural.word_times import Bounds
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural.batching import Batcher, Item

TOKEN_SECONDS = 0.2
_LEAST_SAMPLES = ASR_RATE // 4  # of a recording: of less than a window sherpa-onnx would read what is not there


class OfflineModel:
    """A sherpa-onnx recognizer of whole recordings, for one language. Used by the batcher's thread."""

    def __init__(self, recognizer: Any, most_seconds: float) -> None:
        self._recognizer = recognizer
        self.most_samples = int(most_seconds * ASR_RATE)  # at once; 0: any

    def recognize(self, recordings: Sequence[Pcm]) -> list[Told | Exception]:
        """Recognize recordings, mono 16 kHz; return each one's result, or the error. Blocking."""
        streams = [self._stream(pcm) for pcm in recordings]
        try:
            self._recognizer.decode_streams(streams)
        except (RuntimeError, ValueError) as error:
            return [broken(error)] * len(streams)
        return [_told(stream.result) for stream in streams]

    def _stream(self, pcm: Pcm) -> Any:
        stream = self._recognizer.create_stream()
        missing = max(0, _LEAST_SAMPLES - len(pcm))
        stream.accept_waveform(ASR_RATE, np.pad(samples(pcm), (0, missing)))
        return stream


@dataclass(frozen=True, slots=True)
class Offline:
    """A model of whole recordings, the batcher of its recordings, and the interval of its hypotheses in samples."""

    model: OfflineModel
    batcher: Batcher[Pcm, Told]
    hypothesis_samples: int

    def session(self) -> OfflineSession:
        """Return a new recognition session on this model."""
        return OfflineSession(self)


class OfflineSession:
    """Recognizes the segments of one session, one after the other, each whole as it grows."""

    def __init__(self, served: Offline) -> None:
        self._served = served
        self._cadence = Cadence(served.hypothesis_samples)
        self._heard: list[Pcm] = []  # of the open segment
        self._start_samples = 0
        self.seconds = 0.0  # that it waited for the recognizer

    async def hear(self, speech: Speech) -> Hypothesis | None:
        """Add audio that follows; return a hypothesis when one is due and it has words. Raises StageFailed."""
        if not self._heard:
            self._start_samples = speech.offset_samples
        self._heard.append(speech.pcm)
        if not self._cadence.due(speech):
            return None
        found, _ = await self._words(urgent=False)
        return Hypothesis(found) if found else None

    async def end(self) -> Hypothesis:
        """Return the final of the open segment, and begin another. Raises StageFailed."""
        found, tokens = await self._words(urgent=True) if self._heard else ((), 0)
        self._heard.clear()
        self._cadence.restart()
        return Hypothesis(found, final=True, tokens=tokens)

    def bias(self, terms: Terms) -> None:
        """Ignore the terms: these models take none, and the engine says so."""

    async def _words(self, urgent: bool) -> tuple[tuple[Word, ...], int]:
        """Recognize the whole open segment; one longer than the model takes at once is recognized in parts.

        Returns its words, and how many tokens were decoded.
        """
        started = time.monotonic()
        audio = np.concatenate(self._heard)
        most = self._served.model.most_samples or len(audio)
        found, tokens = [], 0
        for start in range(0, len(audio), most):
            part = audio[start : start + most]
            told = await self._served.batcher.submit(Item(part, session=self, urgent=urgent, cost=len(part)))
            first = self._start_samples + start
            found.append(words(told, Bounds(first, first + len(part)), TOKEN_SECONDS))
            tokens += len(told.tokens)
        self.seconds += time.monotonic() - started
        return tuple(chain.from_iterable(found)), tokens


def _told(result: Any) -> Told:
    logs = tuple(result.ys_log_probs)
    known = logs if len(logs) == len(result.tokens) else ()
    return Told(result.text.strip(), tuple(result.tokens), tuple(result.timestamps), known)
