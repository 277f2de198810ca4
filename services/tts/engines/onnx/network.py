"""A voice's network on ONNX Runtime: in two parts, text to latent and latent to samples, or whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from onnxruntime import InferenceSession

from services.tts.engines.onnx.feeds import Fed, Feeds, Sentence
from services.tts.engines.onnx.graph import Decoder
from services.tts.neural.running import Floats, run

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """A sentence between the network's two parts: its frames, and the decoder's other inputs."""

    frames: Floats  # [C, F]
    conditions: tuple[Floats, ...]  # what else the decoder reads, such as the speaker

    @property
    def count(self) -> int:
        """Number of frames."""
        return int(self.frames.shape[1])

    def cut(self, start: int, stop: int) -> Latent:
        """Return the frames from `start` to `stop`, exclusive."""
        return Latent(self.frames[:, start:stop], self.conditions)


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A network in one part. Its method is blocking."""

    session: InferenceSession
    feeds: Feeds

    def samples(self, sentences: Sequence[Sentence]) -> list[Floats]:
        """Synthesize sentences one after the other: where each one's padding begins only the network knows."""
        output = self.session.get_outputs()[0].name
        return [np.ravel(run(self.session, [output], self.feeds.of([each]))[0]) for each in sentences]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A network in two parts. Methods are blocking; each may be called from a thread of its own."""

    encoder: InferenceSession
    decoder: InferenceSession
    at: Decoder
    durations: str  # the encoder's output that tells them
    feeds: Feeds
    padded: bool  # whether sentences of different lengths may go together

    def latents(self, sentences: Sequence[Sentence]) -> list[Latent]:
        """Encode sentences into latents; those of the same length go in one batch."""
        return _grouped(sentences, self._length, self._latents)

    def samples(self, cut: Sequence[Latent]) -> list[Floats]:
        """Decode latents to samples; those of the same length go in one batch, as padding would be audible at the
        end.
        """
        return _grouped(cut, _count, self._samples)

    def _length(self, sentence: Sentence) -> int:
        return 0 if self.padded else len(sentence.ids)

    def _latents(self, sentences: Sequence[Sentence]) -> list[Latent]:
        names = [self.durations, self.at.latent, *self.at.conditions]
        durations, latent, *conditions = run(self.encoder, names, self.feeds.of(sentences))
        counts = durations.reshape(len(sentences), -1).sum(1)
        return [
            Latent(latent[row, :, : max(1, int(count))], tuple(each[row] for each in conditions))
            for row, count in enumerate(counts)
        ]

    def _samples(self, cut: Sequence[Latent]) -> list[Floats]:
        fed: Fed = {self.at.latent: np.stack([each.frames for each in cut])}
        for place, name in enumerate(self.at.conditions):
            fed[name] = np.stack([each.conditions[place] for each in cut])
        made = run(self.decoder, None, fed)[0]
        return list(made.reshape(len(cut), -1))


def _count(latent: Latent) -> int:
    return latent.count


def _grouped(
    items: Sequence[Q], key: Callable[[Q], Hashable], compute: Callable[[Sequence[Q]], Sequence[A]]
) -> list[A]:
    """Return an answer for each item, in order; items with the same key are computed together."""
    groups: dict[Hashable, list[int]] = {}
    for place, item in enumerate(items):
        groups.setdefault(key(item), []).append(place)
    found: dict[int, A] = {}
    for places in groups.values():
        found.update(zip(places, compute([items[place] for place in places]), strict=True))
    return [found[place] for place in range(len(items))]
