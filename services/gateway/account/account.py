"""One session's accounts, and what its client is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.common.audio.pcm import ASR_RATE
from services.common.errors import MeshError
from services.gateway.account.backlog import Backlog, Level, Ticket
from services.gateway.account.ledger import Ledger
from services.gateway.account.measures import Measures
from services.gateway.agreement.glossary import Dictionary
from services.gateway.archive.recorder import NOTHING, Recorder
from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import Outbox
from services.gateway.outgoing.turn_taking import Floor
from services.gateway.stages.stages import Stages
from services.gateway.values.continuation import Continuation, Position, beginning
from services.gateway.values.speech import AHEAD_SAMPLES, Audio, Mark, Moment, Progress
from services.gateway.values.terms import Terms

ACK_SAMPLES = ASR_RATE  # in silence, one acknowledgement a second is enough
GAP_SAMPLES = ASR_RATE // 2  # of audio left out in a row are told at once


class Account:
    """Keeps a session's backlog, ledger and measures in step, and puts what they come to into its outbox."""

    def __init__(
        self,
        backlog: Backlog,
        ledger: Ledger,
        measures: Measures,
        outbox: Outbox[ServerMessage],
        sign: Callable[[Position], str] = lambda position: "",
    ) -> None:
        """`sign` makes the handle by which a session is resumed from a position."""
        self.backlog = backlog
        self.ledger = ledger
        self.measures = measures
        self.outbox = outbox
        self.langs: set[str] = set()  # that are, or were, a target
        self._sign = sign

    @property
    def moment(self) -> Moment:
        """Where the session stands on its two clocks."""
        return Moment(self.backlog.accepted_samples, self.ledger.now_samples, not self.backlog.overload.live)

    @property
    def handle(self) -> str:
        """The signed handle by which the session can be resumed from where all has been delivered."""
        return self._sign(self.ledger.position)

    async def report(self, fault: MeshError, segment_id: int = 0, lang: str = "") -> None:
        """Tell the client of a fault that the session survives."""
        await self.outbox.put(messages.error(fault, segment_id=segment_id, target_lang=lang))

    async def accept(self, audio: Audio) -> bool:
        """Take in audio, after waiting while the work lies too far behind; or leave it out, and return False.

        Which of the two was agreed; the client is told of both.
        """
        backlog, overload = self.backlog, self.backlog.overload
        if backlog.accepted_samples - self.ledger.now_samples > AHEAD_SAMPLES:
            overload.live = False  # a recording stays one: a slow voice makes it no speaker
        if overload.level is Level.SKIPPING and overload.live:
            await self._skip(audio)
            return False
        if backlog.skipped.samples:
            await self.note_skipped()
        if backlog.held:
            await self._wait_for_room()
        samples, end_samples = len(audio.pcm), audio.offset_samples + len(audio.pcm)
        backlog.accept(samples, end_samples)
        self.ledger.received(end_samples, samples)
        self.measures.accepted(samples)
        if overload.level is not overload.told:
            await self._note_overload()
        return True

    async def _wait_for_room(self) -> None:
        """Hold the client while the work lies too far behind."""
        with self.measures.held():
            await self.outbox.put(messages.flow(self.backlog.stages(), held=True))
            await self.backlog.room()
            await self.outbox.put(messages.flow(self.backlog.stages(), held=False))

    async def _skip(self, audio: Audio) -> None:
        self.backlog.skip(audio)
        if self.backlog.skipped.samples >= GAP_SAMPLES:
            await self.note_skipped()
        if self.backlog.overload.changed:
            await self._note_overload()

    async def note_skipped(self) -> None:
        """Tell the client of the audio that was left out since it was told last."""
        await self.outbox.note("skipped", self._skipped_news)

    def _skipped_news(self) -> list[ServerMessage]:
        return [messages.skipped(*stretch) for stretch in self.backlog.skipped.take()]

    async def _note_overload(self) -> None:
        await self.outbox.note("overload", self._overload_news)

    def _overload_news(self) -> list[ServerMessage]:
        return [messages.degraded(stage, "", "OVERLOAD", 0, over) for stage, over in self.backlog.overload.news()]

    async def go_away(self, time_left_ms: int) -> None:
        """Tell the client that the server will stop."""
        await self.outbox.put_made(lambda: [messages.go_away(time_left_ms, self.handle)])

    async def beat(self) -> None:
        """Send the client a sign of life."""
        await self.outbox.put_interim("heartbeat", messages.flow(self.backlog.stages(), held=self.backlog.held))

    async def when_sent(self, ticket: Ticket) -> None:
        """End a piece of work once all that was put before this has been written."""

        def written() -> list[ServerMessage]:
            self.backlog.close(ticket)
            overload = self.backlog.overload
            return [] if overload.level is overload.told else self._overload_news()

        await self.outbox.put_made(written)

    async def segment_sent(self, segment_id: int, lang: str) -> None:
        """Close the account of a segment and target once all that was put before this has been written."""

        def written() -> list[ServerMessage]:
            delivered = self.ledger.sent(segment_id, lang)
            self.measures.delivered(segment_id, lang, delivered)
            return [messages.latency(segment_id, lang, delivered.steps), *self._acknowledged()]

        await self.outbox.put_made(written)

    async def progressed(self, progress: Progress) -> None:
        """Record how far the recognizer has got; once in a while the client is told, in silence too."""
        self.backlog.recognized(progress.processed_samples)
        if self.backlog.overload.changed:
            await self._note_overload()
        self.ledger.finalized(progress.finalized_samples)
        await self.outbox.put_made(lambda: self._acknowledged(ACK_SAMPLES))

    def _acknowledged(self, least_samples: int = 1) -> list[ServerMessage]:
        delivered = self.ledger.acknowledge(least_samples)
        return [] if delivered is None else [messages.ack(delivered.offset_samples, self._sign(delivered))]

    async def passed(self, mark: Mark) -> None:
        """Record that a mark has got through one target; the last one sends the echo."""
        mark.left -= 1
        if not mark.left:
            await self.outbox.put(messages.marker(mark.text))


@dataclass(frozen=True, slots=True)
class Shared:
    """What the parts of one session are made with: what was agreed, and its ways to the stages and to the client."""

    terms: Terms
    stages: Stages
    account: Account
    dictionary: Dictionary
    goes_on: Continuation = field(default_factory=lambda: beginning(""))
    floor: Floor = field(default_factory=Floor)
    archive: Recorder = NOTHING
