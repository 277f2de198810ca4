"""One target's way to the translation stage: what cannot be translated now waits until it can."""

from __future__ import annotations

import asyncio

from services.common.errors import MeshError, TooSlow
from services.gateway import messages
from services.gateway.backlog import Ticket
from services.gateway.inbox import Inbox
from services.gateway.overload import Level, Policy
from services.gateway.shared import Shared
from services.gateway.shortage import Shortage, away, first_of, heals, quarantined
from services.gateway.stages import Question
from services.gateway.terms import TargetTerms, Transcript

TRIES = 5  # of one text, by a stage that is there


class Translator:
    """Finals are translated, however long the stage is away, as long as there is room for those behind them.

    A translation that waits for the stage holds no audio back, and nothing of its segment is acknowledged.
    """

    def __init__(self, terms: TargetTerms, shared: Shared, inbox: Inbox) -> None:
        self.shortage = Shortage("MT", terms.lang, shared)
        self._terms = terms
        self._shared = shared
        self._inbox = inbox
        self._ended_at: float | None = None  # the source, on the loop's clock

    def finish(self) -> None:
        """The source has ended. A stage that is away is not waited for long from now on."""
        self._ended_at = asyncio.get_running_loop().time()

    async def ask(self, said: Transcript, asked: Question) -> str | None:
        """The translation of a revision; None when there is none, which the client has been told if it matters.

        It does not for an interim one that could not be had, or took longer than the session's budget has for it: a
        newer one is on its way.
        """
        if not asked.text or self._terms.of(said.language).same_language:
            return asked.text
        if not said.final and not self._worthwhile:
            return None
        if said.final and self._inbox.full and self._shared.terms.overload is not Policy.BLOCK:
            await self._give_up(said, "OVERLOAD")
            return None
        ticket = self._shared.backlog.begin("MT", self._terms.lang, said.end_samples)
        if self.shortage.on:
            self._shared.backlog.finish(ticket)
        try:
            translation = await (self._outlast if said.final else self._once)(said, asked, ticket)
        except TimeoutError:
            await self._give_up(said, "UNAVAILABLE")
            return None
        except MeshError as fault:
            self._shared.backlog.finish(ticket)
            await self._without(said, fault)
            return None
        await self._shared.when_sent(ticket)
        return translation

    @property
    def _worthwhile(self) -> bool:
        """Whether interim transcripts are translated now."""
        away = self.shortage.on and not self._shared.stages.available("MT")
        return not away and self._shared.backlog.overload.level < Level.NO_INTERIM

    async def _once(self, said: Transcript, asked: Question, ticket: Ticket) -> str | None:
        try:
            return await self._translation(said, asked, ticket)
        except MeshError as fault:
            if not heals(fault) and not quarantined(fault):
                raise
            if away(fault) and not (asked.timeout_ms and isinstance(fault, TooSlow)):
                self.shortage.begin(said.segment_id)
            return None

    async def _outlast(self, said: Transcript, asked: Question, ticket: Ticket) -> str:
        return await self.shortage.outlast(
            lambda: self._translation(said, asked, ticket), self._patience, said.segment_id, TRIES
        )

    async def _translation(self, said: Transcript, asked: Question, ticket: Ticket) -> str:
        try:
            translation = await self._shared.stages.translate(asked, self._shared.ledger.trace(said.segment_id))
        except MeshError as fault:
            if away(fault) or not said.final:  # who waits for the stage holds nobody
                self._shared.backlog.finish(ticket)
            raise
        self.shortage.answered()
        return translation

    async def _patience(self) -> None:
        """Waits for the stage. Raises TimeoutError once there is no room to wait, or no more reason to."""
        stages = self._shared.stages
        await first_of(stages.back("MT"), self._inbox.pressing())
        if self._ended_at is not None:
            ends_at = max(self._ended_at, self.shortage.began_at) + self._shared.terms.stage_outage_ms / 1000
            async with asyncio.timeout_at(ends_at):
                await stages.back("MT")
        elif not stages.available("MT"):
            raise TimeoutError

    async def _without(self, said: Transcript, fault: MeshError) -> None:
        if quarantined(fault):
            return await self._give_up(said, "QUARANTINED")
        await self._shared.report(fault, said.segment_id, self._terms.lang)

    async def _give_up(self, said: Transcript, reason: str) -> None:
        """What was concluded stands as the translation."""
        await self._shared.outbox.put(messages.degraded("MT", self._terms.lang, reason, said.segment_id))
