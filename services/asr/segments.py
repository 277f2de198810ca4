"""From an engine's hypotheses to the results of numbered segments. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.asr.engine import Hypothesis, Word
from services.asr.stable_prefix import StablePrefix
from services.asr.writing import cased, closed


@dataclass(frozen=True, slots=True)
class Result:
    """The transcript of a segment so far, as the contract's Result."""

    segment_id: int
    revision: int
    final: bool
    words: tuple[Word, ...]  # as they stand in the text
    stable_length: int
    start_samples: int
    end_samples: int
    stability: float = 0.0
    corrected: bool = False

    @property
    def text(self) -> str:
        """The whole text so far."""
        return _text(self.words)

    @property
    def confidence(self) -> float:
        """Of a final: the mean over its words."""
        if not self.final or not self.words:
            return 0.0
        return sum(word.confidence for word in self.words) / len(self.words)


@dataclass(frozen=True, slots=True)
class Transcription:
    """How hypotheses become text."""

    language: str
    agreement: int
    interim_results: bool
    written: bool  # whether the engine's words are cased and punctuated already


class Segments:
    """Numbers segments and makes their results. A segment exists from the first word heard in it."""

    def __init__(self, transcription: Transcription, first_segment_id: int) -> None:
        self._transcription = transcription
        self._prefix = StablePrefix(transcription.agreement)
        self._shown = ("", 0)  # text and stable length of the last interim result
        self._revision = 0
        self.segment_id = first_segment_id  # of the open segment, or of the next

    def hear(self, hypothesis: Hypothesis, start_samples: int, end_samples: int) -> Result | None:
        """The result a hypothesis leads to; None when it tells nothing new.

        `start_samples` and `end_samples` bound the speech of the open segment heard so far.
        """
        result = self._final(hypothesis) if hypothesis.final else self._interim(hypothesis)
        return replace(result, start_samples=start_samples, end_samples=end_samples) if result else None

    def _interim(self, hypothesis: Hypothesis) -> Result | None:
        if not self._transcription.interim_results:
            return None
        tentative = self._prefix.hear(hypothesis.words)
        words = self._write((*self._prefix.concluded, *tentative), last=False)
        stable_length = len(_text(words[: len(self._prefix.concluded)]))
        shown = (_text(words), stable_length)
        if not words or shown == self._shown:
            return None
        self._shown = shown
        self._revision += 1
        return Result(self.segment_id, self._revision, False, words, stable_length, 0, 0, hypothesis.stability)

    def _final(self, hypothesis: Hypothesis) -> Result | None:
        words = self._write(hypothesis.words, last=True)
        concluded = _text(self._write(self._prefix.concluded, last=False))
        segment_id, revision = self.segment_id, self._revision + 1
        self._prefix = StablePrefix(self._transcription.agreement)
        self._shown, self._revision = ("", 0), 0
        if not words and revision == 1:
            return None
        self.segment_id += 1
        text = _text(words)
        corrected = not _continues(text, concluded)
        return Result(segment_id, revision, True, words, len(text), 0, 0, corrected=corrected)

    def _write(self, words: Sequence[Word], last: bool) -> tuple[Word, ...]:
        if self._transcription.written:
            return tuple(words)
        write = closed if last else cased
        texts = write([word.text for word in words], self._transcription.language)
        return tuple(replace(word, text=text) for word, text in zip(words, texts, strict=True))


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _continues(text: str, concluded: str) -> bool:
    """Whether a text starts with the concluded one, and with its last word whole."""
    following = text[len(concluded) :][:1]
    return text.startswith(concluded) and not (concluded and (following.isalnum() or following in ("'", "-")))
