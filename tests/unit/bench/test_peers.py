"""What a stream beside a peer is made of, and what is measured of both the same way."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measuring.corpus import Recording
from bench.measuring.processes import Usage
from bench.sessions.peer_server import NAME, taken
from bench.sessions.peers import OWN, SAME, Round, by_service, goals, table, talks
from services.common.audio.pcm import ASR_RATE, Pcm

PEER = [(1.0, "", "one"), (2.0, "one", "one two"), (2.5, "one two", "one two")]


def speech(seconds: float) -> Pcm:
    tone = (8000 * np.sin(np.arange(round(seconds * ASR_RATE)) / 5)).astype(np.int16)
    return np.concatenate([np.zeros(ASR_RATE // 2, np.int16), tone])


RECORDINGS = [Recording(text, text, {}, speech(1.5)) for text in ("one two", "three four", "five", "six")]


def test_streams_begin_with_different_recordings_and_are_as_long_as_asked() -> None:
    first, second = talks(RECORDINGS, 2, 4.0)
    assert (first.text, second.text) == ("one two three four", "five six")
    assert first.onset_seconds == pytest.approx(0.5, abs=0.02)
    assert [each.start for each in first.sentences] == [0.0, 3.0]
    assert len(first.pcm) / ASR_RATE == pytest.approx(6.0)


def test_a_peers_word_is_settled_when_the_peer_says_so() -> None:
    [talk] = talks(RECORDINGS, 1, 1.0)
    ended = Round(NAME, [talk], [taken(talk.pcm, PEER)], Usage({"server": 6.0}))
    assert ended.first_words() == pytest.approx([0.5], abs=0.02)
    assert ended.lags() == pytest.approx([2.0])  # "one" after 2 s, which is the end of the recording
    assert ended.errors() == (0.0, 0.0)
    assert ended.cpu == pytest.approx(2.0)


def test_words_that_never_come_are_lost() -> None:
    [talk] = talks(RECORDINGS, 1, 1.0)
    assert Round(NAME, [talk], [taken(talk.pcm, PEER[:1])], Usage()).errors() == (0.5, 0.5)
    assert Round(NAME, [talk], [taken(talk.pcm, [])], Usage()).first_words() == []


def test_ours_is_held_against_the_peer_in_the_same_round() -> None:
    [talk] = talks(RECORDINGS, 1, 1.0)
    quick = [(0.8, "one", "one"), (1.0, "one two", "one two")]
    rounds = [
        Round(name, [talk], [taken(talk.pcm, states)], Usage({"server": cpu}, {}, {"server": 100.0}))
        for name, states, cpu in ((NAME, PEER, 6.0), (SAME, quick, 2.0), (OWN, quick, 0.9))
    ]
    reached = goals(table(rounds))
    assert all(goal.ok for goal in reached.values())
    assert reached["peers.first_word"].value == pytest.approx(0.6, abs=0.02)
    assert reached["peers.cpu_1"].value == pytest.approx(0.15)


def test_ours_alone_has_no_goal_and_is_told_service_by_service() -> None:
    [talk] = talks(RECORDINGS, 1, 1.0)
    rounds = [
        Round(OWN, [talk], [taken(talk.pcm, PEER)], Usage({"asr": cpu, "mt": 0.3}, {}, {"asr": 100.0}))
        for cpu in (1, 3, 9)
    ]
    assert goals(table(rounds)) == {}
    [row] = by_service(rounds).as_json()
    assert [row[name] for name in ("asr", "mt", "tts")] == pytest.approx([1.0, 0.1, 0.0])
