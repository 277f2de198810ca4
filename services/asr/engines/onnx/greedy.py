"""Greedy searches: the likeliest token at every frame, of a transducer and of CTC. Tokens never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.hotwords import Hotwords
from services.asr.engines.onnx.search import MOST_SYMBOLS
from services.asr.engines.onnx.tokens import Emitted
from services.asr.engines.onnx.transducer import Prediction, Transducer

Indices: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Said:
    """The tokens found in a segment, and the number of frames they were found in."""

    emitted: tuple[Emitted, ...] = ()
    frames: int = 0
    last: int = -1  # CTC: the likeliest at the last frame, blank or not

    @property
    def closed(self) -> tuple[Emitted, ...]:
        """The tokens if the segment ends here: the same as found so far, as a greedy search revises nothing."""
        return self.emitted

    @property
    def sure(self) -> int:
        """Number of tokens that will never change: all of them."""
        return len(self.emitted)


@dataclass(frozen=True, slots=True)
class Predicted(Said):
    """The tokens found in a segment, with the prediction network's output after the last one."""

    prediction: Prediction = field(kw_only=True)


class GreedyTransducer:
    """Greedy transducer search: blank moves to the next frame, any other token is emitted and the frame
    searched again.
    """

    biased = False

    def __init__(self, transducer: Transducer, blank: int) -> None:
        self._transducer = transducer
        self._blank = blank

    def begin(self, hotwords: Hotwords | None) -> Predicted:
        """Return the state of a segment that begins; hotwords are ignored by a greedy search."""
        return Predicted(prediction=self._transducer.first)

    def advance(self, frames: Array, found: Sequence[Predicted]) -> list[Predicted]:
        """Search frames [segments, width, frames] further for each segment, and return the new states."""
        paths = list(found)
        count = frames.shape[2]
        at = np.zeros(len(paths), int)  # the frame each one is at
        symbols = np.zeros(len(paths), int)  # that came of it
        active = np.arange(len(paths))
        while len(active):
            logits = self._transducer.join(frames[active, :, at[active]], [paths[each].prediction for each in active])
            tokens = logits.argmax(axis=1)
            said = tokens != self._blank
            if said.any():
                self._emit(paths, active[said].tolist(), at, _likely(logits[said], tokens[said]))
            symbols[active] = np.where(said, symbols[active] + 1, 0)
            on = active[~said | (symbols[active] >= MOST_SYMBOLS)]
            at[on] += 1
            symbols[on] = 0
            active = active[at[active] < count]
        return [replace(path, frames=path.frames + count) for path in paths]

    def _emit(
        self, paths: list[Predicted], which: Sequence[int], at: Indices, likely: Sequence[tuple[int, float]]
    ) -> None:
        followed = self._transducer.predict([token for token, _ in likely], [paths[each].prediction for each in which])
        for each, (token, probability), prediction in zip(which, likely, followed, strict=True):
            path = paths[each]
            emitted = Emitted(token, path.frames + int(at[each]), probability)
            paths[each] = replace(path, emitted=(*path.emitted, emitted), prediction=prediction)


class GreedyCtc:
    """Greedy CTC search: a token is emitted where it is the likeliest and was not at the frame before."""

    biased = False

    def __init__(self, blank: int) -> None:
        self._blank = blank

    def begin(self, hotwords: Hotwords | None) -> Said:
        """Return the state of a segment that begins; hotwords are ignored by a greedy search."""
        return Said()

    def advance(self, frames: Array, found: Sequence[Said]) -> list[Said]:
        """Search frames [segments, frames, tokens and blank], which already hold probabilities, and return the new
        states.
        """
        tokens = frames.argmax(axis=2)
        before = np.concatenate([[[each.last] for each in found], tokens[:, :-1]], axis=1)
        said = (tokens != self._blank) & (tokens != before)
        more: list[list[Emitted]] = [[] for _ in found]
        rows, places = (each.tolist() for each in np.nonzero(said))
        for row, at, likely in zip(rows, places, _likely(frames[said], tokens[said]), strict=True):
            more[row].append(Emitted(likely[0], found[row].frames + at, likely[1]))
        count = tokens.shape[1]
        return [
            Said((*each.emitted, *emitted), each.frames + count, int(last))
            for each, emitted, last in zip(found, more, tokens[:, -1], strict=True)
        ]


def _likely(logits: Array, tokens: Sequence[int]) -> list[tuple[int, float]]:
    """Return the tokens, each paired with its probability under the logits."""
    if not len(tokens):
        return []
    chosen = np.take_along_axis(logits, np.asarray(tokens)[:, None], axis=1)
    probabilities = 1.0 / np.exp(logits - chosen).sum(axis=1)
    return [(int(token), float(probability)) for token, probability in zip(tokens, probabilities, strict=True)]
