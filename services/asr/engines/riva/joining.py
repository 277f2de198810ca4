"""Joins the parts of a segment's transcript that a remote recognizer sends into hypotheses. Pure.

It tells finished parts once and the rest again and again; words have places and confidences in finished parts only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import takewhile

from services.asr.engine import Hypothesis, Word

STABLE = 0.9  # what is told with at least this stability is not changed any more


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a segment's transcript. Offsets count from the start of the segment's audio."""

    text: str
    finished: bool = False
    stability: float = 0.0  # of one that is not finished, 0 to 1
    processed_samples: int = 0  # of the segment's audio, when it was told; 0: it is not known
    words: tuple[Word, ...] = ()  # of a finished one, perhaps not quite as they stand in the text


class Transcript:
    """The transcript of one segment, whose audio starts at `start_samples` on the session's clock."""

    def __init__(self, start_samples: int) -> None:
        self.sent_samples = 0  # audio the recognizer was given
        self.processed_samples = 0  # audio it told to be through
        self._start_samples = start_samples
        self._finished: tuple[Word, ...] = ()
        self._rest: tuple[Part, ...] = ()
        self._has_news = False

    def hear(self, parts: Sequence[Part]) -> None:
        """Add the parts of one message: finished ones are appended, the others replace the unfinished rest."""
        self.processed_samples = max([self.processed_samples, *(part.processed_samples for part in parts)])
        told = [part for part in parts if part.text.split()]
        for part in told:
            if part.finished:
                span = (self._end_samples, min(part.processed_samples or self.sent_samples, self.sent_samples))
                self._finished += tuple(self._in_order(placed(part.text.split(), part.words, span)))
        if told:
            self._rest = tuple(part for part in told if not part.finished)
            self._has_news = True

    def news(self) -> Hypothesis | None:
        """Return a hypothesis of the segment so far; None when no words came since the last call."""
        if not self._has_news:
            return None
        self._has_news = False
        stable_words = len(self._finished)
        for part in takewhile(lambda part: part.stability >= STABLE, self._rest):
            stable_words += len(part.text.split())
        stability = min((part.stability for part in self._rest), default=1.0)
        return Hypothesis(self._words(), stability=min(1.0, stability), stable_words=stable_words)

    def final(self) -> Hypothesis:
        """Return the final: the finished parts and the newest unfinished ones."""
        return Hypothesis(self._words(), final=True)

    def _words(self) -> tuple[Word, ...]:
        texts = [text for part in self._rest for text in part.text.split()]
        end_samples = min(self.processed_samples or self.sent_samples, self.sent_samples)
        rest = self._in_order(placed(texts, (), (self._end_samples, end_samples)))
        start = self._start_samples
        return tuple(
            replace(word, start_samples=start + word.start_samples, end_samples=start + word.end_samples)
            for word in (*self._finished, *rest)
        )

    def _in_order(self, words: Sequence[Word]) -> Iterator[Word]:
        """Yield words behind the finished ones, with rising offsets that stay inside the audio."""
        begin, end = self._end_samples, max(self._end_samples, self.sent_samples)
        for word in words:
            starts = min(max(word.start_samples, begin), end)
            begin = max(starts, min(word.end_samples, end))
            yield replace(word, start_samples=starts, end_samples=begin)

    @property
    def begun(self) -> bool:
        """Whether the recognizer has sent any results."""
        return bool(self.processed_samples or self._finished or self._rest)

    @property
    def _end_samples(self) -> int:
        return self._finished[-1].end_samples if self._finished else 0


def placed(texts: Sequence[str], known: Sequence[Word], span: tuple[int, int]) -> list[Word]:
    """Return words with offsets, taken from the known words that match them without marks and capitals.

    Others share the place of the known words they stand for, or what lies between those that match, by their lengths;
    all of them the whole span, where no word is known.
    """
    if not known:
        return list(_shared(texts, span, 0.0))
    words: list[Word] = []
    matcher = SequenceMatcher(None, [_key(text) for text in texts], [_key(word.text) for word in known], autojunk=False)
    for same, first, end, known_first, known_end in matcher.get_opcodes():
        there = known[known_first:known_end]
        if same == "equal":
            words += [replace(word, text=text) for text, word in zip(texts[first:end], there, strict=True)]
        elif there:
            confidence = sum(word.confidence for word in there) / len(there)
            words += _shared(texts[first:end], (there[0].start_samples, there[-1].end_samples), confidence)
        else:
            before = words[-1].end_samples if words else min(span[0], known[0].start_samples)
            after = known[known_first].start_samples if known_first < len(known) else max(span[1], before)
            words += _shared(texts[first:end], (before, max(before, after)), 0.0)
    return words


def _shared(texts: Sequence[str], span: tuple[int, int], confidence: float) -> Iterator[Word]:
    """Yield the texts as words that share the span by their length in characters."""
    start, end = span[0], max(span)
    total, before = sum(len(text) for text in texts), 0
    for text in texts:
        after = before + len(text)
        yield Word(text, start + (end - start) * before // total, start + (end - start) * after // total, confidence)
        before = after


def _key(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()
