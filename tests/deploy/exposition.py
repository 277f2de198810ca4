"""Every metric of the schema through the real exporter, as Prometheus would see it of a whole mesh."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server

from services.common.telemetry.metrics import METRICS, Metric

# One or two of each: enough that every selector in rules and panels finds a series.
VALUES: Mapping[str, Sequence[str]] = {
    "stage": ("gateway", "asr", "mt", "tts"),
    "source_lang": ("en",),
    "target_lang": ("es", "fr"),
    "rpc": ("mesh.asr.v1.Asr/Recognize", "mesh.mt.v1.Mt/Translate", "mesh.tts.v1.Tts/Synthesize"),
    "code": ("OK", "AT_CAPACITY", "MT_ENGINE_FAILED"),
    "state": ("SERVING", "DRAINING"),
    "batcher": ("asr.step", "mt", "tts.samples"),
    "outcome": ("whole", "captions", "lost", "done"),
    "step": ("received", "recognized", "translated", "first_audio", "sent"),
    "text": ("transcript", "translation"),
}


def registry() -> CollectorRegistry:
    """Metrics that every collection finds increased."""
    found = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=found)
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("babelmesh")
    steps = [_recorder(meter, metric) for metric in METRICS.values()]
    collect = found.collect

    def counted() -> Iterable[object]:
        for step in steps:
            step()
        return collect()

    found.collect = counted  # type: ignore[method-assign, assignment]  # the one place that knows of a scrape
    return found


def _recorder(meter: Meter, metric: Metric) -> _Step:
    step = _Step(metric)
    match metric.kind:
        case "histogram":
            histogram = meter.create_histogram(
                metric.name, metric.unit, explicit_bucket_boundaries_advisory=metric.boundaries
            )
            step.record = histogram.record
        case "counter":
            step.record = meter.create_counter(metric.name, metric.unit).add
        case "up_down":
            step.record = meter.create_up_down_counter(metric.name, metric.unit).add
        case "gauge":
            meter.create_observable_gauge(metric.name, [step.observe], metric.unit)
        case _:
            meter.create_observable_counter(metric.name, [step.observe], metric.unit)
    return step


class _Step:
    """Records every metric once more."""

    def __init__(self, metric: Metric) -> None:
        self.record: object = None
        self._metric = metric
        self._times = 0

    def __call__(self) -> None:
        self._times += 1
        if callable(self.record):
            value = self._metric.boundaries[len(self._metric.boundaries) // 2] if self._metric.boundaries else 1
            for of in self._attributes():
                for _ in range(7):  # more than the least that rules ask for
                    self.record(value, of)

    def observe(self, _: object) -> Iterator[Observation]:
        for of in self._attributes():
            yield Observation(self._times if self._metric.kind == "observed_counter" else 1, of)

    def _attributes(self) -> Iterator[dict[str, str]]:
        names = self._metric.attributes
        for values in product(*(VALUES.get(name, (f"a {name}",)) for name in names)):
            yield dict(zip(names, values, strict=True))


if __name__ == "__main__":
    start_http_server(int(sys.argv[1]), "127.0.0.1", registry())
    while True:
        time.sleep(60)
