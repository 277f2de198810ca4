"""Grafana's JSON, as far as our dashboards use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

PROMETHEUS: Json = {"type": "prometheus", "uid": "${metrics}"}
TRACES: Json = {"type": "tempo", "uid": "${traces}"}

WIDTH, HEIGHT = 24, 8  # Grafana's grid: so many columns, and rows of a panel


@dataclass(frozen=True, slots=True)
class Panel:
    """A diagram: PromQL by legend. `most` is drawn as a line, red above it; that of an objective is the objective."""

    title: str
    description: str
    queries: Mapping[str, str]
    unit: str = "short"
    most: float | None = None
    kind: str = "timeseries"
    width: int = 8
    extra: Json = field(default_factory=dict)

    def json(self, number: int) -> dict[str, Any]:
        """Without its place."""
        thresholds: list[Json] = [{"color": "green", "value": None}]
        if self.most is not None:
            thresholds.append({"color": "red", "value": self.most})
        custom = {"thresholdsStyle": {"mode": "line"}} if self.kind == "timeseries" and self.most is not None else {}
        targets = [
            {"refId": chr(ord("A") + place), "datasource": PROMETHEUS, "expr": expr, "legendFormat": legend}
            | ({"format": "heatmap"} if self.kind == "heatmap" else {})
            for place, (legend, expr) in enumerate(self.queries.items())
        ]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": PROMETHEUS,
            "targets": targets,
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    "custom": custom,
                    "thresholds": {"mode": "absolute", "steps": thresholds},
                },
                "overrides": [],
            },
            "options": {},
            **self.extra,
        }


@dataclass(frozen=True, slots=True)
class Other:
    """A panel that asks Prometheus nothing: words, or traces."""

    title: str
    description: str
    kind: str
    options: Json
    width: int = WIDTH
    query: str = ""  # TraceQL

    def json(self, number: int) -> dict[str, Any]:
        """Without its place."""
        target = {"refId": "A", "datasource": TRACES, "queryType": "traceql", "query": self.query, "limit": 20}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "options": self.options,
        } | ({"datasource": TRACES, "targets": [target]} if self.query else {})


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Panels from left to right, row by row, with what can be chosen above them."""

    uid: str
    title: str
    description: str
    panels: Sequence[Panel | Other]
    variables: Sequence[Json] = ()

    def json(self) -> dict[str, Any]:
        """As Grafana imports it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["babelmesh"],
            "schemaVersion": 39,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "templating": {"list": [datasource("metrics", "prometheus"), *self.variables]},
            "panels": _placed(self.panels),
            "links": [
                {
                    "title": "Babelmesh",
                    "type": "dashboards",
                    "tags": ["babelmesh"],
                    "keepTime": True,
                    "asDropdown": True,
                }
            ],
        }


def datasource(name: str, kind: str) -> Json:
    """Which of several is asked."""
    return {"name": name, "label": name, "type": "datasource", "query": kind, "current": {}, "hide": 0}


def choice(name: str, values: Sequence[str]) -> Json:
    """One of a few."""
    options = [{"text": value, "value": value, "selected": value == values[0]} for value in values]
    return {
        "name": name,
        "label": name,
        "type": "custom",
        "query": ",".join(values),
        "options": options,
        "current": options[0],
    }


def typed(name: str) -> Json:
    """What whoever looks types in."""
    return {"name": name, "label": name, "type": "textbox", "query": "", "current": {"text": "", "value": ""}}


def _placed(panels: Sequence[Panel | Other]) -> list[Json]:
    placed: list[Json] = []
    x = y = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y = 0, y + HEIGHT
        placed.append({**panel.json(number), "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHT}})
        x += panel.width
    return placed
