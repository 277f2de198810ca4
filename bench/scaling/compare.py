"""Every scenario under every arm, and what may be said of ours against CPU.

CPU is tried at several targets, ours at several levels. For each target of CPU, ours is taken at the level that costs
most pod-hours of those that cost no more than CPU did, over all scenarios together, for an operator sets it once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import lru_cache, partial

from bench.measuring.report import Goal, Rows, at_most
from bench.scaling.arms import Adapter, Arm, Cpu, External, Fixed, Targets, run
from bench.scaling.recorded import Recorded
from bench.scaling.simulation import DEVICES, LAG_SECONDS, Outcome
from bench.scaling.traffic import Arrivals, Scenario, drawn

PERCENTS = (40, 50, 60, 70)
LEVELS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
BUSY = 0.85  # share of what a fixed number of replicas has that the busiest moment takes

Results = Mapping[str, Mapping[str, Outcome]]  # by arm, by scenario


def level(share: float) -> Targets:
    """Ours with one share for all, of what a replica has places for or carries."""
    return Targets(share, share, share, share)


@dataclass(frozen=True, slots=True)
class Choice:
    """An arm, and how it is made for each run."""

    name: str
    make: Callable[[], Arm]


def cpu(percent: int) -> str:
    """An arm's name."""
    return f"CPU {percent} %"


def ours(share: float) -> str:
    """An arm's name."""
    return f"ours {share:g}"


WITHOUT, ADAPTER, FIXED = "ours 0.7, MT/TTS not by sessions", "ours 0.7, adapter", "fixed"


def choices() -> list[Choice]:
    """All arms."""
    return [
        *(Choice(cpu(percent), partial(Cpu, percent)) for percent in PERCENTS),
        *(Choice(ours(share), partial(External, level(share))) for share in LEVELS),
        Choice(WITHOUT, partial(External, Targets(carried=None))),
        Choice(ADAPTER, partial(Adapter, level(0.7))),
        Choice(FIXED, Fixed),
    ]


def measured(scenarios: Sequence[Scenario], recorded: Recorded, arms: Sequence[Choice]) -> Results:
    """Runs them all, the longest scenarios first, on as many processes as there are cores."""
    longest_first = sorted(scenarios, key=lambda scenario: -scenario.hours)
    pairs = [(scenario, arm) for scenario in longest_first for arm in arms]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        outcomes = list(processes.map(partial(compared, recorded=recorded), *zip(*pairs, strict=True)))
    found = {(arm.name, scenario.name): each for (scenario, arm), each in zip(pairs, outcomes, strict=True)}
    return {arm.name: {each.name: found[arm.name, each.name] for each in scenarios} for arm in arms}


def compared(scenario: Scenario, arm: Choice, recorded: Recorded) -> Outcome:
    """One scenario under one arm; every arm has the same sessions."""
    arrivals, first, most = _sessions(scenario, recorded)
    return run(arm.make(), scenario, arrivals, recorded, most if arm.name == FIXED else first)


@lru_cache(maxsize=1)  # the arms of a scenario come one after the other
def _sessions(scenario: Scenario, recorded: Recorded) -> tuple[Arrivals, dict[str, int], dict[str, int]]:
    arrivals = drawn(scenario)
    return arrivals, *needed(scenario, arrivals, recorded)


def needed(scenario: Scenario, arrivals: Arrivals, recorded: Recorded) -> tuple[dict[str, int], dict[str, int]]:
    """Replicas for the sessions of the first moment, and of the busiest."""
    changes = [0.0] * (scenario.ticks + 1)
    for came, ends in zip(arrivals.ticks.tolist(), arrivals.ends.tolist(), strict=True):
        changes[came] += 1
        changes[min(ends, scenario.ticks)] -= 1
    at_once, most = 0.0, 0.0
    for change in changes[:-1]:
        at_once += change
        most = max(most, at_once)
    return _replicas(scenario, recorded, changes[0]), _replicas(scenario, recorded, most)


def _replicas(scenario: Scenario, recorded: Recorded, sessions: float) -> dict[str, int]:
    shares = {
        name: sessions / recorded.carried(name, DEVICES[name], scenario.speech)
        if name in DEVICES
        else sessions / (kind.slots - kind.reserved)
        for name, kind in scenario.pods.items()
    }
    return {name: min(kind.most, max(kind.least, int(shares[name] / BUSY) + 1)) for name, kind in scenario.pods.items()}


