"""A session from the outside: what it is made of, what goes on beside it, its span, and how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Never, Self

from opentelemetry.trace import Span, StatusCode

from services.common.audio.pcm import ASR_RATE
from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import InvalidArgument, MeshError, StageFailed, Superseded, Unsupported, cause
from services.common.retrying import jittered
from services.common.telemetry import metrics
from services.common.telemetry.tracing import caller_links, tracer
from services.gateway.account.account import Account, Backlog, Shared
from services.gateway.account.ledger import Ledger
from services.gateway.account.measures import Measures, Recent
from services.gateway.account.metering import Meter, billed
from services.gateway.agreement.glossary import Dictionary
from services.gateway.agreement.tenants import Place
from services.gateway.archive.recorder import Recorder
from services.gateway.incoming.call import Call, watch_reader
from services.gateway.incoming.ingress import Numbering, Source
from services.gateway.incoming.typed import TypedSegment
from services.gateway.masking.masker import Masker, Seeker
from services.gateway.outgoing import messages
from services.gateway.outgoing.messages import ServerMessage
from services.gateway.outgoing.outbox import Outbox
from services.gateway.quotas.quotas import Quotas
from services.gateway.recognition.outage import Patience
from services.gateway.recognition.recognition import Recognition
from services.gateway.recognition.takeover import Seed
from services.gateway.resume.lives import Life, Lives
from services.gateway.session import Session
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.values.continuation import Continuation, Position
from services.gateway.values.speech import samples
from services.gateway.values.terms import Masks, Terms

NOTICE_SECONDS = 30.0  # for a client to go on in another call, at a moment that suits it
_RETRY_MS = 1
_WANTED_RETRY_MS = 1000
GIVE_BACK_SECONDS = 2.0  # for a session whose slot others want, to go on elsewhere or later
_SESSIONS = metrics.counter("babelmesh.sessions")
_RESUMED = metrics.counter("babelmesh.sessions.resumed")
_DURATION = metrics.histogram("babelmesh.session.duration")
_OUTCOMES = ("done", "failed", "invalid", "resumable", "cancelled")
_open: set[Account] = set()  # of the sessions that last, in this process


@dataclass(frozen=True, slots=True)
class Opening:
    """What was agreed before a session is opened."""

    terms: Terms
    settings: GatewaySettings  # as the session's budget shortens them
    goes_on: Continuation
    life: Life
    place: Place
    sign: Callable[[Position], str]
    archive: Recorder

    def shared(self, stages: Stages, outbox: Outbox[ServerMessage], recent: Recent) -> Shared:
        """Make what the parts of the session are made with."""
        ledger = Ledger(time.monotonic, self.goes_on)
        account = Account(
            Backlog(samples(self.settings.max_backlog_ms), self.terms.overload, self.goes_on.start_samples),
            ledger,
            Measures(self.terms.source_lang, ledger, self.goes_on, recent),
            outbox,
            self.sign,
        )
        dictionary = Dictionary(self.terms.glossary, self.terms.source_langs)
        return Shared(self.terms, stages, account, dictionary, self.goes_on, archive=self.archive)

    def ready(self, account: Account, server: str) -> ServerMessage:
        """Make the message that tells the client what was agreed."""
        start = self.goes_on.start_samples if self.goes_on.resumed else None
        made = messages.ready(self.terms, self.settings, start, account.handle)
        made.ready.server, made.ready.archived = server, bool(self.archive.part)
        made.ready.audio_archived = self.archive.hears
        return made

    def billed(self, account: Account, call: Call, quotas: Quotas) -> AbstractContextManager[None]:
        """Draw what the session uses from its tenant's quota, and record it at the end of the block."""
        grant = call.standing.grant
        meter = Meter(account, self.terms.output.sample_rate, self.place.ration, quotas.label(grant.quota_class))
        return billed(meter, quotas.usage, grant.tenant, self.terms.session_id)

    def recognition(self, shared: Shared) -> Recognition:
        """Make the session's recognition, which goes on where the client has got to."""
        patience = Patience(self.settings.recognition_stall_ms / 1000, self.settings.stage_outage_ms / 1000)
        goes_on, shown = self.goes_on, self.goes_on.open_transcript
        if shown is not None and self.terms.masks.any:  # a recognizer is asked for what was said, not what was shown
            shown = replace(shown, text="", stable_length=0)
        seed = Seed(goes_on.start_samples, goes_on.next_segment_id, shown, goes_on.resumed)
        return Recognition(shared, seed, patience, samples(self.settings.recognizer_message_ms))

    def session(self, shared: Shared, recognition: Recognition) -> Session:
        """Make the session itself."""
        masks, goes_on = self.terms.masks.shown, self.goes_on
        opened = goes_on.open_transcript, goes_on.open_typed
        masker = Masker(masks, self.terms.source_lang, Seeker.of(masks, self.settings.profanity), opened)
        typed = TypedSegment(self.settings.max_text_length, goes_on.open_typed.revision if goes_on.open_typed else 0)
        return Session(shared, recognition, Source(typed, Numbering(goes_on), masker))

    def beside(self, account: Account, call: Call, lives: Lives) -> Iterator[Coroutine[None, None, None]]:
        """What goes on beside it, and may end it."""
        yield watch_reader(call.outbox, self.settings.client_stall_ms / 1000)
        yield self.life.ended()
        yield goodbye(self.life, lambda: account.go_away(lives.time_left_ms))
        yield retire(self.settings.session_seconds, account.go_away)
        yield give_back(self.place.wanted, account.go_away)
        yield call.standing.ended(account.report)
        yield self.place.ration.watch(account.report)
        if self.terms.heartbeat_ms:
            yield call.pulse.keep(self.terms.heartbeat_ms / 1000, account.beat)

    def attributes(self) -> dict[str, str | int | list[str]]:
        """The attributes of the session's span."""
        return {
            "babelmesh.session_id": self.terms.session_id,
            "babelmesh.epoch": self.goes_on.epoch,
            "babelmesh.source_lang": self.terms.source_lang,
            "babelmesh.target_langs": [target.lang for target in self.terms.targets],
        }


