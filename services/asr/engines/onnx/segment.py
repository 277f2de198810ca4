"""Recognizes one segment of a session, step by step, on a streaming model."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from services.asr.engine import Hypothesis, Speech, Word
from services.asr.engines.onnx.encoder import Place
from services.asr.engines.onnx.features import Features
from services.asr.engines.onnx.hotwords import Hotwords
from services.asr.engines.onnx.layout import Layout
from services.asr.engines.onnx.model import Model, Step
from services.asr.engines.onnx.tokens import Emitted
from services.asr.engines.onnx.words import FRAME_SAMPLES, stable_words, words
from services.asr.neural.measures import measures
from services.asr.neural.word_times import Bounds
from services.common.neural.batching import Batcher, Item


@dataclass(frozen=True, slots=True)
class Served:
    """A model, and the batcher of its steps."""

    model: Model[Any]
    batcher: Batcher[Step[Any], Any]


class Segment:
    """An open segment, which holds one of the model's rows until `close`. It has one step at a time in the batcher."""

    def __init__(self, served: Served, session: Hashable, start_samples: int, hotwords: Hotwords | None) -> None:
        self._served = served
        self._session = session
        self._bounds = Bounds(start_samples, start_samples)
        self._features = Features(served.model.bins)
        self._found = served.model.search.begin(hotwords)
        self._row = served.model.rows.take()
        self._steps = 0
        self._seconds = 0.0  # that it waited for its steps

    async def hear(self, speech: Speech) -> bool:
        """Add audio that follows; return whether it completed a step. Raises StageFailed, AtCapacity."""
        self._features.hear(speech.pcm)
        self._bounds = Bounds(self._bounds.start_samples, self._bounds.end_samples + len(speech.pcm))
        before = self._steps
        while self._next_frame + self._layout.window_frames <= self._features.ready:
            await self._step(urgent=False)
        return self._steps > before

    async def end(self, tail_frames: int) -> Hypothesis:
        """Return the final, after silence that carries all audio through the model and `tail_frames` more."""
        heard = self._bounds.end_samples - self._bounds.start_samples
        windows = self._layout.windows(-(-heard // FRAME_SAMPLES) + tail_frames)
        needed = (windows - 1) * self._layout.shift_frames + self._layout.window_frames
        if windows > self._steps:
            # The frames at an edge need audio beyond it: three frames' is enough for a window of 25 ms.
            missing = (needed + 3) * FRAME_SAMPLES - heard
            self._features.hear(np.zeros(missing, np.int16))
        while self._steps < windows:
            await self._step(urgent=True)
        closed = self._found.closed
        return Hypothesis(self._words(closed), final=True, tokens=len(closed))

    def interim(self) -> Hypothesis:
        """Return a hypothesis of all tokens found so far."""
        emitted = self._found.emitted
        stable = stable_words(self._served.model.tokens, emitted, self._found.sure)
        return Hypothesis(self._words(emitted), stable_words=stable)

    def measures(self, final: Hypothesis) -> dict[str, float]:
        """Return the final's mean word confidence and its real-time factor."""
        return measures(final, self._seconds, self._bounds.end_samples - self._bounds.start_samples)

    def close(self) -> None:
        """Release the segment's row. Must be called exactly once."""
        self._served.model.rows.give_back(self._row)

    @property
    def _layout(self) -> Layout:
        return self._served.model.layout

    @property
    def _next_frame(self) -> int:
        return self._steps * self._layout.shift_frames

    async def _step(self, urgent: bool) -> None:
        window = self._features.window(self._next_frame, self._layout.window_frames)
        step = Step(window, Place(self._row, fresh=not self._steps), self._found)
        asked = time.perf_counter()
        item = Item(step, self._session, urgent, max_wait_ms=0 if urgent else None)
        self._found = await self._served.batcher.submit(item)
        self._seconds += time.perf_counter() - asked
        self._steps += 1

    def _words(self, emitted: tuple[Emitted, ...]) -> tuple[Word, ...]:
        return words(self._served.model.tokens, emitted, self._layout, self._bounds)
