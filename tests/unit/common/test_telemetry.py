from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import trace

from services.common import telemetry


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4317"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}, False),
    ],
)
def test_the_environment_asks_for_traces(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], asked: bool
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert telemetry.configured() is asked


def test_off_the_sdk_is_not_even_imported() -> None:
    program = (
        "import sys; from services.common import server, telemetry; telemetry.setup('x'); telemetry.shutdown();"
        "assert not telemetry.tracer.start_span('x').is_recording();"
        "sys.exit(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20, env={"PATH": ""})


def test_a_trace_survives_the_hop() -> None:
    trace_id, span_id = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
    traceparent = f"00-{trace_id:032x}-{span_id:016x}-01"
    context = telemetry.incoming([("traceparent", traceparent), ("other-bin", b"\x00")])
    assert trace.get_current_span(context).get_span_context().trace_id == trace_id
    assert dict(telemetry.outgoing(context))["traceparent"] == traceparent


def test_without_a_trace_nothing_is_sent() -> None:
    assert telemetry.outgoing(telemetry.incoming(None)) == ()
