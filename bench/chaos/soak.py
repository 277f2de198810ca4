"""Many sessions for a long time: nothing may grow, and the clock may not drift.

    python -m bench.chaos.soak [--short] [--minutes 30] [--sessions 20] [--keep FOLDER]

One of each service. Memory is the sum of all of them, its slope a least-squares fit over what follows the warm-up, a
fifth of the run. Files and threads are those of the service that gained most between the end of the warm-up and the
end.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.scene import Outcome, folder, judged, options, play
from bench.chaos.talking import Load
from bench.measuring.processes import Inventory, inventory
from bench.measuring.report import Goal, Rows, at_most

SAMPLE_SECONDS = 5.0
WARM_SHARE = 0.2
FLAT = 4  # files or threads that may be open now and not then: a call or two are always under way


@dataclass(frozen=True, slots=True)
class Sample:
    """What each member held at an instant."""

    t: float
    held: Mapping[str, Inventory]

    @property
    def rss_mib(self) -> float:
        """Of all."""
        return sum(each.rss_mib for each in self.held.values())


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, minutes=(30.0, 0.5), sessions=(20, 4))
    play("soak", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and a look at the services now and then."""
    samples: list[Sample] = []
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(asr=1, mt=1, tts=1), path / "mesh") as up:
            async with Load(told.sessions).at(up.address, path / "ledgers"):
                until = time.monotonic() + 60 * told.minutes
                while time.monotonic() < until:
                    await asyncio.sleep(SAMPLE_SECONDS)
                    samples.append(sample(up))
            verdict = await judged(path / "ledgers")
    steady = samples[int(len(samples) * WARM_SHARE) :]
    limits = {"soak.drift_ms": at_most(verdict.drift_ms, 20.0), **goals(steady)}
    return Outcome([verdict.table, table(steady)], {**verdict.clean("soak"), **limits})


def sample(up: Fleet) -> Sample:
    """What is held now."""
    return Sample(time.monotonic(), {name: inventory(kept.process) for name, kept in up.members.items()})


def slope(samples: Sequence[Sample]) -> float:
    """Percent of the memory at the start that is gained in an hour."""
    hours = np.array([each.t - samples[0].t for each in samples]) / 3600
    gained = np.polyfit(hours, np.array([each.rss_mib for each in samples]), 1)[0]
    return float(100 * gained / samples[0].rss_mib)


def table(samples: Sequence[Sample]) -> Rows:
    """One row a service."""
    rows = Rows("After the warm-up, and at the end", ("service", "RSS MiB", "at the end", "files", "", "threads", " "))
    for name, before in samples[0].held.items():
        after = samples[-1].held[name]
        rows.add(name, before.rss_mib, after.rss_mib, before.files, after.files, before.threads, after.threads)
    return rows


def goals(samples: Sequence[Sample]) -> dict[str, Goal]:
    """Nothing grows. The tasks of a service show as `bench.capacity.leaks` counts them."""
    first, last = samples[0].held, samples[-1].held
    return {
        "soak.rss_percent_per_hour": at_most(slope(samples), 1.0),
        "soak.files": at_most(max(last[name].files - first[name].files for name in first), FLAT),
        "soak.threads": at_most(max(last[name].threads - first[name].threads for name in first), FLAT),
    }


if __name__ == "__main__":
    main()
