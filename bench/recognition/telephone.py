"""What a telephone costs a recognizer: word error rates of the same prompts at 16 kHz, at 8 kHz, and as G.711 µ-law.

    python -m bench.recognition.telephone PROMPTS.jsonl [--sounds DIR] [--engines small]

Prompts and recordings are those of bench/wer.py. What is sent goes through the gateway's decoder and resampler, in
chunks of 100 ms, then through the recognition stage in this process. An engine whose errors grow by more than a half is
one that needs 16 kHz; the goal is that it says so of itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import grpc
import jiwer
import numpy as np
import soxr

from bench.measuring.report import Rows, at_most, finish
from bench.recognition.wer import Outcome, Prompt, find_sounds, normalized, read_prompts, recognize
from bench.sessions import engines
from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.server.lifecycle import running
from services.gateway.incoming.microphone import Microphone
from services.gateway.settings import GatewaySettings
from services.gateway.values.speech import Audio
from services.gateway.values.terms import Sound

NARROW_HERTZ = 8_000
WIDE, NARROW, TELEPHONE = Sound("pcm16le", ASR_RATE), Sound("pcm16le", NARROW_HERTZ), Sound("mulaw", NARROW_HERTZ)
SOUNDS = {"16 kHz": WIDE, "8 kHz": NARROW, "8 kHz µ-law": TELEPHONE}
MOST_GROWTH = 1.5  # of the errors, before an engine counts as one that needs 16 kHz


def main() -> None:
    """Prints the table; ends with status 1 when the engine does not say of itself what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    engines.add_option(parser)
    options = parser.parse_args()
    os.environ.update(engines.stages(options.engines).get("asr", {}))  # none where the environment names it
    prompts = read_prompts(options.prompts, options.sounds or find_sounds())
    name, told, outcomes = asyncio.run(recognized(prompts))
    errors = {sound: _error(prompts, heard) for sound, heard in outcomes.items()}
    rows = Rows(f"{len(prompts)} prompts in English, {name}", ("audio", "WER", "over 16 kHz", "empty"))
    for sound, heard in outcomes.items():
        rows.add(sound, errors[sound], errors[sound] / errors["16 kHz"], sum(not each.text for each in heard))
    measured = max(errors.values()) > MOST_GROWTH * errors["16 kHz"]
    print(f"needs 16 kHz: measured {measured}, told {told}")
    sys.exit(not finish("telephone", [rows], {"telephone.told_wrongly": at_most(int(measured != told), 0)}))


async def recognized(prompts: Sequence[Prompt]) -> tuple[str, bool, dict[str, list[Outcome]]]:
    """The engine's name, whether it says that it needs 16 kHz, and what it makes of each prompt in each form."""
    settings = AsrSettings(listen="127.0.0.1:0")
    async with running(AsrServicer(settings), settings) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as to:
        stub = asr_pb2_grpc.AsrStub(to)
        has = await stub.Describe(asr_pb2.DescribeRequest())
        outcomes: dict[str, list[Outcome]] = {}
        for name, sound in SOUNDS.items():
            outcomes[name] = [await recognize(stub, sent(prompt.pcm, sound)) for prompt in prompts]
            print(f"{name}: {_error(prompts, outcomes[name]):.3f}", file=sys.stderr, flush=True)
        return has.engine, "en-US" in has.wideband_langs or "en" in has.wideband_langs, outcomes


def sent(pcm: Pcm, sound: Sound) -> Pcm:
    """What the gateway makes of speech that is sent in a form."""
    microphone = Microphone(sound, GatewaySettings())
    data, tenth = encoded(pcm, sound), sound.sample_rate // 10 * (1 if sound.format == "mulaw" else 2)
    pieces = [
        piece
        for at in range(0, len(data), tenth)
        for piece in microphone.hear(pb.AudioChunk(data=data[at : at + tenth]))
    ]
    return np.concatenate([piece.pcm for piece in (*pieces, *microphone.rest()) if isinstance(piece, Audio)])


def encoded(pcm: Pcm, sound: Sound) -> bytes:
    """Speech of 16 kHz in another form."""
    narrow: Pcm = soxr.resample(pcm, ASR_RATE, sound.sample_rate) if sound.sample_rate != ASR_RATE else pcm
    if sound.format == "pcm16le":
        return narrow.tobytes()
    encoder = av.AudioCodecContext.create("pcm_mulaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = sound.sample_rate, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(narrow.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = sound.sample_rate
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def _error(prompts: Sequence[Prompt], heard: Sequence[Outcome]) -> float:
    return float(jiwer.wer([normalized(each.text) for each in prompts], [normalized(each.text) for each in heard]))


if __name__ == "__main__":
    main()
