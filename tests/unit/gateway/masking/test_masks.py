"""What is masked of source text, whole and while it grows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.masks.judging import MASKED, OWN, Scores, judge, read
from services.gateway.masking.kinds import CORE
from services.gateway.masking.masker import Masker, Seeker
from services.gateway.masking.names import Names
from services.gateway.masking.profanity import Grade, profanities
from services.gateway.values.speech import Transcript, Word
from services.gateway.values.terms import Masks
from tests.steps import steps

ALL = Masks(kinds=CORE, profanity=Grade.MILD)
CARD = "my card is four two four two four two four two four two four two four two four two thanks"


def masker(lang: str = "en", masks: Masks = ALL, names: Names | None = None) -> Masker:
    return Masker(masks, lang, Seeker(masks, profanities(), names))


def final(text: str, lang: str = "en", masks: Masks = ALL) -> str:
    return masker(lang, masks).masked(Transcript(1, 1, True, text, len(text))).text


def growing(text: str) -> Iterator[Transcript]:
    for end in range(1, len(text) + 1):
        part = text[:end].strip()
        stable = len(part) if text[end - 1].isspace() else part.rfind(" ") + 1
        yield Transcript(1, end, False, part, stable)


@pytest.mark.parametrize("path", OWN, ids=["ours", "others'", "people's", "people's, later"])
def test_nearly_all_that_a_list_of_sentences_holds_is_masked_and_hardly_more(path: object) -> None:
    scores, seeker = Scores(), Seeker(ALL, profanities())
    sentences = [sentence for each in OWN if each == path for sentence in read([each])]
    for sentence in sentences:
        judge(sentence, seeker.found(sentence.text, sentence.lang, complete=True).spans, scores)
    assert len(sentences) >= 300
    assert scores.total().recall >= 0.98, scores.failures
    assert scores.total().precision >= 0.95, scores.failures
    for kind in MASKED:
        assert scores.total([kind]).recall >= 0.9, scores.failures


def test_nothing_is_shown_in_two_halves_wherever_a_text_is_split() -> None:
    for sentence in read(OWN)[::15]:
        hides = masker(sentence.lang)
        whole = hides.masked(Transcript(1, 1, True, sentence.text, len(sentence.text))).text
        concluded = ""
        for said in growing(sentence.text):
            shown = hides.masked(said)
            assert whole.startswith(shown.text), sentence.text
            assert shown.text.startswith(concluded), sentence.text
            concluded = shown.text[: shown.stable_length]
        last = hides.masked(Transcript(1, 999, True, sentence.text, len(sentence.text)))
        assert (last.text, last.corrected) == (whole, False)


@pytest.mark.parametrize(
    ("lang", "said", "shown"),
    [
        ("en", "card 4242 4242 4242 4242 ok", "card [card] ok"),
        ("en", "it is four double two ok", "it is four double two ok"),
        ("en", "mail ann at home dot", "mail [email]"),
        ("es", "escriba a ana arroba uni punto edu ya", "escriba a [email] ya"),
        ("pt", "meu cpf é 111.444.777-35 ok", "meu cpf é [national id] ok"),
        ("de", "Rufen Sie 030 901820 an", "Rufen Sie [phone] an"),
        ("fr", "écrivez à a.b@c.fr, merci", "écrivez à [email], merci"),
        ("en", "born on 3 May 1984, hired on 4 June 2010", "born on [birth date], hired on [birth date]"),
        ("en", "hired on 4 June 2010", "hired on 4 June 2010"),
        ("en", "oh six one two, hang on, three four five, six seven", "[phone]"),
        ("es", "mi dni es doce, tres cuatro cinco, seis siete ocho, letra zeta", "mi dni es [national id]"),
        ("en", "g as in golf b as in bravo two nine N W B K 6016 1331 9268 19 ok", "[iban] ok"),
        (
            "pt",
            "meu cê pê efe é um dois três, quatro cinco seis, sete oito nove, zero nove",
            "meu cê pê efe é [national id]",
        ),
        ("en", "jane (at) example (dot) com, or fe eighty colon colon one", "[email], or [ip]"),
        (
            "en",
            "update to version 1.2.3.4, order 612345678, page 1 234 567",
            "update to version 1.2.3.4, order 612345678, page 1 234 567",
        ),
        ("xx", "call +34 612 345 678 now", "call [phone] now"),
    ],
)
def test_what_is_masked_is_named_by_its_kind(lang: str, said: str, shown: str) -> None:
    assert final(said, lang) == shown


@pytest.mark.parametrize(
    ("lang", "said", "shown"),
    [
        ("en", "we will meet them with the", "we will meet them with the"),
        ("en", "we meet the doctor", "we meet the"),  # who may be at a domain
        ("en", "he ran away.", "he ran away."),
        ("en", "just as soon as it is", "just as soon as it is"),
        ("en", "hold the patient,", "hold the patient,"),  # a comma parts a sentence, and no address
        ("en", "my email is ann,", "my email is"),
        ("es", "eso es", "eso"),  # which may be Spain, at the beginning of an account
        ("en", "my email is me", "my email is"),
        ("es", "se lo dije a la", "se lo dije a la"),
        ("pt", "ela falou com a gente de", "ela falou com a gente"),
    ],
)
def test_only_what_may_begin_something_waits_for_what_follows(lang: str, said: str, shown: str) -> None:
    assert masker(lang).masked(Transcript(1, 1, False, said, len(said))).text == shown


def test_an_address_that_nothing_announced_is_found() -> None:
    assert final("no dash reply at example dot com sent it") == "[email] sent it"
    assert final("ask for wendy at saint mary dot health") == "ask for [email]"
    assert final("j, o, h, n, at example dot com") == "[email]"


def test_an_address_that_is_written_may_begin_with_a_common_word() -> None:
    for said in ("shop@example.com", "me.you@example.com", "it is shop@example.com, please"):
        revisions = [masker().masked(each).text for each in growing(f"use {said} now")]
        assert all("shop" not in each and "me." not in each for each in revisions), said
        assert "[email]" in final(f"use {said} now")


def test_only_the_kinds_that_are_asked_for_are_masked() -> None:
    text = "a@b.org or 203.0.113.1"
    assert final(text, masks=Masks(kinds=("ip",))) == "a@b.org or [ip]"
    assert final(text, masks=Masks(profanity=Grade.MILD)) == text
    assert final(text, masks=Masks()) == text


def test_profanity_is_masked_by_its_grade() -> None:
    text = "damn this shit"
    assert final(text, masks=Masks(profanity=Grade.MILD)) == "[profanity] this [profanity]"
    assert final(text, masks=Masks(profanity=Grade.STRONG)) == "damn this [profanity]"
    assert final("pass the assassin Scunthorpe", masks=Masks(profanity=Grade.MILD)) == "pass the assassin Scunthorpe"


def test_a_word_that_was_hardly_heard_is_not_masked_as_profanity() -> None:
    def heard(confidence: float) -> Transcript:
        words = (Word("oh", 0, 100, 0.9), Word("shit", 100, 300, confidence))
        return masker().masked(Transcript(1, 1, True, "oh shit", 7, 0, 300, words=words))

    assert (heard(0.9).text, heard(0.2).text) == ("oh [profanity]", "oh shit")
    assert [word.text for word in heard(0.9).words] == ["oh", "[profanity]"]


def test_words_of_a_final_are_masked_as_its_text_is() -> None:
    spoken = CARD.split()
    words = tuple(Word(text, 100 * at, 100 * at + 90, 0.9) for at, text in enumerate(spoken))
    said = masker().masked(Transcript(1, 1, True, CARD, len(CARD), 0, 2000, words=words))
    assert said.text == "my card is [card] thanks"
    assert [(word.text, word.start_samples, word.end_samples) for word in said.words[-2:]] == [
        ("[card]", 300, 1890),
        ("thanks", 1900, 1990),
    ]


def test_a_text_without_punctuation_or_capitals_keeps_its_words_and_placeholders() -> None:
    text = "Well, I'm at example-site: 3.5 km! Mail A@b.org."
    assert final(text, masks=Masks(punctuation=False)) == "Well I'm at example-site 3.5 km Mail A@b.org"
    plain = Masks(kinds=CORE, punctuation=False, casing=False)
    assert final(text, masks=plain) == "well i'm at example-site 3.5 km mail [email]"


def test_text_whose_language_is_not_sure_waits() -> None:
    said = Transcript(1, 1, False, "six one two", 0, language="en", language_tentative=True)
    assert masker().masked(said).text == ""


def test_a_resumed_segment_goes_on_behind_what_its_client_has() -> None:
    had = Transcript(7, 3, False, "my card is [card]", 17)
    hides = Masker(ALL, "en", Seeker(ALL, profanities()), [had])
    again = hides.masked(Transcript(7, 4, False, "my card", 7))
    assert (again.text, again.stable_length) == ("my card is [card]", 17)
    last = hides.masked(Transcript(7, 5, True, CARD, len(CARD)))
    assert (last.text, last.corrected) == ("my card is [card] thanks", False)


def test_an_empty_final_ends_with_what_was_concluded() -> None:
    had = Transcript(7, 3, False, "my card is [card]", 17)
    hides = Masker(ALL, "en", Seeker(ALL, profanities()), [had])
    assert hides.masked(Transcript(7, 5, True, "", 0)).text == "my card is [card]"


class _Anna:
    def places(self, text: str, lang: str) -> list[tuple[int, int]]:
        at = text.find("Anna")
        return [(at, at + 4)] if at >= 0 else []


def test_names_wait_for_the_whole_segment() -> None:
    masks = Masks(kinds=("name",))
    hides = masker(masks=masks, names=_Anna())
    assert hides.masked(Transcript(1, 1, False, "I saw Anna there", 16)).text == ""
    assert hides.masked(Transcript(1, 2, True, "I saw Anna there", 16)).text == "I saw [name] there"


@pytest.mark.parametrize(
    "text",
    [
        piece * (900 // len(piece))
        for piece in (
            *(
                "4 ",
                "one two ",
                "a@",
                "a.b@c ",
                "double ",
                "1.2.3.",
                ":",
                "es91 ",
                "born 3 may ",
                "12345678",
                "x1",
                "(",
            ),
            *("j o h n dot ", "+", "a-", "twenty ", "million ", "son of a ", "at dot ", "phone 7 ", "id 1 1 "),
        )
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_more_than_a_bounded_number_of_steps_for_each_character(text: str) -> None:
    def worked(size: int) -> int:
        hides = masker()
        part = text[:size]
        return steps(lambda: hides.masked(Transcript(1, 1, True, part, len(part))))

    long = worked(800)
    assert long <= 2.6 * worked(400) + 2_500
    assert long <= 1500 * 800


def test_a_text_that_grows_is_read_once() -> None:
    text = "my card is one two three and then some words " * 20

    def once(hides: Masker, said: Transcript) -> int:
        return steps(lambda: hides.masked(said))

    hides, each = masker(), list[int]()
    for end in [at for at, char in enumerate(text) if char == " "]:
        each.append(once(hides, Transcript(1, end, False, text[:end], end)))
    early, late = max(each[20:60]), max(each[-40:])
    assert late < 2 * early + 2_000
