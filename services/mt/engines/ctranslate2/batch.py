"""The texts that a model on CTranslate2 translates at the moment: all to their end in one step.

Blocking, and for one thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ctranslate2
import numpy as np

from services.common.neural.bundles import Bundle, fault
from services.common.neural.ctranslating import Computing
from services.mt.engines.ctranslate2.pieces import Pieces
from services.mt.neural.jobs import Job, Scoring, Text
from services.mt.neural.weights import Array

_ALTERNATIVES = 8  # looked at where the likeliest continuation would go on with a word that has ended


def loaded(bundle: Bundle, computing: Computing) -> ctranslate2.Translator:
    """Load a bundle's model. Blocking. Raises InvalidArgument when CTranslate2 cannot load it."""
    bundle.file("model.bin")
    try:
        return ctranslate2.Translator(
            str(bundle.folder),
            device=computing.kind,
            compute_type=computing.compute_type,
            inter_threads=1,
            intra_threads=computing.threads,
        )
    except (RuntimeError, ValueError) as error:
        raise fault(bundle.folder, f"CTranslate2 cannot load the model: {error}.") from error


class Batch:
    """Texts of which the next step translates all to their end; implements Decoding."""

    crossed = (0, 0)  # it is not known

    def __init__(self, model: ctranslate2.Translator, pieces: Pieces, most: int) -> None:
        self.most = most
        self.jobs: list[Job] = []
        self._model = model
        self._pieces = pieces
        self._begins: Array = pieces.begins(pieces.count)

    @property
    def free(self) -> int:
        """Number of texts that may join."""
        return self.most - len(self.jobs)

    @property
    def rows(self) -> int:
        """Number of texts that the next step translates."""
        return len(self.jobs)

    def join(self, jobs: Sequence[Job]) -> None:
        """Add texts to those that the next step translates."""
        self.jobs += jobs

    def step(self) -> None:
        """Translate all texts to their end and resolve their futures; the batch is empty afterwards."""
        results = self._translated([job.text for job in self.jobs])
        for job, (ids, score) in zip(self.jobs, results, strict=True):
            if job.future.set_running_or_notify_cancel():
                job.future.set_result([(ids, score)])
        self.jobs = []

    def leave(self, gone: Callable[[Job], bool]) -> None:
        """Remove the texts for which `gone` holds."""
        self.jobs = [job for job in self.jobs if not gone(job)]

    def clear(self) -> list[Job]:
        """Remove all texts, and return them."""
        jobs, self.jobs = self.jobs, []
        return jobs

    def score(self, asked: Scoring) -> Sequence[Sequence[float]]:
        """Return the log probability of each wanted id behind each pick; only ids that the translation has are
        scored.
        """
        source = self._pieces.source_tokens(asked.source)
        words = self._pieces.target_tokens(asked.words)
        (scored,) = self._model.score_batch([source], [words])
        logs = [scored.log_probs[place + 1] for place in asked.picks]
        scores: list[list[float]] = np.where(np.eye(len(logs), dtype=bool), logs, -np.inf).tolist()
        return scores

    def _translated(self, texts: Sequence[Text]) -> list[tuple[list[int], float]]:
        results = self._asked(texts, alternatives=1)
        for place, text in enumerate(texts):
            ids, _ = results[place][0]
            if text.begins_word and ids and not self._begins[ids[0]]:
                (others,) = self._asked([text], _ALTERNATIVES)
                allowed = [each for each in others if not each[0] or self._begins[each[0][0]]]
                results[place] = [*allowed, ([], 0.0)]
        return [found[0] for found in results]

    def _asked(self, texts: Sequence[Text], alternatives: int) -> list[list[tuple[list[int], float]]]:
        """Return several answers per text, each the ids behind the prompt and a score; they begin with different
        ids.
        """
        results = self._model.translate_batch(
            [self._pieces.source_tokens(text.source) for text in texts],
            [self._pieces.target_tokens(text.prompt) for text in texts],
            beam_size=1,
            num_hypotheses=alternatives,
            return_alternatives=alternatives > 1,
            return_scores=True,
            max_input_length=0,
            max_decoding_length=max(len(text.prompt) + text.limit for text in texts),
        )
        return [
            [
                (self._pieces.target_ids(tokens)[len(text.prompt) :][: text.limit], score)
                for tokens, score in zip(result.hypotheses, result.scores, strict=True)
            ]
            for text, result in zip(texts, results, strict=True)
        ]
