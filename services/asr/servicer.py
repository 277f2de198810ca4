"""The gRPC servicer of the recognition stage."""

from __future__ import annotations

import asyncio
import logging
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
        try:
            async with asyncio.timeout(self._settings.unfed_seconds or None):
                first = await context.read()
        except TimeoutError as error:
            raise _unfed(self._settings.unfed_seconds) from error
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
            biased = any(self._engines.takes_terms(language) for language in config.transcriptions)
            fed = Fed(self._settings.unfed_seconds)
            watching = tasks.create_task(fed.watch())
            tasks.create_task(_read(context, asked, Inbound(biased), fed))
            tasks.create_task(_write(outbox, context))
            with recognition(self._engines, self._settings.identification, config, segments) as recognize:
                await tasks.create_task(recognizer.run(recognize, asked))
            await outbox.close()
            watching.cancel()


class Fed:
    """Since when a session's next request is waited for: one timer looks at it, however many come."""

    def __init__(self, seconds: float) -> None:
        """Begin with a bound of `seconds`; 0 for none."""
        self.since: float | None = None  # on the loop's clock; None: it is not waited for now
        self._seconds = seconds

    async def watch(self) -> None:
        """Watch until this is cancelled. Raises TooSlow when no request has come for so long."""
        clock = asyncio.get_running_loop().time
        while self._seconds:
            since = clock() if self.since is None else self.since
            if (left := since + self._seconds - clock()) <= 0:
                raise _unfed(self._seconds)
            await asyncio.sleep(left)


def _unfed(seconds: float) -> TooSlow:
    message = f"The recognizer was sent nothing for {seconds:g} s."
    return TooSlow("RECOGNITION_UNFED", message, retry_after_ms=0, stage="ASR")


async def _read(context: Context, asked: Channel[Asked], inbound: Inbound, fed: Fed) -> None:
    clock = asyncio.get_running_loop().time
    fed.since = clock()
    while (request := await context.read()) is not grpc.aio.EOF:
        fed.since = None
        for item in inbound.asked(readable(request)):
            await asked.put(item)
        fed.since = clock()
    fed.since = None
    await asked.close()


async def _write(outbox: Outbox[Answer], context: Context) -> None:
    async for answer in outbox:
        await context.write(response(answer))
