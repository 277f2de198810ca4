"""What is compared where telemetry's cost is measured."""

from __future__ import annotations

import pytest

from bench.capacity.telemetry import METRICS, OFF, TRACING, Turn, Turns, check, goals, told
from bench.measuring.collector import Collected


def turn(cpu: float, *latencies: float) -> Turn:
    return Turn(cpu, {}, latencies, Collected())


def test_processor_time_is_compared_pair_by_pair_and_latency_of_all_turns_together() -> None:
    off = [turn(1.0, 0.1, 0.1), turn(2.0, 0.1, 0.4), turn(1.0, 0.1, 0.1)]
    on = [turn(1.1, 0.1, 0.1), turn(2.0, 0.1, 0.1), turn(1.02, 0.1, 0.3)]
    reached = goals(Turns({OFF: off, TRACING: on}), [TRACING])
    assert reached["C7.tracing_cpu"].value == pytest.approx(1.02)
    assert reached["C7.tracing_p99"].value == pytest.approx(0.3 / 0.4)


@pytest.mark.parametrize(
    ("arm", "collected"),
    [
        (OFF, Collected(spans=1)),
        (TRACING, Collected()),
        (TRACING, Collected(spans=5, metrics=1)),
        (METRICS, Collected(metrics=5)),
        (METRICS, Collected(scrapes=5)),
    ],
)
def test_an_arm_that_exported_something_else_is_no_measurement(arm: str, collected: Collected) -> None:
    with pytest.raises(RuntimeError, match=arm):
        check(arm, collected)


def test_an_arm_is_told_of_its_own_telemetry_only() -> None:
    admin = [1, 2, 3, 4]
    assert told(OFF, 9, admin) == {"OTEL_SDK_DISABLED": "true"}
    assert told(TRACING, 9, admin)["OTEL_METRICS_EXPORTER"] == "none"
    assert told(METRICS, 9, admin)["OTEL_TRACES_EXPORTER"] == "none"
    assert told(METRICS, 9, admin)["TTS_ADMIN"] == "127.0.0.1:4"
    with pytest.raises(ValueError, match="logs"):
        told("logs", 9, admin)
