"""What is remembered of the revisions of a sentence."""

from __future__ import annotations

from services.mt.engine import Pair
from services.mt.revisions import MOST_SESSIONS, Revisions

PAIR = Pair("en", "pt")
SOURCE = "one two three four five six seven eight nine ten"
MADE = "um dois três quatro cinco seis sete oito nove dez"


def test_a_revision_goes_on_from_the_one_before_but_for_its_last_words() -> None:
    revisions = Revisions()
    assert revisions.prefix(7, PAIR, SOURCE) == ""
    revisions.keep(7, PAIR, SOURCE, MADE, "")
    assert revisions.prefix(7, PAIR, f"{SOURCE} eleven") == "um dois três quatro cinco"


def test_only_the_beginning_that_both_share_is_kept() -> None:
    revisions = Revisions()
    revisions.keep(7, PAIR, SOURCE, MADE, "")
    assert revisions.prefix(7, PAIR, "one two three four five six seven other words") == "um dois"
    assert revisions.prefix(7, PAIR, "one two three other words that come") == ""


def test_a_sentence_that_is_asked_again_has_the_same_beginning() -> None:
    revisions = Revisions()
    revisions.keep(7, PAIR, SOURCE, MADE, "um")
    assert revisions.prefix(7, PAIR, SOURCE) == "um"


def test_sessions_pairs_and_sentences_are_apart() -> None:
    revisions = Revisions()
    revisions.keep(7, PAIR, SOURCE, MADE, "")
    assert revisions.prefix(8, PAIR, f"{SOURCE} eleven") == ""
    assert revisions.prefix(7, Pair("en", "gl"), f"{SOURCE} eleven") == ""
    revisions.keep(7, PAIR, "another sentence of some words", "outra frase de algumas palavras", "")
    assert revisions.prefix(7, PAIR, f"{SOURCE} eleven") == "um dois três quatro cinco"


def test_what_is_remembered_is_bounded() -> None:
    revisions = Revisions()
    for session in range(1, MOST_SESSIONS + 2):
        revisions.keep(session, PAIR, SOURCE, MADE, "")
    assert revisions.prefix(1, PAIR, f"{SOURCE} eleven") == ""
    assert revisions.prefix(2, PAIR, f"{SOURCE} eleven") != ""