def total(outcomes: Mapping[str, Outcome]) -> Outcome:
    """Over all scenarios."""
    summed = Outcome()
    for each in outcomes.values():
        for field in fields(Outcome):
            if field.name not in ("pod_hours", "most"):
                setattr(summed, field.name, getattr(summed, field.name) + getattr(each, field.name))
        summed.pod_hours = {name: summed.pod_hours.get(name, 0.0) + own for name, own in each.pod_hours.items()}
    return summed


def matched(results: Results, percent: int, scenario: str = "") -> str:
    """Our level that costs most of those that cost no more than CPU at this target; in all, or in one scenario."""
    costs = {
        arm: (own[scenario] if scenario else total(own)).all_pod_hours
        for arm, own in results.items()
        if arm in {cpu(percent), *(ours(share) for share in LEVELS)}
    }
    most = costs.pop(cpu(percent))
    fitting = [arm for arm, cost in costs.items() if cost <= most]
    return max(fitting, key=lambda arm: costs[arm]) if fitting else min(costs, key=lambda arm: costs[arm])


COLUMNS = (
    "sessions", "rejected", "rejected %", "missed %", "pod-hours", "GPU-hours", "scalings", "moved", "killed",
)  # fmt: skip


def scenario_table(results: Results, scenario: str, arms: Sequence[str]) -> Rows:
    """One row an arm."""
    table = Rows(f"{scenario}: missed is session-time with more than {LAG_SECONDS} s of lag", ("arm", *COLUMNS))
    for arm in arms:
        each = results[arm][scenario] if scenario != "all" else total(results[arm])
        table.add(arm, *_cells(each))
    return table


def _cells(each: Outcome) -> list[int | float]:
    rejected, missed = 100 * each.rejected / each.sessions, 100 * each.missed_seconds / each.session_seconds
    scale = (each.scalings, each.moved, each.killed)
    return [each.sessions, each.rejected, rejected, missed, each.all_pod_hours, each.gpu_hours, *scale]


def against_table(results: Results, scenarios: Sequence[str]) -> Rows:
    """CPU at each target, and ours at no more pod-hours: in all, and in each scenario on its own."""
    columns = (
        "scenario",
        "CPU",
        "ours",
        "pod-hours CPU",
        "ours ",
        "rejected CPU",
        "ours  ",
        "missed % CPU",
        "ours   ",
        "better",
    )
    table = Rows("Ours at no more pod-hours", columns)
    for scenario in ("", *scenarios):
        for percent in PERCENTS:
            arm = matched(results, percent, scenario)
            theirs, own = (
                results[name][scenario] if scenario else total(results[name]) for name in (cpu(percent), arm)
            )
            table.add(scenario or "all together", f"{percent} %", arm, *_pairs(theirs, own), _verdict(theirs, own))
    return table


def _pairs(theirs: Outcome, own: Outcome) -> list[int | float]:
    missed = [100 * each.missed_seconds / each.session_seconds for each in (theirs, own)]
    return [theirs.all_pod_hours, own.all_pod_hours, theirs.rejected, own.rejected, *missed]


def _verdict(theirs: Outcome, own: Outcome) -> str:
    if own.all_pod_hours > theirs.all_pod_hours:
        return "costs more"
    worse = own.rejected > theirs.rejected, _share(own) > _share(theirs) + 1e-9
    better = own.rejected < theirs.rejected, _share(own) < _share(theirs) - 1e-9
    match any(worse), any(better):
        case True, True:
            return "in part"
        case True, False:
            return "CPU"
        case False, True:
            return "ours"
    return "equal"


def _share(each: Outcome) -> float:
    return each.missed_seconds / each.session_seconds


def best(results: Results) -> int:
    """The target of CPU with which fewest sessions are rejected and least time is missed, in shares of all."""

    def bad(percent: int) -> float:
        each = total(results[cpu(percent)])
        return each.rejected / each.sessions + _share(each)

    return min(PERCENTS, key=bad)


def goals(results: Results) -> dict[str, Goal]:
    """In all scenarios together, ours over CPU at its best target, at no more pod-hours."""
    percent = best(results)
    theirs, own = total(results[cpu(percent)]), total(results[matched(results, percent)])
    return {
        "autoscale.rejected": at_most(_over(own.rejected, theirs.rejected), 1.0),
        "autoscale.misses": at_most(_over(_share(own), _share(theirs)), 1.0),
        "autoscale.pod_hours": at_most(own.all_pod_hours / theirs.all_pod_hours, 1.0),
    }


def _over(own: float, theirs: float) -> float:
    if own <= theirs + 1e-9:
        return own / theirs if theirs else 1.0
    return own / max(theirs, 1e-6)
