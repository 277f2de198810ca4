from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Word
from services.asr.stable_prefix import StablePrefix

WORD = 1000  # samples


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, n * WORD, (n + 1) * WORD) for n, word in enumerate(text.split()))


def text(heard: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in heard)


def test_a_word_is_concluded_when_two_hypotheses_agree() -> None:
    prefix = StablePrefix(2)
    assert text(prefix.hear(words("the cat"))) == "the cat"
    assert text(prefix.concluded) == ""
    assert text(prefix.hear(words("the cap sat"))) == "cap sat"
    assert text(prefix.concluded) == "the"
    assert text(prefix.hear(words("the cap sat on"))) == "on"
    assert text(prefix.concluded) == "the cap sat"


def test_agreement_one_concludes_at_once() -> None:
    prefix = StablePrefix(1)
    assert prefix.hear(words("the cat")) == ()
    assert text(prefix.concluded) == "the cat"


def test_agreement_three_waits_for_the_third() -> None:
    prefix = StablePrefix(3)
    for _ in range(2):
        prefix.hear(words("the cat"))
        assert not prefix.concluded
    prefix.hear(words("the cat"))
    assert text(prefix.concluded) == "the cat"


def test_a_hypothesis_that_takes_a_concluded_word_back_is_heard_from_its_end_on() -> None:
    prefix = StablePrefix(2)
    prefix.hear(words("the cat"))
    prefix.hear(words("the cat"))
    assert text(prefix.hear(words("a cap sat on"))) == "sat on"
    assert text(prefix.concluded) == "the cat"


def test_a_hypothesis_that_loses_its_end_keeps_what_is_concluded() -> None:
    prefix = StablePrefix(2)
    prefix.hear(words("the cat"))
    prefix.hear(words("the cat"))
    assert prefix.hear(()) == ()
    assert text(prefix.concluded) == "the cat"


@pytest.mark.parametrize("agreement", [1, 2, 3])
@given(hypotheses=st.lists(st.lists(st.sampled_from("ab"), max_size=8), max_size=20))
def test_concluded_words_are_append_only_and_in_order(agreement: int, hypotheses: list[list[str]]) -> None:
    prefix = StablePrefix(agreement)
    for hypothesis in hypotheses:
        before = prefix.concluded
        tentative = prefix.hear(words(" ".join(hypothesis)))
        assert prefix.concluded[: len(before)] == before
        starts = [word.start_samples for word in (*prefix.concluded, *tentative)]
        assert starts == sorted(set(starts))
