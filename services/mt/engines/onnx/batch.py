"""The texts that a model decodes at the moment, and how each step takes them on. Blocking, and for one thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from services.mt.engines.onnx.model import Answers, Asked, Model
from services.mt.engines.onnx.search import Beams, Chosen
from services.mt.neural.jobs import Job, Scoring
from services.mt.neural.weights import Array

_CANDIDATES = 32  # looked through for one that begins a word


class Batch:
    """Jobs at the places of the model, in the same order; implements Decoding."""

    def __init__(self, model: Model, begins: Array) -> None:
        self._model = model
        self._begins = begins  # [ids], whether one begins a word, or ends the text
        self._ids = model.config.ids
        self._beams = Beams(model.config.search, model.places, self._ids.end)
        self._asked = Asked(2 * model.beams, scored=True) if model.beams > 1 else Asked()
        self._tokens = np.zeros((model.places, model.beams), np.int64)  # that each row goes on with
        self._prompts = np.zeros(model.places, np.int64)  # how long each is
        self.jobs: list[Job] = []

    @property
    def most(self) -> int:
        """Most texts at once: the model's places, less one that is left for scoring."""
        return self._model.places - 1

    @property
    def free(self) -> int:
        """Number of texts that may join."""
        return self.most - len(self.jobs)

    @property
    def rows(self) -> int:
        """Number of rows that a step computes: the beams of all texts."""
        return len(self.jobs) * self._model.beams

    @property
    def crossed(self) -> tuple[int, int]:
        """Bytes sent to the device and received from it so far."""
        return self._model.bytes_in, self._model.bytes_out

    def join(self, jobs: Sequence[Job]) -> None:
        """Encode new texts and begin their translations; those whose translation is empty leave at once."""
        first = len(self.jobs)
        jobs = sorted(jobs, key=lambda job: len(job.text.source))  # those alike in length are encoded together
        texts = [job.text for job in jobs]
        self.jobs += jobs  # before anything can fail, so that they are among those set aside
        asked = self._asked
        if any(text.begins_word for text in texts):
            asked = Asked(max(asked.k, min(_CANDIDATES, len(self._begins))), asked.scored)
        answers = self._model.join([text.source for text in texts], [text.prompt for text in texts], asked)
        for place, text in enumerate(texts, first):
            self._beams.join(place, text.limit)
            self._prompts[place] = len(text.prompt)
        best, scores = self._by_text(answers, len(jobs))
        whole = np.array([text.begins_word for text in texts])
        self._settle(slice(first, first + len(jobs)), *self._beginning(best, scores, whole))

    def step(self) -> None:
        """Decode one token more for each text; those that end are answered and leave."""
        count = len(self.jobs)
        positions = self._prompts[:count] + self._beams.lengths[:count] - 1
        answers = self._model.step(
            self._tokens[:count].reshape(-1), np.repeat(positions, self._model.beams), self._asked
        )
        self._settle(slice(0, count), *self._by_text(answers, count))

    def leave(self, gone: Callable[[Job], bool]) -> None:
        """Remove the texts for which `gone` holds."""
        for place in reversed(range(len(self.jobs))):
            if gone(self.jobs[place]):
                self._leave(place)

    def clear(self) -> list[Job]:
        """Remove all texts and reset the model, whatever state it is in; return the texts."""
        jobs, self.jobs = self.jobs, []
        self._model.clear()
        return jobs

    def score(self, asked: Scoring) -> Sequence[Sequence[float]]:
        """Return the log probability of each wanted id behind each pick of a translation."""
        scores: list[list[float]] = self._model.score(asked.source, asked.words, asked.picks, asked.wanted).tolist()
        return scores

    def _by_text(self, answers: Answers, count: int) -> tuple[Array, Array]:
        form = (count, self._model.beams, -1)
        return answers.best.reshape(form), answers.scores.reshape(form)

    def _beginning(self, best: Array, scores: Array, whole: Array) -> tuple[Array, Array]:
        """Keep only tokens that begin a word, where one must; with none among the likeliest the text ends."""
        wrong = ~self._begins[best] & whole[:, None, None]
        if not wrong.any():
            return best, scores
        none = wrong.all(2)
        best, scores = best.copy(), np.where(wrong, np.float32(-np.inf), scores)
        best[none, 0], scores[none, 0] = self._ids.end, 0.0
        order = np.argsort(-scores, axis=2, kind="stable")
        return np.take_along_axis(best, order, 2), np.take_along_axis(scores, order, 2)

    def _settle(self, places: slice, best: Array, scores: Array) -> None:
        chosen = self._beams.advance(places, best, scores)
        self._tokens[places] = chosen.ids
        self._order(places, chosen)
        for place in reversed(range(places.start, places.stop)):
            if chosen.ended[place - places.start]:
                job = self.jobs[place]
                if job.future.set_running_or_notify_cancel():
                    job.future.set_result(self._beams.found(place))
                self._leave(place)

    def _order(self, places: slice, chosen: Chosen) -> None:
        """Reorder the rows' memory after a search step; behind a prompt all rows of a text share the same memory."""
        if self._model.beams == 1 or places.start:
            return
        order = np.where(chosen.ended[:, None], np.arange(self._model.beams), chosen.order)
        rows = np.arange(places.start, places.stop)[:, None] * self._model.beams + order
        self._model.order(rows.reshape(-1).tolist())

    def _leave(self, place: int) -> None:
        self._model.leave(place)
        last = len(self.jobs) - 1
        if place != last:
            self._beams.move(last, place)
            self._tokens[place], self._prompts[place] = self._tokens[last], self._prompts[last]
            self.jobs[place] = self.jobs[last]
        self.jobs.pop()
