"""The voice of one target: speaks clauses in order, keeps up with the speaker, and takes turns where agreed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.common.audio import ASR_RATE
from services.common.errors import MeshError
from services.gateway import messages
from services.gateway.continuation import TargetContinuation
from services.gateway.pacing import Pace, Pacing
from services.gateway.shared import Mark, Shared
from services.gateway.speech import Cutter, Piece, Speech, Start
from services.gateway.terms import TargetTerms, milliseconds, samples
from services.gateway.waiting import Clause, SegmentDone, Spoken, Waiting

ROOM = 64  # clauses; audio is held after seconds, so only a speaker who never gives the floor gets near it
LEAD_SAMPLES = 2 * ASR_RATE // 5  # a voice that can be cut off is sent no further ahead of the listener


class Voice:
    """Says what it is given, one thing after the other."""

    def __init__(self, terms: TargetTerms, shared: Shared, seed: TargetContinuation) -> None:
        self._terms = terms
        self._shared = shared
        self._waiting = Waiting(ROOM)
        self._speech = Speech(terms.lang, shared, seed)
        self._pacing = Pacing(terms.speaking_rate, samples(terms.max_lag_ms), samples(shared.terms.ease_ms))
        self._interruptions = 0

    async def say(self, spoken: Spoken) -> None:
        """Says it after all before it.

        Where turns are taken, what waits for the speaker to stop must not hold the speaker's audio back: it is no
        backlog, and what there is no room for is left out, the oldest first.
        """
        if not self._shared.terms.consecutive:
            return await self._waiting.put(spoken)
        if isinstance(spoken, Clause):
            self._shared.backlog.finish(spoken.ticket)
        for gone in await self._waiting.squeeze(spoken):
            await (self._leave_out(gone) if isinstance(gone, Clause) else self._pass(gone))

    async def interrupt(self) -> None:
        """Drops all speech that was not sent yet. What follows is said."""
        self._interruptions += 1
        for clause in await self._waiting.drop_clauses():
            if not self._shared.terms.consecutive:
                self._shared.backlog.finish(clause.ticket)
        await self._speech.drop()

    async def finish(self) -> None:
        """There is no more to say, and nobody left to wait for."""
        await self._waiting.close()

    async def run(self) -> None:
        """Speaks until `finish` was called and all is said."""
        async for spoken in self._waiting:
            match spoken:
                case Clause():
                    await (self._speak_in_turn if self._shared.terms.consecutive else self._speak)(spoken)
                case _:
                    await self._pass(spoken)
            if self._speech.open and not len(self._waiting):
                await self._speech.end()
        if self._speech.open:
            await self._speech.end()

    async def _pass(self, spoken: SegmentDone | Mark) -> None:
        match spoken:
            case SegmentDone():
                await self._shared.segment_sent(spoken.segment_id, self._terms.lang)
            case Mark():
                await self._shared.passed(spoken)

    async def _speak(self, clause: Clause) -> None:
        """Speaks while the speaker may still be speaking; chunks go out as they are made."""
        before, lag = self._interruptions, self._lag(clause)
        if pace := self._pacing.next(lag):
            async with aclosing(self._pieces(clause, pace, lag)) as pieces:
                async for piece in pieces:
                    if self._interruptions != before:
                        break
                    await self._speech.put(piece)
        else:
            await self._leave_out(clause)
        await self._shared.when_sent(clause.ticket)

    async def _speak_in_turn(self, clause: Clause) -> None:
        """Speaks only while the speaker does not. Cut off, the voice goes on where it stopped once it may.

        The clause is made at once, so that neither a slot of the synthesizer nor the backlog is kept meanwhile.
        """
        before = self._interruptions
        await self._await_floor()
        if self._interruptions != before:
            return
        lag = self._lag(clause)
        if not (pace := self._pacing.next(lag)):
            return await self._leave_out(clause)
        ticket = self._shared.backlog.begin("TTS", self._terms.lang, self._shared.moment.accepted_samples)
        pieces = [piece async for piece in self._pieces(clause, pace, lag)]
        self._shared.backlog.finish(ticket)
        for piece in pieces:
            await self._await_turn(clause)
            if self._interruptions != before:
                return
            await self._speech.put(piece)

    async def _await_floor(self) -> None:
        if self._shared.floor.taken and self._speech.open:
            await self._speech.end()
        await self._shared.floor.free()

    async def _await_turn(self, clause: Clause) -> None:
        """Waits until more may be sent: the speaker is silent, and the listener has heard most of what was sent."""
        while True:
            await self._await_floor()
            moment = self._shared.moment
            early = self._speech.playout.left(moment.heard_at(clause.source_samples)) - LEAD_SAMPLES
            if early <= 0 or not moment.live:
                return
            await self._shared.floor.quiet(early / ASR_RATE)

    async def _pieces(self, clause: Clause, pace: Pace, lag_samples: int) -> AsyncGenerator[Piece, None]:
        """The clause's speech; what there is of it when the synthesizer fails, which the client is told."""
        cutter, lag_ms = Cutter(self._shared.terms.output_rate), milliseconds(lag_samples)
        start = None if clause.said_samples else Start(clause.text, pace.speaking_rate, lag_ms)
        skip = clause.said_samples
        sounds = self._shared.dictionary.of(self._terms.lang).sounds_in(clause.text)
        speech = self._shared.stages.synthesize(clause.text, self._terms, pace, clause.trace, sounds)
        try:
            async with aclosing(speech):
                async for pcm, rate in speech:
                    for chunk in cutter.add(pcm, rate):
                        skip, piece = max(0, skip - len(chunk)), chunk[skip:]
                        if len(piece):
                            yield Piece(clause, piece, start)
                            start = None
        except MeshError as fault:
            await self._shared.report(fault, clause.segment_id, self._terms.lang)
            return
        if len(rest := cutter.finish()[skip:]):
            yield Piece(clause, rest, start, last=True)

    def _lag(self, clause: Clause) -> int:
        """How far behind its source a clause is heard that is sent now; 0 where no listener waits for it.

        Nobody waits for typed text, for a recording that comes faster than real time, or for a turn that must wait
        for its end. A client that asked for a largest lag waits for the latter two.
        """
        moment = self._shared.moment
        asked = self._terms.lag_asked or (moment.live and not self._shared.terms.consecutive)
        if clause.typed or not asked:
            return 0
        source = clause.source_samples
        return moment.since(source) + self._speech.playout.left(moment.heard_at(source))

    async def _leave_out(self, clause: Clause) -> None:
        await self._shared.outbox.put(messages.unspoken(self._terms.lang, clause.segment_id, clause.text))
