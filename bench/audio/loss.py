"""Word error rate of final transcripts, and gaps, when packets are lost, late or swapped, and clocks are off.

    python -m bench.audio.loss CORPUS.jsonl [--before CHECKOUT] [--recordings 6] [--clock-minutes 10] [--clock-speed 4]

Packets of 20 ms with honest offsets, as PCM and as Opus, each recording in a session of its own, as fast as the mesh
takes them. A clock that is 200 ppm off runs through one long session, at `--clock-speed` times real time; 0 minutes
leave it out. `--before` runs the mesh of another checkout, its stubs built, on the same packets. Translations and
voices are scripted.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, cycle, takewhile
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import av
import grpc
import jiwer
import numpy as np

from babelmesh.client.audio import Pace
from babelmesh.client.events import (
    DELIVERY_CAPTIONS,
    AudioChunk,
    AudioFormat,
    ClientMessage,
    ServerMessage,
    SessionConfig,
    Target,
)
from babelmesh.local import supervisor
from bench.audio.damage import CLOCK, DAMAGES, PACKET_MS, Packet, Packets
from bench.chaos.raw import call
from bench.measuring import checkouts
from bench.measuring.corpus import Recording, read_corpus
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.recognition.wer import normalized
from bench.sessions import engines
from services.common.audio.pcm import ASR_RATE, Pcm

if TYPE_CHECKING:
    from bench.chaos.raw import Call

FORMATS = ("pcm16le", "opus")
OPUS_BITS = 24_000  # a second
PACKET_SAMPLES = ASR_RATE * PACKET_MS // 1000
QUIET = np.zeros(ASR_RATE, dtype=np.int16)  # behind each recording
CLOCK_NAME = "clock 200 ppm off"
BOUND = 0.05  # of words, that 5 % loss may cost
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """One session: what is said, in packets, and how fast they are sent."""

    damage: str
    sound_format: str
    text: str
    packets: Packets
    whole: int  # packets before the damage
    speed: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What came back."""

    text: str = ""
    segments: int = 0
    gaps: int = 0
    gap_ms: int = 0
    broken: str = ""  # the code of the fault it ended with


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="another version of this project, to compare")
    parser.add_argument("--recordings", type=int, default=6, help="so many of the corpus, the first ones")
    parser.add_argument("--clock-minutes", type=float, default=10.0, help="of speech by a clock that is off")
    parser.add_argument("--clock-speed", type=float, default=4.0, help="times real time")
    parser.add_argument("--seed", type=int, default=7)
    engines.add_option(parser)
    told = parser.parse_args()
    recordings = read_corpus(told.corpus, None, [])[: told.recordings]
    plans = planned(recordings, told.seed)
    if told.clock_minutes:
        plans[:0] = clocked(recordings, told.clock_minutes * 60, told.clock_speed)
    variables = {**engines.flat(told.engines), "MT_ENGINE": "scripted", "TTS_ENGINE": "scripted"}
    after = asyncio.run(measured(plans, variables))
    before = asyncio.run(measured(plans, variables, told.before.resolve())) if told.before else []
    sys.exit(not finish("loss", [table(plans, before, after)], goals(plans, after)))


def planned(recordings: Sequence[Recording], seed: int) -> list[Plan]:
    """Every recording with every damage, in every format; the formats lose the same packets."""
    plans = []
    for sound_format in FORMATS:
        for number, each in enumerate(recordings):
            whole = packets_of(np.concatenate((each.pcm, QUIET)), sound_format)
            for name, damage in DAMAGES.items():
                sent = damage(whole, Random(f"{seed} {number} {name}"))
                plans.append(Plan(name, sound_format, each.text, sent, len(whole)))
    return plans


def clocked(recordings: Sequence[Recording], seconds: float, speed: float) -> list[Plan]:
    """The recordings one after the other, again and again, by a clock that is off."""
    starts = accumulate(cycle(each.seconds + 1 for each in recordings), initial=0.0)
    count = sum(1 for _ in takewhile(lambda start: start < seconds, starts))
    said = [recordings[place % len(recordings)] for place in range(count)]
    pcm = np.concatenate([part for each in said for part in (each.pcm, QUIET)])
    text = " ".join(each.text for each in said)
    plans = []
    for sound_format in FORMATS:
        packets = packets_of(pcm, sound_format)
        plans.append(Plan(CLOCK_NAME, sound_format, text, CLOCK(packets, Random(0)), len(packets), speed))
    return plans


def packets_of(pcm: Pcm, sound_format: str) -> list[Packet]:
    """Speech in packets of 20 ms, offsets in samples at 16 kHz."""
    parts = [pcm[at : at + PACKET_SAMPLES] for at in range(0, len(pcm) - PACKET_SAMPLES + 1, PACKET_SAMPLES)]
    data = [part.tobytes() for part in parts] if sound_format == "pcm16le" else encoded(parts)
    return [Packet(each, place * PACKET_SAMPLES) for place, each in enumerate(data)]


