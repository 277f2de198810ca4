"""A long talk: whether the mesh keeps up with the speaker to the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import babelmesh
from bench.measuring.emissions import concluded_words, sounds
from bench.measuring.metrics import laal, playback, resegmented
from bench.measuring.report import Goal, Rows, at_most, percentile
from bench.sessions.quality_tables import Session, by_arm

MOST_GROWN = 0.5  # seconds over a whole talk with pauses: as much as a sentence's lag differs from the next by itself
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


def lasting_table(sessions: Sequence[Session], targets: Sequence[str]) -> Rows:
    """One row an arm and target: how long captions take, and by how much more at the end of the talk; seconds."""
    columns = ("arm", "to", "minutes", "final p50", "p95", "first shown p50", "final's growth", "lag's growth a minute")
    table = Rows("A talk with pauses", columns)
    for arm, own in by_arm(sessions).items():
        for lang in targets:
            for each in own:
                finals, shown = each.take.final_seconds(lang), each.take.shown_seconds(lang)
                quick = (percentile(finals, 0.5), percentile(finals, 0.95), percentile(shown, 0.5))
                minutes = each.recording.seconds / 60
                table.add(arm, lang, minutes, *quick, final_growth(each, lang) * minutes, lag_growth(each, lang))
    return table


def lasting_goals(sessions: Sequence[Session], targets: Sequence[str]) -> dict[str, Goal]:
    """N5: that captions come as soon at the end of our talk as at its beginning, and the first word of any segment."""
    ours = [(each, lang) for each in sessions if each.arm == "balanced" for lang in targets]
    if not ours:
        return {}
    shown = [seconds for each, lang in ours for seconds in each.take.shown_seconds(lang)]
    grown = [final_growth(each, lang) * each.recording.seconds / 60 for each, lang in ours]
    lags = [lag_growth(each, lang) * each.recording.seconds / 60 for each, lang in ours]
    return {
        "N5.first_shown_p50": at_most(percentile(shown, 0.5) or 0.0, 1.5),
        "N5.final_growth": at_most(max(grown), MOST_GROWN),
        "N5.lag_growth": at_most(max(lags), MOST_GROWN),
    }


def final_growth(session: Session, lang: str) -> float:
    """Seconds a minute by which a segment's final caption comes later behind its speech: a line through all of them."""
    lags = session.take.final_lags(lang)
    return float(np.polyfit([at / 60 for at, _ in lags], [lag for _, lag in lags], 1)[0]) if len(lags) > 1 else 0.0


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
