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
    for start in range(len(words)):
        for length in range(1, LONGEST_PHRASE + 1):
            if _repeats(words, start, length) >= allowed:
                return start + length
    return len(words)


def _most_repeats(words: Sequence[str]) -> int:
    sizes = range(1, LONGEST_PHRASE + 1)
    return max((_repeats(words, start, size) for start in range(len(words)) for size in sizes), default=0)


def _repeats(words: Sequence[str], start: int, length: int) -> int:
    """How often the phrase at a place is said in a row."""
    phrase, count = words[start : start + length], 0
    while phrase and words[start + count * length : start + (count + 1) * length] == phrase:
        count += 1
    return count
