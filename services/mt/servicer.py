"""The gRPC servicer of the translation stage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import grpc
from opentelemetry.trace import StatusCode
from opentelemetry.util.types import AttributeValue

from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from services.common.engines.tiering import Given
from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.common.server.watchdog import Watchdog
from services.common.telemetry.tracing import tracer
from services.mt import measures
from services.mt.cache import Cache
from services.mt.chaining import Chaining
from services.mt.engine import Pair, Translation
from services.mt.engine import Source as SourceText
from services.mt.forgetting import Forgetting
from services.mt.formality.registers import Register, Registers
from services.mt.serving import DIRECT, Engines
from services.mt.settings import MtSettings
from services.mt.wire import language_pair, require_formality, source_text, token_counts


class MtServicer(mt_pb2_grpc.MtServicer):
    """Serves `mesh.mt.v1.Mt`: translates texts and describes the engines."""

    service_name = "mesh.mt.v1.Mt"

    def __init__(self, settings: MtSettings) -> None:
        self._settings = settings
        self._engines = Engines(settings)
        self._registers = Registers(settings.embedded.modes, settings.cache_seconds)
        self._cache = Cache(settings.cache_entries, settings.cache_seconds)
        self._slots = Slots(settings.slots, "MT", retry_after_ms=100)  # a call is short
        watchdog = Watchdog(settings.stuck_seconds or self._engines.patience_seconds)  # of each step
        self._chaining = Chaining(self._engines, watchdog, settings.cache_entries, settings.cache_seconds)
        self._forgetting = Forgetting((self._cache.forget, self._chaining.forget, self._registers.forget))
        self.replica = Replica(self._slots, watchdog, engine=self._engines, tiering=self._engines.tiering)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add this service to a gRPC server."""
        mt_pb2_grpc.add_MtServicer_to_server(self, server)

    async def start(self) -> None:
        """Start the engines and choose the pairs' ways. Raises when one cannot be loaded."""
        await self._engines.start()
        self._registers.start()

    async def drain(self, seconds: float) -> None:
        """Do nothing: calls are short, and the gateway sends no more, as it sees that the replica drains."""

    async def stop(self) -> None:
        """Stop the engines and release what they hold."""
        self._forgetting.stop()
        await self._engines.stop()

    async def Describe(self, request: mt_pb2.DescribeRequest, context: Any) -> mt_pb2.DescribeResponse:
        return mt_pb2.DescribeResponse(
            engine=self._engines.name,
            version=self._engines.version,
            device=self._engines.device,
            pairs=[language_pair(way, self._offered(pair)) for pair, way in self._engines.ways.items()],
            slots_total=self._slots.total,
            slots_used=self._slots.used,
        )

    async def Translate(self, request: mt_pb2.TranslateRequest, context: Any) -> mt_pb2.TranslateResponse:
        source = source_text(request, self._engines.ways, self._settings)
        require_formality(request.formality, self._offered(source.pair))
        with self._slots.taken():
            by_itself = self._by_itself(source.pair, request.formality)
            given = None if by_itself else self._tier(source, request)
            tier = DIRECT if by_itself else given.tier if given else source.tier
            asked = self._chaining.asked(replace(source, tier=tier))
            since = time.monotonic()
            translation, known = await self._translate(asked)
            translation = await self._in_register(translation, source, request.formality)
            self._forgetting.used()
            if given and not known:
                self._engines.tiering.answered(source.pair, given, time.monotonic() - since)
        return mt_pb2.TranslateResponse(
            text=translation.text,
            continues_prefix=translation.continues_prefix,
            tier=given.tier if given else "",
            larger_tiers=given.larger if given else 0,
            **token_counts(translation.tokens),
        )

    def _offered(self, pair: Pair) -> Sequence[Register]:
        """Return the registers of a pair: those of its way, and those that only its direct way has."""
        own, direct = (self._registers.of(self._engines.way(pair, tier)) for tier in ("", DIRECT))
        return sorted({*own, *direct})

    def _by_itself(self, pair: Pair, register: int) -> bool:
        """Return whether a register takes the pair's direct way, since the better one cannot be put into it."""
        return bool(register) and register not in self._registers.of(self._engines.way(pair, ""))

    async def _in_register(self, translation: Translation, source: SourceText, register: int) -> Translation:
        """Put a translation into a register; that one may not begin with the prefix any more."""
        if not register:
            return translation
        text = await self._registers.put(translation.text, source.pair, register)
        continues = translation.continues_prefix and text.startswith(source.target_prefix.rstrip())
        return replace(translation, text=text, continues_prefix=continues)

    def _tier(self, source: SourceText, request: mt_pb2.TranslateRequest) -> Given | None:
        """Return the tier that is to translate; None where the pair has only one way."""
        tiering, pair = self._engines.tiering, source.pair
        if not tiering.has(pair):
            return None
        return tiering.pick(pair, (source.session, pair), request.objective_ms, request.tier)

    async def _translate(self, source: SourceText) -> tuple[Translation, bool]:
        """Translate a text inside a span; return the translation, and whether it came from the cache."""
        attributes: dict[str, AttributeValue] = {
            "source.lang": source.pair.source,
            "target.lang": source.pair.target,
            "final": source.final,
            "source.chars": len(source.text),
            "terms": len(source.terms),
            "way": self._engines.way(source.pair, source.tier).written,
        }
        # An exception is told by its type alone: its message may quote what a user said.
        with tracer.start_as_current_span(
            "mt.translate", attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                translation, known = await self._cache.answer(source, self._chaining.translate)
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise
            span.set_attribute("cached", known)
            span.set_attribute("target.chars", len(translation.text))
            span.set_attribute("unknown.words", translation.unknown_words)
            measures.answered(source, translation, known)
            return translation, known
