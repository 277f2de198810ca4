"""Beam search over several texts at once, as `transformers` does it. Pure, but for the state it keeps.

With one beam it is the greedy search: the likeliest token each time, with nothing to sort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.mt.engines.onnx.config import Search
from services.mt.neural.weights import Array

_LOW = np.float32(-1e9)  # below all scores; what it is added to can be told from another


@dataclass(frozen=True, slots=True)
class Chosen:
    """The result of a search step for the rows of all texts: ids, order and which texts ended."""

    ids: Array  # [texts, beams], each row's next token
    order: Array  # [texts, beams], which of the text's rows it follows
    ended: Array  # [texts], whether there is nothing to look for any more


class Beams:
    """The translations under way, at the places that the model has for them."""

    def __init__(self, search: Search, places: int, end: int) -> None:
        beams, room = search.beams, search.max_length
        self._search = search
        self._end = end
        self._stops_early = search.early_stopping is True
        self.lengths = np.zeros(places, np.int64)  # tokens of each text so far
        self._limits = np.zeros(places, np.int64)
        self._improving = np.zeros(places, bool)
        self._tokens = np.zeros((places, beams, room), np.int64)
        self._scores = np.zeros((places, beams), np.float32)
        self._done = np.zeros((places, beams, room), np.int64)
        self._done_scores = np.zeros((places, beams), np.float32)
        self._done_lengths = np.zeros((places, beams), np.int64)

    def join(self, place: int, limit: int) -> None:
        """Begin a text at a place, with at most `limit` tokens."""
        self.lengths[place], self._limits[place], self._improving[place] = 0, limit, True
        self._scores[place], self._done_scores[place], self._done_lengths[place] = _LOW, _LOW, 0
        self._scores[place, 0] = 0.0  # so that the first token is chosen once, not by every beam

    def move(self, source: int, target: int) -> None:
        """Move the state of one place to another."""
        of_texts: list[Array] = [self.lengths, self._limits, self._improving, self._tokens, self._scores]
        for each in (*of_texts, self._done, self._done_scores, self._done_lengths):
            each[target] = each[source]

    def found(self, place: int) -> list[tuple[list[int], float]]:
        """Return the translations of a text that ended, best first, with their scores."""
        lengths, scores = self._done_lengths[place], self._done_scores[place]
        return [
            (self._done[place, beam, :length].tolist(), float(scores[beam]))
            for beam, length in enumerate(lengths)
            if length
        ]

    def advance(self, places: slice, best: Array, scores: Array) -> Chosen:
        """Advance by the likeliest tokens of each row, [texts, beams, k], best first, and their scores."""
        best, scores = self._at_the_end(places, best, scores)
        if self._scores.shape[1] == 1:
            return self._greedily(places, best[:, 0, 0], scores[:, 0, 0])
        texts, beams, k = best.shape
        keep = max(2 * beams, 2)
        total = (scores + self._scores[places, :, None]).reshape(texts, -1)
        top = np.argsort(-total, axis=1, kind="stable")[:, :keep]
        total, rows = np.take_along_axis(total, top, 1), top // k
        ids = np.take_along_axis(best.reshape(texts, -1), top, 1)
        last = self.lengths[places] + 1 >= self._limits[places]
        ends = (ids == self._end) | last[:, None]
        following = np.argsort(-(total + ends * _LOW), axis=1, kind="stable")[:, :beams]
        order, chosen = np.take_along_axis(rows, following, 1), np.take_along_axis(ids, following, 1)
        self._finish(places, total, rows, ids, ends)
        self._go_on(places, order, chosen, np.take_along_axis(total + ends * _LOW, following, 1))
        return Chosen(chosen, order, self._ended(places) | ends.all(1))

    def _greedily(self, places: slice, ids: Array, scores: Array) -> Chosen:
        """Advance with one beam, which needs no sorting: the cheap path of greedy search."""
        lengths = self.lengths[places]
        self._tokens[range(places.start, places.stop), 0, lengths] = ids
        self._scores[places, 0] += scores
        lengths += 1  # in place
        ended = (ids == self._end) | (lengths >= self._limits[places])
        for place in ended.nonzero()[0] + places.start:
            length = self.lengths[place]
            self._done[place, 0, :length] = self._tokens[place, 0, :length]
            self._done_scores[place] = self._scores[place] / np.float32(length**self._search.length_penalty)
            self._done_lengths[place] = length
        return Chosen(ids[:, None], np.zeros((len(ids), 1), np.int64), ended)

    def _at_the_end(self, places: slice, best: Array, scores: Array) -> tuple[Array, Array]:
        """Allow only the end for texts that have reached their limit."""
        last = self.lengths[places] + 1 >= self._limits[places]
        if not (self._search.forced_end and last.any()):
            return best, scores
        best, scores = best.copy(), scores.copy()
        best[last], scores[last] = self._end, -np.inf
        scores[last, :, 0] = 0.0
        return best, scores

    def _finish(self, places: slice, total: Array, rows: Array, ids: Array, ends: Array) -> None:
        """Keep the best of the translations that end now, among the likeliest, and of those that ended before."""
        beams = self._scores.shape[1]
        can = ends & (np.arange(ids.shape[1]) < beams) & self._open(places)[:, None]
        if not can.any():
            return
        lengths = self.lengths[places]
        scaled = total / ((lengths + 1) ** self._search.length_penalty).astype(np.float32)[:, None]
        merged = np.concatenate([self._done_scores[places], np.where(can, scaled, 2 * _LOW)], axis=1)
        best = np.argsort(-merged, axis=1, kind="stable")[:, :beams]
        tokens = np.take_along_axis(self._tokens[places], rows[:, :, None], 1)
        np.put_along_axis(tokens, np.broadcast_to(lengths[:, None, None], (*ids.shape, 1)), ids[:, :, None], 2)
        tokens = np.concatenate([self._done[places], tokens], axis=1)
        sizes = np.concatenate([self._done_lengths[places], np.where(can, lengths[:, None] + 1, 0)], axis=1)
        self._done_scores[places] = np.take_along_axis(merged, best, 1)
        self._done_lengths[places] = np.take_along_axis(sizes, best, 1)
        self._done[places] = np.take_along_axis(tokens, best[:, :, None], 1)

    def _go_on(self, places: slice, order: Array, ids: Array, scores: Array) -> None:
        lengths = self.lengths[places]
        tokens = np.take_along_axis(self._tokens[places], order[:, :, None], 1)
        np.put_along_axis(tokens, np.broadcast_to(lengths[:, None, None], (*ids.shape, 1)), ids[:, :, None], 2)
        self._tokens[places], self._scores[places] = tokens, scores
        self.lengths[places] += 1
        self._improving[places] &= self._can_improve(places)

    def _can_improve(self, places: slice) -> Array:
        """Return for each text whether an unfinished translation may still beat the worst finished one."""
        search = self._search
        lengths = self.lengths[places]
        if search.early_stopping == "never" and search.length_penalty > 0:
            lengths = self._limits[places]
        possible = self._scores[places, 0] / (lengths**search.length_penalty).astype(np.float32)
        full = (self._done_lengths[places] > 0).all(1)
        return np.asarray(~full | (possible > self._done_scores[places].min(1)))

    def _open(self, places: slice) -> Array:
        """Return for each text whether another finished translation would still be kept."""
        full = (self._done_lengths[places] > 0).all(1)
        return np.asarray(self._improving[places] & ~(full & self._stops_early))

    def _ended(self, places: slice) -> Array:
        return np.asarray(~self._open(places))
