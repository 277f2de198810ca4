"""What is read of a replica whenever metrics are collected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.common.engines.load import Load
from services.common.engines.versions import Version
from services.common.server.observing import observed
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.server.status import Status
from services.common.states import State
from tests.measured import measured

OF_A_VERSION = ("voices", "2", "es")


@dataclass
class Engine:
    """As much of an engine as a replica shows."""

    load: Load
    name: str = "tones"
    version: str = "1.0"
    device: str = "cpu"
    versions: Iterable[tuple[Version[Any], float]] = ()


async def test_a_replica_tells_its_slots_its_state_and_how_busy_its_engine_is() -> None:
    now = 100.0
    engine = Engine(Load("tts", most=4, clock=lambda: now), versions=((Version(*OF_A_VERSION, 1, None, calls=7), 1),))
    replica, status = Replica(Slots(3, "TTS"), engine=engine), Status()
    with measured() as seen, observed("tts", replica, status), replica.slots.taken():
        assert seen.values("state") == {("tts", "STARTING"): 1}
        assert not seen.values("engine")  # half-loaded, it could not tell what it is
        await status.enter(State.SERVING)
        engine.load.waited(0.25)
        with engine.load.working(4):
            now += 2.5
            assert seen.values("fill") == {("tts",): 0.5}
        assert seen.values("queue.seconds") == {("tts",): 0.25}
        assert seen.values("state") == {("tts", "SERVING"): 1}
        assert (seen.values("slots.used"), seen.values("slots.total")) == (
            {("tts",): 1},
            {("tts",): 3},
        )
        assert seen.values("engine") == {("tts", "tones", "1.0", "cpu"): 1}
        assert seen.values("version.calls") == {OF_A_VERSION: 7}
        assert seen.values("version.failures") == {OF_A_VERSION: 0}


async def test_a_replica_that_is_gone_is_told_of_no_more() -> None:
    with measured() as seen:
        with observed("gateway", Replica(Slots(3, "")), Status()):
            assert seen.values("slots.total") == {("gateway",): 3}
        assert not seen.series()
