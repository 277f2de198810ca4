"""Turns an engine's hypotheses into the results of numbered segments. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from services.asr.engine import ONLY, Hypothesis, Language, PrefixRules, Word
from services.asr.stable_prefix import StablePrefix, key
from services.asr.writing import Place, begun, written
from services.common.text.concluded import continues


@dataclass(frozen=True, slots=True)
class Result:
    """The transcript of a segment so far, with the fields of the contract's Result."""

    segment_id: int
    revision: int
    final: bool
    words: tuple[Word, ...]  # as they stand in the text
    stable_length: int
    start_samples: int
    end_samples: int
    stability: float = 0.0
    corrected: bool = False
    finalized_samples: int = 0  # of a final: the segments behind it need no audio before this
    tier: str = ""  # that recognizes it; empty where there is one alone
    larger_tiers: int = 0  # which it did not get
    language: Language = ONLY  # that the words are in
    tokens: int | None = None  # that a final was decoded to; None: unknown

    @property
    def text(self) -> str:
        """The whole text of the segment so far."""
        return _text(self.words)

    @property
    def confidence(self) -> float:
        """Confidence of a final, 0 to 1: the mean over its words; 0 for an interim result."""
        if not self.final or not self.words:
            return 0.0
        return sum(word.confidence for word in self.words) / len(self.words)


@dataclass(frozen=True, slots=True)
class Transcription:
    """The rules by which hypotheses in one language become text."""

    language: str
    prefix: PrefixRules
    interim_results: bool
    written: bool  # whether the engine's words are cased and punctuated already
    tier: str = ""  # the engine's, where the language has several
    larger_tiers: int = 0  # so many there are


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a segment's speech received so far, in samples, and whether a split ended it."""

    start_samples: int
    end_samples: int
    split: bool = False  # the segment was cut off, the sentence goes on


class Segments:
    """Numbers segments and makes their results. A segment gets its number with the first word recognized in it."""

    def __init__(
        self, transcription: Transcription, first_segment_id: int, others: Mapping[str, Transcription] | None = None
    ) -> None:
        """Begin with one language's rules; `others` has the rules for hypotheses that name another language."""
        self._transcription = transcription  # of the open segment, or the last one
        self._transcriptions = {transcription.language: transcription, **(others or {})}
        self._language = Language(transcription.language)
        self._prefix = StablePrefix(transcription.prefix)
        self._goes_on = False  # the segment before was split from the open one
        self._shown = ("", 0, self._language)  # text, stable length and language of the last interim result
        self._revision = 0
        self.segment_id = first_segment_id  # of the open segment, or of the next

    def hear(self, hypothesis: Hypothesis, speech: Bounds) -> Result | None:
        """Return the result that a hypothesis leads to, given the open segment's speech; None when nothing changes."""
        self._speak(hypothesis.language)
        result = self._final(hypothesis, speech.split) if hypothesis.final else self._interim(hypothesis)
        return result and replace(
            result,
            start_samples=speech.start_samples,
            end_samples=speech.end_samples,
            language=self._language,
            tier=self._transcription.tier,
            larger_tiers=self._transcription.larger_tiers,
        )

    def turn(self, transcription: Transcription) -> None:
        """Use another engine's rules for its language from now on. No segment in that language may be open."""
        self._transcriptions[transcription.language] = transcription
        if transcription.language == self._transcription.language:
            self._transcription = transcription
            self._prefix = StablePrefix(transcription.prefix)

    def _speak(self, language: Language) -> None:
        """Switch the language of the open segment, discarding the words recognized in another one."""
        tag = language.tag or self._transcription.language
        if tag != self._transcription.language:
            self._transcription = self._transcriptions[tag]
            self._prefix = StablePrefix(self._transcription.prefix)
        self._language = replace(language, tag=tag)

    def _interim(self, hypothesis: Hypothesis) -> Result | None:
        if not self._transcription.interim_results:
            return None
        tentative = self._prefix.hear(hypothesis)
        words = self._write((*self._prefix.concluded, *tentative))
        stable_length = 0 if self._language.tentative else len(_text(self._write(self._prefix.concluded)))
        shown = (_text(words), stable_length, self._language)
        if not words or shown == self._shown:
            return None
        self._shown = shown
        self._revision += 1
        return Result(self.segment_id, self._revision, False, words, stable_length, 0, 0, hypothesis.stability)

    def _final(self, hypothesis: Hypothesis, split: bool) -> Result | None:
        words = self._write(hypothesis.words, ends=not split)
        concluded = _text(self._write(self._prefix.concluded)) if self._shown[1] else ""
        self._goes_on = split
        segment_id, revision = self.segment_id, self._revision + 1
        self._prefix = StablePrefix(self._transcription.prefix)
        self._shown, self._revision = ("", 0, self._language), 0
        if not words and revision == 1:
            return None
        self.segment_id += 1
        text = _text(words)
        corrected = not continues(text, concluded)
        return Result(segment_id, revision, True, words, len(text), 0, 0, corrected=corrected, tokens=hypothesis.tokens)

    def _write(self, words: Sequence[Word], ends: bool = False) -> tuple[Word, ...]:
        if self._transcription.written:
            return begun(self._kept(words))
        texts = written(self._as_concluded(words), Place(self._transcription.language, self._goes_on, ends))
        return tuple(replace(word, text=text) for word, text in zip(words, texts, strict=True))

    def _kept(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """Keep the concluded words as written when a final writes them otherwise; a mark may follow the last."""
        concluded = self._prefix.concluded
        pairs = zip(concluded, words, strict=False)
        same = list(takewhile(lambda pair: key(pair[0].text) == key(pair[1].text), pairs))
        kept = [replace(word, text=old.text) for old, word in same]
        if kept and len(kept) == len(concluded) and words[len(kept) - 1].text.startswith(kept[-1].text):
            kept[-1] = words[len(kept) - 1]
        return (*kept, *words[len(kept) :])

    def _as_concluded(self, words: Sequence[Word]) -> list[Word]:
        """Return a final's words, the first of them as concluded for as long as both have the same text."""
        same = takewhile(lambda pair: pair[0].text == pair[1].text, zip(self._prefix.concluded, words, strict=False))
        concluded = [word for word, _ in same]
        return [*concluded, *words[len(concluded) :]]


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
