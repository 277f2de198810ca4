"""Translators as programs: a sentence that ends them is not asked again, and an endless one is asked in pieces."""

from __future__ import annotations

from typing import cast

import pytest

from services.common.engines.children import Pool
from services.common.engines.load import Load
from services.common.errors import InvalidArgument, StageFailed
from services.mt.engine import Pair, Source
from services.mt.engines.embedded.pipeline import Pipeline, PipelineBroke
from services.mt.engines.embedded.translator import MOST_WORDS, Translator
from services.mt.engines.embedded.turns import Turns

PAIR = Pair("fr", "ca")


class Programs:
    """Stand for a pipeline: they answer with the text, die of one word, and never answer another."""

    alive = True

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    async def ask(self, text: str) -> str:
        self._asked.append(text)
        if "deadly" in text:
            raise PipelineBroke
        if "slow" in text:
            raise TimeoutError
        return text

    async def close(self) -> None:
        pass


def translator(asked: list[str]) -> Translator:
    async def start() -> Pipeline:
        return cast(Pipeline, Programs(asked))

    load = Load("mt", 1)
    return Translator(PAIR, Pool(start, 1), Turns(1, load.part(1)), reply_seconds=1.0)


async def test_a_sentence_that_ended_two_pipelines_is_refused_by_name() -> None:
    asked: list[str] = []
    to = translator(asked)
    for _ in range(3):
        with pytest.raises(InvalidArgument) as refused:
            await to.translate(Source("un mot deadly", PAIR, True))
        assert (refused.value.code, refused.value.stage) == ("MT_QUARANTINED", "MT")
    assert len(asked) == 2
    assert (await to.translate(Source("un autre mot", PAIR, True))).text == "un autre mot"


async def test_a_sentence_that_takes_too_long_is_asked_again_another_time() -> None:
    asked: list[str] = []
    to = translator(asked)
    for _ in range(2):
        with pytest.raises(StageFailed) as failed:
            await to.translate(Source("un mot slow", PAIR, True))
        assert failed.value.code == "MT_ENGINE_FAILED"
    assert len(asked) == 4


@pytest.mark.parametrize("between", [" ", "-", "/"])
async def test_an_endless_sentence_is_asked_in_pieces_and_comes_back_whole(between: str) -> None:
    asked: list[str] = []
    text = between.join(["mot"] * 950)
    translation = await translator(asked).translate(Source(text + ".", PAIR, True))
    assert translation.text == text + "."
    assert max(question.count("mot") for question in asked) <= MOST_WORDS
