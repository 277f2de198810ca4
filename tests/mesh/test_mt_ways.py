"""A translation stage whose pairs are chains of several engines' pairs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import ClassVar

import grpc
import pytest

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from services.common.errors import InvalidArgument, StageFailed
from services.common.server.lifecycle import running
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.scripted import engine as scripted
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.measured import measured
from tests.mesh.mt import asking, text_of

ASKED = Counter[tuple[str, str, str]]()  # how often each engine was asked for a text: name, pair, text


class Counted(scripted.Engine):
    """A scripted engine that counts what it is asked."""

    breaks: ClassVar[bool] = False

    async def translate(self, source: Source) -> Translation:
        ASKED[self.name, f"{source.pair.source}>{source.pair.target}", source.text] += 1
        if self.breaks:
            raise StageFailed("MT_ENGINE_FAILED", "It broke.", stage="MT")
        answer = await super().translate(source)
        return replace(answer, unknown_words=1)


class Leading(Counted):
    """Leads from English into Portuguese, as the first step of ways does, and continues what is concluded."""

    name = "firefox"

    def __init__(self, settings: MtSettings) -> None:
        super().__init__(settings)
        self.continues_prefix = True
        self.pairs = (Pair("en", "pt"),)


class Following(Counted):
    """Leads on from Portuguese, and has a direct pair of its own."""

    name = "embedded"

    def __init__(self, settings: MtSettings) -> None:
        super().__init__(settings)
        self.pairs = (Pair("en", "es"), Pair("pt", "es"), Pair("pt", "gl"))


class Uncounting(Following):
    """Counts no tokens."""

    async def translate(self, source: Source) -> Translation:
        return replace(await super().translate(source), tokens=None)


class Breaking(Following):
    """Breaks in the second step."""

    breaks = True


CHAIN = f"{__name__}:Leading+{__name__}:Following"


@pytest.fixture(autouse=True)
def _nothing_asked() -> Iterator[None]:
    ASKED.clear()
    yield
    ASKED.clear()


@asynccontextmanager
async def chained(
    engine: str = CHAIN, entries: int = 100, **settings: object
) -> AsyncIterator[mt_pb2_grpc.MtAsyncStub]:
    made = MtSettings.model_validate({"engine": engine, "cache_entries": entries, "drain_seconds": 0, **settings})
    async with running(MtServicer(made), made) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield mt_pb2_grpc.MtStub(to)


async def test_a_pair_goes_over_the_steps_of_its_way_in_order() -> None:
    with measured() as read:
        async with chained() as stub:
            answer = await stub.Translate(asking("house"))
        assert answer.text == "house-pt-es"
        assert sum(read.values("mt.unknown_words").values()) == 2  # one in each step
    assert list(ASKED) == [("firefox", "en>pt", "house"), ("embedded", "pt>es", "house-pt")]


async def test_the_tokens_of_all_steps_are_told_from_the_cache_too_and_not_where_one_step_counts_none() -> None:
    async with chained() as stub:
        made = [await stub.Translate(asking("a big house")) for _ in range(2)]
    assert [(each.source_tokens, each.target_tokens) for each in made] == [(6, 6)] * 2
    async with chained(f"{__name__}:Leading+{__name__}:Uncounting") as stub:
        unknown = await stub.Translate(asking("a big house"))
    assert not unknown.HasField("source_tokens")
    assert not unknown.HasField("target_tokens")


async def test_describe_lists_each_pair_once_with_its_steps() -> None:
    async with chained() as stub:
        told = await stub.Describe(mt_pb2.DescribeRequest())
    ways = {
        f"{pair.source_lang}>{pair.target_lang}": [
            (step.source_lang, step.target_lang, step.engine) for step in pair.steps
        ]
        for pair in told.pairs
    }
    assert len(ways) == len(told.pairs)
    assert ways["en>es"] == [("en", "pt", "firefox"), ("pt", "es", "embedded")]
    assert ways["en>gl"] == [("en", "pt", "firefox"), ("pt", "gl", "embedded")]
    assert ways["en>pt"] == [("en", "pt", "firefox")]


async def test_targets_that_share_a_step_have_it_done_once() -> None:
    async with chained(scripted={"compute_ms": 30}) as stub:
        texts = await asyncio.gather(
            text_of(stub, "house"), text_of(stub, "house", target_lang="gl"), text_of(stub, "house", target_lang="pt")
        )
    assert list(texts) == ["house-pt-es", "house-pt-gl", "house-pt"]
    assert ASKED["firefox", "en>pt", "house"] == 1


async def test_the_settings_name_another_way() -> None:
    async with chained(ways={"en>es": "en>es"}) as stub:
        assert await text_of(stub, "house") == "house-es"
    async with chained(ways={"en>gl": "en>pt>gl", "en>es": "en>pt>es"}) as stub:
        assert await text_of(stub, "house") == "house-pt-es"


@pytest.mark.parametrize(
    ("pair", "way"), [("en>es", "en>fr>es"), ("en>es", "en>pt"), ("en>es", "en"), ("en", "en>es"), ("en>es", "")]
)
async def test_a_way_that_nobody_can_go_is_refused_at_the_start(pair: str, way: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        async with chained(ways={pair: way}):
            pass
    assert refused.value.field == "MT_WAYS"


async def test_a_fault_of_the_second_step_is_told_as_it_is() -> None:
    async with chained(f"{__name__}:Leading+{__name__}:Breaking") as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await text_of(stub, "house")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await text_of(stub, "house", target_lang="pt") == "house-pt"


async def test_a_term_is_honoured_at_the_end_of_the_way() -> None:
    terms = [mt_pb2.Term(source="account", translation="cuenta"), mt_pb2.Term(source="Zeta")]
    async with chained() as stub:
        text = await text_of(stub, "Zeta has account numbers", terms=terms)
    assert text == "Zeta has-pt-es cuenta numbers-pt-es"


async def test_only_a_direct_way_is_forced_to_continue() -> None:
    async with chained() as stub:
        direct = await stub.Translate(asking("big house", target_lang="pt", target_prefix="grande"))
        chain = await stub.Translate(asking("big house", target_prefix="grande"))
    assert (direct.text, direct.continues_prefix) == ("grande house-pt", True)
    assert (chain.text, chain.continues_prefix) == ("big-pt-es house-pt-es", False)


async def test_the_first_step_of_a_session_goes_on_from_the_revision_before() -> None:
    words = {number: number.upper() for number in ["a", "b", "c", "d", "e", "f", "g", "h"]}
    async with chained(scripted={"words": words}) as stub:
        first = await text_of(stub, "a b c d e f g h", affinity=5)
        again = await text_of(stub, "a b c d e f g h x", affinity=5, final=False)
        other = await text_of(stub, "a b c d e f g h x", target_lang="gl", affinity=5)
    assert again.startswith(first)
    assert other == again.replace("-es", "-gl")
    assert ASKED["firefox", "en>pt", "a b c d e f g h x"] == 1
