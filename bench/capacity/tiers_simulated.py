"""Tiers at a hundred sessions, simulated: the real ladder, scripted models, and a machine that shares its cores. Pure.

Sessions come one after the other and leave again; each speaks, and pauses. A model computes for each second of speech,
and more when an utterance ends; who computes shares the cores, one each at most. An utterance is answered once all its
work is through.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.common.engines.tiers import Asked, Ladder, Rules, Tier

STEP_SECONDS = 0.05
UTTERANCE_SECONDS, PAUSE_SECONDS = (2.0, 6.0), (0.5, 2.5)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is simulated. `truth` is what models really cost, over what they were timed to cost at start."""

    tiers: Sequence[Tier] = (Tier("small", 0.03, 0.05), Tier("middle", 0.12, 0.15), Tier("large", 0.6, 0.5))
    cores: float = 12.0
    sessions: int = 100
    seconds: float = 1_200.0
    objective_seconds: float = 1.0
    truth: float = 1.3
    seed: int = 1

    def wanted(self, now: float) -> int:
        """How many sessions there are at a time: rising, then falling."""
        rising = 1 - abs(2 * now / self.seconds - 1)
        return max(1, round(self.sessions * min(1.0, 1.25 * rising)))


@dataclass(frozen=True, slots=True)
class Answer:
    """An utterance and its answer."""

    at: float
    tier: int
    seconds: float


@dataclass(slots=True)
class _Utterance:
    tier: int
    began: float
    ended: float
    work: float  # core-seconds that wait until it is answered, those of utterances before it included


@dataclass(slots=True)
class _Speaker:
    until: float  # of the utterance, or of the pause
    tier: int = 0
    speaks: bool = False
    began: float = 0.0
    work: float = 0.0  # core-seconds that wait
    ended: list[_Utterance] = field(default_factory=list)  # and not answered


@dataclass(slots=True)
class Played:
    """What came of a scene."""

    scene: Scene
    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0
    changes: int = 0
    on_tiers: list[tuple[float, list[int]]] = field(default_factory=list)  # each second: sessions on each tier

    @property
    def kept(self) -> float:
        """Share of the utterances that were answered within the objective."""
        kept = sum(each.seconds <= self.scene.objective_seconds for each in self.answers)
        return kept / max(1, len(self.answers) + self.unanswered)

    @property
    def tiers(self) -> Counter[int]:
        """Utterances by tier."""
        return Counter(each.tier for each in self.answers)


def play(scene: Scene, fixed: int | None = None) -> Played:
    """Play a scene on a ladder, or with one tier for all."""
    return _Play(scene, fixed).run()


class _Play:
    def __init__(self, scene: Scene, fixed: int | None) -> None:
        self._scene = scene
        self._fixed = fixed
        self._dice = random.Random(scene.seed)
        self._ladder = Ladder(scene.tiers, Rules(cores=0.75 * scene.cores, calm_seconds=20))
        self._speakers: dict[int, _Speaker] = {}
        self._played = Played(scene)

    def run(self) -> Played:
        for step in range(round(self._scene.seconds / STEP_SECONDS)):
            now = step * STEP_SECONDS
            self._come_and_go(now)
            for number, speaker in self._speakers.items():
                if now >= speaker.until:
                    self._turn(number, speaker, now)
                if speaker.speaks:
                    speaker.work += self._scene.truth * self._scene.tiers[speaker.tier].cost * STEP_SECONDS
            self._compute(now)
            if step % round(1 / STEP_SECONDS) == 0:
                on = Counter(speaker.tier for speaker in self._speakers.values())
                self._played.on_tiers.append((now, [on[tier] for tier in range(len(self._scene.tiers))]))
        self._played.unanswered += sum(len(speaker.ended) for speaker in self._speakers.values())
        return self._played

    def _come_and_go(self, now: float) -> None:
        wanted = self._scene.wanted(now)
        for number in range(len(self._speakers), wanted):
            self._speakers[number] = _Speaker(now + self._dice.uniform(*PAUSE_SECONDS))
        for number in range(wanted, len(self._speakers)):
            self._played.unanswered += len(self._speakers.pop(number).ended)
            self._ladder.left(number)

    def _turn(self, number: int, speaker: _Speaker, now: float) -> None:
        """An utterance ends, or another one begins."""
        if speaker.speaks:
            speaker.work += self._scene.truth * self._scene.tiers[speaker.tier].answer_seconds
            speaker.ended.append(_Utterance(speaker.tier, speaker.began, now, speaker.work))
        else:
            speaker.began = now
            speaker.tier = self._fixed if self._fixed is not None else self._picked(number, now)
        speaker.speaks = not speaker.speaks
        speaker.until = now + self._dice.uniform(*(UTTERANCE_SECONDS if speaker.speaks else PAUSE_SECONDS))

    def _picked(self, number: int, now: float) -> int:
        choice = self._ladder.pick(now, Asked(number, self._scene.objective_seconds))
        self._played.changes += choice.changed is not None
        return choice.tier

    def _compute(self, now: float) -> None:
        """Share the cores: who needs less than an equal share leaves the rest to the others."""
        busy = sorted((speaker for speaker in self._speakers.values() if speaker.work > 0), key=lambda each: each.work)
        left = STEP_SECONDS * self._scene.cores
        for number, speaker in enumerate(busy):
            done = min(speaker.work, STEP_SECONDS, left / (len(busy) - number))
            left -= done
            speaker.work -= done
            for utterance in speaker.ended:
                utterance.work -= done
            while speaker.ended and speaker.ended[0].work <= 1e-9:
                self._answer(speaker.ended.pop(0), now + STEP_SECONDS)

    def _answer(self, utterance: _Utterance, now: float) -> None:
        seconds = now - utterance.ended
        self._played.answers.append(Answer(now, utterance.tier, seconds))
        self._ladder.answered(now, utterance.began, seconds, self._scene.objective_seconds)
