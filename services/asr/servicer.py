"""The gRPC servicer of the recognition stage."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from services.asr import capacity
from services.asr.gate import Gate
from services.asr.measures import Measures
from services.asr.outbox import Outbox
from services.asr.recognizer import SLICE_SAMPLES, Answer, Asked, Recognizer
from services.asr.segments import Segments
from services.asr.serving import Engines
from services.asr.sessions import recognition
from services.asr.settings import AsrSettings
from services.asr.vad import make_vad
from services.asr.wire import Inbound, SessionConfig, response, session_config
from services.common.audio.pcm import ASR_RATE
from services.common.cancelling import TaskGroup
from services.common.channel import Channel
from services.common.errors import TooSlow
from services.common.server.reading import readable
from services.common.server.replica import Replica
from services.common.server.slots import ADMITTED, Slots, reserve
from services.common.server.watchdog import Watchdog

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[Any, asr_pb2.RecognizeResponse]  # it reads a request, or EOF

log = logging.getLogger(__name__)

FINALS_WAITING = 16  # for a slow reader, beside the latest interim; then the engine waits


class AsrServicer(asr_pb2_grpc.AsrServicer):
    """Serves `mesh.asr.v1.Asr`: admits sessions, runs their recognition and describes the engines."""

    service_name = "mesh.asr.v1.Asr"

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings
        self._engines = Engines(settings)
        self._slots = Slots(settings.slots, "ASR", reserved=settings.reserve)
        self._watchdog = Watchdog(settings.stuck_seconds or self._engines.patience_seconds)
        self.replica = Replica(self._slots, self._watchdog, engine=self._engines, tiering=self._engines.tiering)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add this service to a gRPC server."""
        asr_pb2_grpc.add_AsrServicer_to_server(self, server)

    async def start(self) -> None:
        """Load the engines and the VAD, and measure how many slots this machine carries. Raises when one cannot be
        loaded.
        """
        await self._engines.start()
        make_vad(self._settings.vad)  # a missing library is told now, not to the first session
        if self._settings.measured_slots:
            await self._offer_slots()

    async def _offer_slots(self) -> None:
        """Reduce the slots on offer to those that this machine carries in real time."""
        carried = await capacity.measured(self._engines.leanest)
        if carried is None or carried >= self._slots.total:
            return
        reserved = min(reserve(carried, self._settings.reserved_slots), carried - 1)
        self._slots.offer(carried, reserved)
        log.info("fewer slots offered, as this machine carries", extra={"fields": {"slots": carried}})

    async def drain(self, seconds: float) -> None:
        """Do nothing: calls end by themselves, or the gateway moves them, as it sees that the replica drains."""

    async def stop(self) -> None:
        """Stop the engines and release what they hold."""
        await self._engines.stop()

    async def Describe(self, request: asr_pb2.DescribeRequest, context: Any) -> asr_pb2.DescribeResponse:
        return asr_pb2.DescribeResponse(
            engine=self._engines.name,
            version=self._engines.version,
            device=self._engines.device,
            langs=self._engines.languages,
            slots_total=self._slots.total,
            slots_used=self._slots.used,
            term_bias=self._engines.biased,
            identified_langs=self._engines.identified,
            wideband_langs=self._engines.wideband_languages,
        )

    async def Recognize(self, request_iterator: Any, context: Context) -> None:  # type: ignore[override]  # it writes
        first = await _fed(context, self._settings.unfed_seconds)
        if first is grpc.aio.EOF:
            first = asr_pb2.RecognizeRequest()  # refused like any other that is no config
        config = session_config(readable(first), self._settings, self._engines)
        with self._slots.taken(config.resumed):
            await context.send_initial_metadata(((ADMITTED, "1"),))  # a caller may wait for this before it sends audio
            await self._session(config, context)

    async def _session(self, config: SessionConfig, context: Context) -> None:
        asked: Channel[Asked] = Channel(max(1, self._settings.backlog_ms * ASR_RATE // 1000 // SLICE_SAMPLES))
        outbox: Outbox[Answer] = Outbox(FINALS_WAITING)
        pre_roll_samples = self._settings.pre_roll_ms * ASR_RATE // 1000
        gate = Gate(make_vad(self._settings.vad), config.rules, pre_roll_samples)
        segments = Segments(config.transcription, config.first_segment_id, config.transcriptions)
        recognizer = Recognizer(gate, segments, outbox, self._watchdog.step(), Measures())
        async with TaskGroup() as tasks:
            fed = partial(_fed, context, self._settings.unfed_seconds)
            biased = any(self._engines.takes_terms(language) for language in config.transcriptions)
            tasks.create_task(_read(fed, asked, Inbound(biased)))
            tasks.create_task(_write(outbox, context))
            with recognition(self._engines, self._settings.identification, config, segments) as recognize:
                await recognizer.run(recognize, asked)
            await outbox.close()


async def _fed(context: Context, seconds: float) -> Any:
    """Return the next request, or EOF. Raises TooSlow when none comes for `seconds`; 0 waits for ever."""
    try:
        async with asyncio.timeout(seconds or None):
            return await context.read()
    except TimeoutError as error:
        message = f"The recognizer was sent nothing for {seconds:g} s."
        raise TooSlow("RECOGNITION_UNFED", message, retry_after_ms=0, stage="ASR") from error


async def _read(fed: Callable[[], Awaitable[Any]], asked: Channel[Asked], inbound: Inbound) -> None:
    while (request := await fed()) is not grpc.aio.EOF:
        for item in inbound.asked(readable(request)):
            await asked.put(item)
    await asked.close()


async def _write(outbox: Outbox[Answer], context: Context) -> None:
    async for answer in outbox:
        await context.write(response(answer))
