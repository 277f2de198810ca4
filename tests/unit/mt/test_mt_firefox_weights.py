"""The firefox engine on the trained weights that are installed: the same alone and together, and nearly as exact."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.common.text.terminology import Term
from services.mt.engine import Pair, Source
from services.mt.engines.firefox.engine import Engine
from services.mt.settings import MtSettings
from tests.models.installed import installed

PAIR = Pair("en", "pt")
BUNDLE = installed("firefox-en-pt")
LEAST_SAME = 0.9  # of the translations, by integers as by floats
TEXTS = (
    "The meeting starts at nine in the morning.",
    "Please bring your own laptop and the documents.",
    "We have two of them, and the first one is red.",
    "Our train was late because of the snow.",
    "She asked whether the shop was still open.",
    "I have never seen such a beautiful garden.",
    "The engine of the car makes a strange noise.",
    "They moved to Lisbon three years ago.",
    "Could you close the window, please?",
    "The doctor said that he should drink more water.",
    "There is a bakery behind the old church.",
    "My brother works for a small company in Porto.",
    "If it rains tomorrow, we will stay at home.",
    "The children are playing in the yard.",
    "Nobody knew the answer to that question.",
    "He forgot his keys on the kitchen table.",
    "The second part of the book is much better.",
    "What time does the museum close on Sundays?",
    "We need more chairs for the guests.",
    "Thank you all for coming tonight.",
)

pytestmark = [
    pytest.mark.weights,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BUNDLE is None, reason="the bundle firefox-en-pt is not installed"),
]


async def translated(bundle: Path, precision: str, together: bool) -> list[str]:
    options = {"bundles": [bundle], "device": "cpu", "precision": precision, "shortlist": precision != "fp32"}
    engine = Engine(MtSettings.model_validate({"firefox": options}))
    await engine.start()
    try:
        asked = [engine.translate(Source(text, PAIR)) for text in TEXTS]
        answers = await asyncio.gather(*asked) if together else [await each for each in asked]
    finally:
        await engine.stop()
    return [answer.text for answer in answers]


async def test_sentences_are_translated_alike_alone_and_together_and_by_integers_nearly_as_by_floats() -> None:
    assert BUNDLE is not None
    alone = await translated(BUNDLE, "fp32", together=False)
    assert await translated(BUNDLE, "fp32", together=True) == alone
    by_integers = await translated(BUNDLE, "auto", together=True)
    same = sum(one == other for one, other in zip(by_integers, alone, strict=True))
    assert same >= LEAST_SAME * len(TEXTS)


@pytest.mark.parametrize(
    ("text", "term", "wanted"),
    [
        ("The car transmission is broken.", Term("car", "viatura"), "A transmissão do viatura está quebrada."),
        ("My phone battery is empty.", Term("phone", "celular"), "Minha bateria do celular está vazia."),
        ("The car transmission is broken.", Term("transmission", "caixa"), "A caixa do carro está quebrada."),
    ],
)
async def test_a_term_replaces_the_word_that_says_it_and_no_other(text: str, term: Term, wanted: str) -> None:
    assert BUNDLE is not None
    engine = Engine(MtSettings.model_validate({"firefox": {"bundles": [BUNDLE], "device": "cpu"}}))
    await engine.start()
    try:
        assert (await engine.translate(Source(text, PAIR, terms=(term,)))).text == wanted
    finally:
        await engine.stop()
