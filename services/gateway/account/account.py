"""One session's accounts, and what its client is told of them; and the one bound on what a session takes in.

That bound is in seconds of audio. HTTP/2 flow control is no backpressure here: transcripts are far too small to fill a
window. So the session counts audio itself and stops reading past the bound, or gives something up, as was agreed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from services.common.audio.pcm import ASR_RATE
from services.common.channel import Changes
from services.common.errors import MeshError
from services.gateway.account.ledger import Ledger
from services.gateway.account.measures import Measures
from services.gateway.account.overload import Level, Overload, Skipped
from services.gateway.agreement.glossary import Dictionary
from services.gateway.archive.recorder import NOTHING, Recorder
from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import Outbox
from services.gateway.outgoing.turn_taking import Floor
from services.gateway.stages.stages import Stages
from services.gateway.values.continuation import Continuation, Position, beginning
from services.gateway.values.speech import AHEAD_SAMPLES, Audio, Mark, Moment, Progress
from services.gateway.values.terms import OverloadPolicy, Terms

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


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A piece of work under way, at a stage and for a language."""

    stage: str  # "MT" or "TTS"
    lang: str
    since_samples: int  # where the speech it is made from ends, on the session's audio clock


class Backlog:
    """Audio accepted from the client against audio worked off.

    The recognizer is behind by what it has not been through; a target is behind by the audio accepted since the end of
    the speech that its oldest unfinished work is made from. Work is finished when its result has been written to the
    client, so a client that does not read is behind as well.
    """

    def __init__(
        self, bound_samples: int, policy: OverloadPolicy = OverloadPolicy.BLOCK, start_samples: int = 0
    ) -> None:
        self.accepted_samples = start_samples  # the offset up to which audio was taken in, or left out
        self.overload = Overload(policy, bound_samples)
        self.skipped = Skipped()
        self._unrecognized: deque[tuple[int, int]] = deque()  # from, to; in order, with the gaps between them
        self._tickets: dict[Ticket, None] = {}  # in the order they began
        self._since_samples = start_samples  # no ticket has an earlier one
        self.held = False  # no more audio may be taken in for now: past the bound, until half of it is worked off
        self._room = Changes()

    def accept(self, samples: int, end_samples: int) -> None:
        """Count audio that was taken in, up to an offset."""
        start = end_samples - samples
        if self._unrecognized and self._unrecognized[-1][1] == start:
            start, _ = self._unrecognized.pop()
        self._unrecognized.append((start, end_samples))
        self.accepted_samples = end_samples
        self._weigh()

    def skip(self, audio: Audio) -> None:
        """Leave audio out: the clock goes on, without work."""
        self.skipped.add(audio)
        self.accepted_samples = audio.end_samples
        self._weigh()

    def recognized(self, offset_samples: int) -> None:
        """Record that the recognizer has been through the audio clock up to an offset, gaps included."""
        while self._unrecognized and self._unrecognized[0][0] < offset_samples:
            _, end = self._unrecognized.popleft()
            if end > offset_samples:
                self._unrecognized.appendleft((offset_samples, end))
        self._weigh()

    def begin(self, stage: str, lang: str, since_samples: int) -> Ticket:
        """Begin a piece of work, on speech that ends at an offset."""
        ticket = Ticket(stage, lang, since_samples)
        self._tickets[ticket] = None
        self._since_samples = min(self._since_samples, since_samples)
        return ticket

    def close(self, ticket: Ticket) -> None:
        """Close a piece of work: its result was written, or there is none. Closing twice is the same as once."""
        if ticket in self._tickets:
            del self._tickets[ticket]
            self._weigh()

    def stages(self) -> list[tuple[str, str, int]]:
        """Stage, language and how many samples it is behind, for every stage with work waiting."""
        behind: dict[tuple[str, str], int] = {}
        for start, end in list(self._unrecognized):
            behind["ASR", ""] = behind.get(("ASR", ""), 0) + end - start
        for ticket in list(self._tickets):  # in the order they began: of a stage and language the oldest counts
            behind.setdefault((ticket.stage, ticket.lang), self.accepted_samples - ticket.since_samples)
        return [(*where, samples) for where, samples in behind.items()]

    async def room(self) -> None:
        """Wait until audio may be taken in."""
        while self.held:
            await self._room.wait()

    def _weigh(self) -> None:
        """Let something give way, or hold the audio, where the work lies too far behind.

        Usually all of it is so new that neither can be, and stages need not be told apart.
        """
        overload, half = self.overload, self.overload.bound_samples // 2
        first = self._unrecognized[0][0] if self._unrecognized else self.accepted_samples
        if not self._tickets:
            self._since_samples = self.accepted_samples
        if overload.level is Level.ALL and self.accepted_samples - min(first, self._since_samples) <= half:
            if self.held:
                self._let_in()
            return
        self._since_samples = min((each.since_samples for each in self._tickets), default=self.accepted_samples)
        stages, holding, most = self.stages(), 0, 0
        for _, _, samples in stages:
            most = max(most, samples)
        overload.weigh(most, self.accepted_samples)
        for stage, _, samples in stages:
            if overload.holds(stage):
                holding = max(holding, samples)
        if holding > overload.bound_samples:
            self.held = True
        elif holding <= half:
            self._let_in()

    def _let_in(self) -> None:
        self.held = False
        self._room.tell()


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
