"""Drafts, bounds and loops of Moonshine's decoding, on a network that knows what it wants to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from services.asr.engines.moonshine.decoding import Draft, Logits, Search, decoded, most_tokens
from services.asr.engines.moonshine.tokenizer import BEGIN, END

VOCABULARY = 64


class Speaker:
    """A network that says the same texts whatever it is given, and counts how often it is asked."""

    def __init__(self, *texts: Sequence[int]) -> None:
        self.texts = [[*text, END] for text in texts]
        self.known: list[list[int]] = [[] for _ in texts]
        self.given: list[list[int]] = []
        self.rounds = 0

    def advance(self, tokens: Sequence[Sequence[int]]) -> Sequence[Logits]:
        self.rounds += 1
        self.given = [list(each) for each in tokens]
        asked = zip(self.texts, self.known, tokens, strict=True)
        return [self._logits(text, len(known), len(each)) for text, known, each in asked]

    def keep(self, counts: Sequence[int]) -> None:
        for known, given, count in zip(self.known, self.given, counts, strict=True):
            known.extend(given[:count])

    def _logits(self, text: Sequence[int], known: int, count: int) -> Logits:
        logits = np.zeros((count, VOCABULARY), np.float32)
        for number in range(count):
            logits[number, text[min(known + number, len(text) - 1)]] = 9
        return logits


def draft(*tokens: int) -> Draft:
    return Draft(tokens, (-0.5,) * len(tokens))


def said(speaker: Speaker, *drafts: Draft, most: int = 50) -> list[tuple[int, ...]]:
    return [found.tokens for found in decoded(speaker, [Search(each, most) for each in drafts])]


def test_without_a_draft_each_token_is_asked_for() -> None:
    speaker = Speaker([5, 6, 7])
    assert said(speaker, draft()) == [(5, 6, 7)]
    assert speaker.rounds == 4
    assert speaker.known[0][:1] == [BEGIN]


def test_a_draft_that_is_right_is_checked_at_once_and_gone_on_with() -> None:
    speaker = Speaker([5, 6, 7, 8, 9])
    assert said(speaker, draft(5, 6, 7)) == [(5, 6, 7, 8, 9)]
    assert speaker.rounds == 3


def test_a_draft_that_is_wrong_is_left_where_it_departs_and_found_again() -> None:
    speaker = Speaker([5, 30, 7, 8, 9, 10, 11])
    assert said(speaker, draft(5, 6, 7, 8, 9, 10, 11)) == [(5, 30, 7, 8, 9, 10, 11)]
    assert speaker.rounds == 3
    assert speaker.known[0] == [BEGIN, 5, 30, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("given", [(), (5,), (6, 7), (9, 9, 9), (5, 6, 7, 8, 9, 10)])
def test_the_hypothesis_is_the_same_whatever_the_draft(given: tuple[int, ...]) -> None:
    assert said(Speaker([5, 6, 7, 8]), draft(*given)) == [(5, 6, 7, 8)]


def test_several_windows_go_on_together_each_to_its_own_end() -> None:
    texts = ([5, 6, 7, 8], [20], [30, 31])
    speaker = Speaker(*texts)
    assert said(speaker, draft(5, 6), draft(), draft(30, 40)) == [tuple(text) for text in texts]
    assert speaker.rounds == 3


def test_tokens_of_a_draft_keep_their_probabilities() -> None:
    (found,) = decoded(Speaker([5, 6]), [Search(draft(5), 50)])
    assert found.logs[0] == -0.5
    assert -0.1 < found.logs[1] <= 0


def test_a_final_has_its_own_probabilities() -> None:
    (found,) = decoded(Speaker([5, 6]), [Search(draft(5), 50, final=True)])
    assert all(-0.1 < log <= 0 for log in found.logs)


def test_no_more_tokens_come_than_the_seconds_allow() -> None:
    text = [5 + number % 40 for number in range(60)]
    assert said(Speaker(text), draft(), most=12) == [tuple(text[:12])]
    assert said(Speaker(text), draft(*text), most=12) == [tuple(text[:12])]
    assert most_tokens(10) < 75


@pytest.mark.parametrize("loop", [[5], [5, 6, 7], [5, 6, 7, 8, 9, 10, 11]])
def test_a_loop_ends_where_it_first_repeats_itself(loop: list[int]) -> None:
    assert said(Speaker([20, 21, *loop * 20]), draft(), most=200) == [(20, 21, *loop)]


def test_a_phrase_that_comes_twice_is_one_before_the_final() -> None:
    text = (5, 6, 7, 8, 9, 10)
    for final, rounds in ((False, 1), (True, 2)):
        (found,) = decoded(Speaker([*text, *text]), [Search(draft(), 50, final)])
        assert found.tokens == text * rounds


def test_digits_that_are_said_several_times_are_no_loop() -> None:
    assert said(Speaker([5, 5, 5, 5, 6]), draft()) == [(5, 5, 5, 5, 6)]
