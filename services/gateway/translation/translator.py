"""One target's way to the translation stage: what cannot be translated now waits until it can."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from services.common.channel import Changes
from services.common.errors import MeshError, TooSlow
from services.gateway.account.account import Shared, Ticket
from services.gateway.account.overload import Level
from services.gateway.outgoing import messages
from services.gateway.stages.shortage import Shortage, away, first_of, heals, quarantined
from services.gateway.values.speech import Mark, Transcript
from services.gateway.values.stages import Question
from services.gateway.values.terms import OverloadPolicy, TargetTerms

TRIES = 5  # of one text, by a stage that is there
Work: TypeAlias = Transcript | Mark
ROOM = 256  # finals; audio is held after seconds, so only typed text, or a translator that is away, gets near it


class Translator:
    """Finals are translated, however long the stage is away, as long as there is room for those behind them.

    A translation that waits for the stage holds no audio back, and nothing of its segment is acknowledged.
    """

    def __init__(self, terms: TargetTerms, shared: Shared, inbox: Inbox) -> None:
        self.shortage = Shortage("MT", terms.lang, shared.account.outbox)
        self._terms = terms
        self._shared = shared
        self._account = shared.account
        self.inbox = inbox
        self._ended_at: float | None = None  # the source, on the loop's clock

    def source_ended(self) -> None:
        """Note that the source has ended: a stage that is away is not waited for long from now on."""
        self._ended_at = asyncio.get_running_loop().time()

    async def ask(self, said: Transcript, asked: Question) -> str | None:
        """The translation of a revision; None when there is none, which the client has been told if it matters.

        It does not for an interim one that could not be had, or took longer than the session's budget has for it: a
        newer one is on its way.
        """
        terms = self._terms.of(said.language) if self._terms.by_source else self._terms
        if not asked.text or terms.same_language:
            return asked.text
        if not said.final and not self._worthwhile:
            return None
        if said.final and self.inbox.full and self._shared.terms.overload is not OverloadPolicy.BLOCK:
            await self._give_up(said, "OVERLOAD")
            return None
        ticket = self._account.backlog.begin("MT", self._terms.lang, said.end_samples)
        if self.shortage.on:
            self._account.backlog.close(ticket)
        try:
            translation = await (self._outlast if said.final else self._once)(said, asked, ticket)
        except TimeoutError:
            await self._give_up(said, "UNAVAILABLE")
            return None
        except MeshError as fault:
            self._account.backlog.close(ticket)
            await self._without(said, fault)
            return None
        await self._account.when_sent(ticket)
        return translation

    @property
    def _worthwhile(self) -> bool:
        """Whether interim transcripts are translated now."""
        away = self.shortage.on and not self._shared.stages.available("MT")
        return not away and self._account.backlog.overload.level < Level.NO_INTERIM

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
            made = await self._shared.stages.translate(asked, self._account.ledger.metadata(said.segment_id))
        except MeshError as fault:
            if away(fault) or not said.final:  # who waits for the stage holds nobody
                self._account.backlog.close(ticket)
            raise
        if self.shortage.on:
            self.shortage.answered()
        if said.final:
            self._account.ledger.used.tokens.translated(made.source_tokens, made.target_tokens)
        return made.text

    async def _patience(self) -> None:
        """Wait for the stage. Raises TimeoutError once there is no room to wait, or no more reason to."""
        stages = self._shared.stages
        await first_of(stages.back("MT"), self.inbox.pressing())
        if self._ended_at is not None:
            ends_at = max(self._ended_at, self.shortage.began_at) + self._shared.terms.stage_outage_ms / 1000
            async with asyncio.timeout_at(ends_at):
                await stages.back("MT")
        elif not stages.available("MT"):
            raise TimeoutError

    async def _without(self, said: Transcript, fault: MeshError) -> None:
        if quarantined(fault):
            return await self._give_up(said, "QUARANTINED")
        await self._account.report(fault, said.segment_id, self._terms.lang)

    async def _give_up(self, said: Transcript, reason: str) -> None:
        """Tell the client that there is no translation: what was concluded stands."""
        await self._account.outbox.put(messages.degraded("MT", self._terms.lang, reason, said.segment_id))


class Inbox:
    """Finals in order, and the one latest interim transcript. Finals go first."""

    def __init__(self) -> None:
        self._finals: list[Work] = []
        self._latest: Transcript | None = None
        self._closed = False
        self._changed = Changes()

    @property
    def waiting(self) -> int:
        """How many finals and marks wait to be translated."""
        return len(self._finals)

    @property
    def waiting_bytes(self) -> int:
        """The size of the text of the finals that wait."""
        return sum(len(work.text.encode()) for work in self._finals)

    async def put(self, work: Work) -> None:
        """Add a final transcript or a mark, once there is room. What was interim of the segment is dropped."""
        while self.full and not self._closed:
            await self._changed.wait()
        self._finals.append(work)
        if isinstance(work, Transcript):
            self._latest = None
        self._changed.tell()

    def put_interim(self, transcript: Transcript) -> None:
        """Replace the interim transcript that still waits."""
        self._latest = transcript
        self._changed.tell()

    def drop_interim(self) -> None:
        """Drop the interim transcript that still waits."""
        self._latest = None

    @property
    def closed(self) -> bool:
        """Whether no more transcripts will come."""
        return self._closed

    async def close(self) -> None:
        """Close the inbox; what waits is still to be done."""
        self._closed = True
        self._changed.tell()

    @property
    def full(self) -> bool:
        """Whether whoever adds a final must wait."""
        return len(self._finals) >= ROOM

    async def pressing(self) -> None:
        """Wait until the inbox is full, or closed."""
        while not (self.full or self._closed):
            await self._changed.wait()

    async def take(self, most: int) -> list[Work]:
        """Take so many finals and marks at most, else the latest interim transcript; nothing when it is closed."""
        while not (self._finals or self._latest or self._closed):
            await self._changed.wait()
        works, self._finals = self._finals[:most], self._finals[most:]
        if not works and self._latest:
            works, self._latest = [self._latest], None
        self._changed.tell()
        return works
