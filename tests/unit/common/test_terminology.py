"""Where terms stand in a text, and when a translation honours them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.text.terminology import Term, composed, occurrences, uses

VOICEMAIL = Term("voicemail", "buz\u00f3n de voz")


def found(text: str, *sources: str) -> list[str]:
    return [text[each.start : each.end] for each in occurrences(text, [Term(source) for source in sources])]


@pytest.mark.parametrize(
    ("text", "sources", "places"),
    [
        ("The voicemail is full", ["voicemail"], ["voicemail"]),
        ("VoiceMail or VOICEMAIL", ["voicemail"], ["VoiceMail", "VOICEMAIL"]),
        ("two voicemails and a query, no, queries", ["voicemail", "query"], ["voicemails", "query", "queries"]),
        ("voicemailing is no voicemail-box", ["voicemail"], ["voicemail"]),
        ("the call center of the call", ["call", "call center"], ["call center", "call"]),
        ("a call  center", ["call center"], ["call  center"]),
        ("tell us of the US and their APIs", ["US", "API"], ["US", "APIs"]),
        ("i use github", ["GitHub"], ["github"]),
        ("C++ and .NET, not C", ["C++", ".NET"], ["C++", ".NET"]),
        ("new news", ["new"], ["new"]),
        ("the news of the newspaper", ["news", "newspaper"], ["news", "newspaper"]),
        ("it\u2019s John\u2019s", ["John's"], ["John\u2019s"]),
        ("voicemails", ["voicemail", "voicemails"], ["voicemails"]),
        ("nothing", [], []),
    ],
)
def test_terms_are_found_as_whole_words_the_longest_first(text: str, sources: list[str], places: list[str]) -> None:
    assert found(text, *sources) == places


def test_the_plural_that_is_a_term_itself_is_that_term() -> None:
    terms = [Term("voicemail", "buz\u00f3n"), Term("voicemails", "buzones")]
    assert [each.term.translation for each in occurrences("voicemails of a voicemail", terms)] == [
        "buzones",
        "buz\u00f3n",
    ]


def honoured(text: str, translation: str, *terms: Term) -> list[bool]:
    return [use.honoured for use in uses(text, translation, terms)]


@pytest.mark.parametrize(
    ("text", "translation", "hits"),
    [
        ("the voicemail is full", "El buz\u00f3n de voz est\u00e1 lleno", [True]),
        ("voicemail", "Buz\u00f3n de voz", [True]),
        ("the voicemail", "el correo de voz", [False]),
        ("a voicemail on a voicemail", "un buz\u00f3n de voz", [False]),
        ("a voicemail on GitHub", "un buz\u00f3n de voz en GitHub", [True, True]),
        ("Pixels on the Pixel", "los Pixels en el Pixel", [True]),
        ("the dog", "el perro", []),
    ],
)
def test_a_term_is_honoured_when_the_translation_holds_it_as_often(
    text: str, translation: str, hits: list[bool]
) -> None:
    assert honoured(text, translation, VOICEMAIL, Term("GitHub"), Term("Pixel")) == hits


def test_a_required_word_inside_another_one_does_not_count_for_both() -> None:
    terms = (Term("mail", "correo"), Term("email", "correo electr\u00f3nico"))
    assert honoured("mail or email", "correo electr\u00f3nico", *terms) == [False, True]
    assert honoured("mail or email", "correo o correo electr\u00f3nico", *terms) == [True, True]


def test_two_terms_of_one_translation_need_it_twice() -> None:
    terms = (Term("car", "coche"), Term("automobile", "coche"))
    assert honoured("a car is an automobile", "un coche es un veh\u00edculo", *terms) == [False, False]


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_occurrences_are_in_order_and_never_overlap(text: str, sources: list[str]) -> None:
    terms = [Term(source) for source in sources if any(char.isalnum() for char in source)]
    end = 0
    for each in occurrences(text, terms):
        assert each.start >= end
        assert each.end > each.start
        end = each.end


@given(st.text(alphabet="ae\u0301\u0327\u0315\u1112\u1161\u11ab\u09c7\u09be\u3042\u3099 .\u00e9", max_size=900))
def test_a_text_is_composed_as_unicode_says_though_it_is_done_in_pieces(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


def test_thousands_of_accents_on_one_letter_are_not_put_in_order() -> None:
    """Unicode would: in the square of their number, for each of a session's targets."""
    text = "a" + "\u0315\u0327" * 1000
    assert sorted(composed(text)) == sorted(text)
    assert composed(text) != unicodedata.normalize("NFC", text)
