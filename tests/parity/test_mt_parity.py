"""The translators' ids are those that transformers' `generate` finds, whoever is decoded along."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from optimum.onnxruntime import ORTModelForSeq2SeqLM
from transformers import AutoModelForSeq2SeqLM, M2M100Tokenizer

from tests.models.mt.generating import generated
from tests.models.mt.make import BUNDLE
from tests.models.mt.ours import Ours, Way, opened
from tests.models.mt.random_models import made
from tests.models.mt.reference import Asked, kept

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("default")]

MADE = Path("out/models")
TARGET = {"m2m100-tiny-random": "__es__"}
MODELS = ("tiny-marian-random", "m2m100-tiny-random", "marian-base-random")
COUNTS = {"marian-base-random": 4}  # of sources; a large model takes its time
TOGETHER = 5


@cache
def bundle(name: str) -> Path:
    """Made once for all runs."""
    return MADE / name if (MADE / name / "bundle.json").exists() else made(name, MADE)


@cache
def theirs(name: str) -> Any:
    torch.set_num_threads(1)
    bundle(name)
    return AutoModelForSeq2SeqLM.from_pretrained(MADE / f"{name}-hf", dtype=torch.float32).eval()


def sources(name: str) -> list[Asked]:
    """Of all lengths, asked for different numbers of tokens, so that they join and leave at different times."""
    chance = random.Random(name)
    config = theirs(name).config
    ids = range(4, 140)
    start = (_language(name),) if name in TARGET else ()
    return [
        Asked(
            (*chance.choices(ids, k=chance.randint(1, 24)), config.eos_token_id),
            prefix=start,
            longest=chance.randint(3, 24),
        )
        for _ in range(COUNTS.get(name, 12))
    ]


def prefixed(name: str) -> list[Asked]:
    """The same, each to be continued from ids of its own."""
    chance = random.Random(f"{name} prefix")
    return [
        replace(each, prefix=(*each.prefix, *chance.choices(range(4, 140), k=chance.randint(1, 8))))
        for each in sources(name)
    ]


async def together(ours: Ours, asked: Sequence[Asked]) -> list[tuple[int, ...]]:
    """Some at a time; whenever one ends the next joins those under way."""
    slots = asyncio.Semaphore(TOGETHER)

    async def one(each: Asked) -> tuple[int, ...]:
        async with slots:
            return await ours.decoded(each)

    return list(await asyncio.gather(*map(one, asked)))


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("name", MODELS)
async def test_sources_joining_at_different_times_get_the_ids_of_transformers(name: str, beams: int) -> None:
    asked = [replace(each, beams=beams) for each in sources(name)]
    async with opened(bundle(name), Way(beams, TOGETHER)) as ours:
        found = await together(ours, asked)
    assert found == [generated(theirs(name), each) for each in asked]


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("name", MODELS)
async def test_a_forced_prefix_is_continued_as_transformers_continues_it(name: str, beams: int) -> None:
    asked = [replace(each, beams=beams) for each in prefixed(name)]
    async with opened(bundle(name), Way(beams, TOGETHER)) as ours:
        found = await together(ours, asked)
    assert all(ids[: len(each.prefix)] == each.prefix for ids, each in zip(found, asked, strict=True))
    assert found == [generated(theirs(name), each) for each in asked]


def test_the_references_are_what_transformers_makes_of_the_committed_bundle() -> None:
    model = ORTModelForSeq2SeqLM.from_pretrained(BUNDLE)
    references = kept(BUNDLE.name)[::7]
    assert {each.asked.beams for each in references} == {1, 4}
    assert [generated(model, each.asked) for each in references] == [each.target for each in references]


def _language(name: str) -> int:
    files = (str(MADE / f"{name}-hf" / file) for file in ("vocab.json", "sentencepiece.bpe.model"))
    return int(M2M100Tokenizer(*files).convert_tokens_to_ids(TARGET[name]))
