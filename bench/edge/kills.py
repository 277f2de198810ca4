"""What is lost when edges are killed under sessions of typed text, and how soon these go on.

    python -m bench.edge.kills [--kills 200] [--sessions 50] [--pause 2]

Two edges before one scripted mesh; every so many seconds one of them, in turns, is killed and started again. The
clients are the page's own module in Node 20 or newer, which know both addresses. *Recovery* is from a connection's loss
to the `ready` of the next.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babelmesh.client.mesh import is_serving
from babelmesh.local import supervisor
from bench.edge.typing import edge, spread
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_most, finish

TYPISTS = Path(__file__).with_name("typists.mjs")
VARIABLES = {**SCRIPTED, "GATEWAY_SLOTS": "200", "GATEWAY_UNGREETED_CLIENT_STREAMS": "512"}
MOST_RECOVERY_MS = 2000.0


async def measured(kills: int, sessions: int, pause: float) -> dict[str, Any]:
    """What the clients saw of so many kills."""
    ports = supervisor.unused_ports(2)
    async with local_mesh(VARIABLES) as mesh:
        services = [edge(port, mesh.address, {"EDGE_CLIENT_SLOTS": "0"}) for port in ports]
        with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
            async with supervisor.supervised(services, Path(logs)) as started:
                urls = ",".join(f"ws://127.0.0.1:{port}/v1/realtime" for port in ports)
                node = shutil.which("node") or "node"
                clients = await asyncio.create_subprocess_exec(
                    node,
                    "--experimental-websocket",
                    "--no-warnings",
                    TYPISTS,
                    urls,
                    str(sessions),
                    stdin=PIPE,
                    stdout=PIPE,
                )
                await asyncio.sleep(pause)
                for number in range(kills):
                    victim = started[number % 2]
                    os.kill(victim.child.pid, signal.SIGKILL)
                    await asyncio.sleep(pause)
                    await _serves(victim.service.address)
                out, _ = await clients.communicate(b"")
    told: dict[str, Any] = json.loads(out)
    return told


async def _serves(address: str) -> None:
    while True:
        if await is_serving(address):
            return
        await asyncio.sleep(0.1)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--pause", type=float, default=2.0)
    given = parser.parse_args()
    told = asyncio.run(measured(given.kills, given.sessions, given.pause))
    recovered = told["recovered_ms"]
    table = Rows(
        f"{given.kills} kills under {given.sessions} sessions",
        ["texts", "lost", "doubled", "out of order", "resumed", "p50 ms", "p99 ms"],
    )
    p50, p99 = (spread(recovered, share) for share in (0.5, 0.99))
    table.add(str(told["typed"]), told["lost"], told["doubled"], told["disordered"], len(recovered), p50, p99)
    wrong = told["lost"] + told["doubled"] + told["disordered"] + told["failed"]
    goals = {"lost, doubled, out of order": at_most(wrong, 0), "recovery p99, ms": at_most(p99, MOST_RECOVERY_MS)}
    sys.exit(not finish("edge_kills", [table], goals))


if __name__ == "__main__":
    main()
