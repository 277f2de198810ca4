"""The translator finds what transformers found, with the small models; `make parity` compares more."""

from __future__ import annotations

import asyncio

import pytest

from tests.models.mt.ours import Way, opened
from tests.models.mt.reference import MODELS, Reference, kept

TRAINED = "phrasebook-en-es"


def _references(bundle: str, beams: int) -> list[Reference]:
    return [each for each in kept(bundle) if each.asked.beams == beams]


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("bundle", [TRAINED, "m2m100-smallest-random"])
async def test_sentences_decoded_together_are_those_of_transformers(bundle: str, beams: int) -> None:
    references = _references(bundle, beams)
    async with opened(MODELS / bundle, Way(beams)) as ours:
        found = await asyncio.gather(*(ours.decoded(each.asked) for each in references))
    assert found == [each.target for each in references]


async def test_a_sentence_decoded_alone_is_that_of_transformers() -> None:
    async with opened(MODELS / TRAINED, Way()) as ours:
        for each in _references(TRAINED, 1)[::40]:
            assert await ours.decoded(each.asked) == each.target


async def test_what_was_concluded_is_continued_even_where_it_is_wrong() -> None:
    forced = [each for each in _references(TRAINED, 1) if each.asked.prefix]
    async with opened(MODELS / TRAINED, Way()) as ours:
        found = await asyncio.gather(*(ours.decoded(each.asked) for each in forced))
    assert all(ids[: len(each.asked.prefix)] == each.asked.prefix for ids, each in zip(found, forced, strict=True))