def stored_masker(settings: GatewaySettings, masks: Masks, lang: str) -> Masker:
    """Make what masks a language's texts for the archive alone, which are punctuated already as is wanted."""
    hiding = replace(masks, stored_only=False, punctuation=True, casing=True)
    return Masker(hiding, lang, Seeker.of(hiding, settings.profanity))


async def retire(seconds: float, notify: Callable[[int], Awaitable[None]]) -> Never:
    """Ends a call that has lasted so long, as resumable. `notify` tells the client before, with the milliseconds left.

    Raises StageFailed when the time is over.
    """
    notice = min(NOTICE_SECONDS, seconds / 2)
    await asyncio.sleep(seconds - notice)
    await notify(round(1000 * notice))
    await asyncio.sleep(notice)
    message = f"A call lasts {seconds:g} s at most. Resume the session: it goes on in another call."
    raise StageFailed("SESSION_TOO_LONG", message, retry_after_ms=_RETRY_MS)


async def give_back(wanted: asyncio.Event, notify: Callable[[int], Awaitable[None]]) -> Never:
    """Ends a call whose slot is wanted by tenants that have less, as resumable. Raises StageFailed."""
    await wanted.wait()
    await notify(round(1000 * GIVE_BACK_SECONDS))
    await asyncio.sleep(GIVE_BACK_SECONDS)
    message = "Your other sessions hold more slots than others have, who want this one. Resume it when there is room."
    raise StageFailed("SHARE_WANTED", message, retry_after_ms=jittered(_WANTED_RETRY_MS))


async def goodbye(life: Life, tell: Callable[[], Awaitable[None]]) -> None:
    """Tell the client once the server is about to stop."""
    await life.leaving.wait()
    await tell()


