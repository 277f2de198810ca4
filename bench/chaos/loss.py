"""Sessions over links that lose 5 % of all packets and delay the others by 50 ± 10 ms each way.

    python -m bench.chaos.loss [--short] [--sessions 6] [--seconds 60] [--keep FOLDER]

The client, the gateway and two replicas of each stage are in network namespaces of their own; every link between them
is as bad as that, in both directions.
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import combinations
from pathlib import Path

from bench.chaos.ledger import read_all
from bench.chaos.namespaces import CLEAR, Network, why_not
from bench.chaos.relay import Count, Link
from bench.chaos.scene import Outcome, folder, judged, options, play
from bench.chaos.spread import HOSTS, spread
from bench.chaos.talking import Load
from bench.measuring.report import Rows

BAD = Link(delay_ms=50, jitter_ms=10, loss=0.05)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__, sessions=(6, 2), seconds=(60.0, 12.0))
    if reason := why_not():
        print(f"loss skipped: {reason}")
        return
    play("loss", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """So many sessions over bad links, from their hello to their end."""
    with folder(told) as kept:
        path = Path(kept)
        async with spread(path / "mesh", told.seed) as mesh:
            before = await _all(mesh.net, BAD)
            async with Load(told.sessions).at(mesh.fleet.address, path / "ledgers"):
                await asyncio.sleep(told.seconds)
            after = await _all(mesh.net, CLEAR)
            verdict = await judged(path / "ledgers")
            sessions = read_all(path / "ledgers").values()
    flows = [line for lines in sessions for line in lines if line["kind"] == "flow"]
    packets = after.delivered - before.delivered + after.dropped
    table = Rows("5 % loss, 50 ± 10 ms each way", ("sessions", "s each", "packets", "of them lost", "degraded"))
    degraded = sum(len(line["degraded"]) for line in flows)
    table.add(told.sessions, told.seconds, packets, f"{after.dropped / packets:.1%}", degraded)
    return Outcome([table, verdict.table], verdict.clean("R4.loss"))


async def _all(net: Network, link: Link) -> Count:
    """Sets every link; what all of them have done so far."""
    counts = [await net.between(*ends, link) for ends in combinations(HOSTS, 2)]
    return Count(sum(each.delivered for each in counts), sum(each.dropped for each in counts))


if __name__ == "__main__":
    main()
