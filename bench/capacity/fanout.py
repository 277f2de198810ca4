"""What more targets cost, and whether a slow one is felt by the others.

    python -m bench.capacity.fanout [--seconds 20] [--pairs 5] [--targets es,pt,gl,ca] [--engines default|small]

The first target alone, then all of them, taking turns, real speech at real-time pace on real engines. Then, on
scripted engines, one target alone and beside one whose translator answers late.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import babelmesh
from bench.capacity.flow import FREE_LANG
from bench.measuring.processes import SCRIPTED, Variables, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.stuck import STUCK_LANG
from bench.measuring.take import Take, take
from bench.sessions import engines
from services.common.audio.pcm import Pcm

SHARED = ("gateway", "asr")  # what every target shares


@dataclass(frozen=True, slots=True)
class Turn:
    """A session, and the processor time it took by service."""

    take: Take
    cpu_seconds: dict[str, float]

    @property
    def shared_seconds(self) -> float:
        """Processor time of gateway and recognizer."""
        return sum(self.cpu_seconds[name] for name in SHARED)


@dataclass(slots=True)
class Pairs:
    """Sessions taking turns."""

    few: list[Turn] = field(default_factory=list)
    many: list[Turn] = field(default_factory=list)

    def cpu_ratio(self) -> float:
        """Median over the pairs."""
        return median(more.shared_seconds / one.shared_seconds for one, more in zip(self.few, self.many, strict=True))

    def first_word_ratio(self, lang: str, first: str) -> float:
        """Of a target among many, over the first one alone; median over the pairs."""
        pairs = zip(self.few, self.many, strict=True)
        both = [(one.take.first_word_seconds(first), more.take.first_word_seconds(lang)) for one, more in pairs]
        return median(more / one for one, more in both if one and more)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of speech in each session")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--targets", default="es,pt,gl,ca", help="tags with commas between")
    engines.add_option(parser)
    options = parser.parse_args()
    targets = options.targets.split(",")
    speech = talks(options.pairs, options.seconds)
    pairs = asyncio.run(fan_out(speech, targets, engines.flat(options.engines)))
    slow = asyncio.run(beside_a_slow_one(speech))
    reached = goals(pairs, slow, targets)
    sys.exit(not finish("fanout", [fan_out_table(pairs, targets), slow_table(slow)], reached))


async def fan_out(speech: Sequence[Pcm], targets: Sequence[str], variables: Variables) -> Pairs:
    """Each talk into one target, and into all."""
    pairs = Pairs()
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
        await take(client, speech[0], targets, speed=0)  # what is loaded at first use is loaded now
        for talk in speech:
            for wanted, turns in ((targets[:1], pairs.few), (targets, pairs.many)):
                async with metered(mesh) as usage:
                    heard = await take(client, talk, wanted)
                turns.append(Turn(heard, usage.cpu_seconds))
    return pairs


async def beside_a_slow_one(speech: Sequence[Pcm]) -> tuple[list[float], list[float]]:
    """Segment latencies of a target: alone, and beside a late one."""
    alone: list[float] = []
    beside: list[float] = []
    variables = {**SCRIPTED, "MT_ENGINE": "bench.measuring.stuck:LateMt"}
    async with local_mesh(variables) as mesh, babelmesh.connect(mesh.address) as client:
        await take(client, speech[0], [FREE_LANG, STUCK_LANG], speed=0)
        for talk in speech:
            alone += segment_seconds(await take(client, talk, [FREE_LANG]))
            beside += segment_seconds(await take(client, talk, [FREE_LANG, STUCK_LANG]))
    return alone, beside


def segment_seconds(heard: Take) -> list[float]:
    """From the last sample of each segment to the last message about it in the target that is not late."""
    ledger = [event for _, event in heard.events if isinstance(event, babelmesh.Latency)]
    return [(each.sent_ms - each.captured_ms) / 1000 for each in ledger if each.target_lang == FREE_LANG]


def fan_out_table(pairs: Pairs, targets: Sequence[str]) -> Rows:
    """One row a target."""
    table = Rows("All targets at once, over the first alone", ("to", "first word", "gateway and ASR CPU"))
    for lang in targets:
        table.add(lang, pairs.first_word_ratio(lang, targets[0]), pairs.cpu_ratio())
    return table


def slow_table(slow: tuple[list[float], list[float]]) -> Rows:
    """From the last sample of a segment to the last message about it, seconds."""
    table = Rows("Beside a target whose translator is late", ("target", "p50", "p95"))
    for name, found in zip(("alone", "beside a late one"), slow, strict=True):
        table.add(name, percentile(found, 0.5), percentile(found, 0.95))
    return table


def goals(pairs: Pairs, slow: tuple[list[float], list[float]], targets: Sequence[str]) -> dict[str, Goal]:
    """What one target more may cost."""
    alone, beside = (percentile(found, 0.95) or 0.0 for found in slow)
    return {
        "C8.cpu": at_most(pairs.cpu_ratio(), 1.5),
        "C8.first_word": at_most(max(pairs.first_word_ratio(lang, targets[0]) for lang in targets), 1.1),
        "C8.beside_a_slow_one": at_most(beside / alone, 1.1),
    }


if __name__ == "__main__":
    main()
