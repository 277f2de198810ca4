"""Word error rate by WebRTC where packets are lost and late: over the same sessions on a network that does neither.

    python -m bench.webrtc.loss CORPUS.jsonl [--client chromium] [--recordings 2] [--sounds FOLDER] [--engines best]

Real recognizers, one session for each network, all at once and by the clock; each packet of either direction is lost
with a probability, and up to so many milliseconds late, by a relay. The way is found over the relay, too. A client is
aiortc, or a headless Chromium whose microphone hears the recordings: two of those, one of them on a bad network.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import jiwer
import numpy as np
import soxr

from bench.edge.typing import edges
from bench.measuring.corpus import read_corpus
from bench.measuring.processes import local_mesh
from bench.measuring.report import Rows, at_most, finish
from bench.recognition.wer import normalized
from bench.sessions import engines
from bench.webrtc import calling, chromium
from bench.webrtc.calling import RATE, Came, Network, Samples
from services.common.audio.pcm import ASR_RATE

NONE, BAD = Network(), Network(0.05, 50)
CLIENTS = {
    "aiortc": (calling.caller, (NONE, Network(0.0, 50), Network(0.01, 50), BAD, Network(0.10, 50))),
    "chromium": (chromium.caller, (NONE, BAD)),
}
BOUND = 0.05
_BEHIND_SECONDS = 40


async def spoken(pcm: Samples, client: str, names: str) -> dict[Network, Came]:
    """What came to clients of a kind, over each of the networks."""
    caller, networks = CLIENTS[client]
    session = {"source_lang": "en", "targets": [{"lang": "es", "delivery": "captions"}]}
    variables = {**engines.flat(names), "MT_ENGINE": "scripted", "TTS_ENGINE": "scripted"}
    async with (
        local_mesh(variables) as mesh,
        edges(mesh.address) as ((port, _),),
        AsyncExitStack() as stack,
    ):
        found = {each: await stack.enter_async_context(caller(port, session, pcm, each)) for each in networks}
        for came in found.values():
            await came.until("ready", 1, 60)
        await asyncio.sleep(len(pcm) / RATE + _BEHIND_SECONDS)
        return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--client", choices=CLIENTS, default="aiortc")
    parser.add_argument("--recordings", type=int, default=2)
    parser.add_argument("--sounds", type=Path, help="folder of the recordings that the corpus names")
    engines.add_option(parser)
    asked = parser.parse_args()
    recordings = read_corpus(asked.corpus, asked.sounds, [])[: asked.recordings]
    pause = np.zeros(ASR_RATE, np.int16)
    speech = np.concatenate([part for each in recordings for part in (each.pcm, pause)])
    pcm = np.asarray(soxr.resample(speech, ASR_RATE, RATE), dtype=np.int16)
    said = normalized(" ".join(each.text for each in recordings))
    table = Rows(f"by WebRTC, {asked.client}", ["lost", "late, ms", "WER", "segments", "gaps"])
    rates = {}
    for network, came in asyncio.run(spoken(pcm, asked.client, asked.engines)).items():
        rates[network] = float(jiwer.wer(said, normalized(came.text)))
        gaps = sum(len(event.get("gaps", [])) for _, event in came.of("flow"))
        table.add(f"{network.loss:.0%}", network.jitter_ms, rates[network], len(came.of("final_asr")), gaps)
    goals = {f"webrtc.loss.{asked.client}, WER of 5 % lost over none": at_most(rates[BAD] - rates[NONE], BOUND)}
    sys.exit(not finish(f"webrtc_loss_{asked.client}", [table], goals))


if __name__ == "__main__":
    main()
