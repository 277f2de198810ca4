"""Every service restarted one by one under load, as a rolling update does it: no client may notice.

    python -m bench.chaos.rolling [--short] [--rounds 1] [--sessions 20] [--keep FOLDER]

Two of each. A member is asked to stop (SIGTERM), ends by itself, and is back before the next. *Drain* is from the
request to the end of the process.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bench.chaos.fleet import STAGES, Fleet, Plan, fleet
from bench.chaos.scene import Outcome, folder, judged, options, play, share
from bench.chaos.talking import Load
from bench.measuring.report import Rows, at_most

WARM_SECONDS = 4.0
SETTLE_SECONDS = 2.0
DRAIN_SECONDS = 30  # what each is given; past it, it ends whatever runs


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, rounds=(1, 1), sessions=(20, 4))
    play("rolling", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """Sessions, and restarts of all they use."""
    given = {f"{service.upper()}_DRAIN_SECONDS": str(DRAIN_SECONDS) for service in (*STAGES, "gateway")}
    drains = Rows("Restarts", ("member", "drain s", "back after s"))
    with folder(told) as kept:
        path = Path(kept)
        async with fleet(Plan(gateways=2, variables=given), path / "mesh") as up:
            async with Load(told.sessions).at(up.address, path / "ledgers"):
                await asyncio.sleep(WARM_SECONDS)
                for name in [name for _ in range(told.rounds) for name in up.members]:
                    drains.add(name, *await restarted(up, name))
                    await asyncio.sleep(SETTLE_SECONDS)
            verdict = await judged(path / "ledgers")
    seconds = [float(row[1] or 0.0) for row in drains.rows]
    goals = {**verdict.clean("rolling"), "rolling.drain_p99": at_most(share(seconds, 0.99), 60.0)}
    return Outcome([verdict.table, drains], goals)


async def restarted(up: Fleet, name: str) -> tuple[float, float]:
    """Seconds until it had ended, and until it was back."""
    asked = up[name].terminate()
    ended = await up[name].ended()
    return ended - asked, await up[name].serving()


if __name__ == "__main__":
    main()
