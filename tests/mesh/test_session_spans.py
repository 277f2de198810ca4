"""The spans of sessions that do not end well: whole, and by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.gateway import lifecycle
from services.gateway.account import ledger
from tests.mesh.fake_stage import until
from tests.mesh.mesh import control, gateway, hello, talk, text


class Spans:
    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    def outcomes(self) -> list[tuple[Any, str | None]]:
        """Of each session: how it ended, and its span's status."""
        return [
            ((span.attributes or {})["babelmesh.outcome"], span.status.description) for span in self.named("session")
        ]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (lifecycle, ledger):
        monkeypatch.setattr(module, "tracer", provider.get_tracer("test"))
    yield Spans(exporter)
    provider.shutdown()


async def test_a_fault_is_told_by_its_code_and_not_by_its_words(spans: Spans) -> None:
    async with gateway() as stub:
        await talk(stub, hello("es"), control("kookaburra"))
    assert spans.outcomes() == [("invalid", "UNKNOWN_ACTION")]
    (session,) = spans.named("session")
    assert "kookaburra" not in session.to_json()


async def test_a_session_that_no_recognizer_takes_is_refused_by_name(spans: Spans) -> None:
    async with gateway(asr_slots=1) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        await first.read()
        heard = await talk(stub, hello("es"))
        first.cancel()
        await until(lambda: len(spans.named("session")) == 2)
    assert heard.fault is not None
    assert sorted(spans.outcomes(), key=str) == [("cancelled", None), ("refused", heard.fault.code)]


async def test_segments_a_client_leaves_behind_have_spans_that_say_so(spans: Spans) -> None:
    async with gateway(mt={"hang_target": "fr"}, stages={"stuck_seconds": 60}) as stub:
        call: Any = stub.Stream()
        for message in [hello("es", "fr"), text("one", final=True)]:
            await call.write(message)
        while not (await call.read()).HasField("latency"):
            pass
        call.cancel()
        await until(lambda: bool(spans.named("session")))
    (segment,) = spans.named("segment")
    assert (segment.attributes or {})["babelmesh.undelivered"] == ("fr",)
    assert [event.name for event in segment.events] == ["delivered"]  # in "es"
