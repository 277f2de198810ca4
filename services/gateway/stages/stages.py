"""The three stages as the gateway sees them: what to ask, without how it travels."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from opentelemetry.context import Context

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common.cancelling import TaskGroup
from services.common.errors import AtCapacity, MeshError
from services.common.retrying import RETRY_MS, jittered
from services.common.server.slots import ADMITTED, FULL
from services.common.telemetry import metrics, rpcs, tracing
from services.common.telemetry.tracing import Metadata
from services.common.text.terminology import Term
from services.common.tls.calling import PLAIN, Dial
from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.calls import Owned
from services.gateway.stages.links import Link
from services.gateway.stages.recognizing import Recognizing, config
from services.gateway.stages.replicas import Replicas
from services.gateway.stages.speaking import Speaking, Spoken
from services.gateway.stages.tries import Budget
from services.gateway.values.stages import (
    Catalog,
    CatalogVoice,
    Line,
    Question,
    Seen,
    StageEngine,
    Step,
    Translated,
    Way,
)
from services.gateway.values.terms import Terms


class Stages:
    """ASR, MT and TTS, each behind its replicas; inside `running` only. Every method raises MeshError of its stage."""

    def __init__(self, settings: GatewaySettings, dial: Dial = PLAIN) -> None:
        endpoints = {
            "ASR": (settings.asr_endpoints, settings.asr_tls_name),
            "MT": (settings.mt_endpoints, settings.mt_tls_name),
            "TTS": (settings.tts_endpoints, settings.tts_tls_name),
        }
        seconds = (settings.watch_timeout_ms / 1000, settings.resolve_seconds)
        self._replicas = {
            stage: Replicas(stage, Addresses(where, tls_name=name, dial=dial), *seconds)
            for stage, (where, name) in endpoints.items()
        }
        self._dial = dial
        self._timeout = settings.stage_timeout_ms / 1000
        self._catalog = Catalog((), (), (), ())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches the replicas inside the block. It begins when each has answered once, or failed to."""
        states = metrics.observed("babelmesh.replicas", self._replica_states)
        async with TaskGroup() as tasks:
            watching = [tasks.create_task(replicas.run()) for replicas in self._replicas.values()]
            watching.append(tasks.create_task(self._dial.run()))
            for replicas in self._replicas.values():
                await replicas.known()
            try:
                with states:
                    yield
            finally:
                for each in watching:
                    each.cancel()

    def _replica_states(self) -> list[metrics.Reading]:
        """How many replicas of each stage are in each state."""
        return [reading for replicas in self._replicas.values() for reading in replicas.states()]

    def available(self, stage: str) -> bool:
        """Whether a replica of "ASR", "MT" or "TTS" serves."""
        return self._replicas[stage].available

    def late(self, stage: str) -> bool:
        """Whether no replica of "ASR", "MT" or "TTS" serves, but one that did is only silent."""
        return self._replicas[stage].late

    def coming(self, stage: str) -> bool:
        """Whether a replica of "ASR", "MT" or "TTS" is to be expected: it loads, or it is late."""
        return self._replicas[stage].coming

    def others(self, stage: str, replica_id: int) -> bool:
        """Whether a replica of "ASR", "MT" or "TTS" but that one serves."""
        return self._replicas[stage].others(replica_id)

    def require_room(self, stage: str) -> None:
        """Raises AtCapacity where each replica of "ASR", "MT" or "TTS" told that it is full: none needs to be asked."""
        if self._replicas[stage].full:
            rpcs.refused(stage, FULL)
            message = f"All slots of the {stage} stage are in use."
            raise AtCapacity(FULL, message, retry_after_ms=jittered(RETRY_MS), stage=stage)

    def seen(self, stage: str) -> Sequence[Seen]:
        """The replicas of "ASR", "MT" or "TTS", and what each told last."""
        return self._replicas[stage].seen

    async def back(self, stage: str) -> None:
        """Wait until a replica of the stage serves."""
        await self._replicas[stage].back()

    async def describe(self) -> Catalog:
        """What the stages can do. What a stage said last stands while it is away; raises only what one never told."""
        for stage, ask in (("ASR", self._ask_asr), ("MT", self._ask_mt), ("TTS", self._ask_tts)):
            try:
                self._catalog = await self._replicas[stage].call(ask)
            except MeshError:
                if not self._catalog.knows(stage):
                    raise
        return self._catalog

    async def _ask_asr(self, link: Link) -> Catalog:
        stub = link.stub(asr_pb2_grpc.AsrStub)
        told = await stub.Describe(asr_pb2.DescribeRequest(), timeout=self._timeout)
        engine = StageEngine("ASR", told.engine, told.version, told.term_bias, told.device)
        return replace(
            self._catalog.of(engine),
            source_langs=tuple(told.langs),
            wideband_langs=tuple(told.wideband_langs),
            identified=tuple(told.identified_langs),
        )

    async def _ask_mt(self, link: Link) -> Catalog:
        stub = link.stub(mt_pb2_grpc.MtStub)
        told = await stub.Describe(mt_pb2.DescribeRequest(), timeout=self._timeout)
        engine = StageEngine("MT", told.engine, told.version, follows_glossary=True, device=told.device)
        return replace(self._catalog.of(engine), ways=tuple(map(_way, told.pairs)))

    async def _ask_tts(self, link: Link) -> Catalog:
        stub = link.stub(tts_pb2_grpc.TtsStub)
        told = await stub.Describe(tts_pb2.DescribeRequest(), timeout=self._timeout)
        engine = StageEngine("TTS", told.engine, told.version, told.pronunciation, told.device)
        voices = tuple(
            CatalogVoice(
                voice.name,
                voice.lang,
                voice.engine,
                voice.neural,
                round(voice.real_time_factor, 3),
                voice.slow,
                tuple(voice.default_langs),
            )
            for voice in told.voices
        )
        return replace(self._catalog.of(engine), all_voices=voices, voice_pace=round(told.pace, 3))

    async def recognize(
        self, terms: Terms, first_segment_id: int, resumed: bool, first_language: str = ""
    ) -> Recognizing:
        """An admitted recognition from some segment on, whose language may be decided already: audio may be written.

        It waits for admission, so that a refusal keeps its reason.
        """
        wanted = config(terms, first_segment_id, resumed, first_language)

        async def attempt(link: Link) -> Recognizing:
            with Owned() as opened:
                call = opened.add(link.stub(asr_pb2_grpc.AsrStub).Recognize(metadata=tracing.outgoing()))
                link.uses.until_done(call)
                await call.write(asr_pb2.RecognizeRequest(config=wanted))
                if ADMITTED not in dict(await call.initial_metadata()):
                    await call.read()  # refused: raises its status
                admitted.add(opened.release(call))
            return Recognizing(call, link)

        replicas = self._replicas["ASR"]
        with Owned() as admitted:
            tries = replicas.tries(Budget(retry_seconds=0.0, waits=True))
            recognizing = await replicas.call(attempt, tries, self._timeout)
            admitted.release(recognizing.call)
        return recognizing

    async def translate(self, asked: Question, metadata: Metadata = ()) -> Translated:
        """Translate a text. What failed is asked again, within the question's time where it has one."""
        request = mt_pb2.TranslateRequest(
            text=asked.text,
            source_lang=asked.spoken_lang,
            target_lang=asked.lang,
            final=asked.final,
            target_prefix=asked.prefix,
            max_wait_ms=asked.batch_wait_ms,
            affinity=asked.affinity,
            objective_ms=asked.objective_ms,
            tier=asked.rung.tier,
            formality=mt_pb2.Formality.ValueType(asked.formality),
            unstored=asked.unstored,
        )
        if asked.terms:
            request.terms.extend(map(_term, asked.terms))
        replicas = self._replicas["MT"]
        seconds = asked.timeout_ms / 1000 if asked.timeout_ms else float("inf")
        tries = replicas.tries(Budget(seconds), (asked.text, asked.spoken_lang, asked.lang))

        async def attempt(link: Link) -> mt_pb2.TranslateResponse:
            timeout = tries.left(time.monotonic()) if asked.timeout_ms else None
            stub = link.stubs.get(mt_pb2_grpc.MtStub) or link.stub(mt_pb2_grpc.MtStub)
            response: mt_pb2.TranslateResponse = await stub.Translate(request, timeout=timeout, metadata=metadata)
            return response

        response = await replicas.call(attempt, tries, self._timeout)
        replicas.took(tries)
        replicas.answered(tries)
        asked.rung.tier, asked.rung.larger = response.tier, response.larger_tiers
        source = response.source_tokens if response.HasField("source_tokens") else None
        target = response.target_tokens if response.HasField("target_tokens") else None
        return Translated(response.text, source, target)

    async def symbols(self, voice_lang: str) -> tuple[str, ...]:
        """What pronunciations in a language may be made of, in IPA; nothing when its voices take none."""
        request = tts_pb2.DescribePronunciationRequest(lang=voice_lang)

        async def attempt(link: Link) -> tts_pb2.DescribePronunciationResponse:
            return await link.stub(tts_pb2_grpc.TtsStub).DescribePronunciation(request, timeout=self._timeout)

        return tuple((await self._replicas["TTS"].call(attempt)).symbols)

    def synthesize(self, line: Line, context: Context | None = None) -> AsyncGenerator[Spoken, None]:
        """Speech as it is made, and its rate in samples per second. Closing the iterator ends the call.

        A replica that is lost in the middle of it is followed by another, which goes on where it stopped.
        """
        request = tts_pb2.SynthesizeRequest(
            text=line.text,
            lang=line.target.voice_lang,
            voice=line.target.voice,
            speaking_rate=line.pace.speaking_rate,
            longest_pause_ms=line.pace.longest_pause_ms,
            affinity=line.affinity,
            objective_ms=line.objective_ms,
            tier=line.rung.tier,
            any_voice=not line.target.voice_asked,
        )
        request.pronunciations.extend(tts_pb2.Pronunciation(text=word, ipa=ipa) for word, ipa in line.sounds)
        metadata = tracing.outgoing(context)
        return Speaking(self._replicas["TTS"], request, metadata, self._timeout, line).pieces()

    async def simulate_fault(self, stage: str, fault: fault_pb2.SimulateFaultRequest) -> None:
        """Make one replica of "ASR", "MT" or "TTS" break, where that replica allows it."""

        async def attempt(link: Link) -> None:
            await link.stub(fault_pb2_grpc.FaultStub).SimulateFault(fault, timeout=self._timeout)

        replicas = self._replicas[stage]
        await replicas.call(attempt, replicas.tries(Budget(retry_seconds=0.0)))


def _term(term: Term) -> mt_pb2.Term:
    return mt_pb2.Term(source=term.source, translation=term.translation)


def _way(pair: mt_pb2.LanguagePair) -> Way:
    steps = tuple(Step(step.source_lang, step.target_lang, step.engine) for step in pair.steps)
    return Way(pair.source_lang, pair.target_lang, steps, tuple(pair.formalities))
