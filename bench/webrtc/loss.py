"""Word error rate by WebRTC where packets are lost and late: over the same sessions on a network that does neither.

    python -m bench.webrtc.loss CORPUS.jsonl [--recordings 2] [--sounds FOLDER] [--engines best]

Real recognizers, one session for each network, all at once and by the clock; each packet of either direction is lost
with a probability, and up to so many milliseconds late, by a relay. The way is found over the relay, too.
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
from bench.webrtc.calling import RATE, Came, Network, Samples, caller
from services.common.audio.pcm import ASR_RATE

NETWORKS = (Network(), Network(0.0, 50), Network(0.01, 50), Network(0.05, 50), Network(0.10, 50))
BOUND = 0.05
_BEHIND_SECONDS = 40


async def spoken(pcm: Samples, names: str) -> list[Came]:
    """What came over each of the networks."""
    session = {"source_lang": "en", "targets": [{"lang": "es", "delivery": "captions"}]}
    variables = {**engines.flat(names), "MT_ENGINE": "scripted", "TTS_ENGINE": "scripted"}
    async with (
        local_mesh(variables) as mesh,
        edges(mesh.address) as ((port, _),),
        AsyncExitStack() as stack,
    ):
        found = [await stack.enter_async_context(caller(port, session, pcm, each)) for each in NETWORKS]
        for each in found:
            await each.until("ready", 1, 60)
        await asyncio.sleep(len(pcm) / RATE + _BEHIND_SECONDS)
        return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--recordings", type=int, default=2)
    parser.add_argument("--sounds", type=Path, help="folder of the recordings that the corpus names")
    engines.add_option(parser)
    asked = parser.parse_args()
    recordings = read_corpus(asked.corpus, asked.sounds, [])[: asked.recordings]
    pause = np.zeros(ASR_RATE, np.int16)
    speech = np.concatenate([part for each in recordings for part in (each.pcm, pause)])
    pcm = np.asarray(soxr.resample(speech, ASR_RATE, RATE), dtype=np.int16)
    said = normalized(" ".join(each.text for each in recordings))
    table = Rows("by WebRTC", ["lost", "late, ms", "WER", "segments", "gaps"])
    rates = []
    for network, came in zip(NETWORKS, asyncio.run(spoken(pcm, asked.engines)), strict=True):
        rates.append(float(jiwer.wer(said, normalized(came.text))))
        gaps = sum(len(event.get("gaps", [])) for _, event in came.of("flow"))
        table.add(f"{network.loss:.0%}", network.jitter_ms, rates[-1], len(came.of("final_asr")), gaps)
    goals = {"WER of 5 % lost over none": at_most(rates[3] - rates[0], BOUND)}
    sys.exit(not finish("webrtc_loss", [table], goals))


if __name__ == "__main__":
    main()
