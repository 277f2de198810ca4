"""The texts that a model translates at the moment, and how each step takes them on. Blocking, for one thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.mt.engines.firefox.model import Begun, Model, Pause, Rows
from services.mt.engines.firefox.shortlist import Shortlist
from services.mt.engines.firefox.table import Candidates
from services.mt.neural.jobs import Job, Scoring
from services.mt.neural.rows import alike
from services.mt.neural.weights import Array

_STEPS = 32  # tokens of a step, at most: what comes meanwhile waits so long
_ENDED_SHARE = 2  # a step ends when one in so many texts has ended: each end costs a call


@dataclass(frozen=True, slots=True)
class Choice:
    """The ids that may follow in a translation: word beginnings, end, and an optional shortlist."""

    begins: Array  # [ids], whether one begins a word, or ends the text
    end: int
    shortlist: Shortlist | None = None

    def of(self, source: Sequence[int]) -> Array | None:
        """Return the ids that may translate a source; None where all may."""
        return None if self.shortlist is None else self.shortlist.candidates(source)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A translation under way: its ids so far, and the ids it may hold."""

    allowed: Array | None  # the ids it may hold
    ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _State:
    """The device's state between two steps: rows, and the candidates of their next ids."""

    rows: Rows
    candidates: Candidates


class Batch:
    """Jobs, and the rows of their translations in the same order; implements Decoding."""

    def __init__(self, model: Model, choice: Choice, most: int) -> None:
        self.most = most
        self.jobs: list[Job] = []
        self._model = model
        self._choice = choice
        self._drafts: list[_Draft] = []
        self._state: _State | None = None  # while there are jobs

    @property
    def free(self) -> int:
        """Number of texts that may join."""
        return self.most - len(self.jobs)

    @property
    def rows(self) -> int:
        """Number of rows that a step computes: one per text."""
        return len(self.jobs)

    @property
    def crossed(self) -> tuple[int, int]:
        """Bytes sent to the device and received from it so far."""
        return self._model.bytes_in, self._model.bytes_out

    def join(self, jobs: Sequence[Job]) -> None:
        """Read new texts and begin their translations; those whose translation is empty are answered at once."""
        first = len(self.jobs)
        jobs = sorted(jobs, key=lambda job: len(job.text.source))  # those alike in length are read together
        self.jobs += jobs  # before anything can fail, so that they are among those set aside
        self._drafts += [_Draft(self._choice.of(job.text.source)) for job in jobs]
        rows = self._state.rows if self._state else None
        candidates = self._candidates(self._drafts)
        for sources in alike([job.text.source for job in jobs]):
            read = self._read(range(first, first + len(sources)), candidates)
            rows = rows.then(read) if rows else read
            first += len(sources)
        assert rows is not None
        self._state = _State(rows, candidates)
        self._answer()

    def step(self) -> None:
        """Decode several ids more for each text; those that end are answered and leave."""
        assert self._state is not None
        pause = Pause(_STEPS, max(1, len(self.jobs) // _ENDED_SHARE), self._choice.end)
        ids, rows = self._model.step(self._state.rows, self._state.candidates, pause)
        for draft, more in zip(self._drafts, ids.T.tolist(), strict=True):
            draft.ids.extend(more)
        self._state = _State(rows, self._state.candidates)
        self._answer()

    def leave(self, gone: Callable[[Job], bool]) -> None:
        """Remove the texts for which `gone` holds."""
        self._keep([row for row, job in enumerate(self.jobs) if not gone(job)])

    def clear(self) -> list[Job]:
        """Remove all texts and their state, and return them."""
        jobs, self.jobs, self._drafts, self._state = self.jobs, [], [], None
        return jobs

    def score(self, asked: Scoring) -> Sequence[Sequence[float]]:
        """Return the log probability of each wanted id behind each pick, also of ids that the model may not answer."""
        allowed, wanted = self._choice.of(asked.source), np.array(asked.wanted)
        draft = _Draft(None if allowed is None else np.union1d(allowed, wanted))
        candidates = self._candidates([draft])
        read = self._model.read([asked.source], [asked.words], np.array([asked.picks]), candidates)
        logits = read.logits[0].astype(np.float64)
        likely = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        scores: list[list[float]] = likely[:, np.searchsorted(candidates.ids, wanted)].tolist()
        return scores

    def _read(self, rows: range, candidates: Candidates) -> Rows:
        """Encode texts, and choose the first id of each one's translation."""
        texts, candidates = [self.jobs[row].text for row in rows], candidates.kept(rows)
        lengths = np.array([len(text.prompt) for text in texts])
        read = self._model.read(
            [text.source for text in texts], [text.prompt for text in texts], lengths[:, None] - 1, candidates
        )
        last = self._first(read, candidates, [text.begins_word for text in texts])
        for row, each in zip(rows, last.tolist(), strict=True):
            self._drafts[row].ids.append(each)
        return Rows(last, lengths, lengths + [text.limit - 1 for text in texts], read.cells, read.sources)

    def _first(self, read: Begun, candidates: Candidates, whole: Sequence[bool]) -> Array:
        """Return the likeliest id of each row; in rows that must begin a word, of those ids that do."""
        logits = read.logits[:, 0]
        wrong = np.array(whole)[:, None] & ~self._choice.begins[candidates.ids]
        return np.asarray(candidates.ids[np.where(wrong, -np.inf, logits).argmax(1)])

    def _candidates(self, drafts: Iterable[_Draft]) -> Candidates:
        lists = [draft.allowed for draft in drafts if draft.allowed is not None]
        return self._model.table.candidates(lists) if lists else self._model.table.every

    def _answer(self) -> None:
        """Resolve the futures of the texts that have ended, and remove them."""
        left = []
        for row, (job, draft) in enumerate(zip(self.jobs, self._drafts, strict=True)):
            ids = draft.ids[: job.text.limit]
            if self._choice.end in ids:
                ids = ids[: ids.index(self._choice.end) + 1]
            elif len(ids) < job.text.limit:
                left.append(row)
                continue
            if job.future.set_running_or_notify_cancel():
                job.future.set_result([(ids, 0.0)])
        self._keep(left)

    def _keep(self, rows: Sequence[int]) -> None:
        """Keep some rows; the candidates of those that leave stay until other texts join."""
        if len(rows) == len(self.jobs) or not self._state:
            return
        self.jobs = [self.jobs[row] for row in rows]
        self._drafts = [self._drafts[row] for row in rows]
        candidates = self._state.candidates.kept(rows)
        self._state = _State(self._state.rows.kept(rows), candidates) if rows else None
