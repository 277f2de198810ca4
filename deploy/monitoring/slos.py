"""The objectives, and their rules: an alert by burn rate over several windows, as in the SRE workbook, chapter 5.

A *miss* is a segment, or a session, that was not as promised. The budget is the share of misses that may be. What is
alerted on is how fast the budget burns: over a long window, so that it matters, and a short one, so that it still does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

WINDOWS = ("5m", "30m", "1h", "6h", "3d")


@dataclass(frozen=True, slots=True)
class Burn:
    """So many times faster than the budget allows, over both windows."""

    times: float
    long: str
    short: str


PAGE = (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m"))  # 2 % of a month's budget in an hour, 5 % in six
TICKET = (Burn(1, "3d", "6h"),)  # 10 % in three days


@dataclass(frozen=True, slots=True)
class Objective:
    """What share of `things` may be misses. `misses` and `all` are PromQL, `$window` in the place of the range."""

    name: str
    alert: str
    budget: float
    misses: str
    all: str
    things: str
    miss: str  # what a miss is, to be read after "of segments"
    least: int  # of them in the long window: fewer say nothing, one bad session would wake somebody
    runbook: str  # anchor in docs/operations.md

    def series(self, what: str) -> str:
        """A recorded series: "misses:increase1h", "events:increase1h" or "misses:ratio1h"."""
        return f'babelmesh:slo_{what}{{slo="{self.name}"}}'


def _late(histogram: str, seconds: float) -> str:
    within = f'{histogram}_bucket{{le=~"{seconds:g}|{seconds:.1f}"}}'  # collectors write 5, the exporter 5.0
    return f"sum(increase({histogram}_count[$window])) - sum(increase({within}[$window]))"


def _counted(counter: str) -> str:
    return f"(sum(increase({counter}[$window])) or vector(0))"  # a counter begins to exist with the first it counts


_REFUSED = _counted('babelmesh_refusals_total{stage="gateway",code="AT_CAPACITY"}')

FIRST_AUDIO_SECONDS, LAG_SECONDS = 5.0, 7.5

OBJECTIVES: Sequence[Objective] = (
    Objective(
        "first_audio",
        "BabelmeshFirstAudioLate",
        0.05,
        _late("babelmesh_first_audio_seconds", FIRST_AUDIO_SECONDS),
        "sum(increase(babelmesh_first_audio_seconds_count[$window]))",
        "segments",
        f"were not heard within {FIRST_AUDIO_SECONDS:g} s of their first sample",
        50,
        "first-audio-late",
    ),
    Objective(
        "lag",
        "BabelmeshLagging",
        0.01,
        _late("babelmesh_lag_seconds", LAG_SECONDS),
        "sum(increase(babelmesh_lag_seconds_count[$window]))",
        "segments",
        f"were not done within {LAG_SECONDS:g} s of their last sample",
        50,
        "lagging",
    ),
    Objective(
        "whole",
        "BabelmeshSegmentsDegraded",
        0.01,
        _counted('babelmesh_segments_total{outcome!="whole"}'),
        "sum(increase(babelmesh_segments_total[$window]))",
        "segments",
        "were not whole: without speech, untranslated or lost",
        50,
        "segments-degraded",
    ),
    Objective(
        "kept",
        "BabelmeshSegmentsLost",
        0.001,
        _counted('babelmesh_segments_total{outcome="lost"}'),
        "sum(increase(babelmesh_segments_total[$window]))",
        "segments",
        "were lost: their session broke before they were done",
        50,
        "segments-lost",
    ),
    Objective(
        "admitted",
        "BabelmeshSessionsRefused",
        0.01,
        _REFUSED,
        f"{_counted('babelmesh_sessions_total')} + {_REFUSED}",
        "sessions offered",
        "were refused for want of a slot",
        10,
        "sessions-refused",
    ),
)


_RECORD = Template(
    """\
      - record: $name
        labels: {slo: $slo}
        expr: >-
          $expr
"""
)

_ALERT = Template(
    """\
      - alert: $alert
        labels: {severity: $severity, slo: $slo}
        expr: >-
          $expr
        annotations:
          summary: "{{ $$value | humanizePercentage }} of $things $miss"
          description: "The objective is $objective. The budget of 30 days burns $times times as fast as it may."
          runbook_url: docs/operations.md#$runbook
"""
)


def rules() -> str:
    """A file of Prometheus rules."""
    groups = ["# Written by `python -m deploy.monitoring` from deploy/monitoring/slos.py.\ngroups:\n"]
    for objective in OBJECTIVES:
        groups.append(f"  - name: babelmesh-slo-{objective.name.replace('_', '-')}\n    rules:\n")
        groups += [_recorded(objective, window) for window in WINDOWS]
        groups += [_alert(objective, "page", PAGE), _alert(objective, "ticket", TICKET)]
    return "".join(groups)


def _recorded(objective: Objective, window: str) -> str:
    events, misses = f"events:increase{window}", f"misses:increase{window}"
    # Where nothing happened there is no ratio, rather than one that is not a number.
    expressions = {
        events: Template(objective.all).substitute(window=window),
        misses: Template(objective.misses).substitute(window=window),
        f"misses:ratio{window}": f"{objective.series(misses)} / ({objective.series(events)} > 0)",
    }
    return "".join(
        _RECORD.substitute(name=f"babelmesh:slo_{what}", slo=objective.name, expr=expr)
        for what, expr in expressions.items()
    )


def _alert(objective: Objective, severity: str, burns: Sequence[Burn]) -> str:
    return _ALERT.substitute(
        alert=objective.alert,
        severity=severity,
        slo=objective.name,
        expr="\n          or ".join(_burning(objective, burn) for burn in burns),
        things=objective.things,
        miss=objective.miss,
        objective=f"{1 - objective.budget:.6g}",
        times=" or ".join(f"{burn.times:g} ({burn.long})" for burn in burns),
        runbook=objective.runbook,
    )


def _burning(objective: Objective, burn: Burn) -> str:
    most = f"{burn.times * objective.budget:.6g}"
    return (
        f"({objective.series(f'misses:ratio{burn.long}')} > {most}"
        f" and {objective.series(f'misses:ratio{burn.short}')} > {most}"
        f" and {objective.series(f'events:increase{burn.long}')} >= {objective.least})"
    )
