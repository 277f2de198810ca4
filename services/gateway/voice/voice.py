"""The voice of one target: speaks clauses in order, keeps up with the speaker, and takes turns where agreed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from services.common.audio.pcm import ASR_RATE
from services.common.cancelling import TaskGroup
from services.common.errors import MeshError
from services.gateway.account.account import Shared
from services.gateway.account.ledger import Outcome
from services.gateway.account.overload import Level
from services.gateway.outgoing import messages
from services.gateway.stages.shortage import Shortage, TierNotices, away, first_of, heals, quarantined
from services.gateway.values.continuation import TargetContinuation
from services.gateway.values.speech import Mark, Pace, milliseconds, samples
from services.gateway.values.stages import Line
from services.gateway.values.terms import OverloadPolicy, TargetTerms
from services.gateway.voice.encoding import encoding
from services.gateway.voice.pacing import Pacing
from services.gateway.voice.speech import (
    JOINED,
    Clause,
    ClauseStart,
    Cutter,
    Piece,
    SegmentDone,
    Speech,
    VoiceItem,
    Waiting,
)

ROOM = 64  # clauses; audio is held after seconds, so only a speaker who never gives the floor gets near it
LEAD_SAMPLES = 2 * ASR_RATE // 5  # a voice that can be cut off is sent no further ahead of the listener
FRESH_SECONDS = 2.0  # so long the newest clause waits for a synthesizer that is away
MOMENT_SECONDS = 0.4  # and any clause, when it has just gone
TRIES = 3  # of one clause, by a synthesizer that is there


@dataclass(slots=True)
class _Telling:
    """A clause that is being spoken, and how far that has got."""

    clause: Clause
    drops: int  # so often speech had been dropped before
    pace: Pace | None = None  # once it has begun; the rest of it is spoken the same
    lag_samples: int | None = None  # None: nobody waits for it


class Voice:
    """Speaks the clauses of one target, one after the other."""

    def __init__(self, terms: TargetTerms, shared: Shared, seed: TargetContinuation) -> None:
        self._terms = terms
        self._shared = shared
        self._waiting = Waiting(ROOM)
        self._speech = Speech(terms.lang, shared.account, encoding(shared.terms.output), seed)
        self._pacing = Pacing(terms.speaking_rate, samples(terms.max_lag_ms), samples(shared.terms.ease_ms))
        self._shortage = Shortage("TTS", terms.lang, shared.account.outbox)
        self._tiers = TierNotices("TTS", terms.lang)

    async def say(self, spoken: VoiceItem) -> None:
        """Speak something after all before it.

        Where turns are taken, what waits for the speaker to stop must not hold the speaker's audio back: it is no
        backlog, and what there is no room for is left out, the oldest first. So it is where nothing may be held.
        """
        agreed = self._shared.terms
        if not agreed.consecutive and agreed.overload is OverloadPolicy.BLOCK:
            return await self._waiting.put(spoken)
        if agreed.consecutive and isinstance(spoken, Clause):
            self._shared.account.backlog.close(spoken.ticket)
        for gone in await self._waiting.squeeze(spoken):
            if isinstance(gone, Clause):
                await self._leave_out(gone, "MAX_LAG" if agreed.consecutive else "OVERLOAD")
            else:
                await self._pass(gone)

    async def interrupt(self) -> None:
        """Drop all speech that was not sent yet. What follows is spoken."""
        for clause in await self._waiting.drop_clauses():
            self._shared.account.backlog.close(clause.ticket)
        await self._speech.drop()

    async def end_clauses(self) -> None:
        """End the clauses: there is no more to speak, and nobody left to wait for."""
        await self._waiting.close()

    async def run(self) -> None:
        """Speak until `end_clauses` was called and all is spoken."""
        async with TaskGroup() as tasks:
            telling = tasks.create_task(self._shortage.run())
            await self._say_all()
            telling.cancel()

    async def _say_all(self) -> None:
        async for spoken in self._waiting:
            match spoken:
                case Clause():
                    await self._speak_or_leave_out(spoken)
                case _:
                    await self._pass(spoken)
            if self._speech.open and not len(self._waiting):
                await self._speech.end()
        if self._speech.open:  # from before the session was resumed, and there was nothing more to say
            await self._speech.end()

    async def _pass(self, spoken: SegmentDone | Mark) -> None:
        match spoken:
            case SegmentDone():
                await self._shared.account.segment_sent(spoken.segment_id, self._terms.lang)
            case Mark():
                await self._shared.account.passed(spoken)

    async def _speak_or_leave_out(self, clause: Clause) -> None:
        """Speaks a clause once it can be had; says so when it is left out, and why."""
        telling = _Telling(clause, self._waiting.drops)
        if self._shortage.on:
            self._shared.account.backlog.close(clause.ticket)  # who waits for the stage holds nobody
        try:
            reason = await self._shortage.outlast(
                lambda: self._speak(telling), self._patience, clause.segment_id, TRIES
            )
        except TimeoutError:
            reason = "UNAVAILABLE"
        except MeshError as fault:
            reason = "QUARANTINED" if quarantined(fault) else "UNAVAILABLE" if heals(fault) else ""
            if not reason:
                self._shared.account.ledger.fell_short(clause.segment_id, self._terms.lang, Outcome.CAPTIONS)
                await self._shared.account.report(fault, clause.segment_id, self._terms.lang)
        if reason and not self._dropped(telling):
            await self._leave_out(clause, reason)
        await self._shared.account.when_sent(clause.ticket)

    async def _patience(self) -> None:
        """Wait for the stage, but not for long, nor once there is something newer to speak. Raises TimeoutError.

        One that is only late is waited for where nothing is to give way.
        """
        stages, agreed = self._shared.stages, self._shared.terms
        if stages.late("TTS") and agreed.overload is OverloadPolicy.BLOCK:
            async with asyncio.timeout(agreed.stage_outage_ms / 1000):
                await stages.back("TTS")
        async with asyncio.timeout(FRESH_SECONDS):
            await first_of(self._shared.stages.back("TTS"), self._overtaken())
        if not self._shared.stages.available("TTS"):
            raise TimeoutError

    async def _overtaken(self) -> None:
        await self._waiting.newer()
        away_seconds = asyncio.get_running_loop().time() - self._shortage.began_at
        await asyncio.sleep(MOMENT_SECONDS - away_seconds)

    def _dropped(self, telling: _Telling) -> bool:
        return self._waiting.drops != telling.drops

    async def _speak(self, telling: _Telling) -> str:
        """Speaks a clause, or the rest of it. Gives the reason not to, as in `Degraded`; none when it was spoken.

        Raises MeshError when the synthesizer fails; the clause then knows how much of it was sent.
        """
        if self._dropped(telling):
            return ""
        if telling.clause.unsure:
            return "LANG_UNSURE"
        if self._shared.account.backlog.overload.level >= Level.NO_SPEECH:
            return "OVERLOAD"
        try:
            return await (self._speak_in_turn if self._shared.terms.consecutive else self._speak_now)(telling)
        except MeshError as fault:
            if away(fault):
                self._shared.account.backlog.close(telling.clause.ticket)
            raise

    async def _speak_now(self, telling: _Telling) -> str:
        """Speaks while the speaker may still be speaking; chunks go out as they are made."""
        if not self._paced(telling):
            return "MAX_LAG"
        async with aclosing(self._pieces(telling)) as pieces:
            async for piece in pieces:
                if self._dropped(telling):
                    break
                await self._put(telling, piece)
        return ""

    async def _speak_in_turn(self, telling: _Telling) -> str:
        """Speaks only while the speaker does not. Cut off, the voice goes on where it stopped once it may.

        The clause is made at once, so that neither a slot of the synthesizer nor the backlog is kept meanwhile.
        """
        await self._await_floor()
        if self._dropped(telling):
            return ""
        if not self._paced(telling):
            return "MAX_LAG"
        ticket = self._shared.account.backlog.begin(
            "TTS", self._terms.lang, self._shared.account.moment.accepted_samples
        )
        try:
            async with aclosing(self._pieces(telling)) as made:
                pieces = [piece async for piece in made]
        finally:
            self._shared.account.backlog.close(ticket)
        for piece in pieces:
            await self._put_in_turn(telling, piece)
        return ""

    async def _put_in_turn(self, telling: _Telling, piece: Piece) -> None:
        while not self._dropped(telling):
            await self._await_turn(telling.clause)
            async with self._shared.floor.word:
                if not self._shared.floor.taken and not self._dropped(telling):  # nor since we waited for the word
                    return await self._put(telling, piece)

    def _paced(self, telling: _Telling) -> bool:
        """Whether the clause is spoken at all. What was begun is not left out, and keeps its pace."""
        clause = telling.clause
        if telling.pace is None:
            telling.lag_samples = self._lag(clause)
            begun = Pace(self._terms.speaking_rate) if clause.said_samples else None
            telling.pace = begun or self._pacing.next(telling.lag_samples or 0)
        return telling.pace is not None

    async def _put(self, telling: _Telling, piece: Piece) -> None:
        if self._shortage.on:
            self._shortage.answered()
            await self._shortage.settle()
        clause = telling.clause
        if clause.rung.tier:
            for news in self._tiers.news(clause.rung.tier, clause.rung.larger, clause.segment_id):
                await self._shared.account.outbox.put(news)
        telling.clause = replace(clause, said_samples=clause.said_samples + len(piece.pcm))
        await self._speech.put(piece)

    async def _await_floor(self) -> None:
        if self._shared.floor.taken and self._speech.open:
            await self._speech.end()
        await self._shared.floor.free()

    async def _await_turn(self, clause: Clause) -> None:
        """Wait until more may be sent: the speaker is silent, and the listener has heard most of what was sent.

        What follows the end of the source is sent at once: nobody can cut it off, and a client waits for it.
        """
        while not self._shared.floor.closed:
            await self._await_floor()
            moment = self._shared.account.moment
            early = self._speech.playout.left(moment.heard_at(clause.source_samples)) - LEAD_SAMPLES
            if early <= 0 or not moment.live:
                return
            await self._shared.floor.quiet(early / ASR_RATE)

    async def _pieces(self, telling: _Telling) -> AsyncGenerator[Piece, None]:
        """The clause's speech, or the rest of it. Raises MeshError of the TTS stage."""
        clause, pace = telling.clause, telling.pace or Pace(self._terms.speaking_rate)
        joined = 1 if self._shared.terms.consecutive else JOINED  # what can be cut off goes out bit by bit
        cutter = Cutter(self._shared.terms.output.sample_rate, clause.said_samples, joined)
        lag_ms = None if telling.lag_samples is None else milliseconds(telling.lag_samples)
        first = ClauseStart(clause.text, pace.speaking_rate, lag_ms)
        start: ClauseStart | None = ClauseStart() if clause.said_samples else first
        sounds = self._shared.dictionary.of(self._terms.lang).sounds_in(clause.text)
        objective_ms, affinity = self._shared.terms.objectives.tts_ms, self._shared.terms.affinity
        line = Line(clause.text, self._terms, pace, sounds, objective_ms, clause.rung, affinity)
        speech = self._shared.stages.synthesize(line, clause.trace)
        begun = bool(clause.said_samples)  # it is counted once
        async with aclosing(speech):
            async for pcm, rate in speech:
                if not begun:
                    self._shared.account.ledger.used.voiced(len(clause.text), line.tally.symbols)
                    begun = True
                for chunk in cutter.add(pcm, rate):
                    yield Piece(clause, chunk, start)
                    start = None
        if len(rest := cutter.flush()):
            yield Piece(clause, rest, start, last=True)

    def _lag(self, clause: Clause) -> int | None:
        """How far behind its source a clause is heard that is sent now; None where no listener waits for it.

        Nobody waits for typed text, for a recording that comes faster than real time, or for a turn that must wait
        for its end. A client that asked for a largest lag waits for the latter two.
        """
        moment = self._shared.account.moment
        asked = self._terms.lag_asked or (moment.live and not self._shared.terms.consecutive)
        if clause.typed or not asked:
            return None
        source = clause.source_samples
        return moment.since(source) + self._speech.playout.left(moment.heard_at(source))

    async def _leave_out(self, clause: Clause, reason: str) -> None:
        self._shared.account.ledger.fell_short(clause.segment_id, self._terms.lang, Outcome.CAPTIONS)
        await self._shared.account.outbox.put(
            messages.unspoken(self._terms.lang, clause.segment_id, clause.text, reason)
        )
        self._shared.account.backlog.close(clause.ticket)
