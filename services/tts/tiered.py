"""Chooses a clause's voice where its language has several tiers: the largest that keeps the objective.

The caller names the tier of the utterance's clauses before, so that a voice changes between utterances only, whichever
replica speaks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from services.common.engines.tiering import Given
from services.tts.engine import Clause
from services.tts.serving import Engines, default_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A caller's wishes on the tier: objective, tier of the clauses before, and whether the voice may change."""

    objective_ms: int = 0  # until the first speech; 0: as the stage is set
    tier: str = ""  # of the utterance's clauses before; empty: any
    any_voice: bool = True  # whether another voice may speak than the clause's


class Turn:
    """One clause's synthesis: its voice and engine, and the time to its first speech."""

    def __init__(self, engines: Engines, asked: Clause, wanted: Wanted) -> None:
        """Choose the clause's engine and voice: those of its tier, where the language has tiers."""
        self.clause, self.engine = asked, engines.of(asked.voice)
        self._language = language = asked.voice.language
        self._tiering = engines.tiering
        self._given: Given | None = None
        self._since: float | None = time.monotonic()  # None: it has begun to speak
        if self._tiering.has(language) and wanted.any_voice:
            session = (asked.affinity, language)
            self._given = self._tiering.pick(language, session, wanted.objective_ms, wanted.tier)
            self.engine = engines.tier(self._given.tier)
            self.clause = replace(asked, voice=default_of(self.engine, language))

    @property
    def tier(self) -> str:
        """Name of the clause's tier; empty where there is only one."""
        return self._given.tier if self._given else ""

    @property
    def larger(self) -> int:
        """Number of larger tiers that the clause did not get."""
        return self._given.larger if self._given else 0

    def began(self) -> None:
        """Record that the first speech is there; later calls have no effect."""
        if self._given and self._since is not None:
            self._tiering.answered(self._language, self._given, time.monotonic() - self._since)
        self._since = None
