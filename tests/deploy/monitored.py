"""The rules, and the panels' queries, as they lie in deploy/monitoring."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from deploy.monitoring.__main__ import FOLDER

RULES = sorted((FOLDER / "rules").glob("*.yaml"))
TESTS = sorted((FOLDER / "tests").glob("*.yaml"))
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and where it stands."""

    place: str
    expression: str


@cache
def rules() -> tuple[dict[str, Any], ...]:
    """Every rule, recording or alerting."""
    files = [yaml.safe_load(path.read_text()) for path in RULES]
    return tuple(rule for file in files for group in file["groups"] for rule in group["rules"])


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def rule_queries() -> list[Query]:
    return [Query(f"{rule.get('alert') or rule['record']} {rule.get('labels', {})}", rule["expr"]) for rule in rules()]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel, with its dashboard's name."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield path.stem, panel


def panel_queries() -> list[Query]:
    return [
        Query(f"{dashboard}: {panel['title']}", target["expr"])
        for dashboard, panel in panels()
        for target in panel.get("targets", [])
        if "expr" in target
    ]
