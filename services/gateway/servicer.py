"""The public contract, served: one Session per Stream, and what needs no session."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import grpc

from externalscaler import externalscaler_pb2_grpc as scaler_grpc
from mesh.overview.v1 import overview_pb2_grpc as overview_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from services.common import languages, metrics
from services.common.channel import Channel
from services.common.errors import AtCapacity, InvalidArgument, MeshError, Unsupported
from services.common.replica import Replica
from services.common.slots import Slots
from services.common.status import State
from services.gateway import messages
from services.gateway.admission import Admission
from services.gateway.beside import outcome
from services.gateway.call import (
    Call,
    CallContext,
    Inbound,
    half_closed,
    parse,
    read_all,
    received,
    refusable,
    speaking,
    write_all,
    written,
)
from services.gateway.catalog import Catalog
from services.gateway.decoding import FORMATS
from services.gateway.glossaries import Glossaries
from services.gateway.glossary import Lexicon, lexicon
from services.gateway.ingress import Ingress, Start
from services.gateway.lasting import backlogs, lasting
from services.gateway.measures import may_degrade
from services.gateway.negotiation import OUTPUT_FORMATS, agree, agree_targets, within_budget
from services.gateway.opening import Opening
from services.gateway.outbox import Outbox, Room
from services.gateway.overview import OverviewServicer
from services.gateway.recent import Recent
from services.gateway.recognition import may_fail_over
from services.gateway.running import Lives
from services.gateway.scale.servicer import ScalerServicer
from services.gateway.scale.turned_away import TurnedAway
from services.gateway.session import Session
from services.gateway.settings import GatewaySettings
from services.gateway.sight import Sight
from services.gateway.stages import Question, Stages
from services.gateway.terms import affinity
from services.gateway.typed import TypedSegment
from services.gateway.watching import Status

log = logging.getLogger(__name__)

_OUTBOX_ROOM = 32  # messages; 80 ms of speech is the largest
_CATALOG_SECONDS = 10.0  # how old the stages' word on what they can do may get
_LAST_WORDS_SECONDS = 1.0  # for a client to stop writing before its call is ended with a fault
_SILENT_SECONDS = 0.02  # of a client that was refused: whether it waits for our answer or goes on writing


class GatewayServicer:
    """`realtime.v1.RealtimeTranslate`."""

    service_name = "realtime.v1.RealtimeTranslate"

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._slots = Slots(settings.slots, stage="", reserved=settings.reserve)
        self._admission = Admission(settings)
        self._lives = Lives(settings.resume_ttl_ms / 1000)
        self._stages = Stages(settings)
        self._turned_away, self._recent = TurnedAway(), Recent()
        self._sight = Sight(self._stages, settings, self._status)
        self.replica = Replica(
            self._slots, forward=self._stages.simulate_fault, turned_away=lambda: self._turned_away.count
        )
        self._glossaries = Glossaries(settings, self._stages)
        self._catalog = Catalog((), (), (), ())
        self._running = AsyncExitStack()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the methods. Stream reads its messages itself, so that an unreadable one gets a typed answer."""
        handlers: dict[str, Any] = {
            "Stream": grpc.stream_stream_rpc_method_handler(
                self.Stream, request_deserializer=parse, response_serializer=pb.ServerMessage.SerializeToString
            ),
            "TranslateText": grpc.unary_unary_rpc_method_handler(
                self.TranslateText,
                request_deserializer=pb.TranslateTextRequest.FromString,
                response_serializer=pb.TranslateTextResponse.SerializeToString,
            ),
            "Describe": grpc.unary_unary_rpc_method_handler(
                self.Describe,
                request_deserializer=pb.DescribeRequest.FromString,
                response_serializer=pb.DescribeResponse.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self.service_name, handlers),))
        scaler_grpc.add_ExternalScalerServicer_to_server(ScalerServicer(self._sight), server)
        overview_grpc.add_OverviewServicer_to_server(OverviewServicer(self._sight, self._recent), server)

    async def start(self) -> None:
        """Waits for the stages: a gateway without them has nothing to offer."""
        pause_seconds = 0.1
        may_degrade()
        may_fail_over()
        tasks = await self._running.enter_async_context(asyncio.TaskGroup())
        self._running.callback(tasks.create_task(self._sight.run()).cancel)
        await self._running.enter_async_context(self._stages.running())
        self._running.enter_context(metrics.observed("babelmesh.backlog", backlogs))
        await self._refresh()
        while not self._catalog.engines:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 2.0)
            await self._refresh()
        self._running.callback(tasks.create_task(self._refresh_often()).cancel)

    async def drain(self, seconds: float) -> None:
        """Sessions move elsewhere; those that have not when the time is up end as resumable."""
        await self._lives.drain(seconds)

    async def stop(self) -> None:
        """Closes the channels to the stages."""
        await self._running.aclose()

    async def Stream(self, requests: object, context: CallContext) -> None:
        door: Channel[Inbound] = Channel(1)
        half = self._settings.client_buffer_bytes // 2  # the other: text that waits, and a chunk for each target
        outbox: Outbox[pb.ServerMessage] = Outbox(Room(_OUTBOX_ROOM, half, pb.ServerMessage.ByteSize))
        call = Call(door, outbox, self._admission.tenant(context.invocation_metadata()))
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_all(context, call.inbound))
            writing = tasks.create_task(write_all(context, call))
            fault = await self._admit(call)
            await written(writing, self._settings.client_stall_ms / 1000)
            if fault and not (call.refused and await refusable(call.inbound, _SILENT_SECONDS)):
                await half_closed(call.inbound, _LAST_WORDS_SECONDS)
            reading.cancel()
        if fault:
            raise fault

    async def _admit(self, call: Call) -> MeshError | None:
        """Decides on the first message, then holds the session. Returns the fault the call is to end with."""
        try:
            hello = await self._hello(call.inbound)
            self._lives.require_open()
            settings = within_budget(hello, self._settings)
            terms = agree(hello, uuid.uuid4().hex, self._catalog, settings)
            goes_on = self._admission.goes_on(hello, terms, call.tenant, self._lives)
            async with self._lives.claimed(goes_on.session_id, goes_on.epoch):
                kept = self._glossaries.of(call.tenant)
                glossary = await kept.agreed(hello.glossary, "hello.glossary", self._catalog)
                terms = replace(terms, session_id=goes_on.session_id, glossary=glossary)
                await self._lives.supersede(terms.session_id)
                with self._slots.taken(goes_on.resumed), self._lives.running(terms.session_id, goes_on.epoch) as life:
                    sign = self._admission.signature(terms, goes_on, call.tenant)
                    return await self._converse(Opening(terms, settings, goes_on, life, sign), call)
        except MeshError as refusal:
            if isinstance(refusal, AtCapacity) or refusal.stage:
                self._turned_away.add(refusal.retry_after_ms)
            await call.outbox.close(messages.error(refusal, fatal=True))
            return refusal

    async def _hello(self, inbound: Channel[Inbound]) -> pb.SessionConfig:
        async for message in received(inbound, self._settings.idle_timeout_ms / 1000):
            if message.WhichOneof("payload") == "hello":
                return message.hello
            break
        expected = ["hello, before anything else"]
        raise InvalidArgument("HELLO_MISSING", "The stream does not start with a hello.", "hello", expected)

    async def _converse(self, opening: Opening, call: Call) -> MeshError | None:
        terms, settings, goes_on = opening.terms, opening.settings, opening.goes_on
        shared = opening.shared(self._stages, call.outbox, self._recent)
        ingress = Ingress(
            Start(terms.input, goes_on.start_samples, goes_on.age_ms),
            settings,
            lambda wanted: agree_targets(wanted, terms.source_lang, self._catalog, settings),
            lambda wanted: self._glossaries.of(call.tenant).swap(wanted, shared, self._catalog),
        )
        said = speaking(
            received(call.inbound, settings.idle_timeout_ms / 1000), lambda: self._lives.proved(opening.life)
        )
        recognition = opening.recognition(shared)
        typed = TypedSegment(settings.max_text_length, goes_on.open_typed.revision if goes_on.open_typed else 0)
        session = Session(shared, recognition, typed)
        with lasting(opening, shared) as account:
            await recognition.open()
            call.refused, call.measure = False, shared.measures.written
            account.begin()
            handle = shared.sign(shared.ledger.position)
            ready = messages.ready(terms, settings, goes_on.start_samples, handle)
            ready.ready.server = self._lives.server
            await call.outbox.put(ready)
            beside = opening.beside(shared, call, self._lives)
            account.fault = fault = await outcome(session.run(ingress.inputs(said)), call.outbox, beside)
        log.info("session ended", extra={"fields": {"session": terms.session_id, "fault": fault.code if fault else ""}})
        return fault

    async def TranslateText(
        self, request: pb.TranslateTextRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.TranslateTextResponse:
        targets = self._agree_text(request)
        spoken = self._catalog.spoken_lang(request.source_lang)
        self._lives.require_open()
        with self._slots.taken():
            kept = self._glossaries.of(self._admission.tenant(context.invocation_metadata()))
            glossary = await kept.agreed(request.glossary, "glossary", self._catalog)
            async with asyncio.TaskGroup() as tasks:
                translations = [
                    tasks.create_task(self._text_translation(request.text, spoken, lexicon(glossary, lang), lang))
                    for lang in targets
                ]
        return pb.TranslateTextResponse(translations=[done.result() for done in translations])

    async def _text_translation(self, text: str, spoken: str, terms: Lexicon, lang: str) -> pb.TextTranslation:
        asked = Question(text, spoken, lang, final=True, terms=terms.terms_in(text), affinity=affinity(text))
        translation = await self._stages.translate(asked)
        return messages.text_translation(lang, translation, terms.uses(text, translation))

    def _agree_text(self, request: pb.TranslateTextRequest) -> list[str]:
        """The languages to translate into. Raises InvalidArgument or Unsupported naming the field."""
        if request.formality:
            raise Unsupported("NOT_IMPLEMENTED", "This server does not have it yet.", "formality", ["unset"])
        limit = self._settings.max_text_length
        if not 0 < len(request.text.strip()) <= limit:
            message = f"The text has {len(request.text.strip())} code points."
            raise InvalidArgument("TEXT_LENGTH", message, "text", [f"1 to {limit}"])
        languages.require(request.source_lang, [source for source, _ in self._catalog.pairs], "source_lang")
        limit = self._settings.max_targets
        if not 0 < len(request.target_langs) <= limit:
            message = f"{len(request.target_langs)} targets were asked for."
            raise InvalidArgument("TARGET_COUNT", message, "target_langs", [f"1 to {limit}"])
        available = self._catalog.target_langs(request.source_lang)
        return [
            languages.require(lang, available, f"target_langs[{index}]")
            for index, lang in enumerate(request.target_langs)
        ]

    async def Describe(
        self, request: pb.DescribeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.DescribeResponse:
        catalog = self._catalog
        return pb.DescribeResponse(
            source_langs=catalog.source_langs,
            pairs=[messages.language_pair(way) for way in catalog.ways],
            voices=[
                pb.Voice(
                    name=voice.name,
                    lang=voice.lang,
                    default=catalog.voices(voice.lang)[0] == voice,
                    engine=voice.engine,
                    real_time_factor=voice.real_time_factor,
                )
                for voice in catalog.all_voices
            ],
            engines=[
                pb.EngineInfo(
                    stage=engine.stage,
                    engine=engine.name,
                    version=engine.version,
                    follows_glossary=engine.follows_glossary,
                    device=engine.device,
                )
                for engine in catalog.engines
            ],
            input_formats=FORMATS,
            output_formats=OUTPUT_FORMATS,
            limits=messages.limits(self._settings),
            glossaries=await self._glossaries.of(self._admission.tenant(context.invocation_metadata())).names(),
        )

    def _status(self) -> Status:
        """What this gateway is to its peers."""
        state = State.SERVING if self._catalog.engines else State.STARTING
        state = state if self._lives.open else State.DRAINING
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
