"""Metrics, by the names of metrics.toml: OpenTelemetry's no-ops unless a meter provider is set. Never any text.

An instrument has the attributes its entry there names, all of them or fewer where one does not apply.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation, UpDownCounter

SCHEMA = Path(__file__).with_name("metrics.toml")

Reading: TypeAlias = tuple[float, Mapping[str, str]]  # a value, and its attributes
Read: TypeAlias = Callable[[], Iterable[Reading]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of the schema."""

    name: str
    kind: str  # counter, up_down, histogram, gauge or observed_counter
    unit: str  # UCUM
    attributes: tuple[str, ...]
    description: str
    boundaries: tuple[float, ...] = ()  # of a histogram's buckets


def read_schema(text: str) -> dict[str, Metric]:
    """Return the metrics of a schema, by name. Raises KeyError for an attribute or buckets that it does not define."""
    schema = tomllib.loads(text)
    return {name: _metric(name, entry, schema) for name, entry in schema["metrics"].items()}


def _metric(name: str, entry: Mapping[str, Any], schema: Mapping[str, Any]) -> Metric:
    for attribute in entry["attributes"]:
        schema["attributes"][attribute]
    boundaries = tuple(map(float, schema["buckets"][entry["buckets"]])) if "buckets" in entry else ()
    return Metric(name, entry["kind"], entry["unit"], tuple(entry["attributes"]), entry["description"], boundaries)


METRICS: Mapping[str, Metric] = read_schema(SCHEMA.read_text())

_meter = metrics.get_meter("babelmesh")
_reads: Mapping[str, list[Read]] = defaultdict(list)  # of what is observed, by name
_observed: dict[str, object] = {}  # their instruments


def counter(name: str) -> Counter:
    """Return the counter with this name of the schema."""
    metric = _of(name, "counter")
    return _meter.create_counter(name, metric.unit, metric.description)


def up_down(name: str) -> UpDownCounter:
    """Return the up-down counter with this name of the schema."""
    metric = _of(name, "up_down")
    return _meter.create_up_down_counter(name, metric.unit, metric.description)


def histogram(name: str) -> Histogram:
    """Return the histogram with this name of the schema."""
    metric = _of(name, "histogram")
    return _meter.create_histogram(
        name, metric.unit, metric.description, explicit_bucket_boundaries_advisory=metric.boundaries
    )


def from_zero(counted: Counter, series: Iterable[Mapping[str, str]]) -> None:
    """Create series of a counter at zero: to Prometheus, one that begins at 1 has no increase."""
    for attributes in series:
        counted.add(0, attributes)


@contextmanager
def observed(name: str, read: Read) -> Iterator[None]:
    """Observe a gauge, or a counter kept elsewhere, whenever metrics are collected while the block lasts.

    `read` is called in another thread, at any time.
    """
    if name not in _observed:
        _observed[name] = _observable(_of(name, "gauge", "observed_counter"))
    _reads[name].append(read)
    try:
        yield
    finally:
        _reads[name].remove(read)


def _observable(metric: Metric) -> object:
    def collect(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(of)) for read in list(_reads[metric.name]) for value, of in read()]

    make = _meter.create_observable_gauge if metric.kind == "gauge" else _meter.create_observable_counter
    return make(metric.name, [collect], metric.unit, metric.description)


def _of(name: str, *kinds: str) -> Metric:
    metric = METRICS[name]
    if metric.kind not in kinds:
        raise TypeError(f"{name} is a {metric.kind}, not a {kinds[0]}")
    return metric
