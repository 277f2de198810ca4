"""Writes the tables of telemetry.md, beside it, from services/common/telemetry/metrics.toml. Run by `make docs`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from services.common.telemetry.metrics import SCHEMA, Metric, read_schema

PAGE = Path(__file__).with_name("telemetry.md")
BEGIN, END = "<!-- from metrics.toml, by `make docs` -->\n", "<!-- end -->\n"

# The file's headings, which say who has what, and its metrics, in their order.
_HEADINGS = re.compile(r"^# --- (?P<heading>.+?) -+$|^\[metrics\.\"(?P<name>.+)\"\]$", re.MULTILINE)
_KINDS = {
    "counter": "counter",
    "observed_counter": "counter",
    "up_down": "up-down counter",
    "histogram": "histogram",
    "gauge": "gauge",
}


def written(page: str, schema: str) -> str:
    """The page with its tables as a schema has them. Raises ValueError for a page without the marks around them."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if END not in rest:
        raise ValueError(f"{PAGE.name} has no {BEGIN.strip()} ... {END.strip()}")
    return "".join([before, BEGIN, _tables(schema), END, after])


def scraped(metrics: Iterable[Metric]) -> dict[str, str]:
    """What Prometheus calls the series of each metric, by the exporter itself."""
    registry, metrics = CollectorRegistry(), list(metrics)
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    for metric in metrics:
        _measure(provider.get_meter("babelmesh"), metric)
    families = {family.documentation: family.samples[0].name for family in registry.collect()}
    provider.shutdown()
    return {metric.name: families[metric.description] for metric in metrics}


def _measure(meter: Meter, metric: Metric) -> None:
    told = metric.name, metric.unit, metric.description
    if metric.kind == "histogram":
        meter.create_histogram(*told).record(1)
    elif metric.kind == "gauge":
        meter.create_gauge(*told).set(1)
    elif metric.kind == "up_down":
        meter.create_up_down_counter(*told).add(1)
    else:
        meter.create_counter(*told).add(1)


def _tables(text: str) -> str:
    schema, metrics = tomllib.loads(text), read_schema(text)
    names = scraped(metrics.values())
    lines = []
    for found in _HEADINGS.finditer(text):
        if heading := found["heading"]:
            lines += ["", f"### {heading[0].upper()}{heading[1:]}", ""]
            lines += ["| metric | in Prometheus | kind, unit | attributes | what it tells |", "|---|---|---|---|---|"]
        else:
            lines.append(_row(metrics[found["name"]], names[found["name"]], schema["metrics"][found["name"]]))
    lines += ["", "### Attributes", "", "| attribute | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in schema["attributes"].items()]
    lines += ["", "### Buckets", "", "| buckets | upper bounds |", "|---|---|"]
    lines += [f"| {name} | {', '.join(map(str, bounds))} |" for name, bounds in schema["buckets"].items()]
    return "\n".join([*lines, "", ""])


def _row(metric: Metric, name: str, entry: Mapping[str, Any]) -> str:
    kind = f"{_KINDS[metric.kind]} of *{entry['buckets']}*" if "buckets" in entry else _KINDS[metric.kind]
    attributes = ", ".join(f"`{attribute}`" for attribute in metric.attributes)
    cells = f"`{metric.name}`", f"`{name}`", f"{kind}, `{metric.unit}`", attributes, metric.description
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), SCHEMA.read_text()))
