"""What an expression of PromQL asks for: enough of the language for our own rules and panels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SELECTOR = re.compile(r"\b(babelmesh[_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_COMPARISON = re.compile(r"\s*(?:[=!<>]=|<|>)\s*(?:bool\s+)?[\d.]+")
_OFFSET = re.compile(r"\s+offset\s+\w+")
_ABSENT = re.compile(r"\babsent\b")
_PLAIN = re.compile(r"[\w.]+(\|[\w.]+)*")


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric by its Prometheus name, or a recorded series, and the labels it is asked by."""

    name: str
    labels: Mapping[str, str]  # label -> what it is matched with

    def values(self, label: str) -> list[str]:
        """The values it is matched with, where they are named one by one."""
        asked = self.labels.get(label, "")
        return asked.split("|") if _PLAIN.fullmatch(asked) else []


def selectors(expression: str) -> Iterator[Selector]:
    """Every metric that is asked for."""
    for name, matchers in _SELECTOR.findall(expression):
        yield Selector(name, {label: value for label, _, value in _MATCHER.findall(matchers)})


def grouped_by(expression: str) -> set[str]:
    """The labels it is grouped by, or joined on."""
    return {label.strip() for group in _GROUPING.findall(expression) for label in group.split(",") if label.strip()}


def uncompared(expression: str) -> str:
    """The expression without its thresholds, so that it answers whatever the values are.

    And without `offset`: a mesh that has just begun has no day before.
    """
    return _ABSENT.sub("", _OFFSET.sub("", _COMPARISON.sub("", expression)))


def chosen(expression: str, stage: str = "asr") -> str:
    """A panel's expression as Grafana sends it."""
    return expression.replace("$__rate_interval", "1m").replace("$stage", stage)
