"""A translation that cannot be one is not passed on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.translation.policy import (
    LENGTH_RATIO,
    LONGEST_PHRASE,
    REPEATS,
    SLACK_WORDS,
    curbed,
    kept,
    ran_away,
)
from tests.steps import steps

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=30).map(" ".join)


def test_a_plain_translation_is_left_alone() -> None:
    assert curbed("I was there", "yo estaba allí") == "yo estaba allí"


def test_words_over_and_over_are_cut_after_their_first_saying() -> None:
    assert curbed("I was there", "yo estaba allí allí allí allí allí allí") == "yo estaba allí"
    assert curbed("well then", "pues bien " + "y luego " * 9) == "pues bien y luego"


def test_what_the_speaker_repeats_may_be_repeated() -> None:
    assert not ran_away("no no no no no no", "no no no no no no")


def test_a_translation_far_longer_than_its_source_is_cut() -> None:
    words = " ".join(f"palabra{number}" for number in range(40))
    assert ran_away("one two", words)
    assert len(curbed("one two", words).split()) == 14


def test_one_word_may_need_many() -> None:
    assert not ran_away("Dial", "Marque usted el número que desea en el teclado")


@given(WORDS, WORDS)
def test_what_is_left_is_the_start_and_does_not_run_away(source: str, translation: str) -> None:
    left = curbed(source, translation)
    assert translation.startswith(left)
    assert not ran_away(source, left)


def counted_one_by_one(source: str, translation: str) -> int:
    """How many words are kept, each phrase at each place looked at for itself."""

    def repeats(words: list[str], start: int, length: int) -> int:
        phrase, count = words[start : start + length], 0
        while phrase and words[start + count * length : start + (count + 1) * length] == phrase:
            count += 1
        return count

    sizes = range(1, LONGEST_PHRASE + 1)
    words, spoken = translation.split(), source.split()
    most = max((repeats(spoken, start, size) for start in range(len(spoken)) for size in sizes), default=0)
    allowed = max(REPEATS, 1 + most)
    ends = (start + size for start in range(len(words)) for size in sizes if repeats(words, start, size) >= allowed)
    return min(len(words), round(LENGTH_RATIO * len(spoken)) + SLACK_WORDS, next(ends, len(words)))


@given(WORDS, WORDS)
def test_phrases_are_counted_in_one_pass_as_if_each_were_looked_at(source: str, translation: str) -> None:
    assert kept(source, translation) == counted_one_by_one(source, translation)


def test_the_work_grows_with_the_text_however_often_it_repeats_a_word() -> None:
    short, long = "a " * 300, "a " * 600
    assert steps(lambda: kept(long, long)) < 2.2 * steps(lambda: kept(short, short))
