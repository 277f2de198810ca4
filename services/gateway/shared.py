"""What the parts of one session share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from opentelemetry.context import Context

from services.common.audio.pcm import ASR_RATE
from services.common.cancelling import heed_cancellation
from services.common.errors import MeshError, cause
from services.gateway import messages
from services.gateway.backlog import Backlog, Ticket
from services.gateway.continuation import Continuation, Position, TargetContinuation, beginning
from services.gateway.floor import Floor
from services.gateway.glossary import Dictionary
from services.gateway.inputs import Audio
from services.gateway.ledger import Ledger, Outcome
from services.gateway.measures import Measures
from services.gateway.messages import ServerMessage
from services.gateway.news import News
from services.gateway.outbox import Outbox
from services.gateway.pacing import Moment
from services.gateway.stages import Stages
from services.gateway.taking_turns import Turns
from services.gateway.terms import Progress, SourceEvent, TargetTerms, Terms, Transcript
from services.gateway.tiers import Notices

ACK_SAMPLES = ASR_RATE  # in silence, one acknowledgement a second is enough
GAP_SAMPLES = ASR_RATE // 2  # of audio left out in a row are told at once


class Mark:
    """A ping on its way through the session: every target passes it on, the last one rings."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._left = 0

    def sent_to(self, targets: Iterable[object]) -> None:
        """It now goes through these."""
        self._left = len(list(targets))

    def passed(self) -> bool:
        """One of them has dealt with all before it. True when it was the last."""
        self._left -= 1
        return self._left == 0


class Skipped:
    """Audio that is left out in a row, until it is told."""

    def __init__(self) -> None:
        self._from_samples = self._to_samples = 0

    def add(self, audio: Audio) -> None:
        """This is left out; it follows what was added before."""
        if not self.samples:
            self._from_samples = audio.offset_samples
        self._to_samples = audio.end_samples

    @property
    def samples(self) -> int:
        """How much has not been told."""
        return self._to_samples - self._from_samples

    def told(self) -> list[ServerMessage]:
        """The messages that tell it."""
        if not self.samples:
            return []
        told = messages.skipped(self._from_samples, self._to_samples)
        self._from_samples = self._to_samples
        return [told]


