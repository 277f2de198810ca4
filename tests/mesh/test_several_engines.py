"""A stage that runs several engines at once."""

from __future__ import annotations

from typing import ClassVar

import pytest

from services.common.errors import InvalidArgument
from services.mt.engine import Pair
from services.mt.engines.scripted import engine as scripted
from services.mt.serving import Engines
from services.mt.settings import MtSettings

LOG: list[str] = []


class Galician(scripted.Engine):
    """Translates into Galician, and breaks at its start when it is told to."""

    name = "galician"
    breaks: ClassVar[bool] = False

    def __init__(self, settings: MtSettings) -> None:
        super().__init__(settings)
        self.pairs = (Pair("en", "gl"), Pair("en", "es"))

    async def start(self) -> None:
        LOG.append("start")
        if self.breaks:
            raise InvalidArgument("BROKEN", "It does not start.", field="MT_ENGINE")

    async def stop(self) -> None:
        LOG.append("stop")


class Broken(Galician):
    """Breaks at its start."""

    breaks = True


def _engines(names: str) -> Engines:
    LOG.clear()
    return Engines(MtSettings(engine=names))


async def test_the_first_engine_that_has_a_pair_translates_it() -> None:
    engines = _engines(f"{__name__}:Galician+scripted")
    await engines.start()
    assert engines.name == "galician+scripted"
    assert engines.pairs[:2] == (Pair("en", "gl"), Pair("en", "es"))
    assert Pair("en", "fr") in engines.pairs
    by = {pair: [step.engine for step in way.steps] for pair, way in engines.ways.items()}
    assert by[Pair("en", "es")] == ["galician"]
    assert by[Pair("en", "fr")] == ["scripted"]
    await engines.stop()
    assert LOG == ["start", "stop"]


async def test_engines_that_have_started_are_stopped_when_a_later_one_fails() -> None:
    engines = _engines(f"{__name__}:Galician+{__name__}:Broken")
    with pytest.raises(InvalidArgument):
        await engines.start()
    assert LOG == ["start", "start", "stop", "stop"]


def test_an_engine_that_is_unknown_among_several_is_named() -> None:
    with pytest.raises(InvalidArgument, match="'nonesuch'"):
        _engines("scripted+nonesuch")


async def test_a_stage_is_as_full_as_its_fullest_engine() -> None:
    engines = _engines(f"{__name__}:Galician+scripted")
    with engines.engines[1].load.working(), engines.engines[1].load.waiting():
        assert engines.load.queue_seconds > 0
    assert engines.load.most == max(engine.load.most for engine in engines.engines)
