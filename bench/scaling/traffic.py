"""Days of traffic. All synthetic: no public trace of such calls is at hand, minute by minute.

What is known of calls is kept: they come as a Poisson process whose rate changes over the day, and last log-normally
(Brown et al., "Statistical Analysis of a Telephone Call Center", JASA 100, 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from bench.scaling.fleet import Kind, Numbers

TICK_SECONDS = 3.0
HOUR = 3600.0
USUAL_SPEECH = 0.6  # share of a session's time in which somebody speaks
SERVICES = ("gateway", "asr", "mt", "tts")

Rate = Callable[[Numbers], Numbers]  # new sessions a second, at seconds from the beginning

# Sessions at once over a weekday, hour by hour, of the busiest hour's.
WEEKDAY = (3, 2, 2, 2, 3, 6, 14, 35, 70, 96, 100, 92, 70, 76, 95, 97, 88, 66, 42, 30, 22, 15, 9, 5)


def kinds(start_seconds: float = 90.0) -> Mapping[str, Kind]:
    """A gateway starts in 20 s; a stage with a GPU pulls its image and loads its model."""
    return {
        "gateway": Kind(slots=64, start_seconds=20.0),
        "asr": Kind(slots=32, start_seconds=start_seconds),
        "mt": Kind(slots=64, start_seconds=start_seconds),
        "tts": Kind(slots=64, start_seconds=start_seconds),
    }


@dataclass(frozen=True, slots=True)
class Slower:
    """A stage whose batches take so many times as long, between two times in seconds."""

    stage: str = ""
    since: float = 0.0
    until: float = 0.0
    times: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """So many hours, and what is odd about them."""

    name: str
    hours: float
    rate: Rate
    mean_minutes: float  # of a session
    spread: float = 1.0  # sigma of its logarithm
    speech: float = USUAL_SPEECH
    leave_at: float | None = None  # seconds: who is there then leaves within two minutes
    pods: Mapping[str, Kind] = field(default_factory=kinds, hash=False)
    slower: Slower = Slower()

    @property
    def ticks(self) -> int:
        """How many there are."""
        return round(self.hours * HOUR / TICK_SECONDS)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Drawn once, the same for every arm: sessions in the order they come, with how long each lasts."""

    counts: npt.NDArray[np.int64]  # by tick
    ends: npt.NDArray[np.int64]  # of each session, the tick, had it been let in as it came
    ticks: npt.NDArray[np.int64]  # in which each comes

    @property
    def total(self) -> int:
        """Sessions."""
        return len(self.ends)


def drawn(scenario: Scenario, seed: int = 6) -> Arrivals:
    """The scenario's sessions."""
    rng = np.random.default_rng([seed, len(scenario.name)])
    middles: Numbers = np.linspace(0.5, scenario.ticks - 0.5, scenario.ticks, dtype=np.float64) * TICK_SECONDS
    counts = rng.poisson(np.maximum(0.0, scenario.rate(middles)) * TICK_SECONDS)
    counts[0] += round(float(scenario.rate(middles[:1])[0]) * scenario.mean_minutes * 60)  # who was there before
    ticks = np.repeat(np.arange(scenario.ticks), counts)
    mu = np.log(scenario.mean_minutes * 60) - scenario.spread**2 / 2
    lasts = np.maximum(1, rng.lognormal(mu, scenario.spread, len(ticks)) / TICK_SECONDS).astype(np.int64)
    ends = ticks + lasts
    if scenario.leave_at is not None:
        leave = int(scenario.leave_at / TICK_SECONDS)
        left = leave + rng.integers(0, int(120 / TICK_SECONDS), len(ticks))
        ends = np.where((ticks < leave) & (ends > left), left, ends)
    return Arrivals(counts, ends, ticks)


def scenarios() -> list[Scenario]:
    """All of them, by name."""
    office = partial(_day, peak=2000.0, minutes=12.0, begins=0.0)
    morning = partial(_day, peak=2000.0, minutes=12.0, begins=6.0)
    noon = partial(_day, peak=1500.0, minutes=12.0, begins=9.0)
    night = partial(_day, peak=1500.0, minutes=30.0, begins=18.0)
    return [
        Scenario("weekday", 24, office, 12.0),
        Scenario("meetings", 5, _meetings, 25.0, spread=0.5, speech=0.3),
        Scenario("stadium", 3, _stadium, 60.0, spread=0.3, speech=0.9, leave_at=1.75 * HOUR),
        Scenario("slow start", 6, morning, 12.0, pods=kinds(240.0)),
        Scenario("long night", 12, night, 30.0, spread=1.5),
        Scenario("slow MT", 6, noon, 12.0, slower=Slower("mt", 3 * HOUR, 4.5 * HOUR, 2.0)),
        Scenario("slow TTS", 6, noon, 12.0, slower=Slower("tts", 3 * HOUR, 4.5 * HOUR, 2.0)),
    ]


def _day(seconds: Numbers, peak: float, minutes: float, begins: float) -> Numbers:
    """So many sessions at once in the busiest hour, lasting so many minutes."""
    hours = (seconds / HOUR + begins) % 24
    share = np.interp(hours, np.arange(25) + 0.5, [*WEEKDAY, WEEKDAY[0]], period=24) / 100
    rate: Numbers = share * peak / (minutes * 60)
    return rate


def _meetings(seconds: Numbers) -> Numbers:
    """300 at once, and 500 more who come about each full hour, 200 about each half."""
    minute = seconds / 60 % 60
    rate = np.full_like(seconds, 300 / (25 * 60))
    for middle, people in ((1.0, 500), (31.0, 200)):
        rate += people / 60 * np.exp(-((minute - middle) ** 2) / (2 * 1.2**2)) / (1.2 * np.sqrt(2 * np.pi))
    return rate


def _stadium(seconds: Numbers) -> Numbers:
    """200 at once; 10,000 more within five minutes."""
    rate = np.full_like(seconds, 200 / HOUR)
    rate[(seconds >= 0.5 * HOUR) & (seconds < 0.5 * HOUR + 300)] += 10_000 / 300
    return rate
