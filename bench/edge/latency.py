"""What the edge adds to the latency of a session: the same text over gRPC and over the edge's WebSocket, in turns.

    python -m bench.edge.latency [--texts 500]

Four processes with scripted engines and one edge, an open session each way. *Added* is what the quantile over the edge
is above the quantile over gRPC, of the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench.edge.typing import direct_typist, edges, spread, typist
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_most, finish

WARM = 50
PAUSE_SECONDS = 0.02
MOST_P50_MS, MOST_P99_MS = 5.0, 20.0


async def measured(texts: int) -> tuple[list[float], list[float]]:
    """What each text took over gRPC and over the edge, in milliseconds."""
    async with local_mesh(SCRIPTED) as mesh, edges(mesh.address) as running:
        ((port, _),) = running
        async with direct_typist(mesh.address) as direct, typist(port) as over:
            for _ in range(WARM + texts):
                await direct.type()
                await over.type()
                await asyncio.sleep(PAUSE_SECONDS)
            return direct.took_ms[WARM:], over.took_ms[WARM:]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=500)
    direct, over = asyncio.run(measured(parser.parse_args().texts))
    table = Rows("latency of a typed text, ms", ["way", "p50", "p95", "p99"])
    for way, took in (("gRPC", direct), ("edge", over)):
        table.add(way, *(spread(took, share) for share in (0.5, 0.95, 0.99)))
    added = [spread(over, share) - spread(direct, share) for share in (0.5, 0.95, 0.99)]
    table.add("added", *added)
    goals = {"added p50, ms": at_most(added[0], MOST_P50_MS), "added p99, ms": at_most(added[2], MOST_P99_MS)}
    sys.exit(not finish("edge_latency", [table], goals))


if __name__ == "__main__":
    main()
