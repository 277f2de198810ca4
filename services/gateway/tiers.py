"""Which of a stage's tiers a session's utterances have, as the stages tell it, and what of it is news. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.audio.pcm import ASR_RATE
from services.gateway import messages
from services.gateway.messages import ServerMessage
from services.gateway.terms import Transcript

PAUSE_SAMPLES = ASR_RATE // 5  # less silence ends no segment: what follows is the same utterance


@dataclass(slots=True)
class Rung:
    """The tier of an utterance, or of a segment's translation: empty until the stage has told it, then kept to."""

    tier: str = ""
    larger: int = 0  # so many larger tiers there are, which it did not get

    def took(self, tier: str, larger: int) -> None:
        """Take note of what the stage told with its answer."""
        self.tier, self.larger = tier, larger


class Utterances:
    """Tells which segments are of one utterance, and so spoken by one voice. Pure."""

    def __init__(self) -> None:
        self._rung = Rung()
        self._segment_id = 0
        self._end_samples: int | None = None

    def rung(self, said: Transcript) -> Rung:
        """The rung of the utterance that a transcript is of; transcripts are asked for in the order they are spoken."""
        if said.segment_id != self._segment_id:
            goes_on = self._end_samples is not None and not said.typed
            if not goes_on or said.start_samples - (self._end_samples or 0) >= PAUSE_SAMPLES:
                self._rung = Rung()
        self._segment_id = said.segment_id
        self._end_samples = None if said.typed else said.end_samples
        return self._rung


class Notices:
    """Knows when the client is to hear that a stage uses less than its largest tier, and when that is over. Pure."""

    def __init__(self, stage: str, lang: str = "") -> None:
        self._stage = stage
        self._lang = lang
        self._told = ""  # the tier that the client knows of; empty: the largest

    def news(self, tier: str, larger: int, segment_id: int) -> list[ServerMessage]:
        """What to tell of a segment's tier, above which there are so many: nothing if the client knows it."""
        known = tier if larger else ""
        if not tier or known == self._told:
            return []
        self._told = known
        return [messages.tier(self._stage, self._lang, tier, segment_id, over=not known)]
