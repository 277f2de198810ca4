"""What a metric is worth when its stage is not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from services.common.states import State
from services.gateway.operations.scale.servicer import Values
from services.gateway.operations.scale.triggers import GATEWAY, Trigger
from services.gateway.operations.scale.worth import Measure
from services.gateway.operations.sight import Sight
from services.gateway.values.stages import Status

BY_SESSIONS = Trigger("tts", Measure.SESSIONS, 45.0)


@dataclass
class Seen:
    """A mesh of one gateway with so many sessions."""

    sessions: int = 0
    turned_away: int = 0
    stages: dict[str, list[Status]] = field(default_factory=dict)

    def statuses(self, stage: str) -> list[Status]:
        return [Status(State.SERVING, 400, self.sessions)] if stage == GATEWAY else self.stages.get(stage, [])

    def active(self, stage: str) -> bool:
        return bool(self.sessions or self.turned_away)


def test_synthesizers_that_all_start_yet_are_wanted_for_as_many_sessions_as_there_are() -> None:
    seen = Seen(sessions=100, turned_away=20, stages={"tts": [Status(State.STARTING)]})
    values = Values(cast(Sight, seen))
    assert values.of(BY_SESSIONS) == 120
    seen.sessions = 300
    assert values.of(BY_SESSIONS) == 320


def test_one_synthesizer_at_least_is_wanted_while_there_is_a_session_and_none_afterwards() -> None:
    seen = Seen(sessions=1)
    values = Values(cast(Sight, seen))
    assert values.of(BY_SESSIONS) == 45
    seen.sessions = 0
    assert values.of(BY_SESSIONS) == 0


def test_sessions_of_a_stage_do_not_depend_on_what_its_replicas_tell() -> None:
    busy = [Status(State.SERVING, 64, 64, 9.0, 1.0)]
    assert Values(cast(Sight, Seen(sessions=7, stages={"tts": busy}))).of(BY_SESSIONS) == 7
