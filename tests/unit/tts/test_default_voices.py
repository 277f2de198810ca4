"""Which voice is a language's default: measured at start, or set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import ClassVar

import pytest

from services.common.errors import InvalidArgument, StageFailed
from services.tts import speeds
from services.tts.engine import Clause, Voice
from services.tts.engines.scripted import engine as scripted
from services.tts.patience import patiently
from services.tts.serving import Engines
from services.tts.settings import TtsSettings
from tests.unit.common.instant import at_once


class Neural(scripted.Engine):
    """Speaks half a second of each clause, in a time that it is told."""

    name = "neural"
    device = "elsewhere"  # so that the wall's clock counts
    takes_seconds: ClassVar[float] = 0.0

    def __init__(self, settings: TtsSettings) -> None:
        super().__init__(settings)
        self.voices = (Voice("dora", "es"), Voice("alex", "es"), Voice("joe", "pt-BR"))
        self.networks = (self.voices,)

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        time.sleep(self.takes_seconds)  # noqa: ASYNC251 - as a network computes
        yield bytes(self.sample_rate_hertz)


class Slow(Neural):
    """Takes two seconds for one of speech."""

    takes_seconds = 0.1


class Breaking(Neural):
    """Breaks when it is measured."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        yield b"\0\0"
        raise StageFailed("BROKEN", "It breaks.", stage="TTS")


async def _engines(first: str, **settings: object) -> Engines:
    options = {"engine": f"{__name__}:{first}+scripted", "pace": 0.1, **settings}
    engines = Engines(TtsSettings.model_validate(options))
    await engines.start()
    return engines


def _default(engines: Engines, language: str) -> str:
    return next(voice.name for voice in engines.voices if voice.language == language)


async def test_a_network_that_keeps_pace_speaks_by_default() -> None:
    engines = await _engines("Neural")
    assert _default(engines, "es") == "dora"
    offer = engines.offers[0]
    assert (offer.engine, offer.neural, offer.slow) == ("neural", True, False)
    assert 0 < offer.real_time_factor < 0.1
    assert not engines.slow(offer.voice)


async def test_a_network_that_does_not_is_a_voice_among_others() -> None:
    engines = await _engines("Slow")
    assert _default(engines, "es") == "es-1"
    assert _default(engines, "pt-BR") == "joe"  # nobody else speaks it
    offer = next(offer for offer in engines.offers if offer.voice.name == "alex")
    assert offer.slow
    assert offer.real_time_factor == pytest.approx(0.2, rel=0.3)
    assert engines.of(offer.voice).name == "neural"
    assert engines.slow(offer.voice)


async def test_settings_choose_a_default_whatever_was_measured() -> None:
    engines = await _engines("Slow", default_voices={"es": "alex"})
    assert _default(engines, "es") == "alex"
    assert engines.offers[0].default_languages == ("es",)


async def test_a_default_that_no_engine_has_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="'nobody' is no voice of es"):
        await _engines("Slow", default_voices={"es": "nobody"})


async def test_an_engine_that_breaks_when_it_is_measured_does_not_start() -> None:
    with pytest.raises(StageFailed):
        await _engines("Breaking")


def test_the_pace_that_is_asked_for_grows_with_the_cores_up_to_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, pace in ((1, 0.125), (2, 0.25), (4, 0.5), (64, 0.5)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert speeds.pace(None) == pace
    assert speeds.pace(0.9) == 0.9


@at_once
async def test_who_waits_for_a_slow_voice_is_told_that_it_is_at_work() -> None:
    told: list[int] = []

    async def at_work() -> None:
        told.append(len(told))

    assert await patiently(asyncio.sleep(0.1, "spoken"), 0.02, at_work) == "spoken"
    assert len(told) >= 2


async def test_the_fault_of_a_slow_voice_is_its_own() -> None:
    async def work() -> None:
        await asyncio.sleep(0.02)
        raise StageFailed("BROKEN", "It breaks.", stage="TTS")

    async def at_work() -> None:
        """Nobody listens."""

    with pytest.raises(StageFailed):
        await patiently(work(), 0.01, at_work)
