"""One session's recognition, whoever does it: when a recognizer breaks off, another one goes on."""

from __future__ import annotations

import logging
from functools import partial

from opentelemetry.context import Context

from services.common.channel import Channel
from services.common.telemetry import metrics, tracing
from services.gateway.account.account import Shared
from services.gateway.outgoing import messages
from services.gateway.recognition.conversation import (
    BrokeOff,
    Conversation,
    Failed,
    Feed,
    Left,
    Slow,
    Stalled,
    Stalls,
    tell,
)
from services.gateway.recognition.outage import Outage, Patience
from services.gateway.recognition.replay import COALESCED_SAMPLES, Listening
from services.gateway.recognition.takeover import FRESH, Seed
from services.gateway.stages.calls import Owned
from services.gateway.stages.recognizing import Recognizing
from services.gateway.stages.tries import quarantined
from services.gateway.values.speech import Heard, Trace, samples

log = logging.getLogger(__name__)
PATIENCE = Patience()
KEPT_BEYOND_MS = 5000  # of audio, beside the longest segment: what a recognizer may lie behind, and the silence between
_FAILOVERS = metrics.counter("babelmesh.failovers")
MOST_PATIENT = 16  # times as long as at first is a stall borne, at most
_REASONS = ("lost", "stalled", "drained")
_ROOM = 50  # answers the session has not taken


def may_fail_over() -> None:
    """Begin the count of failovers at zero, before sessions come."""
    metrics.from_zero(_FAILOVERS, ({"reason": reason} for reason in _REASONS))


class Slowness:
    """How often recognizers were left for being slow, in a row: each of the next is given twice the time.

    Another one has to hear again what was not final, and on a busy machine none of them would ever get through. Pure.
    """

    def __init__(self) -> None:
        self.factor = 1
        self._finalized_samples = -1

    def left(self, finalized_samples: int) -> None:
        """Record that a slow recognizer was left, where so much of the audio was final."""
        again = finalized_samples == self._finalized_samples
        self.factor = min(MOST_PATIENT, 2 * self.factor) if again else 1
        self._finalized_samples = finalized_samples


class Recognition:
    """Sends audio to recognizers, one after the other, and gives their answers as if one had given them.

    `feed` takes audio and commands in order; `heard` gives what the stage made of them; `run` talks to the stage until
    `end_audio` was called and all is answered. The stage is asked for a slot by `open` when audio was announced, else
    when there is some: typed text needs none. `close` ends every call that is left, whatever way the session ends.
    """

    def __init__(
        self,
        shared: Shared,
        seed: Seed = FRESH,
        patience: Patience = PATIENCE,
        least_samples: int = COALESCED_SAMPLES,
    ) -> None:
        """`least_samples`: of audio, in one message to a recognizer."""
        self.heard: Channel[Heard] = Channel(_ROOM)
        self._shared = shared
        self._resumed = seed.resumed
        self._patience = patience
        bound_samples = samples(shared.terms.max_segment_ms + KEPT_BEYOND_MS)
        self._listening = Listening(bound_samples, seed, partial(getattr, shared.dictionary, "phrases"))
        announced = shared.terms.input is not None
        self.feed = Feed(self._listening, shared.account.backlog.overload, announced, least_samples)
        self._call: Recognizing | None = None
        self._calls = Owned()
        self._slow = Slowness()
        self._away = False  # as the client was told
        self.traced = 0  # the segment whose trace the recognizer was sent last, by the recognizer's number

    async def open(self) -> None:
        """Take a slot when audio was announced. Raises MeshError of the ASR stage when it refuses."""
        if self.feed.started:
            self._call = await self._recognizer()

    def trace(self, segment_id: int, context: Context) -> None:
        """Send the recognizer the trace of one of its segments. It waits for nothing: who reads answers may not."""
        self.traced = segment_id
        if traceparent := dict(tracing.outgoing(context)).get("traceparent"):
            self._listening.hints.trace(Trace(segment_id, traceparent))

    async def end_audio(self) -> None:
        """End the audio: the recognizer has to answer what it has, and is done."""
        await self.feed.end()

    def close(self) -> None:
        """Cancel the calls to recognizers that are still open."""
        self._calls.close()

    async def run(self) -> None:
        """Raises MeshError of the ASR stage when it refuses, or when no recognizer can be had for too long."""
        coming = partial(self._shared.stages.coming, "ASR")
        call, outage = self._call, Outage(self._patience, self._announce, coming)
        if call is None and await self.feed.begun():
            call = await self._recognizer()
        await tell(self._listening, self.heard)
        while call is not None:
            call = await self._converse(call, outage)
        self._listening.end()
        await tell(self._listening, self.heard)
        await self.heard.close()

    async def _converse(self, call: Recognizing, outage: Outage) -> Recognizing | None:
        """Talk to one recognizer. Returns the call to go on with; None when all is answered."""
        conversation = Conversation(call, self._listening, self.feed, self.heard)
        try:
            await conversation.run(self._stalls, self._another)
            return None
        except Left:
            why = "drained"
            log.info("recognizer left", extra={"fields": self._fields(call)})
        except BrokeOff as end:
            why = "stalled" if isinstance(end, Stalled) else "lost"
            log.warning("recognizer broke off", extra={"fields": {**self._fields(call), "reason": str(end)}})
            if conversation.answered:
                outage.over()
            if isinstance(end, Slow):
                self._slow.left(self._listening.buffer.at.finalized_samples)
            else:
                await self._leave_out(isinstance(end, Failed))
        successor = conversation.successor or await outage.another(self._another)
        self._listening.moved()
        _FAILOVERS.add(1, {"reason": why})
        return successor

    async def _leave_out(self, failed: bool) -> None:
        """Leaves out the audio that two recognizers have died of. Raises StageFailed where that is no help."""
        stretch = self._listening.died(failed)
        await tell(self._listening, self.heard)
        if stretch:
            await self._shared.account.outbox.put(messages.quarantined(stretch.from_samples, stretch.to_samples))
        elif self._listening.suspicion.hopeless:
            raise quarantined("ASR")

    async def _another(self) -> Recognizing:
        return await self._recognizer(resumed=True)

    async def _recognizer(self, resumed: bool = False) -> Recognizing:
        listening = self._listening
        terms, again = self._shared.terms, resumed or self._resumed
        recognizing = await self._shared.stages.recognize(terms, listening.segment_id, again, listening.seam.language)
        self._calls.add(recognizing.call)
        return recognizing

    @property
    def _stalls(self) -> Stalls:
        seconds = self._patience.stall_seconds * self._slow.factor
        others = partial(self._shared.stages.others, "ASR")
        return Stalls(seconds, others, self._announce, self._patience.longest_seconds)

    async def _announce(self, over: bool) -> None:
        if self._away is not over:
            return  # it has been told
        self._away = not over
        await self._shared.account.outbox.put(messages.degraded("ASR", "", "UNAVAILABLE", 0, over))

    def _fields(self, call: Recognizing) -> dict[str, str | int]:
        return {"session": self._shared.terms.session_id, "replica": call.replica_id}
