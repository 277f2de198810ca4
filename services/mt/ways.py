"""Chooses the way of each pair: a direct pair of one engine, or a chain of several engines' pairs. Pure.

`ways.toml` says which chains measured better than a direct pair, MT_WAYS what this stage prefers.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from services.common.errors import InvalidArgument
from services.common.text import languages
from services.mt.engine import Pair

TABLE = Path(__file__).with_name("ways.toml")
JOIN = ">"
MOST_STEPS = 4


@dataclass(frozen=True, slots=True)
class Step:
    """A pair as one engine translates it."""

    pair: Pair
    engine: str  # its name


@dataclass(frozen=True, slots=True)
class Way:
    """The translation path of a pair: steps, each of which translates the output of the one before."""

    pair: Pair
    steps: tuple[Step, ...]

    @property
    def direct(self) -> bool:
        """Whether one engine translates the pair by itself."""
        return len(self.steps) == 1

    @property
    def written(self) -> str:
        """The languages on the way, for example "en>pt>es"."""
        return JOIN.join([self.steps[0].pair.source, *(step.pair.target for step in self.steps)])


@dataclass(frozen=True, slots=True)
class Preferred:
    """A row of `ways.toml`: a way that measured well for some pairs."""

    pairs: tuple[Pair, ...]
    way: tuple[Pair, ...]
    engines: tuple[str, ...]  # of its steps, as they were measured
    over: frozenset[str]  # engines whose direct pair measured worse


@cache
def table() -> tuple[Preferred, ...]:
    """Return the rows of `ways.toml`, the best way of a pair first."""
    return tuple(
        Preferred(
            tuple(steps_of(pair)[0] for pair in row["pairs"]),
            steps_of(row["way"]),
            tuple(row["engines"]),
            frozenset(row["over"]),
        )
        for row in tomllib.loads(TABLE.read_text())["ways"]
    )


def steps_of(written: str) -> tuple[Pair, ...]:
    """Return the steps' pairs of a way written as "en>pt>es"."""
    names = [name.strip() for name in written.split(JOIN)]
    return tuple(Pair(source, target) for source, target in pairwise(names))


def chosen(
    offered: Sequence[tuple[str, Iterable[Pair]]], rows: Sequence[Preferred], wanted: Mapping[str, str]
) -> dict[Pair, Way]:
    """Return a way for every pair on offer: direct pairs first, in the order of the engines.

    `offered` names each engine with its pairs, the preferred engine first. `wanted` is MT_WAYS. Raises InvalidArgument
    for a way there that nobody can go.
    """
    direct: dict[Pair, Step] = {}
    for engine, pairs in offered:
        for pair in pairs:
            direct.setdefault(pair, Step(pair, engine))
    ways = {pair: Way(pair, (step,)) for pair, step in direct.items()}
    settled = set[Pair]()
    for row in rows:
        steps = tuple(direct[pair] for pair in row.way if pair in direct)
        if tuple(step.engine for step in steps) != row.engines:
            continue
        for pair in row.pairs:
            known = direct.get(pair)
            if pair not in settled and (known is None or known.engine in row.over):
                ways[pair] = Way(pair, steps)
                settled.add(pair)
    return ways | {way.pair: way for way in _wanted(direct, wanted)}


def _wanted(direct: Mapping[Pair, Step], wanted: Mapping[str, str]) -> Iterable[Way]:
    for name, written in wanted.items():
        pair, steps = steps_of(name), steps_of(written)
        if len(pair) != 1 or not 0 < len(steps) <= MOST_STEPS or not _leads(pair[0], steps):
            wrong = f"{name!r}: {written!r} is no way of a pair."
            raise InvalidArgument("NO_WAY", wrong, field="MT_WAYS", accepted=[f"up to {MOST_STEPS} steps, en>pt>es"])
        missing = next((step for step in steps if step not in direct), None)
        if missing is not None:
            nobody = f"No engine translates {missing.source}{JOIN}{missing.target}, a step of {written!r}."
            there = sorted(f"{each.source}{JOIN}{each.target}" for each in direct)
            raise InvalidArgument("NO_WAY", nobody, field="MT_WAYS", accepted=there)
        yield Way(pair[0], tuple(direct[step] for step in steps))


def _leads(pair: Pair, steps: Sequence[Pair]) -> bool:
    """Return whether a way begins and ends with the languages of a pair, regions aside."""
    return languages.same(pair.source, steps[0].source) and languages.same(pair.target, steps[-1].target)
