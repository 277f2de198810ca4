"""Translators that take turns, and what was measured of each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, TypeVar

from bench.translation.mt_arms import Arm, Ids

SOURCE_LENGTHS = (5, 40)
OURS = "ours"
A = TypeVar("A", bound=Arm)


@dataclass(frozen=True, slots=True)
class Turn:
    """One go of an arm."""

    seconds: float
    answers: list[list[int]]
    latencies: list[float] = field(default_factory=list)  # seconds, of each caller who came by himself


@dataclass(slots=True)
class Measured:
    """Of each arm its turns, in the same order."""

    length: int  # ids of every translation
    turns: dict[str, list[Turn]] = field(default_factory=dict)

    def speed(self, arm: str) -> float | None:
        """Tokens per second, median over the turns."""
        speeds = [self.length * len(turn.answers) / turn.seconds for turn in self.turns.get(arm, [])]
        return median(speeds) if speeds else None

    def ratio(self, other: str) -> float | None:
        """How many times as fast ours is as another; median over the turns."""
        pairs = zip(self.turns[OURS], self.turns.get(other, []), strict=False)
        ratios = [theirs.seconds / ours.seconds for ours, theirs in pairs]
        return median(ratios) if ratios else None

    def same(self, other: str) -> float | None:
        """Share of sentences with the same ids, but for the end. Raises ValueError when an answer is too short."""
        if other not in self.turns:
            return None
        pairs = list(zip(self.turns[OURS][-1].answers, self.turns[other][-1].answers, strict=True))
        if any(len(answer) < self.length - 1 for pair in pairs for answer in pair):
            raise ValueError(f"a translation is shorter than {self.length}: the arms have not done the same work")
        return sum(ours[: self.length - 1] == theirs[: self.length - 1] for ours, theirs in pairs) / len(pairs)


@dataclass(frozen=True, slots=True)
class Race(Generic[A]):
    """What each arm has to do in its turn."""

    arms: Sequence[A]
    take: Callable[[A], Turn]

    def run(self, turns: int, length: int) -> Measured:
        """The arms take turns; who begins changes with every turn. The first turn is for warming up."""
        measured, every = Measured(length), self.arms
        for number in range(turns + 1):
            for arm in (*every[number % len(every) :], *every[: number % len(every)]):
                turn = self.take(arm)
                if number:
                    measured.turns.setdefault(arm.name, []).append(turn)
        return measured


def sources(count: int, seed: int) -> list[Ids]:
    """Ids of sentences of all usual lengths; the end is 0."""
    chance = random.Random(seed)
    return [[*chance.choices(range(4, 150), k=chance.randint(*SOURCE_LENGTHS)), 0] for _ in range(count)]
