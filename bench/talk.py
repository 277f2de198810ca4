"""A long talk without a pause: whether the mesh keeps up with the speaker to the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import babelmesh
from bench.emissions import concluded_words, sounds
from bench.metrics import laal, playback, resegmented
from bench.quality_tables import Session, by_arm
from bench.report import Goal, Rows, at_most

LAG_GROWTH = 1.0  # seconds a minute: what a talk of an hour would end a minute late with


def talk_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row an arm and target; seconds."""
    columns = ("arm", "to", "lag growth a minute", "longest segment", "longest without a word", "most queued")
    table = Rows("A talk without a pause", columns)
    for arm, own in by_arm(sessions).items():
        for lang in targets:
            for each in own:
                queued = playback(sounds(each.take, lang)).most_queued
                table.add(arm, lang, lag_growth(each, lang), longest_segment(each), longest_wait(each, lang), queued)
    return table


def talk_goals(sessions: Sequence[Session], targets: Sequence[str], limit_seconds: float) -> dict[str, Goal]:
    """That ours keeps up, and cuts where it was told to."""
    ours = [(each, lang) for each in sessions if each.arm == "balanced" for lang in targets]
    if not ours:
        return {}
    return {
        "talk.lag_growth": at_most(max(lag_growth(each, lang) for each, lang in ours), LAG_GROWTH),
        "talk.longest_segment": at_most(max(longest_segment(each) for each, _ in ours), limit_seconds),
    }


def lag_growth(session: Session, lang: str) -> float:
    """Seconds a minute by which the lag of a sentence grows over the talk: a line through all of them."""
    sentences = session.recording.sentences[lang]
    words = concluded_words(session.take, lang)
    starts, lags, first = [], [], 0
    for sentence, count in zip(sentences, resegmented(words, sentences), strict=True):
        own, first = words[first : first + count], first + count
        if own:
            delays = [word.elapsed - sentence.start for word in own]
            starts.append(sentence.start / 60)
            lags.append(laal(delays, sentence.seconds, len(sentence.reference.split())))
    return float(np.polyfit(starts, lags, 1)[0]) if len(starts) > 1 else 0.0


def longest_segment(session: Session) -> float:
    """Of the source, in seconds."""
    finals = [each for _, each in session.take.events if isinstance(each, babelmesh.AsrResult) and each.final]
    return max((each.end_ms - each.start_ms) / 1000 for each in finals)


def longest_wait(session: Session, lang: str) -> float:
    """Between two words of the translation, in seconds."""
    moments = [word.elapsed for word in concluded_words(session.take, lang)]
    return max((later - earlier for earlier, later in pairwise(moments)), default=0.0)
