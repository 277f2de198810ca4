"""No more slots are offered than a machine carries."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import pytest

from services.asr import capacity
from services.asr.engine import Endpoint, Engine, Heard, Hypothesis
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings


class Ears:
    """An engine that takes no time."""

    name, device, languages = "ears", "cpu", ("en-US",)

    def __init__(self) -> None:
        self.finals = 0

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        async for item in heard:
            if isinstance(item, Endpoint):
                self.finals += 1
                yield Hypothesis((), final=True)


@pytest.mark.parametrize(
    ("real_time_factor", "processors", "sessions"), [(0.1, 2, 31), (0.33, 2, 9), (0.9, 1, 2), (20, 2, 1), (0.3, 0.5, 3)]
)
def test_as_many_sessions_are_carried_as_there_is_processor_for(
    real_time_factor: float, processors: float, sessions: int
) -> None:
    assert capacity.carried(real_time_factor, processors) == sessions


async def test_an_engine_is_tried_and_one_that_computes_elsewhere_is_not() -> None:
    here, elsewhere = Ears(), Ears()
    elsewhere.device = "Riva server"
    assert await capacity.measured(cast(Engine, here))
    assert await capacity.measured(cast(Engine, elsewhere)) is None
    assert (here.finals, elsewhere.finals) == (2, 0)


@pytest.mark.parametrize(
    ("measure", "carried", "slots"), [(True, 3, 3), (True, 1, 1), (True, 100, 10), (True, None, 10), (False, 3, 10)]
)
async def test_a_slow_machine_offers_fewer_slots(
    measure: bool, carried: int | None, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measured(engine: Engine) -> int | None:
        return carried

    monkeypatch.setattr(capacity, "measured", measured)
    servicer = AsrServicer(AsrSettings(engine="scripted", vad="energy", slots=10, measured_slots=measure))
    await servicer.start()
    told: Any = await servicer.Describe(cast(Any, None), None)
    assert told.slots_total == slots
    assert servicer.replica.slots.open_to(resumed=True) == slots
    assert servicer.replica.slots.open_to(resumed=False) >= 1
    await servicer.stop()


def test_what_is_measured_with_is_heard_as_sound() -> None:
    pcm = capacity.like_speech(1.0)
    assert len(pcm) == 16_000
    assert 500 < abs(pcm.astype(float)).mean() < 8_000
