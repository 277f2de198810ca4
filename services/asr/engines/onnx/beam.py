"""Modified beam search of a transducer: several hypotheses a segment, with hotwords.

Hypotheses that say the same are one, scored as the likelier of them. Those that are furthest behind go on first: after
a token at the same frame, after a blank at the next. All segments' hypotheses are computed in the same runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.hotwords import Hotwords, Node
from services.asr.engines.onnx.search import MOST_SYMBOLS
from services.asr.engines.onnx.tokens import Emitted
from services.asr.engines.onnx.transducer import Prediction, Transducer, log_softmax


@dataclass(frozen=True, slots=True)
class Path:
    """One hypothesis of a beam: its tokens, score, prediction and place in the hotwords."""

    emitted: tuple[Emitted, ...]
    score: float
    prediction: Prediction
    waiting: int | None = None  # a token emitted and not yet in the prediction
    frame: int = 0  # of the chunk
    symbols: int = 0  # emitted at that frame
    node: Node | None = None  # of the hotwords

    @property
    def key(self) -> tuple[tuple[int, ...], int, int]:
        """A key that is equal for paths with the same tokens and the same continuation, which are merged."""
        return tuple(each.token for each in self.emitted), self.frame, self.symbols


@dataclass(frozen=True, slots=True)
class Beam:
    """The hypotheses kept for a segment, the best first."""

    paths: tuple[Path, ...]
    hotwords: Hotwords | None
    frames: int = 0

    @property
    def emitted(self) -> tuple[Emitted, ...]:
        """The tokens of the best hypothesis so far."""
        return self.paths[0].emitted

    @property
    def closed(self) -> tuple[Emitted, ...]:
        """The tokens of the best hypothesis if the segment ends here: phrases that are only begun add no score."""
        return max(self.paths, key=self._at_end).emitted

    @property
    def sure(self) -> int:
        """Number of tokens that all hypotheses have in common: they never change, as later ones continue from them."""
        columns = zip(*([each.token for each in path.emitted] for path in self.paths), strict=False)
        return sum(1 for _ in takewhile(lambda tokens: len(set(tokens)) == 1, columns))

    def _at_end(self, path: Path) -> float:
        return path.score + (self.hotwords.at_end(path.node) if self.hotwords and path.node else 0.0)


class BeamTransducer:
    """Beam search of a transducer, with hotwords; implements Search."""

    biased = True

    def __init__(self, transducer: Transducer, blank: int, width: int, margin: float) -> None:
        self._transducer = transducer
        self._blank = blank
        self._width = width
        self._margin = margin  # a token so much less likely than the best is not helped by hotwords

    def begin(self, hotwords: Hotwords | None) -> Beam:
        """Return the beam of a segment that begins: one empty path, at the root of the hotwords."""
        path = Path((), 0.0, self._transducer.first, node=hotwords.root if hotwords else None)
        return Beam((path,), hotwords)

    def advance(self, frames: Array, found: Sequence[Beam]) -> list[Beam]:
        """Search frames [segments, width, frames] further for each beam, and return the grown beams."""
        count = frames.shape[2]
        beams = list(found)
        while behind := list(_furthest_behind(beams, count)):
            logs = self._scores(frames, beams, behind)
            for number, paths in _by_beam(behind):
                beams[number] = self._grown(beams[number], paths, logs)
            self._predict(beams)
        return [
            replace(
                beam,
                paths=tuple(replace(path, frame=0, symbols=0) for path in _one_of_each(beam.paths, self._width)),
                frames=beam.frames + count,
            )
            for beam in beams
        ]

    def _scores(self, frames: Array, beams: Sequence[Beam], behind: Sequence[tuple[int, int]]) -> dict[int, Array]:
        """Return the log probabilities of each path's next tokens, by the path's identity."""
        paths = [beams[number].paths[place] for number, place in behind]
        heard = frames[[number for number, _ in behind], :, [path.frame for path in paths]]
        logs = log_softmax(self._transducer.join(heard, [path.prediction for path in paths]))
        return {id(path): row for path, row in zip(paths, logs, strict=True)}

    def _grown(self, beam: Beam, places: Sequence[int], logs: dict[int, Array]) -> Beam:
        """Return the best paths among the continuations of those at `places` and the paths that are further already."""
        candidates = [path for place, path in enumerate(beam.paths) if place not in places]
        for place in places:
            candidates += self._following(beam, beam.paths[place], logs[id(beam.paths[place])])
        return replace(beam, paths=_one_of_each(candidates, self._width))

    def _following(self, beam: Beam, path: Path, logs: Array) -> Iterator[Path]:
        if path.symbols >= MOST_SYMBOLS:
            yield replace(path, frame=path.frame + 1, symbols=0)
            return
        gains, reached = beam.hotwords.after(path.node) if beam.hotwords and path.node else (None, None)
        scores = logs if gains is None else _biased(logs, gains, self._margin)
        likeliest = np.argpartition(scores, -self._width)[-self._width :]
        for token in likeliest[np.isfinite(scores[likeliest])].tolist():
            score = path.score + float(scores[token])
            if token == self._blank:
                yield replace(path, score=score, frame=path.frame + 1, symbols=0)
            else:
                emitted = Emitted(token, beam.frames + path.frame, float(np.exp(logs[token])))
                yield replace(
                    path,
                    emitted=(*path.emitted, emitted),
                    score=score,
                    waiting=token,
                    symbols=path.symbols + 1,
                    node=reached[token] if reached else None,
                )

    def _predict(self, beams: list[Beam]) -> None:
        """Run the prediction network on the newest tokens of the paths that were kept."""
        waiting = [(path, path.waiting) for beam in beams for path in beam.paths if path.waiting is not None]
        if not waiting:
            return
        predicted = self._transducer.predict([token for _, token in waiting], [path.prediction for path, _ in waiting])
        fed = {
            id(path): replace(path, prediction=prediction, waiting=None)
            for (path, _), prediction in zip(waiting, predicted, strict=True)
        }
        for number, beam in enumerate(beams):
            beams[number] = replace(beam, paths=tuple(fed.get(id(path), path) for path in beam.paths))


def _biased(logs: Array, gains: Array, margin: float) -> Array:
    """Add the hotwords' gains to the tokens' log probabilities. A token far below the best gets none.

    Else a phrase just heard would be heard again at the same frame, for what it adds.
    """
    helped: Array = np.where((gains > 0) & (logs < logs.max() - margin), np.float32(-np.inf), logs + gains)
    return helped


def _furthest_behind(beams: Sequence[Beam], count: int) -> Iterator[tuple[int, int]]:
    """Yield beam and path index of the paths that are furthest behind, and so are advanced next."""
    for number, beam in enumerate(beams):
        least = min(path.frame for path in beam.paths)
        if least < count:
            yield from ((number, place) for place, path in enumerate(beam.paths) if path.frame == least)


def _by_beam(behind: Iterable[tuple[int, int]]) -> Iterator[tuple[int, list[int]]]:
    places: dict[int, list[int]] = {}
    for number, place in behind:
        places.setdefault(number, []).append(place)
    yield from places.items()


def _one_of_each(paths: Iterable[Path], most: int) -> tuple[Path, ...]:
    """Return the best paths, at most `most`, with duplicates merged into the better scored."""
    best: dict[object, Path] = {}
    for path in sorted(paths, key=lambda path: -path.score):
        best.setdefault(path.key, path)
        if len(best) == most:
            break
    return tuple(best.values())
