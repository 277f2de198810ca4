"""A glossary for one target: terms, sounds, versions, and which words may still begin a term."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.text.terminology import Term
from services.gateway.agreement.glossary import Dictionary, lexicon
from services.gateway.values.terms import Entry, Glossary

BRIDGE = Entry("conference bridge", (("es", "sala"), ("es-MX", "puente")), (("es", "\u02c8sala"), ("fr", "brid\u0292")))
REPORT = Entry("end of call report", (("es", "informe final"),))
GLOSSARY = Glossary((BRIDGE, REPORT, Entry("Asterisk")))


@pytest.mark.parametrize(
    ("lang", "translation"), [("es", "sala"), ("es-MX", "puente"), ("es-ES", "sala"), ("fr", ""), ("ca", "")]
)
def test_what_is_written_for_the_nearest_region_counts(lang: str, translation: str) -> None:
    assert lexicon(GLOSSARY, lang).terms[0] == Term("conference bridge", translation)


def test_a_pronunciation_is_for_the_word_as_the_translation_has_it() -> None:
    assert lexicon(GLOSSARY, "es").sounds == (("sala", "\u02c8sala"),)
    assert lexicon(GLOSSARY, "fr").sounds == (("conference bridge", "brid\u0292"),)
    assert lexicon(GLOSSARY, "es").sounds_in("la Sala y la sala, no salas") == (("sala", "\u02c8sala"),)


def test_the_version_is_that_of_the_content_in_any_order() -> None:
    assert Glossary((REPORT, BRIDGE), "kept").version == Glossary((BRIDGE, REPORT)).version
    assert Glossary((BRIDGE,)).version != Glossary((REPORT,)).version
    assert Glossary().version == ""


def test_own_terms_win_over_kept_ones() -> None:
    both = Glossary((Entry("ASTERISK", (("es", "asterisco"),)),)).over(Glossary(GLOSSARY.entries, "kept"))
    assert [entry.source for entry in both.entries] == ["ASTERISK", "conference bridge", "end of call report"]
    assert both.name == "kept"


def test_a_swap_counts_at_once_and_leaves_what_was_taken_before() -> None:
    dictionary = Dictionary(GLOSSARY)
    before = dictionary.of("es")
    dictionary.swap(Glossary())
    assert before.terms
    assert not dictionary.of("es").terms


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("open the conference", "open the"),
        ("open the (Conference", "open the ("),
        ("open the conference bridge", "open the conference bridge"),
        ("until the end", "until the"),
        ("until the end of", "until the"),
        ("until the End of  call", "until the"),
        ("until the end of call report", "until the end of call report"),
        ("until the end of time", "until the end of time"),
        ("the conferences", "the conferences"),
        ("", ""),
        ("asterisk", "asterisk"),
    ],
)
def test_words_that_may_begin_a_term_are_held_back(text: str, settled: str) -> None:
    assert lexicon(GLOSSARY, "es").settled(text) == settled


@given(st.lists(st.sampled_from(["the", "end", "of", "call", "report", "conference", "bridge"]), max_size=12))
def test_what_is_settled_never_ends_inside_a_term_that_comes(words: list[str]) -> None:
    terms = lexicon(GLOSSARY, "es")
    for count in range(len(words) + 1):
        settled = terms.settled(" ".join(words[:count]))
        assert len(terms.terms_in(f"{settled} ")) <= len(terms.terms_in(" ".join(words)))
        assert " ".join(words).startswith(settled)
        for term in ("end of call report", "conference bridge"):
            at = " ".join(words).find(term)
            assert not (0 <= at < len(settled) < at + len(term)) or settled[at:].isspace()


LINE = Entry("line", (("es-MX", "línea"), ("fr", "ligne")), (("en", "lain"),))


def required(dictionary: Dictionary, lang: str, spoken: str) -> list[tuple[str, str]]:
    return [(term.source, term.required) for term in dictionary.of(lang, spoken).terms]


def test_a_term_is_found_in_each_spoken_language_by_its_translation() -> None:
    dictionary = Dictionary(Glossary((LINE, Entry("SIP"))), ["en-US", "es"])
    assert required(dictionary, "es", "en-US") == [("line", "línea"), ("SIP", "SIP")]
    assert required(dictionary, "en", "es") == [("línea", "line"), ("SIP", "SIP")]
    assert required(dictionary, "fr", "es") == [("línea", "ligne"), ("SIP", "SIP")]
    assert dictionary.phrases == ("line", "SIP", "línea")
    assert dictionary.of("en", "es").sounds == (("line", "lain"),)


def test_terms_in_another_language_are_of_the_same_version() -> None:
    dictionary = Dictionary(Glossary((LINE,)), ["en", "es"])
    assert dictionary.of("en", "es").version == dictionary.of("es", "en").version == dictionary.glossary.version


def test_two_terms_with_one_translation_are_one_in_that_language() -> None:
    queue = Entry("queue", (("es", "línea"),))
    dictionary = Dictionary(Glossary((LINE, queue)), ["en", "es"])
    assert required(dictionary, "en", "es") == [("línea", "line")]
