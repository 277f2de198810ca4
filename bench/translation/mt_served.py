"""Translators as a service is asked: each call comes by itself, while others are under way.

Ours is asked call by call; a sentence joins those under way at its next token. transformers' `generate` cannot take in
a sentence before the others are done: one call after the other. CTranslate2's Translator neither joins what several
calls ask; it is measured both ways, call by call, and with a gatherer before it, as services have one (ours: what comes
while it computes makes the next batch).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from bench.measuring.report import Goal, Rows, at_least, percentile
from bench.translation.mt_arms import CTranslate2Arm, Ids, OursArm, Setting, TransformersArm
from bench.translation.mt_turns import Measured, Race, Turn, sources
from services.common.neural.batching import Batcher, Item, Limits

COLUMNS = ("precision", "translator", "tokens/s", "p50 ms", "p95 ms", "ours is times as fast", "same ids as ours")
Answer = Callable[[Ids], Awaitable[list[int]]]


@dataclass(frozen=True, slots=True)
class Calls:
    """One sentence each."""

    sources: Sequence[Ids]
    arrivals: Sequence[float]  # seconds after the first


class Ours(OursArm):
    """Its loop, as the engine asks it."""

    def served(self, calls: Calls) -> Turn:
        """Each call is a task."""
        return self.runner.run(asked(self.one, calls))


class Transformers(TransformersArm):
    """One call after the other."""

    def served(self, calls: Calls) -> Turn:
        """First come, first served."""
        return asyncio.run(gathered(self.translated, 1, calls))


class CTranslate2(CTranslate2Arm):
    """What came while it computed is its next batch."""

    name = "CTranslate2, gathered"

    def served(self, calls: Calls) -> Turn:
        """As many of a batch as there are callers."""
        return asyncio.run(gathered(self.translated, len(calls.sources), calls))


class CTranslate2Alone(CTranslate2Arm):
    """One call after the other, as its Translator takes those of several threads."""

    name = "CTranslate2, call by call"

    def served(self, calls: Calls) -> Turn:
        """First come, first served."""
        return asyncio.run(gathered(self.translated, 1, calls))


Any4 = Ours | Transformers | CTranslate2 | CTranslate2Alone


def measured(setting: Setting, others: Sequence[str], turns: int, gap_ms: float) -> Measured:
    """Every translator, asked by as many callers as the setting has together."""
    calls = Calls(sources(setting.together, turns), arrivals(setting.together, gap_ms))
    kinds: list[Callable[[Setting], Any4]] = [Ours, CTranslate2, CTranslate2Alone]
    if setting.precision != "int8" and "transformers" in others:
        kinds.append(Transformers)
    with ExitStack() as stack:
        arms: list[Any4] = []
        for kind in kinds:
            arms.append(kind(setting))
            stack.callback(arms[-1].close)
        return Race(arms, lambda arm: arm.served(calls)).run(turns, setting.length)


def arrivals(count: int, gap_ms: float) -> list[float]:
    """Seconds after the first, as of callers who know nothing of each other."""
    chance, found = random.Random(count), [0.0]
    while len(found) < count:
        found.append(found[-1] + (chance.expovariate(1000 / gap_ms) if gap_ms else 0.0))
    return found


async def gathered(translated: Callable[[Sequence[Ids]], list[list[int]]], most: int, calls: Calls) -> Turn:
    """Answers of what computes a batch at a time, in a thread."""
    async with Batcher("mt.other", translated, Limits(most_items=most, wait_ms=0)) as batcher:
        return await asked(lambda source: batcher.submit(Item(source)), calls)


async def asked(answer: Answer, calls: Calls) -> Turn:
    """All calls, each at its time."""
    begun = time.perf_counter()
    callers = [
        partial(_one, answer, source, begun + at) for source, at in zip(calls.sources, calls.arrivals, strict=True)
    ]
    found = await asyncio.gather(*(caller() for caller in callers))
    seconds = time.perf_counter() - begun
    return Turn(seconds, [ids for ids, _ in found], [latency for _, latency in found])


async def _one(answer: Answer, source: Ids, due: float) -> tuple[list[int], float]:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))
    ids = await answer(source)
    return ids, time.perf_counter() - due


def table(callers: int, gap_ms: float) -> Rows:
    """Without rows yet."""
    return Rows(
        f"As a service is asked: {callers} calls, each of one sentence, {gap_ms:g} ms apart on average", COLUMNS
    )


def add(rows: Rows, precision: str, found: Measured) -> None:
    """What was measured in one precision."""
    for name, turns in found.turns.items():
        latencies = [1000 * latency for turn in turns for latency in turn.latencies]
        p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
        rows.add(precision, name, found.speed(name), p50, p95, found.ratio(name), found.same(name))


def goals(found: Measured) -> dict[str, Goal]:
    """CTranslate2's better way counts."""
    reached = {}
    if (times := found.ratio(Transformers.name)) is not None:
        reached["mt_engines.served_vs_transformers"] = at_least(times, 3.0)
    ways = [found.ratio(arm.name) for arm in (CTranslate2, CTranslate2Alone)]
    reached["mt_engines.served_vs_ctranslate2"] = at_least(min(way for way in ways if way is not None), 1.0)
    return reached
