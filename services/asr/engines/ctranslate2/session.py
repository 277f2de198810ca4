"""Recognizes one session's segments on a model of whole windows: the open segment is decoded again as it grows.

Its words settle by LocalAgreement, as Macháček et al. have it ("Turning Whisper into Real-Time Transcription System",
2023).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain

import numpy as np

from services.asr.cadence import MOST_STRETCHED, PATIENT_SAMPLES
from services.asr.engine import Hypothesis, Language, Speech, Word
from services.asr.engines.ctranslate2.model import MOST_SAMPLES, Look, WhisperModel, Window
from services.asr.engines.ctranslate2.reading import Decoded, words
from services.asr.engines.ctranslate2.tokens import Tokens
from services.asr.neural.word_times import Bounds
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.neural.batching import Batcher, Item
from services.common.neural.resident import Resident

BUSY = 0.5  # of its time a session has the model at work for interim hypotheses, at most
_WEIGHT = 0.5  # of the last answer in what an answer takes


class Pace:
    """Decides when the next interim hypothesis is due: after an interval of speech, longer where answers take long."""

    def __init__(self, least_samples: int) -> None:
        self._least_samples = least_samples
        self._since_samples = 0  # speech since a hypothesis was due, or the segment began
        self._answer_seconds = 0.0  # that an answer takes, the wait for other sessions' included

    @property
    def interval_samples(self) -> int:
        """Samples of speech between two hypotheses while no audio is waiting for the engine."""
        return max(self._least_samples, round(self._answer_seconds / BUSY * ASR_RATE))

    def due(self, speech: Speech) -> bool:
        """Count this speech, and return whether a hypothesis is to be made with it."""
        self._since_samples += len(speech.pcm)
        interval = self.interval_samples
        interval = min(interval + max(0, speech.waiting_samples - PATIENT_SAMPLES), MOST_STRETCHED * interval)
        if self._since_samples < interval:
            return False
        self._since_samples = 0
        return True

    def answered(self, seconds: float) -> None:
        """Record that an interim hypothesis took so many seconds."""
        self._answer_seconds += _WEIGHT * (seconds - self._answer_seconds)

    def restart(self) -> None:
        """Start a new interval: a segment ended, and the next one begins."""
        self._since_samples = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A bundle's model, with the batchers for its recognition and its language identification."""

    resident: Resident[WhisperModel]
    tokens: Tokens
    batcher: Batcher[Window, Decoded]
    looks: Batcher[Look, Language]
    hypothesis_samples: int


class Session:
    """Recognizes the segments of one session, one after the other."""

    def __init__(self, served: Served, language: str) -> None:
        self._served = served
        self._language = language
        self._pace = Pace(served.hypothesis_samples)
        self._heard: list[Pcm] = []  # of the open segment
        self._start_samples = 0
        self.seconds = 0.0  # that the open segment waited for the model

    async def hear(self, speech: Speech) -> Hypothesis | None:
        """Add audio that follows; return a hypothesis when one is due and it has words. Raises StageFailed."""
        if not self._heard:
            self._start_samples = speech.offset_samples
        self._heard.append(speech.pcm)
        if not self._pace.due(speech):
            return None
        before = self.seconds
        found, _ = await self._words(final=False)
        self._pace.answered(self.seconds - before)
        return Hypothesis(found) if found else None

    async def end(self) -> Hypothesis:
        """Return the final of the open segment, and begin another. Raises StageFailed."""
        found, tokens = await self._words(final=True) if self._heard else ((), 0)
        self._heard.clear()
        self._pace.restart()
        return Hypothesis(found, final=True, tokens=tokens)

    async def _words(self, final: bool) -> tuple[tuple[Word, ...], int]:
        """Recognize the whole open segment; one longer than the model's window is recognized in parts.

        Returns its words, and how many tokens were decoded.
        """
        started = time.monotonic()
        audio = np.concatenate(self._heard)
        found, tokens = [], 0
        for start in range(0, len(audio), MOST_SAMPLES):
            window = Window(audio[start : start + MOST_SAMPLES], self._language)
            item = Item(window, session=self, urgent=final, cost=len(window.pcm))
            decoded = await self._served.batcher.submit(item)
            first = self._start_samples + start
            bounds = Bounds(first, first + len(window.pcm))
            found.append(words(decoded, self._served.tokens, bounds, final))
            tokens += len(decoded.ids)
        self.seconds += time.monotonic() - started
        return tuple(chain.from_iterable(found)), tokens
