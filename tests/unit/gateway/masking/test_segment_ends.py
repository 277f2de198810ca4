"""What is masked where a segment ends in the middle of what is dictated, and the next one goes on with it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.masks.ends import LET_THROUGH, shown, splits
from bench.masks.judging import OWN, read
from services.gateway.masking.masker import LONGEST_PAUSE, Masker, Seeker
from services.gateway.masking.profanity import profanities
from services.gateway.values.speech import Transcript
from tests.unit.gateway.masking.test_masks import ALL, growing


def said(segment: int, text: str, start: int = 0) -> Transcript:
    return Transcript(segment, 1, True, text, len(text), start, start)


def finals(lang: str, *texts: str) -> list[str]:
    hides = Masker(ALL, lang, Seeker(ALL, profanities()))
    return [hides.masked(said(number, text)).text for number, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("lang", "segments", "shown"),
    [
        (
            "en",
            ("my card is four two four two.", "Four two four two four two.", "four two four two four two thanks"),
            ["my card is [card].", "[phone].", "[card] thanks"],
        ),
        ("en", ("my card number is", "4242 4242 4242 4242 ok"), ["my card number is", "[card] ok"]),
        (
            "en",
            ("My number is six one two.", "five five five", "zero one four two"),
            ["My number is [phone].", *2 * ["[phone]"]],
        ),
        ("es", ("mi correo es juan punto perez arroba", "uni punto com ya"), ["mi correo es [email]", "[email] ya"]),
        ("pt", ("o servidor é dez ponto zero ponto", "zero ponto um"), ["o servidor é [ip]", "[ip]"]),
        ("en", ("I was born on the", "third of May 1984"), ["I was born on the", "[birth date]"]),
        ("en", ("ring me on plus three five three", "eight seven"), ["ring me on plus [phone]", "[phone]"]),
        ("en", ("it's six zero double one", "double one five"), ["it's [phone]", "[phone]"]),
        ("en", ("one plus twenty two", "is right"), ["one plus twenty two", "is right"]),
        ("en", ("they gave me I E two nine A I", "B K nine"), ["they gave me [iban]", "[iban]"]),
        ("en", ("it has I T two people", "in it"), ["it has I T two people", "in it"]),
        ("pt", ("pt cinco zero zero zero um", "oito"), ["[iban]", "[iban]"]),
        ("en", ("that is j o h n dot w", "at acme dot com"), ["that is [email]", "[email]"]),
        ("en", ("it's four one double two six nine three, hang on, one eight", "ok"), ["it's [phone]", "ok"]),
        ("en", ("I work for the B B C", "in town"), ["I work for the B B C", "in town"]),
        ("en", ("We met in 1984.", "2010 was better."), ["We met in 1984.", "2010 was better."]),
        ("en", ("it rose between 2019 and 2023", "and then fell"), ["it rose between 2019 and 2023", "and then fell"]),
        ("en", ("call me at 10:30.", "5 people come"), ["call me at 10:30.", "5 people come"]),
    ],
)
def test_a_number_is_hidden_over_several_segments(lang: str, segments: Sequence[str], shown: list[str]) -> None:
    assert finals(lang, *segments) == shown


def test_hardly_anything_is_shown_in_two_halves_wherever_a_segment_ends() -> None:
    seeker = Seeker(ALL, profanities())
    words = [shown(split, sentence.lang, ALL, seeker) for sentence in read(OWN)[::25] for split in splits(sentence)]
    assert len(words) > 80
    assert sum(count > LET_THROUGH for count in words) <= 0.02 * len(words)


def test_a_segment_that_goes_on_with_a_number_only_grows() -> None:
    first, second = "my card is four two four two", "four two four two, four two four two, four two four two, thanks"
    hides = Masker(ALL, "en", Seeker(ALL, profanities()))
    hides.masked(said(1, first))
    concluded = ""
    for each in growing(second):
        shown = hides.masked(Transcript(2, each.revision, False, each.text, each.stable_length))
        assert "[card], thanks".startswith(shown.text)
        assert shown.text.startswith(concluded)
        concluded = shown.text[: shown.stable_length]
    assert hides.masked(said(2, second)).text == "[card], thanks"


def test_what_is_said_long_after_a_number_is_not_taken_for_its_rest() -> None:
    hides = Masker(ALL, "en", Seeker(ALL, profanities()))
    hides.masked(said(1, "my card is four two"))
    assert hides.masked(said(2, "seven people came", LONGEST_PAUSE + 1)).text == "seven people came"
    assert finals("en", "my card is four two", "seven people came")[1] == "[card] people came"