def encoded(parts: Sequence[Pcm]) -> list[bytes]:
    """One Opus packet for each part, as a call has it."""
    codec = av.AudioCodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = ASR_RATE, "mono", "s16", OPUS_BITS
    codec.options = {"application": "voip", "frame_duration": str(PACKET_MS)}
    packets: list[bytes] = []
    for number, part in enumerate(parts):
        frame = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = ASR_RATE, number * PACKET_SAMPLES, Fraction(1, ASR_RATE)
        packets += [bytes(packet) for packet in codec.encode(frame)]
    return packets


async def measured(plans: Sequence[Plan], variables: Mapping[str, str], checkout: Path | None = None) -> list[Outcome]:
    """What a mesh makes of all plans, that of another checkout where one is named. Long ones run beside the others."""
    places = asyncio.Semaphore(AT_ONCE)
    async with mesh(variables, checkout) as address:

        async def one(plan: Plan) -> Outcome:
            if plan.speed:
                return await heard(address, plan)
            async with places:
                return await heard(address, plan)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(plan)) for plan in plans]
    return [task.result() for task in tasks]


@asynccontextmanager
async def mesh(variables: Mapping[str, str], checkout: Path | None) -> AsyncIterator[str]:
    """The address of a mesh's gateway for the block."""
    services = []
    for each in checkouts.of(checkout, supervisor.mesh_services(supervisor.free_ports())):
        own = {name: value for name, value in variables.items() if name.startswith(f"{each.name.upper()}_")}
        services.append(replace(each, variables={**each.variables, **own}))
    with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
        async with supervisor.running(services, Path(logs)):
            yield next(each.address for each in services if each.name == "gateway")


async def heard(address: str, plan: Plan) -> Outcome:
    """One session, to its end."""
    sound = AudioFormat(format=plan.sound_format, sample_rate=ASR_RATE)
    target = Target(lang="es", delivery=DELIVERY_CAPTIONS)
    outcome = Outcome()
    hello = SessionConfig(source_lang="en", targets=[target], input=sound)
    async with call(address, hello) as made, asyncio.TaskGroup() as group:
        sending = group.create_task(sent(made, plan))
        try:
            while isinstance(message := await made.read(), ServerMessage):
                take(message, outcome)
        except grpc.aio.AioRpcError as error:
            outcome.broken = outcome.broken or error.code().name
        sending.cancel()
    return outcome


async def sent(made: Call, plan: Plan) -> None:
    """The packets, at the plan's speed, and the end."""
    pace = Pace(plan.speed)
    try:
        for packet in plan.packets:
            await pace.hold(PACKET_MS)
            chunk = AudioChunk(data=packet.data, offset_samples=packet.offset_samples)
            await made.write(ClientMessage(audio=chunk))
        await made.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the call has ended: who reads is told


def take(message: ServerMessage, outcome: Outcome) -> None:
    """Add what a message tells."""
    asr, flow, error = message.asr, message.flow, message.error
    if asr.final:
        outcome.text, outcome.segments = f"{outcome.text} {asr.text}", outcome.segments + 1
    outcome.gaps += len(flow.gaps)
    outcome.gap_ms += sum(gap.to_ms - gap.from_ms for gap in flow.gaps)
    outcome.broken = outcome.broken or (error.code if error.fatal else "")


def table(plans: Sequence[Plan], before: Sequence[Outcome], after: Sequence[Outcome]) -> Rows:
    """A row for each damage and format."""
    columns = ["damage", "format", "packets", "not sent"]
    arms = {name: arm for name, arm in (("before", before), ("after", after)) if arm}
    for name in arms:
        columns += [f"{name}: WER", "segments", "gaps", "s of gaps", "broken"]
    rows = Rows("Packets of 20 ms with honest offsets", columns)
    for damage, sound_format in dict.fromkeys((each.damage, each.sound_format) for each in plans):
        places = [at for at, each in enumerate(plans) if (each.damage, each.sound_format) == (damage, sound_format)]
        whole = sum(plans[at].whole for at in places)
        cells: list[str | float | int] = [
            damage,
            sound_format,
            whole,
            whole - sum(len(plans[at].packets) for at in places),
        ]
        for arm in arms.values():
            own = [arm[at] for at in places]
            cells += [word_error_rate([plans[at] for at in places], own), sum(each.segments for each in own)]
            cells += [sum(each.gaps for each in own), sum(each.gap_ms for each in own) / 1000]
            cells.append(sum(bool(each.broken) for each in own))
        rows.add(*cells)
    return rows


def goals(plans: Sequence[Plan], outcomes: Sequence[Outcome]) -> dict[str, Goal]:
    """L1: what 5 % loss costs, by format."""

    def error(damage: str, sound_format: str) -> float:
        at = [place for place, each in enumerate(plans) if (each.damage, each.sound_format) == (damage, sound_format)]
        return word_error_rate([plans[place] for place in at], [outcomes[place] for place in at])

    costs = {name: error("5 % lost", name) - error("none", name) for name in FORMATS}
    return {f"L1.{name}": at_most(cost, BOUND) for name, cost in costs.items()}


def word_error_rate(plans: Sequence[Plan], outcomes: Sequence[Outcome]) -> float:
    """Over all words of the plans."""
    said, found = [normalized(each.text) for each in plans], [normalized(each.text) for each in outcomes]
    return float(jiwer.wer(said, found))


if __name__ == "__main__":
    main()
