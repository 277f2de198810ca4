"""Translators and voices with several tiers of a language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.tts.v1 import tts_pb2_grpc
from services.common.server.lifecycle import running
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh import mt, tts

TIERS = {"engine": "scripted+large", "tiers": "scripted,large", "drain_seconds": 0}


@asynccontextmanager
async def translating(large: dict[str, Any] | None = None, **told: Any) -> AsyncIterator[mt_pb2_grpc.MtAsyncStub]:
    """A stage whose larger tier translates "one" into "LARGE"."""
    variant = {"engine": "scripted", "words": {"one": "LARGE"}, **(large or {})}
    settings = MtSettings.model_validate({**TIERS, "variants": {"large": variant}, **told})
    async with running(MtServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield mt_pb2_grpc.MtStub(to)


@asynccontextmanager
async def speaking(**told: Any) -> AsyncIterator[tts_pb2_grpc.TtsAsyncStub]:
    """A stage whose larger tier has samples of another rate."""
    variant = {"engine": "scripted", "sample_rate_hertz": 24_000}
    settings = TtsSettings.model_validate({**TIERS, "variants": {"large": variant}, **told})
    async with running(TtsServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        yield tts_pb2_grpc.TtsStub(to)


async def _translated(stub: mt_pb2_grpc.MtAsyncStub, **fields: Any) -> tuple[str, str, int]:
    told: mt_pb2.TranslateResponse = await stub.Translate(mt.asking("one", **fields), timeout=60)
    return told.text, told.tier, told.larger_tiers


async def _spoken(stub: tts_pb2_grpc.TtsAsyncStub, **fields: Any) -> tuple[int, str, int]:
    pieces = await tts.spoken(stub, "one two", **fields)
    (told,) = {(piece.sample_rate_hertz, piece.tier, piece.larger_tiers) for piece in pieces}
    return told


async def test_a_text_is_translated_by_the_largest_tier_and_the_answer_says_so() -> None:
    async with translating() as stub:
        assert await _translated(stub) == ("LARGE", "large", 0)


async def test_a_translation_keeps_to_the_tier_of_its_segment_and_is_not_answered_from_another_ones_memory() -> None:
    async with translating() as stub:
        assert await _translated(stub) == ("LARGE", "large", 0)
        assert await _translated(stub, tier="scripted") == ("one-es", "scripted", 1)
        assert await _translated(stub, tier="gone", affinity=2) == ("LARGE", "large", 0)


async def test_a_translation_within_a_budget_that_the_largest_tier_cannot_keep_gets_a_smaller_one() -> None:
    async with translating(large={"compute_ms": 60}, tier_cores=100) as stub:
        assert await _translated(stub, objective_ms=50, affinity=1) == ("one-es", "scripted", 1)
        assert await _translated(stub, objective_ms=5000, affinity=2) == ("LARGE", "large", 0)


async def test_a_translators_tier_that_is_set_is_the_one_of_all() -> None:
    async with translating(tier="scripted") as stub:
        assert await _translated(stub) == ("one-es", "scripted", 0)


async def test_a_voice_that_nobody_asked_for_is_that_of_the_largest_tier() -> None:
    async with speaking() as stub:
        assert await _spoken(stub) == (24_000, "large", 0)
        assert await _spoken(stub, voice="es-1", any_voice=True) == (24_000, "large", 0)


async def test_a_voice_that_was_asked_for_is_the_one_that_speaks() -> None:
    async with speaking(tier="large") as stub:
        assert await _spoken(stub, voice="es-2") == (16_000, "", 0)


async def test_an_utterance_keeps_its_voice() -> None:
    async with speaking() as stub:
        assert await _spoken(stub, tier="scripted") == (16_000, "scripted", 1)


async def test_a_default_voice_that_is_set_has_no_tiers() -> None:
    async with speaking(default_voices={"es": "es-1"}) as stub:
        assert await _spoken(stub) == (16_000, "", 0)
        assert await _spoken(stub, lang="fr") == (24_000, "large", 0)


async def test_objectives_out_of_range_are_refused_by_their_name() -> None:
    async with translating() as stub, speaking() as voices:
        with pytest.raises(grpc.aio.AioRpcError, match="objective_ms"):
            await stub.Translate(mt.asking("one", objective_ms=60_001))
        with pytest.raises(grpc.aio.AioRpcError, match="objective_ms"):
            await tts.spoken(voices, "one", objective_ms=60_001)
