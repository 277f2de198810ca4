"""What a translator is asked, and what is made of its answer: `shaping_cases.tsv` has the cases of each language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.common.text.terminology import Term
from services.mt.engine import Pair
from services.mt.shaping import pieces
from services.mt.shaping.pieces import Piece

TABLE = Path(__file__).with_name("shaping_cases.tsv")
STANDIN = re.compile(r"Xqz\w+")


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table. Stand-ins are written {1}, {2} in the order of the text."""

    pair: Pair
    source: str
    asked: str  # what the translator is given; empty: it is not asked
    answer: str  # what it answers
    shown: str  # what a reader gets


def cases() -> Iterator[Case]:
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            pair, source, asked, answer, shown = line.split("\t")
            yield Case(
                Pair(*pair.split(">")),
                *(each.replace("\\s", "\u00a0").replace("\\n", "\u202f") for each in (source, asked, answer, shown)),
            )


def _numbered(text: str, words: list[str]) -> str:
    for number, word in enumerate(words, 1):
        text = text.replace(word, f"{{{number}}}")
    return text


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.source)
def test_a_text_is_shaped_for_the_translator_and_back(case: Case) -> None:
    (piece,) = pieces.cut(case.source, case.pair)
    if piece.made is not None:
        assert (case.asked, piece.made) == ("", case.shown)
        return
    words = STANDIN.findall(piece.text)
    assert _numbered(piece.text, words) == case.asked
    answer = case.answer
    for number, word in enumerate(words, 1):
        answer = answer.replace(f"{{{number}}}", word)
    assert piece.whole(answer)
    assert piece.restored(answer) == case.shown


def test_each_sentence_is_asked_by_itself_and_gaps_stay() -> None:
    cut = pieces.cut("It is late.  We go!\nThank you.", Pair("en", "es"))
    assert [(piece.text, piece.gap) for piece in cut] == [("It is late.", "  "), ("We go!", "\n"), ("Thank you.", "")]
    assert pieces.joined([(piece, piece.made or piece.text.upper()) for piece in cut]) == (
        "IT IS LATE.  WE GO!\nGracias."
    )


def test_a_long_sentence_is_cut_at_a_pause_near_its_middle() -> None:
    clause = "the quick brown fox jumps over the lazy dog again and again without a rest"
    cut = pieces.cut(
        f"First {clause}, then {clause}, and then {clause}, and last of all {clause} " * 2, Pair("en", "pt")
    )
    assert len(cut) > 1
    assert all(len(piece.text.split()) <= pieces.MOST_WORDS for piece in cut)
    assert all(piece.text.endswith(",") for piece in cut[:-1])


def test_what_stands_for_something_and_is_lost_is_copied_by_itself() -> None:
    (piece,) = pieces.cut("Open https://example.com/a now, please.", Pair("en", "pt"))
    assert not piece.whole("Abra agora, por favor.")
    apart = pieces.apart(piece)
    said = [(each, each.made if each.made is not None else f"<{each.text}>") for each in apart]
    assert pieces.joined(said) == "<Open> https://example.com/a <now, please.>"


def test_a_phrase_of_every_day_that_holds_a_term_is_left_to_the_translator() -> None:
    (piece,) = pieces.cut("Thank you.", Pair("en", "es"), terms=[Term("thank you", "agradecido")])
    assert piece.made is None


def test_a_term_is_not_copied_as_an_address() -> None:
    (piece,) = pieces.cut("We use example.com here.", Pair("en", "es"), terms=[Term("example.com", "ejemplo.es")])
    assert piece.text == "We use example.com here."


def test_a_concluded_prefix_is_shaped_as_the_translator_would_have_written_it() -> None:
    (piece,) = pieces.cut("“Mail joe@example.org,” he said.", Pair("en", "pt"), "“Escreva para joe@example.org”,")
    (word,) = STANDIN.findall(piece.prefix)
    assert piece.prefix == f'"Escreva para {word}",'
    assert piece.restored(f"{piece.prefix} disse.") == "“Escreva para joe@example.org”, disse."
    assert piece.continued("“Escreva para joe@example.org”, disse.")
    assert not piece.continued("Escreva para joe@example.org, disse.")


def test_a_sentence_that_is_concluded_is_not_asked() -> None:
    first, second = pieces.cut("It is late. We go.", Pair("en", "pt"), "É tarde. Nós")
    assert (first.made, second.made, second.prefix) == ("É tarde. ", None, "Nós")


def test_no_word_that_stands_for_something_is_in_the_text() -> None:
    (piece,) = pieces.cut("The word xqzbaco is at /a/b/xqz.", Pair("en", "pt"))
    (word,) = (each for each in STANDIN.findall(piece.text))
    assert word.lower() not in "the word xqzbaco is at /a/b/xqz."


def _made(text: str, pair: Pair) -> Piece:
    (piece,) = pieces.cut(text, pair)
    return piece


@pytest.mark.parametrize("target", ["es", "pt", "gl", "ca", "fr", "it"])
@pytest.mark.parametrize("source", ["en", "es", "pt", "gl", "ca", "fr", "it"])
def test_phrases_go_from_every_language_into_every_other(source: str, target: str) -> None:
    if source != target:
        yes = {"en": "Yes", "es": "Sí", "pt": "Sim", "gl": "Si", "ca": "Sí", "fr": "Oui", "it": "Sì"}
        assert _made(f"{yes[source]}.", Pair(source, target)).made == f"{yes[target]}."
        assert _made(f"{yes[source]}.", Pair(f"{source}-XX", target)).text
