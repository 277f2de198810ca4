"""The public contract, served: one Session per Stream, and what needs no session."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from functools import partial
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup
from services.common.channel import Channel
from services.common.errors import OWN_QUOTA, AtCapacity, MeshError
from services.common.server.answering import begin_answers
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.states import State
from services.common.telemetry import metrics, rpcs
from services.common.tls.calling import Dial
from services.gateway.account.measures import Recent, may_degrade
from services.gateway.agreement import permission
from services.gateway.agreement.callers import Caller, client_of
from services.gateway.agreement.changes import Changes
from services.gateway.agreement.describing import described
from services.gateway.agreement.entrance import Entrance, warn_of_strangers
from services.gateway.agreement.glossaries import Glossaries
from services.gateway.agreement.negotiation import agree, agree_text, within_budget
from services.gateway.agreement.tenants import Tenants
from services.gateway.archive.archive import Archive, Owner, unavailable
from services.gateway.archive.recorder import MISSED
from services.gateway.incoming.call import (
    Call,
    CallContext,
    Pace,
    Sizes,
    half_closed,
    methods,
    read_all,
    received,
    refusable,
    write_all,
    written,
)
from services.gateway.incoming.greeting import LAST_WORDS_SECONDS, SILENT_SECONDS, Greeting, Greetings
from services.gateway.incoming.ingress import AudioStart, Controls, Ingress
from services.gateway.incoming.typed import without_byte_order_marks
from services.gateway.lifecycle import Opening, backlogs, lasting, outcome, stored_masker, wanted_slots
from services.gateway.operations.archive import ArchiveServicer
from services.gateway.operations.door import OperatorsDoor
from services.gateway.operations.edge import edge
from services.gateway.operations.scale.turned_away import TurnedAway
from services.gateway.operations.sight import Sight
from services.gateway.outgoing import messages
from services.gateway.outgoing.outbox import Outbox, Room
from services.gateway.quotas.quotas import Quotas
from services.gateway.quotas.usage import Used
from services.gateway.recognition.recognition import may_fail_over
from services.gateway.resume.handles import Admission
from services.gateway.resume.lives import Lives
from services.gateway.settings import GatewaySettings
from services.gateway.stages.stages import Stages
from services.gateway.tokens.gate import Gate
from services.gateway.tokens.grants import DESCRIBE, STREAM, TRANSLATE
from services.gateway.tokens.standing import Standing
from services.gateway.translation.lone_text import masked, translations
from services.gateway.values.stages import Catalog, Question, Status

log = logging.getLogger(__name__)

_OUTBOX_ROOM = 32  # messages; 160 ms of speech are the largest
_CATALOG_SECONDS = 10.0  # how old the stages' word on what they can do may get


class GatewayServicer:
    """Serves `realtime.v1.RealtimeTranslate`."""

    service_name = "realtime.v1.RealtimeTranslate"

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._slots = Slots(settings.slots, stage="", reserved=settings.reserve)
        self._tenants = Tenants(self._slots, settings)
        self._gate, self._quotas = Gate(settings), Quotas(settings)
        self._entrance = Entrance(settings, self._tenants, self._gate)
        self._admission = Admission(settings)
        self._lives = Lives(settings.resume_ttl_ms / 1000)
        self._greetings = Greetings(settings, self._lives.require_open)
        dial = Dial.of(settings, "gateway", settings.endpoints)
        self._stages = Stages(settings, dial)
        self._turned_away, self._recent = TurnedAway(), Recent()
        self._sight = Sight(self._stages, settings, self._status, dial)
        self._archive = Archive(settings, partial(stored_masker, settings))
        self.replica = Replica(
            self._slots,
            forward=self._stages.simulate_fault,
            turned_away=lambda: self._turned_away.count,
            edge=edge(
                settings,
                self._sight,
                self._recent,
                ArchiveServicer(self._archive, settings),
                [OperatorsDoor(self._gate)] if self._gate.on else [],
            ),
        )
        self._glossaries = Glossaries(settings, self._stages)
        self._catalog = Catalog((), (), (), ())
        self._running = AsyncExitStack()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the methods. Stream reads its messages itself, so that an unreadable one gets a typed answer."""
        handlers = methods(self, Sizes.of(self._settings))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self.service_name, handlers),))

    async def start(self) -> None:
        """Wait for the stages: a gateway without them has nothing to offer."""
        pause_seconds = 0.1
        may_degrade()
        may_fail_over()
        rpcs.may_refuse("gateway", OWN_QUOTA)
        warn_of_strangers(self._settings)
        await self._gate.start()
        await self._quotas.start()
        tasks = await self._running.enter_async_context(TaskGroup())
        each = (self._sight, self._gate, self._quotas, self._archive)
        for work in (*(one.run() for one in each), self._archive.sweep()):
            self._running.callback(tasks.create_task(work).cancel)
        await self._running.enter_async_context(self._stages.running())
        self._running.enter_context(metrics.observed("babelmesh.backlog", backlogs))
        self._running.enter_context(metrics.observed("babelmesh.slots.wanted", wanted_slots))
        await self._refresh()
        while not self._catalog.engines:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 2.0)
            await self._refresh()
        self._running.callback(tasks.create_task(self._refresh_often()).cancel)

    async def drain(self, seconds: float) -> None:
        """Move sessions elsewhere; those that have not left when the time is up end as resumable."""
        self._greetings.end()
        self._sight.leave()
        await self._lives.drain(seconds)

    async def stop(self) -> None:
        """Write what waits for the archive, and close the channels to the stages."""
        await self._archive.stop()
        await self._running.aclose()

    async def Stream(self, requests: object, context: CallContext) -> None:
        greeting = Greeting(self._greetings, context, client_of(context.peer()))
        async with AsyncExitStack() as held:
            try:
                held.enter_context(greeting)
                caller = await self._entrance.admit(context, STREAM, "Stream")
                opening = await self._admit(greeting, caller, held, context)
            except MeshError as refusal:
                self._turn_away(refusal)
                await greeting.refuse(refusal)
                raise
            greeting.done()
            fault = await self._serve(opening, caller, context, held)
        if fault:
            raise fault

    async def _admit(self, greeting: Greeting, caller: Caller, held: AsyncExitStack, context: CallContext) -> Opening:
        """Decides on the first message; waits for nothing before it refuses for want of a slot. Raises MeshError."""
        await self._tenants.require_share(caller)
        hello = await greeting.hello()
        self._lives.require_open()
        self._glossaries.require_bounds(hello.glossary, "hello.glossary")
        settings = within_budget(hello, self._settings)
        terms = agree(hello, uuid.uuid4().hex, self._catalog, settings)
        permission.require_hello(caller.grant, hello, terms)
        goes_on = self._admission.goes_on(hello, terms, caller.tenant, self._lives)
        if not goes_on.resumed:
            self._tenants.require_room(caller)
            if terms.input:
                self._stages.require_room("ASR")
        async with self._lives.claimed(goes_on.session_id, goes_on.epoch):
            kept = self._glossaries.of(caller.tenant)
            glossary = await kept.agreed(hello.glossary, "hello.glossary", self._catalog)
            terms = replace(terms, session_id=goes_on.session_id, glossary=glossary)
            await self._lives.supersede(terms.session_id)
            quota = self._quotas.opened(caller.account, caller.grant.quota_class)
            ration = await held.enter_async_context(quota)
            place = held.enter_context(self._tenants.taken(caller, goes_on.resumed))
            place.ration = ration
            life = held.enter_context(self._lives.running(terms.session_id, goes_on.epoch))
        sign = self._admission.signature(terms, goes_on, caller.tenant)
        owner = Owner(caller.tenant, caller.grant.quota_class)
        recording = self._archive.recording(owner, context.invocation_metadata(), terms, goes_on)
        return Opening(terms, settings, goes_on, life, place, sign, await held.enter_async_context(recording))

    def _turn_away(self, refusal: MeshError) -> None:
        """Count a session that will ask again, where more replicas would have had room for it."""
        if (isinstance(refusal, AtCapacity) and refusal.code not in OWN_QUOTA) or refusal.stage:
            self._turned_away.add(refusal.retry_after_ms or 0)

    async def _serve(
        self, opening: Opening, caller: Caller, context: CallContext, held: AsyncExitStack
    ) -> MeshError | None:
        """Holds the session. Returns the fault the call is to end with."""
        half = self._settings.client_buffer_bytes // 2  # the other: text that waits, and a chunk for each target
        outbox: Outbox[pb.ServerMessage] = Outbox(Room(_OUTBOX_ROOM, half, pb.ServerMessage.ByteSize))
        call = Call(Channel(1), outbox, Standing(self._gate, caller.grant, self._settings))
        await begin_answers(context)
        async with TaskGroup() as tasks:
            reading = tasks.create_task(read_all(context, call.inbound))
            writing = tasks.create_task(write_all(context, call))
            fault = await self._served(opening, call, held)
            await written(writing, self._settings.client_stall_ms / 1000)
            if fault and not (call.refused and await refusable(call.inbound, SILENT_SECONDS)):
                await half_closed(call.inbound, LAST_WORDS_SECONDS)
            reading.cancel()
        return fault

    async def _served(self, opening: Opening, call: Call, held: AsyncExitStack) -> MeshError | None:
        """Serve the session, and free what it held once it is over, though its client may not have read all of it."""
        try:
            async with held:
                return await self._converse(opening, call)
        except MeshError as refusal:
            self._turn_away(refusal)
            await call.outbox.close(messages.error(refusal, fatal=True))
            return refusal

    async def _converse(self, opening: Opening, call: Call) -> MeshError | None:
        terms, settings, goes_on = opening.terms, opening.settings, opening.goes_on
        shared = opening.shared(self._stages, call.outbox, self._recent)
        changes = Changes(terms, settings, self._glossaries, lambda: self._catalog, call.standing, shared.dictionary)
        ingress = Ingress(
            AudioStart(terms.input, goes_on.start_samples, goes_on.age_ms, terms.recognized, terms.trailing_silence_ms),
            settings,
            Controls(changes.targets, changes.glossary, shared.account.report, call.standing.renew),
        )
        spoke = partial(self._lives.proved, opening.life)
        said = received(call.inbound, Pace(settings.messages_per_second, settings.idle_timeout_ms / 1000, spoke))
        recognition = opening.recognition(shared)
        session = opening.session(shared, recognition)
        bill = opening.billed(shared.account, call, self._quotas)
        with bill, lasting(opening, shared.account) as account, closing(recognition):
            await recognition.open()
            call.refused, call.measure = False, shared.account.measures.written
            account.begin()
            ready = opening.ready(shared.account, self._lives.server)
            await call.outbox.put(ready)
            if opening.archive is MISSED:
                await shared.account.report(unavailable())
            beside = opening.beside(shared.account, call, self._lives)
            account.fault = fault = await outcome(session.run(ingress.inputs(said)), call.outbox, beside)
        log.info("session ended", extra={"fields": {"session": terms.session_id, "fault": fault.code if fault else ""}})
        return fault

    async def TranslateText(
        self, request: pb.TranslateTextRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.TranslateTextResponse:
        caller = await self._entrance.admit(context, TRANSLATE, "TranslateText")
        self._glossaries.require_bounds(request.glossary, "glossary")
        request.text = without_byte_order_marks(request.text)
        targets = agree_text(request, self._catalog, self._settings)
        spoken = self._catalog.spoken_lang(request.source_lang)
        permission.require_text(caller.grant, request, spoken, targets)
        text = await masked(request, spoken, self._settings)
        self._lives.require_open()
        used = Used(characters=len(request.text) * len(targets))
        await self._quotas.text(caller.account, caller.grant.quota_class, used.characters)
        with self._tenants.taken(caller):
            kept = self._glossaries.of(caller.tenant)
            glossary = await kept.agreed(request.glossary, "glossary", self._catalog)
            asked = Question(text, spoken, "", final=True, formality=request.formality)
            made = await translations(self._stages, asked, glossary, targets, used.tokens)
        self._quotas.translated(caller.tenant, caller.grant.quota_class, used)
        return pb.TranslateTextResponse(translations=made)

    async def Describe(
        self, request: pb.DescribeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DescribeResponse:
        caller = await self._entrance.admit(context, DESCRIBE, "Describe")
        return described(self._catalog, self._settings, await self._glossaries.of(caller.tenant).names())

    def _status(self) -> Status:
        """What this gateway tells its peers of itself."""
        state = (State.SERVING if self._catalog.engines else State.STARTING) if self._lives.open else State.DRAINING
        return Status(state, self._slots.total, self._slots.used, turned_away=self._turned_away.count)

    async def _refresh_often(self) -> None:
        while True:
            await asyncio.sleep(_CATALOG_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        """Asks the stages again what they can do. What they said before stands while one cannot be reached."""
        try:
            self._catalog = await self._stages.describe()
        except MeshError as fault:
            log.warning("stages not described", extra={"fields": {"stage": fault.stage, "code": fault.code}})
