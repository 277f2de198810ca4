from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.asr.engine import Hypothesis, PrefixRules, Word
from services.asr.stable_prefix import StablePrefix

WORD = 1000  # samples


def guess(text: str, stable_words: int = 0) -> Hypothesis:
    words = tuple(Word(word, n * WORD, (n + 1) * WORD) for n, word in enumerate(text.split()))
    return Hypothesis(words, stable_words=stable_words)


def text(heard: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in heard)


def test_a_word_is_concluded_when_two_hypotheses_agree() -> None:
    prefix = StablePrefix(PrefixRules(agreement=2))
    assert text(prefix.hear(guess("the cat"))) == "the cat"
    assert text(prefix.concluded) == ""
    assert text(prefix.hear(guess("the cap sat"))) == "cap sat"
    assert text(prefix.concluded) == "the"
    assert text(prefix.hear(guess("the cap sat on"))) == "on"
    assert text(prefix.concluded) == "the cap sat"


def test_agreement_one_concludes_at_once() -> None:
    prefix = StablePrefix(PrefixRules(agreement=1))
    assert prefix.hear(guess("the cat")) == ()
    assert text(prefix.concluded) == "the cat"


def test_agreement_three_waits_for_the_third() -> None:
    prefix = StablePrefix(PrefixRules(agreement=3))
    for _ in range(2):
        prefix.hear(guess("the cat"))
        assert not prefix.concluded
    prefix.hear(guess("the cat"))
    assert text(prefix.concluded) == "the cat"


def test_a_hypothesis_that_takes_a_concluded_word_back_is_heard_from_its_end_on() -> None:
    prefix = StablePrefix(PrefixRules(agreement=2))
    prefix.hear(guess("the cat"))
    prefix.hear(guess("the cat"))
    assert text(prefix.hear(guess("a cap sat on"))) == "sat on"
    assert text(prefix.concluded) == "the cat"


def test_words_that_come_in_between_are_not_said_twice() -> None:
    prefix = StablePrefix(PrefixRules(agreement=1))
    prefix.hear(guess("you will navigate this"))
    assert prefix.hear(guess("P B you will navigate this demo")) == ()
    assert text(prefix.concluded) == "you will navigate this demo"


def test_words_that_are_taken_out_again_cost_none_of_those_behind_them() -> None:
    prefix = StablePrefix(PrefixRules(agreement=1))
    prefix.hear(guess("like a normal P B you will"))
    prefix.hear(guess("like a normal you will navigate this"))
    assert text(prefix.concluded) == "like a normal P B you will navigate this"


def test_a_hypothesis_that_loses_its_end_keeps_what_is_concluded() -> None:
    prefix = StablePrefix(PrefixRules(agreement=2))
    prefix.hear(guess("the cat"))
    prefix.hear(guess("the cat"))
    assert prefix.hear(guess("")) == ()
    assert text(prefix.concluded) == "the cat"


def test_the_last_words_of_a_hypothesis_are_held() -> None:
    prefix = StablePrefix(PrefixRules(held_words=2))
    assert text(prefix.hear(guess("the cat"))) == "the cat"
    assert text(prefix.hear(guess("the cap sat"))) == "cap sat"
    assert text(prefix.concluded) == "the"
    prefix.hear(guess("the cap sat on a"))
    assert text(prefix.concluded) == "the cap sat"


def test_words_that_are_agreed_on_are_held_all_the_same_where_both_rules_are_set() -> None:
    prefix = StablePrefix(PrefixRules(agreement=2, held_words=1))
    prefix.hear(guess("the cat"))
    assert text(prefix.hear(guess("the cat"))) == "cat"
    assert text(prefix.concluded) == "the"


def test_an_engine_that_knows_what_is_stable_is_believed() -> None:
    prefix = StablePrefix(PrefixRules(engine_told=True))
    assert text(prefix.hear(guess("the cat", stable_words=1))) == "cat"
    assert text(prefix.hear(guess("the cap sat", stable_words=1))) == "cap sat"
    prefix.hear(guess("the cap sat on", stable_words=3))
    assert text(prefix.concluded) == "the cap sat"


RULES = st.builds(PrefixRules, agreement=st.integers(1, 3), held_words=st.integers(0, 2), engine_told=st.booleans())


@given(RULES, st.lists(st.tuples(st.lists(st.sampled_from("ab"), max_size=8), st.integers(0, 8)), max_size=20))
def test_concluded_words_are_append_only_and_in_order(
    rules: PrefixRules, hypotheses: list[tuple[list[str], int]]
) -> None:
    prefix = StablePrefix(rules)
    for hypothesis, stable_words in hypotheses:
        before = prefix.concluded
        tentative = prefix.hear(guess(" ".join(hypothesis), min(stable_words, len(hypothesis))))
        assert prefix.concluded[: len(before)] == before
        starts = [word.start_samples for word in (*prefix.concluded, *tentative)]
        assert starts == sorted(set(starts))


def test_capitals_and_marks_do_not_count_as_another_word() -> None:
    prefix = StablePrefix(PrefixRules(agreement=2))
    prefix.hear(guess("We have also. Installed"))
    prefix.hear(guess("We have, also installed a"))
    assert text(prefix.concluded) == "We have, also installed"
    assert text(prefix.hear(guess("we have also Installed a set"))) == "set"
