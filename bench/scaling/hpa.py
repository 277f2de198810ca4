"""The HorizontalPodAutoscaler's arithmetic (autoscaling/v2), as documented and as its controller does it.

Sources: kubernetes.io, "Horizontal Pod Autoscaling"; Kubernetes' pkg/controller/podautoscaler: replica_calculator.go
and horizontal.go. Pure: times are handed in. All pods of a workload ask for the same, so pods are counted, not listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

_Choice = Callable[[Sequence[int]], int]
_Ratio = Callable[[float, int], float]  # of a sum over so many pods, to the target

TOLERANCE = 0.1
SYNC_SECONDS = 15.0
CPU_INITIALIZATION_SECONDS = 300.0
INITIAL_READINESS_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many pods, or so many percent of the pods, in a period."""

    kind: Literal["Pods", "Percent"]
    value: int
    period_seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """For one direction; `select` says which of the policies holds: the one that changes most, least, or none may."""

    stabilization_seconds: float
    policies: Sequence[Policy]
    select: Literal["Max", "Min", "Disabled"] = "Max"

    @property
    def longest_seconds(self) -> float:
        """The longest period of a policy."""
        return max((policy.period_seconds for policy in self.policies), default=0.0)


DEFAULT_UP = Rules(0.0, (Policy("Percent", 100, 15.0), Policy("Pods", 4, 15.0)))
DEFAULT_DOWN = Rules(300.0, (Policy("Percent", 100, 15.0),))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a workload's replicas, and how fast they may change."""

    least: int
    most: int
    up: Rules = DEFAULT_UP
    down: Rules = DEFAULT_DOWN


@dataclass(frozen=True, slots=True)
class Reading:
    """What the metrics API knows of a workload's pods: the sum over the measured, and how many it cannot count.

    Unready are those set aside: pending, not ready, or not measured since they were; missing have no metric at all.
    """

    total: float
    measured: int
    unready: int = 0
    missing: int = 0


def initializing(now: float, started: float, ready: float | None, measured: float, window: float) -> bool:
    """Whether the CPU metric of a running pod is set aside.

    `ready` is when it became so, None if it never did; `measured` is when the metric was taken, over a `window`.
    """
    if started + CPU_INITIALIZATION_SECONDS > now:
        return ready is None or measured < ready + window
    return ready is None


def by_average_value(value: float, target: float, replicas: int) -> int:
    """Replicas for an External or Object metric with a target of type AverageValue; `replicas` are those there are."""
    if replicas and abs(1.0 - value / (target * replicas)) <= TOLERANCE:
        return replicas
    return _ceil(value / target)


def by_utilization(reading: Reading, target_percent: int, current: int) -> int:
    """Replicas for a Resource metric with a target of type Utilization; metrics are shares of a pod's request."""

    def ratio(total: float, pods: int) -> float:
        return int(total * 100 / pods + 1e-9) / target_percent  # the controller's percent is a whole number

    return _by_ratio(reading, max(1.0, target_percent / 100), current, ratio)


def by_pods(reading: Reading, target: float, current: int) -> int:
    """Replicas for a Pods metric with its target of type AverageValue."""

    def ratio(total: float, pods: int) -> float:
        return total / pods / target

    return _by_ratio(reading, target, current, ratio)


def _by_ratio(reading: Reading, fallback: float, current: int, ratio: _Ratio) -> int:
    """`fallback` is what a missing pod is taken to use when the others say that fewer pods would do."""
    if not reading.measured:
        return current  # no metric: the controller leaves things as they are
    before = ratio(reading.total, reading.measured)
    counts_unready = reading.unready > 0 and before > 1.0
    if not counts_unready and not reading.missing:
        return current if _close(before) else _ceil(before * reading.measured)
    total = reading.total + (fallback * reading.missing if before < 1.0 else 0.0)
    pods = reading.measured + reading.missing + (reading.unready if counts_unready else 0)
    after = ratio(total, pods)
    if _close(after) or (before < 1.0 < after) or (after < 1.0 < before):
        return current
    replicas = _ceil(after * pods)
    turned = (after < 1.0 and replicas > current) or (after > 1.0 and replicas < current)
    return current if turned else replicas


class Controller:
    """Of one workload: stabilizes what is proposed and limits how fast it is followed. Remembers what it did."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._proposed: list[tuple[float, int]] = []
        self._changes: list[tuple[float, int]] = []

    def replicas(self, now: float, current: int, proposals: Sequence[int]) -> int:
        """How many there should be from now on: by the largest proposal, one a metric."""
        stable = self._stabilized(now, current, max(proposals))
        desired = self._limited(now, current, stable)
        if desired != current:
            longest = max(self._bounds.up.longest_seconds, self._bounds.down.longest_seconds)
            self._changes = [each for each in self._changes if each[0] >= now - longest]
            self._changes.append((now, desired - current))
        return desired

    def _stabilized(self, now: float, current: int, proposal: int) -> int:
        """The least change that stays within everything proposed in either direction's window."""
        up_seconds, down_seconds = (rules.stabilization_seconds for rules in (self._bounds.up, self._bounds.down))
        lowest = min([each for when, each in self._proposed if when > now - up_seconds], default=proposal)
        highest = max([each for when, each in self._proposed if when > now - down_seconds], default=proposal)
        longest = max(up_seconds, down_seconds)
        self._proposed = [each for each in self._proposed if each[0] >= now - longest] + [(now, proposal)]
        return min(max(current, min(lowest, proposal)), max(highest, proposal))

    def _limited(self, now: float, current: int, desired: int) -> int:
        if desired > current:
            limit = max(current, self._highest(now, current))
            return min(desired, limit, self._bounds.most)
        if desired < current:
            limit = min(current, self._lowest(now, current))
            return max(desired, limit, self._bounds.least)
        return min(max(desired, self._bounds.least), self._bounds.most)

    def _highest(self, now: float, current: int) -> int:
        rules = self._bounds.up
        limits = []
        for policy in rules.policies:
            before = current - self._changed(now, policy.period_seconds)
            percent = _ceil(before * (1 + policy.value / 100))
            limits.append(before + policy.value if policy.kind == "Pods" else percent)
        return _selected(rules, limits, current, (max, min))

    def _lowest(self, now: float, current: int) -> int:
        rules = self._bounds.down
        limits = []
        for policy in rules.policies:
            before = current - self._changed(now, policy.period_seconds)
            percent = int(before * (1 - policy.value / 100))
            limits.append(before - policy.value if policy.kind == "Pods" else percent)
        return _selected(rules, limits, current, (min, max))

    def _changed(self, now: float, period_seconds: float) -> int:
        return sum(change for when, change in self._changes if when > now - period_seconds)


def _selected(rules: Rules, limits: Sequence[int], current: int, most_and_least: tuple[_Choice, _Choice]) -> int:
    if rules.select == "Disabled" or not limits:
        return current
    most, least = most_and_least
    return least(limits) if rules.select == "Min" else most(limits)


def _close(ratio: float) -> bool:
    return abs(1.0 - ratio) <= TOLERANCE


def _ceil(number: float) -> int:
    return math.ceil(number - 1e-9)  # the controller counts in thousandths: 7.5 over 0.75 is 10
