"""Against a translator that runs away: output far longer than its source, or the same words over and over. Pure.

Neural translators do this on noise and on half sentences ("hallucination": Raunak et al., 2021, arXiv 2104.06683).
"""

from __future__ import annotations

from collections.abc import Sequence

LENGTH_RATIO = 3.0  # words of translation for a word of source
SLACK_WORDS = 8  # a short source may have a long translation
REPEATS = 4  # of the same words in a row; a speaker who says something three times is translated
LONGEST_PHRASE = 6  # words


def ran_away(source: str, translation: str) -> bool:
    """Whether a translation cannot be one of its source."""
    return kept(source, translation) < len(translation.split())


def curbed(source: str, translation: str) -> str:
    """The part of a translation from before it ran away; all of it when it did not."""
    words = translation.split()
    count = kept(source, translation)
    return " ".join(words[:count]) if count < len(words) else translation


def kept(source: str, translation: str) -> int:
    """How many of its words a translation keeps: to the end of a phrase's first saying, and no more than is likely."""
    words, spoken = translation.split(), source.split()
    likely = round(LENGTH_RATIO * len(spoken)) + SLACK_WORDS
    allowed = max(REPEATS, 1 + _most_repeats(spoken))  # what the speaker repeats may be repeated
    repeated = _first_repeated(words, allowed)
    return min(len(words), likely, repeated)


def _first_repeated(words: Sequence[str], allowed: int) -> int:
    """The end of the first saying of the phrase that is said too often in a row; all words without one."""
    starts = [
        (start, length)
        for length in range(1, LONGEST_PHRASE + 1)
        if (start := next((at for at, count in enumerate(_repeats(words, length)) if count >= allowed), -1)) >= 0
    ]
    return sum(min(starts)) if starts else len(words)


def _most_repeats(words: Sequence[str]) -> int:
    return max((max(_repeats(words, length), default=0) for length in range(1, LONGEST_PHRASE + 1)), default=0)


def _repeats(words: Sequence[str], length: int) -> list[int]:
    """How often the phrase of `length` words that starts at each word is said in a row.

    A phrase is said again as long as each word equals the one a phrase further on. Counted from the end, so that the
    work is that of one pass, however often anything is repeated.
    """
    alike, counts = 0, [1] * len(words)
    for start in range(len(words) - length - 1, -1, -1):
        alike = alike + 1 if words[start] == words[start + length] else 0
        counts[start] = 1 + alike // length
    return counts
