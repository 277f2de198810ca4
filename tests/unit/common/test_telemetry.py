from __future__ import annotations

from opentelemetry import trace

from services.common.telemetry import tracing


def test_a_trace_survives_the_hop() -> None:
    trace_id, span_id = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
    traceparent = f"00-{trace_id:032x}-{span_id:016x}-01"
    context = tracing.incoming([("traceparent", traceparent), ("other-bin", b"\x00")])
    assert trace.get_current_span(context).get_span_context().trace_id == trace_id
    assert dict(tracing.outgoing(context))["traceparent"] == traceparent


def test_without_a_trace_nothing_is_sent() -> None:
    assert tracing.outgoing(tracing.incoming(None)) == ()