async def outcome(
    running: Awaitable[MeshError | None],
    outbox: Outbox[ServerMessage],
    beside: Iterable[Coroutine[None, None, None]],
) -> MeshError | None:
    """How a session ended, once the client has read all of it; or the fault that something beside it ended it with."""
    try:
        async with TaskGroup() as tasks:
            watching = [tasks.create_task(each) for each in beside]
            fault = await running
            await outbox.close()
            await outbox.flushed()
            for each in watching:
                each.cancel()
    except ExceptionGroup as group:
        heed_cancellation()
        ended = cause(group)
        if not isinstance(ended, MeshError):
            raise
        await outbox.clear()
        await outbox.close(messages.error(ended, fatal=True))
        return ended
    return fault


@contextmanager
def lasting(opening: Opening, account: Account) -> Iterator[Lasting]:
    """The session's span and account, for the block. An exception is told in them by its kind, never by its words."""
    with (
        tracer.start_as_current_span(
            "session",
            attributes=opening.attributes(),
            links=caller_links(),
            record_exception=False,
            set_status_on_exception=False,
        ) as span,
        Lasting(account, opening.goes_on.resumed, span) as session,
    ):
        yield session


class Lasting:
    """The account of one session from outside. `fault` is what it ends with, where that is no exception."""

    def __init__(self, account: Account, resumed: bool, span: Span) -> None:
        self.fault: MeshError | None = None
        self._account = account
        self._resumed = resumed
        self._span = span
        self._since: float | None = None  # when it was let in; one that was refused is none that ended

    def begin(self) -> None:
        """Count the session as running from now on: it was let in."""
        self._since = time.monotonic()
        _open.add(self._account)
        source = self._account.measures.source
        metrics.from_zero(_SESSIONS, ({**source, "outcome": outcome} for outcome in _OUTCOMES))
        if self._resumed:
            _RESUMED.add(1, source)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        _open.discard(self._account)
        ended = error or self.fault
        outcome = self._outcome(ended)
        undelivered = self._account.ledger.close()
        if ended and not isinstance(ended, Superseded | asyncio.CancelledError):
            self._account.measures.lost(undelivered)
            name = ended.code if isinstance(ended, MeshError) else type(ended).__name__
            self._span.set_status(StatusCode.ERROR, name)
        self._span.set_attribute("babelmesh.target_langs", sorted(self._account.langs))
        self._span.set_attribute("babelmesh.outcome", outcome)
        if self._since is not None:
            source = self._account.measures.source
            self._account.measures.count_audio()
            _SESSIONS.add(1, {**source, "outcome": outcome})
            _DURATION.record(time.monotonic() - self._since, source)

    def _outcome(self, ended: BaseException | None) -> str:
        match ended:
            case None:
                return "done"
            case asyncio.CancelledError():
                return "cancelled"
            case InvalidArgument() | Unsupported():
                return "invalid"
            case MeshError() if self._since is None:
                return "refused"
            case MeshError() if self._can_go_on(ended):
                return "resumable"
        return "failed"

    def _can_go_on(self, fault: MeshError) -> bool:
        """Whether its client may resume it, or has."""
        handle = self._account.handle
        return isinstance(fault, Superseded) or (fault.retry_after_ms is not None and bool(handle))


def backlogs() -> list[metrics.Reading]:
    """The largest backlog of any session, for each stage. May be asked in any thread."""
    most = dict.fromkeys(("ASR", "MT", "TTS"), 0)
    for account in list(_open):
        for stage, _, behind_samples in account.backlog.stages():
            most[stage] = max(most[stage], behind_samples)
    return [(behind / ASR_RATE, {"stage": stage.lower()}) for stage, behind in most.items()]


def wanted_slots() -> list[metrics.Reading]:
    """How many slots of recognizers and synthesizers the sessions have use for, at most. May be asked in any thread."""
    sessions = list(_open)
    clauses = sum(len(account.langs) for account in sessions)
    return [(len(sessions), {"stage": "asr"}), (clauses, {"stage": "tts"})]
