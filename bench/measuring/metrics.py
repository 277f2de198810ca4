"""Latency and stability of simultaneous translation, as published. Pure; times are seconds.

Each formula is that of its source; `tests/unit/bench/test_metrics.py` holds them against cases worked out by hand, and
`bench/sessions/outside.py` against implementations of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

UNIT_SECONDS = 0.3  # what average token delay takes for one word of speech


@dataclass(frozen=True, slots=True)
class Emission:
    """One word of the output, and when it came: on the session's clock, which starts with the first sample."""

    text: str
    ideal: float  # audio consumed when it was made, as if computing took no time
    elapsed: float  # when it arrived, computing and all


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of the source and its reference translation."""

    reference: str
    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """A mean delay: as if computing took no time, and computation-aware."""

    ideal: float
    aware: float


def laal(delays: Sequence[float], source_seconds: float, reference_count: int) -> float:
    """Length-adaptive average lagging of one sentence (Papi et al., 2022, arXiv 2206.05807).

    `delays` holds one value for each word of the hypothesis, not empty, from the sentence's start.
    """
    if delays[0] > source_seconds:
        return delays[0]
    words_per_second = max(len(delays), reference_count) / source_seconds
    lags = []
    for index, delay in enumerate(delays):
        lags.append(delay - index / words_per_second)
        if delay >= source_seconds:
            break
    return sum(lags) / len(lags)


def stream_laal(words: Sequence[Emission], sentences: Sequence[Sentence]) -> Delay | None:
    """LAAL of a long output (Papi et al., 2024, aclanthology.org/2024.acl-long.202): the mean over its sentences.

    A sentence that got no word does not count. None without any.
    """
    return mean_delay(sentence_lags(words, sentences))


def sentence_lags(words: Sequence[Emission], sentences: Sequence[Sentence]) -> list[Delay]:
    """LAAL of each sentence that got a word, after the output was cut where it fits the references best."""
    lags, rest = [], list(words)
    for sentence, count in zip(sentences, resegmented(words, sentences), strict=True):
        own, rest = rest[:count], rest[count:]
        if own:
            length = len(sentence.reference.split())
            ideal = laal([word.ideal - sentence.start for word in own], sentence.seconds, length)
            lags.append(Delay(ideal, laal([word.elapsed - sentence.start for word in own], sentence.seconds, length)))
    return lags


def mean_delay(delays: Sequence[Delay]) -> Delay | None:
    """The mean of both kinds; None of nothing."""
    if not delays:
        return None
    return Delay(sum(each.ideal for each in delays) / len(delays), sum(each.aware for each in delays) / len(delays))


def resegmented(words: Sequence[Emission], sentences: Sequence[Sentence]) -> list[int]:
    """How many words of the output belong to each sentence: the cut with the least word errors (Matusov et al., 2005).

    Edit distance adds up over the sentences, so the best cut is where the best alignment of all crosses their ends.
    Case does not count, and of equally good alignments the one is taken that mweralign takes: others get our numbers.
    """
    reference = [(word.lower(), last) for each in sentences for word, last in _marked(each.reference.split())]
    output = [word.text.lower() for word in words]
    rows = [list(range(len(output) + 1))]
    for expected, _ in reference:
        above, row = rows[-1], [rows[-1][0] + 1]
        for index, word in enumerate(output):
            row.append(min(above[index + 1] + 1, row[-1] + 1, above[index] + (word != expected)))
        rows.append(row)
    ends, column = [], len(output)
    for number in range(len(reference), 0, -1):
        row, above = rows[number], rows[number - 1]
        if reference[number - 1][1]:
            ends.append(column)
        while row[column] != above[column] + 1:  # else a word is missing
            column -= 1
            if row[column + 1] != row[column] + 1:  # else it is one too many
                break
    borders = [0]
    for each in sentences:
        borders.append(ends.pop() if each.reference.split() else borders[-1])
    borders[-1] = len(output)
    return [end - start for start, end in pairwise(borders)]


def _marked(words: Sequence[str]) -> Iterable[tuple[str, bool]]:
    return ((word, number == len(words)) for number, word in enumerate(words, start=1))


@dataclass(frozen=True, slots=True)
class Erasure:
    """Words taken back while a text was shown, and words of the text in the end."""

    deleted: int
    final: int

    @property
    def normalized(self) -> float:
        """Deleted words for each word that stayed."""
        return self.deleted / self.final if self.final else 0.0


def erasure(shown: Sequence[str]) -> Erasure:
    """Of the texts of one segment, as they were shown (Arivazhagan et al., 2020, arXiv 2004.03643)."""
    words = [text.split() for text in shown]
    deleted = sum(len(before) - common_length(before, after) for before, after in pairwise(words))
    return Erasure(deleted, len(words[-1]) if words else 0)


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts share from their start."""
    for count, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return count
    return min(len(one), len(other))


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of translated speech: when it arrived, and how long it is."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Playback:
    """What a listener hears who plays speech as it comes, one piece after the other."""

    ends: float  # when the last sample has been played
    most_queued: float  # most speech waiting to be played
    gaps: int  # silences between two pieces
    gap_seconds: float  # all of them


def playback(sounds: Sequence[Sound]) -> Playback:
    """How speech that arrived so is heard."""
    ends = most_queued = gap_seconds = 0.0
    gaps = 0
    for sound in sounds:
        if ends and sound.at > ends:
            gaps += 1
            gap_seconds += sound.at - ends
        ends = max(ends, sound.at) + sound.seconds
        most_queued = max(most_queued, ends - sound.at)
    return Playback(ends, most_queued, gaps, gap_seconds)


def average_token_delay(sounds: Sequence[Sound], source_seconds: float) -> float | None:
    """Mean delay of each 300 ms heard behind the 300 ms of source it is matched with (Kano et al., 2022, 2211.13173).

    A unit is matched with the source unit of its own number, put back by how much the output before its chunk was
    longer than the source before it, and with none that had not been spoken yet. None without speech.
    """
    delays: list[float] = []
    played = 0.0
    spoken_before = source_before = 0  # units, before this chunk
    for sound in _chunks(sounds):
        heard = min(sound.at, source_seconds)
        source_units = -int(-heard // UNIT_SECONDS)
        ahead = max(0, spoken_before - source_before)
        played = max(played, sound.at)
        for length in _units(sound.seconds):
            played += length
            own = min(len(delays) + 1 - ahead, source_units)
            delays.append(played - min(own * UNIT_SECONDS, heard))
        spoken_before, source_before = len(delays), source_units
    return sum(delays) / len(delays) if delays else None


def _chunks(sounds: Sequence[Sound]) -> list[Sound]:
    """What arrived together, as one."""
    joined: list[Sound] = []
    for sound in sounds:
        if joined and sound.at - joined[-1].at < UNIT_SECONDS / 3:
            joined[-1] = Sound(joined[-1].at, joined[-1].seconds + sound.seconds)
        else:
            joined.append(sound)
    return joined


def _units(seconds: float) -> list[float]:
    whole = int(seconds // UNIT_SECONDS)
    rest = seconds - whole * UNIT_SECONDS
    return [UNIT_SECONDS] * whole + ([rest] if rest > 1e-9 else [])
