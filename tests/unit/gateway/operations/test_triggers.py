"""What an autoscaler may ask for, and how it is told what it may not."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidArgument
from services.gateway.operations.scale.triggers import OF_KEDA, Trigger, read
from services.gateway.operations.scale.worth import Measure

ASR = {"stage": "asr", "measure": "slots"}
TTS = {"stage": "tts", "measure": "sessions"}


@pytest.mark.parametrize(
    ("stage", "measure", "target"),
    [
        ("asr", "slots", 0.7),
        ("mt", "fill", 0.7),
        ("tts", "fill", 0.7),
        ("mt", "queue", 1.0),
        ("tts", "queue", 1.0),
        ("gateway", "sessions", 0.7),
    ],
)
def test_targets_have_defaults(stage: str, measure: str, target: float) -> None:
    assert read({"stage": stage, "measure": measure}) == Trigger(stage, Measure(measure), target)


def test_a_target_is_taken_and_what_keda_reads_itself_is_let_through() -> None:
    told = {**ASR, "target": "0.5", **dict.fromkeys(OF_KEDA, "x")}
    assert read(told) == Trigger("asr", Measure.SLOTS, 0.5)


@pytest.mark.parametrize(("stage", "of_mesh"), [("gateway", False), ("mt", True), ("tts", True)])
def test_sessions_of_a_stage_are_those_of_the_mesh_and_as_many_a_replica_as_the_operator_says(
    stage: str, of_mesh: bool
) -> None:
    trigger = read({"stage": stage, "measure": "sessions", "target": "44.8"})
    assert (trigger, trigger.of_mesh) == (Trigger(stage, Measure.SESSIONS, 44.8), of_mesh)
    assert [trigger.wanted(value) for value in (44.0, 45.0)] == [1, 2]


@pytest.mark.parametrize(
    ("metadata", "key", "accepted"),
    [
        ({}, "stage", "gateway, asr, mt, tts"),
        ({**ASR, "stage": "ASR"}, "stage", "gateway, asr, mt, tts"),
        ({"stage": "asr"}, "measure", "slots, fill, queue"),
        ({**ASR, "measure": "sessions"}, "measure", "slots, fill, queue"),
        ({"stage": "gateway", "measure": "slots"}, "measure", "sessions"),
        ({"stage": "tts", "measure": "cpu"}, "measure", "slots, fill, queue, sessions"),
        (TTS, "target", "how many sessions one replica is to carry"),
        ({**TTS, "target": "0"}, "target", "a number above 0"),
        ({**TTS, "target": "many"}, "target", "a number above 0"),
        ({**ASR, "metric": "slots"}, "metric", "stage, measure, target"),
        ({**ASR, "target": "0"}, "target", "a number above 0"),
        ({**ASR, "target": "-1"}, "target", "a number above 0"),
        ({**ASR, "target": "nan"}, "target", "a number above 0"),
        ({**ASR, "target": "inf"}, "target", "a number above 0"),
        ({**ASR, "target": "75%"}, "target", "a number above 0"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(metadata: dict[str, str], key: str, accepted: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        read(metadata)
    assert raised.value.field == f"scalerMetadata.{key}"
    assert accepted in str(raised.value)


def test_a_value_is_divided_by_the_target_and_rounded_up() -> None:
    assert [Trigger("asr", Measure.SLOTS, 0.75).wanted(value) for value in (0.0, 0.1, 0.75, 0.76)] == [0, 1, 1, 2]
