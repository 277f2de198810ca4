"""What WebRTC adds to the delay of speech: the same utterances over the WebSocket, in the same run, in turns.

    python -m bench.webrtc.latency [--utterances 12] [--peers 8]

Four processes with scripted engines and one edge. Two clients speak the same by the clock, one by WebRTC and one over
the WebSocket, the second half an utterance later, so that they take turns. *Caption* is from the end of an utterance,
as it was spoken, to its final transcript; *voice* is to the first sound of its translation at the client. Then so many
clients of a kind at once, for the edge's processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np
import psutil

from bench.edge.typing import edges, spread
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_most, finish
from bench.webrtc.calling import RATE, Came, Samples, caller, socketed

SESSION: dict[str, Any] = {"source_lang": "en", "target_lang": "es"}
SPOKEN_SECONDS, SILENT_SECONDS = 1.2, 2.8
PERIOD_SECONDS = SPOKEN_SECONDS + SILENT_SECONDS
MOST_ADDED_MS = 250.0
_LOAD_SECONDS = 12

Client = Callable[[int, dict[str, Any], Samples], AbstractAsyncContextManager[Came]]


def spoken(utterances: int) -> Samples:
    """So many utterances as the scripted recognizer hears them, with silence behind each."""
    times = np.arange(round(RATE * SPOKEN_SECONDS)) / RATE
    loud = np.asarray(8_000 * np.sin(2 * np.pi * 440 * times), dtype=np.int16)
    once = np.concatenate([loud, np.zeros(round(RATE * SILENT_SECONDS), np.int16)])
    return np.tile(once, utterances)


def captions(came: Came) -> list[float]:
    """How long after its end each utterance's final came, in milliseconds."""
    ends = [came.began + at * PERIOD_SECONDS + SPOKEN_SECONDS for at in range(1000)]
    return [1000 * (when - max(end for end in ends if end <= when)) for when, _ in came.of("final_asr")]


def voices(came: Came) -> list[float]:
    """How long after its end each utterance's voice began to sound, in milliseconds."""
    begins = [when for index, when in enumerate(came.sounded) if not index or when - came.sounded[index - 1] > 0.5]
    ends = [came.began + at * PERIOD_SECONDS + SPOKEN_SECONDS for at in range(1000)]
    return [1000 * (when - max((end for end in ends if end <= when), default=when)) for when in begins]


async def in_turns(port: int, utterances: int) -> tuple[Came, Came]:
    """What came to a client of each kind: by WebRTC, and over the WebSocket."""
    pcm = spoken(utterances)
    async with caller(port, SESSION, pcm) as one:
        await one.until("ready", 1, 30)
        await asyncio.sleep(PERIOD_SECONDS / 2)
        async with socketed(port, SESSION, pcm) as other:
            for each in (one, other):
                await each.until("final_translation", utterances, 60 + utterances * PERIOD_SECONDS)
            return one, other


async def per_client(port: int, edge: psutil.Process, client: Client, count: int) -> float:
    """The edge's processor time for each client of a kind, in per cent of a core."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            await stack.enter_async_context(client(port, SESSION, spoken(8)))
        await asyncio.sleep(2)
        before = edge.cpu_times()
        await asyncio.sleep(_LOAD_SECONDS)
        after = edge.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return 100 * spent / _LOAD_SECONDS / count


@asynccontextmanager
async def running() -> AsyncIterator[tuple[int, psutil.Process]]:
    """An edge before a mesh of scripted engines: its port and process."""
    variables = {**SCRIPTED, "ASR_VAD": "energy", "ASR_SLOTS": "32", "GATEWAY_SLOTS": "32"}
    async with local_mesh(variables) as mesh, edges(mesh.address) as found:
        yield found[0]


async def measured(utterances: int, peers: int) -> tuple[tuple[Came, Came], tuple[float, float]]:
    """What came in turns, and the processor time per client of each kind."""
    async with running() as (port, edge):
        came = await in_turns(port, utterances)
        by_webrtc = await per_client(port, edge, caller, peers)
        by_socket = await per_client(port, edge, socketed, peers)
    return came, (by_webrtc, by_socket)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=12)
    parser.add_argument("--peers", type=int, default=8)
    asked = parser.parse_args()
    (one, other), shares = asyncio.run(measured(asked.utterances, asked.peers))
    table = Rows("from the end of an utterance, ms", ["way", "caption p50", "caption p95", "voice p50", "voice p95"])
    quantiles = []
    for way, came in (("WebRTC", one), ("WebSocket", other)):
        found = [spread(kind(came), share) for kind in (captions, voices) for share in (0.5, 0.95)]
        quantiles.append(found)
        table.add(way, *found)
    added = [first - second for first, second in zip(*quantiles, strict=True)]
    table.add("added", *added)
    load = Rows("the edge's processor time", ["way", "clients", "% of a core each"])
    load.add("WebRTC", asked.peers, shares[0])
    load.add("WebSocket", asked.peers, shares[1])
    goals = {"webrtc.latency.caption added p50, ms": at_most(added[0], MOST_ADDED_MS)}
    sys.exit(not finish("webrtc_latency", [table, load], goals))


if __name__ == "__main__":
    main()
