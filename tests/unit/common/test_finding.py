"""Terms are found by a trie exactly where patterns made of them would match, and in a time that the text decides."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.text import term_trie
from services.common.text.term_trie import Finder
from services.common.text.terminology import composed
from tests.steps import steps

_CHARS = [*"abAyYsSei", "\u00df", "\u00e9", " ", "  ", "'", "\u2019", *"-.+_1"]
TEXTS = st.lists(st.sampled_from(_CHARS), max_size=24).map("".join).map(composed)
TERMS = st.lists(
    TEXTS.filter(lambda text: any(map(str.isalnum, text))).map(lambda text: " ".join(text.split())), max_size=6
)


def by_patterns(text: str, sources: list[str], inflected: bool, exact: bool) -> list[tuple[int, int, int]]:
    """The same by one regular expression, which tries every term at every place."""
    if not sources:
        return []

    def words(source: str) -> str:
        return r"\s+".join(re.escape(word).replace("'", "['\u2019]") for word in source.split())

    def plural(source: str) -> str:
        if (len(source) < 4 and not source.isupper()) or not source[-1].isalpha():
            return ""
        stem = words(source[:-1]) + "ies" if source[-1] in "yY" else ""
        return "|".join(filter(None, (stem, f"{words(source)}(?:es|s)")))

    def case(source: str, pattern: str) -> str:
        return pattern if exact and source.isupper() and len(source) >= 2 else f"(?i:{pattern})"

    longest_first = sorted(enumerate(sources), key=lambda item: -len(item[1]))
    plain = [f"(?P<t{index}>{case(source, words(source))})" for index, source in longest_first]
    plurals = [
        f"(?P<p{index}>{case(source, plural(source))})"
        for index, source in longest_first
        if inflected and plural(source)
    ]
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(plain + plurals)})(?!\w)")
    return [(int(str(each.lastgroup)[1:]), each.start(), each.end()) for each in pattern.finditer(text)]


def by_finder(text: str, terms: Sequence[str], inflected: bool, exact: bool) -> list[tuple[int, int, int]]:
    finder = Finder(terms, frozenset(terms) if inflected else frozenset(), exact)
    return [(each.index, each.start, each.end) for each in finder.places(text)]


@settings(max_examples=300)
@given(TEXTS, TERMS, st.booleans(), st.booleans())
def test_what_is_found_is_what_patterns_find(text: str, terms: list[str], inflected: bool, exact: bool) -> None:
    assert by_finder(text, terms, inflected, exact) == by_patterns(text, terms, inflected, exact)


def test_what_is_found_in_texts_made_of_the_terms_is_what_patterns_find() -> None:
    """Hypothesis seldom writes a term into a text: here each text holds some, and what is near them."""
    drawn = random.Random(1)
    found = 0
    for _ in range(2000):
        made = ("".join(drawn.choices(_CHARS, k=drawn.randint(1, 8))) for _ in range(drawn.randint(1, 6)))
        terms = [" ".join(composed(each).split()) for each in made if any(map(str.isalnum, each))]
        parts = drawn.choices([*terms, *_CHARS, *(each.swapcase() + "s" for each in terms)], k=drawn.randint(0, 8))
        text = composed(drawn.choice(("", " ")).join(parts))
        inflected, exact = drawn.random() < 0.5, drawn.random() < 0.5
        places = by_finder(text, terms, inflected, exact)
        assert places == by_patterns(text, terms, inflected, exact), (text, terms, inflected, exact)
        found += len(places)
    assert found > 500


def test_letters_are_compared_one_by_one_as_patterns_compare_them() -> None:
    cased = [char for char in map(chr, range(0x110000)) if char.lower() != char or char.casefold() != char]
    wrong = [char for char in cased if not re.fullmatch(re.escape(term_trie.folded(char)), char, re.IGNORECASE)]
    assert not wrong


@pytest.mark.parametrize("rest", ["z", "\u2019"])
def test_a_text_of_twice_the_length_takes_twice_the_steps_whatever_the_terms(rest: str) -> None:
    """Patterns took time that grew with the terms and with the text: seconds for a glossary of 50 KB."""
    terms = [" ".join(["a"] * 30 + [f"{number:x}{rest}"]) for number in range(200)]
    short, long = "a " * 250, "a " * 500
    few, many = Finder(terms[:1]), Finder(terms)
    assert steps(lambda: many.places(long)) < 2.2 * steps(lambda: many.places(short))
    assert steps(lambda: many.places(short + "b")) < 1.2 * steps(lambda: few.places(short + "b"))
