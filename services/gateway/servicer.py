"""The public contract, served: one Session per Stream, and what needs no session."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from services.common import languages
from services.common.channel import Channel
from services.common.errors import InvalidArgument, MeshError, TooSlow, Unsupported, cause
from services.common.replica import Replica
from services.common.slots import Slots
from services.common.telemetry import tracer
from services.gateway import messages
from services.gateway.backlog import Backlog
from services.gateway.call import (
    CallContext,
    Inbound,
    half_closed,
    parse,
    read_all,
    received,
    watch_reader,
    write_all,
    written,
)
from services.gateway.catalog import Catalog
from services.gateway.decoding import FORMATS
from services.gateway.glossaries import Glossaries
from services.gateway.glossary import Dictionary, Lexicon, lexicon
from services.gateway.ingress import Ingress
from services.gateway.ledger import Ledger
from services.gateway.negotiation import OUTPUT_FORMATS, agree, agree_targets, within_budget
from services.gateway.outage import Patience
from services.gateway.outbox import Outbox, Room
from services.gateway.recognition import Recognition
from services.gateway.session import Session
from services.gateway.settings import GatewaySettings
from services.gateway.shared import Shared
from services.gateway.stages import Question, Stages
from services.gateway.terms import Terms, samples
from services.gateway.typed import TypedSegment

log = logging.getLogger(__name__)

_OUTBOX_ROOM = 32  # messages; 80 ms of speech is the largest
_CATALOG_SECONDS = 10.0  # how old the stages' word on what they can do may get
_LAST_WORDS_SECONDS = 1.0  # for a client to stop writing before its call is ended with a fault


class GatewayServicer:
    """`realtime.v1.RealtimeTranslate`."""

    service_name = "realtime.v1.RealtimeTranslate"

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._slots = Slots(settings.slots, stage="")
        self._stages = Stages(settings)
        self.replica = Replica(self._slots, forward=self._stages.simulate_fault)
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

    async def start(self) -> None:
        """Waits for the stages: a gateway without them has nothing to offer."""
        pause_seconds = 0.1
        await self._running.enter_async_context(self._stages.running())
        await self._refresh()
        while not self._catalog.engines:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, 2.0)
            await self._refresh()
        tasks = await self._running.enter_async_context(asyncio.TaskGroup())
        refreshing = tasks.create_task(self._refresh_often())
        self._running.callback(refreshing.cancel)

    async def drain(self, seconds: float) -> None:
        """See Servicer."""

    async def stop(self) -> None:
        """Closes the channels to the stages."""
        await self._running.aclose()

    async def Stream(self, requests: object, context: CallContext) -> None:
        inbound: Channel[Inbound] = Channel(1)
        half = self._settings.client_buffer_bytes // 2  # the other: text that waits, and a chunk for each target
        outbox: Outbox[pb.ServerMessage] = Outbox(Room(_OUTBOX_ROOM, half, pb.ServerMessage.ByteSize))
        async with asyncio.TaskGroup() as call:
            reading = call.create_task(read_all(context, inbound))
            writing = call.create_task(write_all(context, outbox))
            fault = await self._admit(inbound, outbox)
            await written(writing, self._settings.client_stall_ms / 1000)
            if fault:
                await half_closed(inbound, _LAST_WORDS_SECONDS)
            reading.cancel()
        if fault:
            raise fault

    async def _admit(self, inbound: Channel[Inbound], outbox: Outbox[pb.ServerMessage]) -> MeshError | None:
        """Decides on the first message, then holds the session. Returns the fault the call is to end with."""
        try:
            hello = await self._hello(inbound)
            with self._slots.taken():
                settings = within_budget(hello, self._settings)
                terms = agree(hello, uuid.uuid4().hex, self._catalog, settings)
                glossary = await self._glossaries.agreed(hello.glossary, "hello.glossary", self._catalog)
                return await self._converse(replace(terms, glossary=glossary), settings, inbound, outbox)
        except MeshError as refusal:
            await outbox.close(messages.error(refusal, fatal=True))
            return refusal

    async def _hello(self, inbound: Channel[Inbound]) -> pb.SessionConfig:
        async for message in received(inbound, self._settings.idle_timeout_ms / 1000):
            if message.WhichOneof("payload") == "hello":
                return message.hello
            break
        expected = ["hello, before anything else"]
        raise InvalidArgument("HELLO_MISSING", "The stream does not start with a hello.", "hello", expected)

    async def _converse(
        self, terms: Terms, settings: GatewaySettings, inbound: Channel[Inbound], outbox: Outbox[pb.ServerMessage]
    ) -> MeshError | None:
        ledger = Ledger(time.monotonic)
        backlog = Backlog(samples(settings.max_backlog_ms), terms.overload)
        dictionary = Dictionary(terms.glossary)
        shared = Shared(terms, self._stages, outbox, backlog, ledger, dictionary)
        ingress = Ingress(
            terms.input,
            settings,
            lambda wanted: agree_targets(wanted, terms.source_lang, self._catalog, settings),
            lambda wanted: self._glossaries.swap(wanted, shared, self._catalog),
        )
        inputs = ingress.inputs(received(inbound, settings.idle_timeout_ms / 1000))
        patience = Patience(settings.recognition_stall_ms / 1000, settings.stage_outage_ms / 1000)
        recognition = Recognition(shared, patience=patience)
        session = Session(shared, recognition, TypedSegment(settings.max_text_length))
        with tracer.start_as_current_span("session", attributes=_attributes(terms)):
            await recognition.open()
            await outbox.put(messages.ready(terms, settings))
            fault = await _outcome(session.run(inputs), outbox, settings.client_stall_ms / 1000)
            ledger.close()
        log.info("session ended", extra={"fields": {"session": terms.session_id, "fault": fault.code if fault else ""}})
        return fault

    async def TranslateText(
        self, request: pb.TranslateTextRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.TranslateTextResponse:
        targets = self._agree_text(request)
        spoken = self._catalog.spoken_lang(request.source_lang)
        with self._slots.taken():
            glossary = await self._glossaries.agreed(request.glossary, "glossary", self._catalog)
            async with asyncio.TaskGroup() as tasks:
                translations = [
                    tasks.create_task(self._text_translation(request.text, spoken, lexicon(glossary, lang), lang))
                    for lang in targets
                ]
        return pb.TranslateTextResponse(translations=[done.result() for done in translations])

    async def _text_translation(self, text: str, spoken: str, terms: Lexicon, lang: str) -> pb.TextTranslation:
        asked = Question(text, spoken, lang, final=True, terms=terms.terms_in(text))
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
        first = {voice.lang: voice for voice in reversed(catalog.all_voices)}
        return pb.DescribeResponse(
            source_langs=catalog.source_langs,
            pairs=[pb.LanguagePair(source_lang=source, target_lang=target) for source, target in catalog.pairs],
            voices=[
                pb.Voice(name=voice.name, lang=voice.lang, default=first[voice.lang] is voice)
                for voice in catalog.all_voices
            ],
            engines=[
                pb.EngineInfo(
                    stage=engine.stage,
                    engine=engine.name,
                    version=engine.version,
                    follows_glossary=engine.follows_glossary,
                )
                for engine in catalog.engines
            ],
            input_formats=FORMATS,
            output_formats=OUTPUT_FORMATS,
            limits=messages.limits(self._settings),
            glossaries=await self._glossaries.names(),
        )

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


async def _outcome(
    running: Awaitable[MeshError | None], outbox: Outbox[pb.ServerMessage], stall_seconds: float
) -> MeshError | None:
    """How a session ended, once the client has read all of it, or has read nothing for too long."""
    try:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch_reader(outbox, stall_seconds))
            fault = await running
            await outbox.close()
            await outbox.flushed()
            watching.cancel()
    except ExceptionGroup as group:
        stalled = cause(group)
        if not isinstance(stalled, TooSlow):
            raise
        await outbox.clear()
        await outbox.close(messages.error(stalled, fatal=True))
        return stalled
    return fault


def _attributes(terms: Terms) -> dict[str, str | list[str]]:
    return {
        "babelmesh.session_id": terms.session_id,
        "babelmesh.source_lang": terms.source_lang,
        "babelmesh.target_langs": [target.lang for target in terms.targets],
    }
