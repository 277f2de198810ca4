"""The gRPC servicer of the speech synthesis stage."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.audio.pcm import from_bytes
from services.common.cancelling import TaskGroup
from services.common.errors import TooSlow
from services.common.server.answering import begin_answers
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.server.watchdog import Watchdog
from services.common.text import languages
from services.tts.consent import Consents
from services.tts.patience import patiently
from services.tts.ready import Ready
from services.tts.serving import Engines
from services.tts.settings import TtsSettings
from services.tts.silence import Trimmer
from services.tts.spans import ClauseSpan
from services.tts.tiered import Turn
from services.tts.wire import clause, described, piece, require_symbols, wanted

if TYPE_CHECKING:
    Context: TypeAlias = grpc.aio.ServicerContext[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse]


JOINED_MS = 500  # of speech that was made meanwhile travel in one message
AT_WORK_SECONDS = 1.0  # a slow voice; one that keeps pace, and gives nothing for longer, may well be stuck


class TtsServicer(tts_pb2_grpc.TtsServicer):
    """Serves `mesh.tts.v1.Tts`: synthesizes clauses and describes the engines."""

    service_name = "mesh.tts.v1.Tts"

    def __init__(self, settings: TtsSettings) -> None:
        self._settings = settings
        self._engines = Engines(settings)
        self._slots = Slots(settings.slots, "TTS")
        self._consents = Consents(settings.consents, settings.personal_voices)
        self._watchdog = Watchdog(settings.stuck_seconds or self._engines.patience_seconds)
        self.replica = Replica(self._slots, self._watchdog, engine=self._engines, tiering=self._engines.tiering)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add this service to a gRPC server."""
        tts_pb2_grpc.add_TtsServicer_to_server(self, server)

    async def start(self) -> None:
        """Start the engines and time their voices. Raises when one cannot be loaded."""
        await self._engines.start()

    async def drain(self, seconds: float) -> None:
        """Do nothing: calls end by themselves, or the gateway moves them, as it sees that the replica drains."""

    async def stop(self) -> None:
        """Stop the engines and release what they hold."""
        await self._engines.stop()

    async def Describe(self, request: tts_pb2.DescribeRequest, context: Any) -> tts_pb2.DescribeResponse:
        return tts_pb2.DescribeResponse(
            engine=self._engines.name,
            version=self._engines.version,
            device=self._engines.device,
            voices=[described(offer) for offer in self._engines.offers],
            slots_total=self._slots.total,
            slots_used=self._slots.used,
            pronunciation=self._engines.pronounces,
            pace=self._engines.pace,
        )

    async def DescribePronunciation(
        self, request: tts_pb2.DescribePronunciationRequest, context: Any
    ) -> tts_pb2.DescribePronunciationResponse:
        tag = languages.require(request.lang, (voice.language for voice in self._engines.voices), "lang")
        return tts_pb2.DescribePronunciationResponse(symbols=await self._symbols(tag))

    async def Synthesize(  # type: ignore[override]  # it writes
        self, request: tts_pb2.SynthesizeRequest, context: Context
    ) -> None:
        tier = wanted(request)
        asked = clause(request, self._engines.voices, self._settings.max_chars)
        await self._consents.require(asked.voice.name, asked.voice.language)
        if asked.pronunciations:
            require_symbols(asked, await self._symbols(asked.voice.language))
        with self._slots.taken():
            await begin_answers(context)
            turn = Turn(self._engines, asked, tier)
            trimmer = Trimmer(turn.engine.sample_rate_hertz, request.longest_pause_ms)
            await self._speak(turn, trimmer, context)

    async def _speak(self, turn: Turn, trimmer: Trimmer, context: Context) -> None:
        ready = Ready(turn.engine.sample_rate_hertz * JOINED_MS // 1000)
        async with TaskGroup() as tasks:
            tasks.create_task(self._write(ready, turn, context))
            await self._make(turn, trimmer, ready)

    async def _make(self, turn: Turn, trimmer: Trimmer, ready: Ready) -> None:
        """Make the speech of a clause, and hand it to the writer as it is made."""
        asked, engine = turn.clause, turn.engine
        patience = AT_WORK_SECONDS if self._engines.slow(asked.voice) else math.inf

        async def at_work() -> None:
            await ready.put(b"")

        with ClauseSpan(asked, engine.sample_rate_hertz) as span:
            async with aclosing(engine.synthesize(asked)) as pieces:
                while made := await patiently(self._next(pieces, span), patience, at_work):
                    await self._consents.require(asked.voice.name, asked.voice.language)
                    if len(pcm := trimmer.passed(from_bytes(made))):
                        turn.began()
                        await ready.put(pcm.tobytes())
        if len(pcm := trimmer.rest()):
            await ready.put(pcm.tobytes())
        ready.close()

    async def _write(self, ready: Ready, turn: Turn, context: Context) -> None:
        """Send speech that is ready. Raises TooSlow when the caller reads nothing for `unread_seconds`."""
        seconds = self._settings.unread_seconds
        async for pcm in ready:
            try:
                async with asyncio.timeout(seconds or None):
                    await context.write(piece(turn, pcm))
            except TimeoutError as error:
                unread = f"Nothing of the clause was read for {seconds:g} s."
                raise TooSlow("SPEECH_UNREAD", unread, retry_after_ms=0, stage="TTS") from error

    async def _next(self, pieces: AsyncGenerator[bytes, None], span: ClauseSpan) -> bytes:
        """Return the next piece that the engine makes, watched by the watchdog; empty at the end."""
        async with self._watchdog.step():
            return await span.next_piece(pieces)

    async def _symbols(self, lang: str) -> tuple[str, ...]:
        async with self._watchdog.step():
            return await self._engines.symbols(lang)
