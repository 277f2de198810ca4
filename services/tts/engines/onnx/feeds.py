"""Builds the inputs of a voice's first part. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.tts.engines.onnx.graph import DURATION_NOISE, LATENT_NOISE, STRETCH
from services.tts.engines.onnx.layouts import Scales

Fed: TypeAlias = dict[str, NDArray[Any]]

PIPER = frozenset({"input", "input_lengths", "scales"})
MMS = frozenset({"input_ids", "attention_mask"})


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """A sentence to synthesize: symbol ids, stretch and speaker."""

    ids: Sequence[int]
    stretch: float = 1.0  # of the voice's own durations
    speaker: int = 0


@dataclass(frozen=True, slots=True)
class Feeds:
    """Builds a graph's inputs from sentences, in either layout."""

    names: Collection[str]  # of its inputs
    own: Scales  # of the voice
    used: Scales  # as it is asked to speak

    @property
    def quiet(self) -> Feeds:
        """The same inputs without noise, for results that can be compared."""
        return replace(self, used=Scales(0.0, self.used.length, 0.0))

    def of(self, sentences: Sequence[Sentence]) -> Fed:
        """Return the inputs for some sentences; shorter ones are padded with symbol 0, which a mask hides.

        A graph without an input for the stretch of each takes one sentence.
        """
        lengths = np.array([len(each.ids) for each in sentences], dtype=np.int64)
        ids = np.zeros((len(sentences), int(lengths.max())), dtype=np.int64)
        for row, each in zip(ids, sentences, strict=True):
            row[: len(each.ids)] = each.ids
        mask = (np.arange(ids.shape[1])[None] < lengths[:, None]).astype(np.int64)
        stretch = np.array([each.stretch for each in sentences], dtype=np.float32)
        length = self.used.length * (1.0 if STRETCH in self.names else float(stretch[0]))
        fed: Fed = {
            "input": ids,
            "input_ids": ids,
            "input_lengths": lengths,
            "attention_mask": mask,
            "scales": np.array([self.used.noise, length, self.used.duration_noise], dtype=np.float32),
            "sid": np.array([each.speaker for each in sentences], dtype=np.int64),
            STRETCH: stretch[:, None, None],
            LATENT_NOISE: np.array(_factor(self.used.noise, self.own.noise), dtype=np.float32),
            DURATION_NOISE: np.array(_factor(self.used.duration_noise, self.own.duration_noise), dtype=np.float32),
        }
        return {name: fed[name] for name in self.names}


def _factor(used: float, own: float) -> float:
    return used / own if own else 0.0
