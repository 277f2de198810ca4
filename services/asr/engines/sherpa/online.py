"""Streaming models: a stream of sherpa-onnx's for each segment, and the steps of all of them in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.asr.engine import Hypothesis, Speech, Terms, Word
from services.asr.engines.sherpa.hotwords import Alphabet
from services.asr.engines.sherpa.words import Told, words
from services.asr.neural.word_times import Bounds
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.errors import StageFailed
from services.common.neural.batching import Batcher, Item

_FRAMES_PER_SECOND = 100
_CTC_FACTOR = 4  # what sherpa-onnx takes every streaming CTC model's subsampling for, when it tells times
_USUAL_FACTOR, _USUAL_FRAMES = 4, 80  # of models that tell no subsampling factor or window: about zipformer's


@dataclass(frozen=True, slots=True)
class Traits:
    """The properties of a streaming model that its sessions need: tail, token length and time scale."""

    tail_samples: int  # so much silence brings all of the audio through
    token_seconds: float
    time_scale: float = 1.0  # what its times are to be multiplied with
    never_changes: bool = True  # a token once told stays: it is searched greedily


def traits(metadata: dict[str, str], ctc: bool, beam: bool, tail_ms: int) -> Traits:
    """Return the traits of a model from its metadata. Raises ValueError for a number that cannot be parsed."""
    factor = int(metadata.get("subsampling_factor", _USUAL_FACTOR))
    frames = max(int(metadata.get(name, 0)) for name in ("window_size", "T", "decode_chunk_len")) or _USUAL_FRAMES
    return Traits(
        tail_samples=(frames + 2) * ASR_RATE // _FRAMES_PER_SECOND + tail_ms * ASR_RATE // 1000,
        token_seconds=factor / _FRAMES_PER_SECOND,
        time_scale=factor / _CTC_FACTOR if ctc else 1.0,
        never_changes=not beam,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """The next step of a stream: audio to accept, and one chunk to decode if there is one."""

    stream: Any
    pcm: Pcm | None = None
    last: bool = False  # nothing follows: silence does


@dataclass(frozen=True, slots=True)
class Stepped:
    """The outcome of a step: the result so far, whether a chunk was decoded, and whether more are ready."""

    told: Told
    went_on: bool  # there was a chunk
    more: bool  # there is another


class OnlineModel:
    """A streaming sherpa-onnx recognizer. `advance` is called by the batcher's thread."""

    def __init__(self, recognizer: Any, traits: Traits, alphabet: Alphabet) -> None:
        self.traits = traits
        self.alphabet = alphabet
        self._recognizer = recognizer
        self._tail = np.zeros(traits.tail_samples, dtype=np.float32)

    def stream(self, hotwords: str) -> Any:
        """Return a new stream for a segment, biased to the hotwords if there are any."""
        return self._recognizer.create_stream(hotwords) if hotwords else self._recognizer.create_stream()

    def advance(self, steps: Sequence[Step]) -> list[Stepped | Exception]:
        """Run one step of each stream. Blocking. A stream in a step that broke has lost its state and cannot be
        retried.
        """
        try:
            for step in steps:
                self._take_in(step)
            ready = [self._recognizer.is_ready(step.stream) for step in steps]
            if any(ready):
                self._recognizer.decode_streams([step.stream for step in compress(steps, ready)])
            return [self._stepped(step.stream, went_on) for step, went_on in zip(steps, ready, strict=True)]
        except (RuntimeError, ValueError) as error:
            return [broken(error)] * len(steps)

    def _take_in(self, step: Step) -> None:
        if step.pcm is not None:
            step.stream.accept_waveform(ASR_RATE, samples(step.pcm))
        if step.last:
            step.stream.accept_waveform(ASR_RATE, self._tail)
            step.stream.input_finished()

    def _stepped(self, stream: Any, went_on: bool) -> Stepped:
        result = self._recognizer.get_result_all(stream)
        seconds = tuple(second * self.traits.time_scale for second in result.timestamps)
        plain = self.alphabet.plain
        told = Told(plain(result.text), tuple(map(plain, result.tokens)), seconds, tuple(result.ys_probs))
        return Stepped(told, went_on, more=self._recognizer.is_ready(stream))


@dataclass(frozen=True, slots=True)
class Online:
    """A streaming model, and the batcher of its steps."""

    model: OnlineModel
    batcher: Batcher[Step, Stepped]

    def session(self) -> OnlineSession:
        """Return a new recognition session on this model."""
        return OnlineSession(self)


class OnlineSession:
    """Recognizes the segments of one session, one after the other, each on a stream of its own."""

    def __init__(self, served: Online) -> None:
        self._served = served
        self._hotwords = ""
        self._stream: Any = None  # of the open segment
        self._bounds = Bounds(0, 0)  # likewise
        self._told = Told("")  # likewise
        self.seconds = 0.0  # that it waited for steps

    async def hear(self, speech: Speech) -> Hypothesis | None:
        """Add audio that follows; return a hypothesis when the model has decoded more and it has words."""
        if self._stream is None:
            self._stream = self._served.model.stream(self._hotwords)
            self._bounds = Bounds(speech.offset_samples, speech.offset_samples)
            self._told = Told("")
        self._bounds = Bounds(self._bounds.start_samples, speech.offset_samples + len(speech.pcm))
        before = self._told.text
        went_on = await self._run(Step(self._stream, speech.pcm), urgent=False)
        never_changes = self._served.model.traits.never_changes
        if not self._told.text or not went_on or (never_changes and self._told.text == before):
            return None
        found = self._words()
        return Hypothesis(found, stable_words=max(0, len(found) - 1) if never_changes else 0)

    async def end(self) -> Hypothesis:
        """Return the final of the open segment, which is empty when none is open. Raises StageFailed."""
        if self._stream is None:
            return Hypothesis((), final=True)
        await self._run(Step(self._stream, last=True), urgent=True)
        self._stream = None
        return Hypothesis(self._words(), final=True, tokens=len(self._told.tokens))

    def bias(self, terms: Terms) -> None:
        """Bias the recognizer to these terms from the next segment on."""
        self._hotwords = self._served.model.alphabet.hotwords(terms.phrases)

    async def _run(self, step: Step, urgent: bool) -> bool:
        """Run a step and all chunks that are ready after it; return whether there were any."""
        started = time.monotonic()
        stepped = await self._submit(step, urgent)
        went_on = stepped.went_on
        while stepped.more:
            stepped = await self._submit(Step(self._stream), urgent)
        self._told = stepped.told
        self.seconds += time.monotonic() - started
        return went_on

    async def _submit(self, step: Step, urgent: bool) -> Stepped:
        return await self._served.batcher.submit(Item(step, session=self, urgent=urgent))

    def _words(self) -> tuple[Word, ...]:
        return words(self._told, self._bounds, self._served.model.traits.token_seconds)


def samples(pcm: Pcm) -> NDArray[np.float32]:
    """Return PCM as sherpa-onnx takes it: 32-bit floats from -1 to 1."""
    return pcm.astype(np.float32) / np.float32(32_768)


def broken(error: Exception) -> StageFailed:
    """Return the StageFailed error for a recognizer that raised."""
    return StageFailed("ASR_ENGINE_FAILED", f"The recognizer broke: {type(error).__name__}.", stage="ASR")
