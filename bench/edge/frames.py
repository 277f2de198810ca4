"""What an update of captions takes of the page's main thread, in a headless Chromium.

    .edges/bin/python -m bench.edge.frames [--seconds 30] [--rate 10]

Needs Debian's chromium, and Playwright, which `make test-edges` installs into `.edges`. The page is an edge's, its
session scripted: updates of both columns, segments that grow to sixty words. *Update* is from the frame's callback to
the end of what the page writes in it, *frame* from one frame of the browser to the next meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from bench.edge.typing import edges, spread
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_most, finish
from bench.webrtc.calling import HOST
from bench.webrtc.chromium import launched
from services.common.cancelling import TaskGroup

MOST_MS = 16.0  # a frame of a display with 60 a second
WORDS = 60
READY = {
    "type": "ready",
    "session_id": "s",
    "server": "a",
    "session": {"targets": [{"lang": "es"}]},
    "limits": {},
    "voices": [],
    "resume_handle": "",
}
BETWEEN = """() => {
  window.between = [];
  let last = performance.now();
  const look = (now) => { between.push(now - last); last = now; requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""
TAKEN = "async () => [(await import('/captions.js')).frameTimes, window.between]"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=10, help="updates of each column a second")
    told = parser.parse_args()
    updates, between = asyncio.run(measured(told.seconds, told.rate))
    table = Rows("milliseconds in the page", ["what", "count", "p50", "p95", "p99", "longest"])
    for what, took in (("update", updates), ("frame", between)):
        table.add(what, len(took), *(round(spread(took, share), 2) for share in (0.5, 0.95, 0.99)), round(max(took), 2))
    goals = {"caption update p99, ms": at_most(spread(updates, 0.99), MOST_MS)}
    sys.exit(not finish("edge_frames", [table], goals))


async def measured(seconds: float, rate: int) -> tuple[list[float], list[float]]:
    """Return how long updates took, and frames beside them, in milliseconds."""
    async with (
        local_mesh(SCRIPTED) as mesh,
        edges(mesh.address) as running,
        launched() as chromium,
        TaskGroup() as tasks,
    ):
        ((port, _),) = running
        page = await chromium.new_page()
        sent = asyncio.Event()

        async def send(socket: Any) -> None:
            for number in range(round(seconds * rate)):
                for event in updates(number, rate):
                    socket.send(json.dumps(event))
                await asyncio.sleep(1 / rate)
            sent.set()

        def connected(socket: Any) -> None:
            def answer(message: str | bytes) -> None:
                if isinstance(message, str) and json.loads(message)["type"] == "hello":
                    socket.send(json.dumps(READY))
                    tasks.create_task(send(socket))

            socket.on_message(answer)

        await page.route_web_socket("**/v1/realtime", connected)
        await page.goto(f"http://{HOST}:{port}/")
        await page.wait_for_selector("#speak:enabled")
        await page.evaluate(BETWEEN)
        await page.fill("#typed", "go")
        await page.press("#typed", "Enter")
        await sent.wait()
        took, frames = await page.evaluate(TAKEN)
        return took, frames


def updates(number: int, rate: int) -> list[dict[str, object]]:
    """Return the events of one moment: one for what is said, one for its translation."""
    text = " ".join(f"word{each}" for each in range(1 + number % WORDS))
    told: dict[str, object] = {
        "text": text,
        "segment_id": 1 + number // WORDS,
        "revision": number,
        "stable_length": len(text) // 2,
        "start_ms": 0,
        "end_ms": 1000 * number // rate,
        "origin": "spoken",
    }
    return [
        {"type": "partial_asr", "lang": "en", **told},
        {"type": "partial_translation", "target_lang": "es", **told},
    ]


if __name__ == "__main__":
    main()