@dataclass(frozen=True, slots=True)
class Shared:
    """One session's agreement, its way to the stages and to the client, and its two accounts."""

    terms: Terms
    stages: Stages
    outbox: Outbox[ServerMessage]
    backlog: Backlog
    ledger: Ledger
    dictionary: Dictionary
    measures: Measures
    floor: Floor = field(default_factory=Floor)
    turns: Turns = field(default_factory=Turns)
    skipped: Skipped = field(default_factory=Skipped)
    news: News = field(default_factory=News)
    goes_on: Continuation = field(default_factory=lambda: beginning(""))
    tiers: Notices = field(default_factory=lambda: Notices("ASR"))
    begun: set[str] = field(default_factory=set)  # languages that are, or were, a target
    sign: Callable[[Position], str] = lambda position: ""  # makes the handle of a position

    @property
    def moment(self) -> Moment:
        """Where the session stands."""
        return Moment(self.backlog.accepted_samples, self.ledger.now_samples, not self.backlog.overload.live)

    async def report(self, fault: MeshError, segment_id: int = 0, lang: str = "") -> None:
        """Tells the client of a fault the session survives."""
        await self.outbox.put(messages.error(fault, segment_id=segment_id, target_lang=lang))

    async def end_with(self, error: Exception) -> MeshError:
        """Tells the client of the fault the session ends with, and gives it. Raises what is no fault but a defect."""
        heed_cancellation()
        fault = cause(error)
        if not isinstance(fault, MeshError):
            raise fault
        self.floor.give()  # its end may not have been heard
        await self.outbox.put(messages.error(fault, fatal=True))
        return fault

    async def accept(self, audio: Audio) -> bool:
        """Takes in audio, after waiting while the work lies too far behind; or leaves it out, which gives False.

        Which of the two was agreed; the client is told of both.
        """
        self.backlog.overload.live = self.moment.live  # a recording stays one: a slow voice makes it no speaker
        if self.backlog.overload.skipping:
            await self._skip(audio)
            return False
        if self.skipped.samples:
            await self.outbox.note("skipped", self.skipped.told)
        if self.backlog.held:
            with self.measures.held():
                await self.outbox.put(messages.flow(self.backlog.stages(), held=True))
                await self.backlog.room()
                await self.outbox.put(messages.flow(self.backlog.stages(), held=False))
        self.backlog.accept(len(audio.pcm), audio.end_samples)
        self.ledger.received(audio.end_samples, len(audio.pcm))
        self.measures.accepted(len(audio.pcm))
        await self._tell_overload()
        return True

    async def _skip(self, audio: Audio) -> None:
        self.backlog.pass_over(audio.end_samples)
        self.skipped.add(audio)
        if self.skipped.samples >= GAP_SAMPLES:
            await self.outbox.note("skipped", self.skipped.told)
        await self._tell_overload()

    async def _tell_overload(self) -> None:
        if self.backlog.overload.changed:
            await self.outbox.note("overload", self._overload_news)

    def _overload_news(self) -> list[ServerMessage]:
        return [messages.degraded(stage, "", "OVERLOAD", 0, over) for stage, over in self.backlog.overload.news()]

    async def end(self) -> None:
        """The session's last message, behind what is still to be told of its audio."""
        await self.outbox.note("skipped", self.skipped.told)
        await self.outbox.put(messages.end())

    async def transcribed(self, said: Transcript, langs: Collection[str]) -> Context:
        """A revision of a segment goes to the client, and to these targets. Gives its trace."""
        trace, about = self.ledger.opened(said), ("transcript", said.segment_id)
        message = messages.transcript(said, self.terms.source_lang)
        if not said.language_tentative:  # it may be another language's tier that counts
            for news in self.tiers.news(said.tier, said.larger_tiers, said.segment_id):
                await self.outbox.put(news)
        if said.final:
            self.ledger.recognized(said, langs)
            self.news.ended(about)
            await self.outbox.put(message, final_of=about)
        elif self.terms.interim and self.news.tells(about, said.in_language, said.stable_length):
            await self.outbox.put_interim(about, message)
        return trace

    async def begin(self, terms: TargetTerms) -> tuple[Sequence[Transcript], TargetContinuation]:
        """What a target is yet to hear of what the client has heard, and where it goes on.

        Segments that servers have ended over are not made again, and named to the client.
        """
        missed, seed = self._begin(terms.lang)
        for said in missed:
            if self.goes_on.fatal and not seed.finished(said.segment_id, terms.speech):
                translated = seed.finished(said.segment_id, speech=False)
                seed = seed.left_out(said.segment_id)
                shortfall = Outcome.CAPTIONS if translated else Outcome.UNTRANSLATED
                self.ledger.fell_short(said.segment_id, terms.lang, shortfall)
                stage = "TTS" if translated else "MT"
                await self.outbox.put(messages.degraded(stage, terms.lang, "QUARANTINED", said.segment_id))
        return missed, seed

    def _begin(self, lang: str) -> tuple[Sequence[Transcript], TargetContinuation]:
        """Where a target goes on.

        One that was here before goes on with its voice's clock alone. One that is set later, though the client knows
        it, goes on with the first segment that the client has something of.
        """
        seed = TargetContinuation(voice_samples=self.ledger.delivery.voice_samples(lang))
        if lang in self.begun:
            return (), seed
        self.begun.add(lang)
        self.measures.began(lang)
        seed = replace(self.goes_on.targets.get(lang, seed), voice_samples=seed.voice_samples)
        first = 0 if lang in [each.lang for each in self.terms.targets] else min(seed.segments, default=sys.maxsize)
        missed = [said for said in self.goes_on.transcripts if said.segment_id >= first]
        for said in missed:
            self.ledger.opened(said)
            self.ledger.recognized(said, [lang])
        return missed, seed

    async def go_away(self, time_left_ms: int) -> None:
        """Tells the client that the server will stop."""
        await self.outbox.put_made(lambda: [messages.go_away(time_left_ms, self.sign(self.ledger.position))])

    async def beat(self) -> None:
        """A sign of life."""
        await self.outbox.put_interim("heartbeat", messages.flow(self.backlog.stages(), held=self.backlog.held))

    async def source_turned(self, event: SourceEvent) -> None:
        """The speaker started or stopped. A voice stops before the client is told, and goes on behind it."""
        async with self.floor.word:
            if event.started:
                self.floor.take()
            await self.outbox.put(messages.source_event(event.started, event.offset_samples))
            if not event.started:
                self.floor.give()

    async def when_sent(self, ticket: Ticket) -> None:
        """Ends a piece of work once all that was put before this has been written."""

        def written() -> list[ServerMessage]:
            self.backlog.finish(ticket)
            return self._overload_news()

        await self.outbox.put_made(written)

    async def segment_sent(self, segment_id: int, lang: str) -> None:
        """Closes the account of a segment and target once all that was put before this has been written."""

        def written() -> list[ServerMessage]:
            delivered = self.ledger.sent(segment_id, lang)
            self.measures.delivered(segment_id, lang, delivered)
            return [messages.latency(segment_id, lang, delivered.steps), *self._acknowledged()]

        await self.outbox.put_made(written)

    async def progressed(self, progress: Progress) -> None:
        """The recognizer has got so far; once in a while the client is told, in silence too."""
        self.backlog.recognized(progress.processed_samples)
        await self._tell_overload()
        self.ledger.finalized(progress.finalized_samples)
        await self.outbox.put_made(lambda: self._acknowledged(ACK_SAMPLES))

    def _acknowledged(self, least_samples: int = 1) -> list[ServerMessage]:
        delivered = self.ledger.acknowledge(least_samples)
        return [] if delivered is None else [messages.ack(delivered.offset_samples, self.sign(delivered))]

    async def passed(self, mark: Mark) -> None:
        """A mark has got through one target."""
        if mark.passed():
            await self.outbox.put(messages.marker(mark.text))
