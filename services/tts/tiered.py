"""Which voice a clause gets where its language has several tiers: the largest that keeps the objective.

The caller names the tier of the utterance's clauses before, so that a voice changes between utterances only, whichever
replica speaks.
"""

from __future__ import annotations

import time
from dataclasses import replace

from mesh.tts.v1 import tts_pb2
from services.common.errors import InvalidArgument
from services.common.tiering import Given
from services.tts.engine import Clause
from services.tts.serving import Engines, default_of

MOST_OBJECTIVE_MS = 60_000


class Turn:
    """One clause's turn: its voice and engine, and how long its first speech took."""

    def __init__(self, engines: Engines, asked: Clause, request: tts_pb2.SynthesizeRequest) -> None:
        """Choose the voice. Raises InvalidArgument for an objective that is out of range."""
        if request.objective_ms > MOST_OBJECTIVE_MS:
            outside = f"{request.objective_ms} is out of range."
            raise InvalidArgument("OUT_OF_RANGE", outside, "objective_ms", [f"1 to {MOST_OBJECTIVE_MS}", "0"])
        self.clause, self.engine = asked, engines.of(asked.voice)
        self._language = language = asked.voice.language
        self._tiering = engines.tiering
        self._given: Given | None = None
        self._since = time.monotonic()
        if self._tiering.has(language) and (request.any_voice or not request.voice):
            session = (asked.affinity, language)
            self._given = self._tiering.pick(language, session, request.objective_ms, request.tier)
            self.engine = engines.tier(self._given.tier)
            self.clause = replace(asked, voice=default_of(self.engine, language))

    def message(self, pcm: bytes, sample_rate_hertz: int) -> tts_pb2.SynthesizeResponse:
        """A message of the clause's speech."""
        return tts_pb2.SynthesizeResponse(
            pcm=pcm,
            sample_rate_hertz=sample_rate_hertz,
            tier=self._given.tier if self._given else "",
            larger_tiers=self._given.larger if self._given else 0,
        )

    def began(self) -> None:
        """Take note that the first speech is there; later calls are of no account."""
        if self._given and self._since:
            self._tiering.answered(self._language, self._given, time.monotonic() - self._since)
        self._since = 0.0
