"""The three stages as the gateway sees them: what to ask, without how it travels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypeAlias

import grpc
from opentelemetry.context import Context

from mesh.asr.v1 import asr_pb2, asr_pb2_grpc
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc
from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from services.common import telemetry
from services.common.audio import Pcm, from_bytes
from services.common.slots import ADMITTED
from services.common.terminology import Term
from services.gateway.catalog import Catalog, StageEngine, Voice
from services.gateway.glossary import Sounds
from services.gateway.pacing import Pace
from services.gateway.replicas import Replicas, fault_of
from services.gateway.settings import GatewaySettings
from services.gateway.terms import TargetTerms

Recognizing: TypeAlias = "grpc.aio.StreamStreamCall[asr_pb2.RecognizeRequest, asr_pb2.RecognizeResponse]"
Synthesizing: TypeAlias = "grpc.aio.UnaryStreamCall[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse]"

MT_ROUNDS = 3  # a translation costs little and repeats well


@dataclass(frozen=True, slots=True)
class Question:
    """What a translator is asked."""

    text: str
    spoken_lang: str
    lang: str
    final: bool
    terms: tuple[Term, ...] = ()  # those of the glossary that the text holds
    prefix: str = ""  # concluded text, which a translator that can continues
    timeout_ms: int = 0  # after which the answer is of no use; 0: as of any call
    batch_wait_ms: int | None = None  # how long it may wait for others; None: as the stage is set


class Stages:
    """ASR, MT and TTS, each behind its replicas. Every method raises MeshError of its stage."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._asr = Replicas("ASR", settings.asr_endpoints)
        self._mt = Replicas("MT", settings.mt_endpoints)
        self._tts = Replicas("TTS", settings.tts_endpoints)
        self._timeout = settings.stage_timeout_ms / 1000
        self._replicas = {each.stage: each for each in (self._asr, self._mt, self._tts)}

    def available(self, stage: str) -> bool:
        """Whether a replica of a stage serves."""
        return self._replicas[stage].available

    async def back(self, stage: str) -> None:
        """Waits until a replica of a stage serves."""
        await self._replicas[stage].back()

    async def describe(self) -> Catalog:
        """Asks each stage what it can do."""
        timeout = self._timeout
        asr = await self._asr.call(
            lambda channel: asr_pb2_grpc.AsrStub(channel).Describe(asr_pb2.DescribeRequest(), timeout=timeout)
        )
        mt = await self._mt.call(
            lambda channel: mt_pb2_grpc.MtStub(channel).Describe(mt_pb2.DescribeRequest(), timeout=timeout)
        )
        tts = await self._tts.call(
            lambda channel: tts_pb2_grpc.TtsStub(channel).Describe(tts_pb2.DescribeRequest(), timeout=timeout)
        )
        return Catalog(
            source_langs=tuple(asr.languages),
            pairs=tuple((pair.source_lang, pair.target_lang) for pair in mt.pairs),
            all_voices=tuple(Voice(voice.name, voice.language) for voice in tts.voices),
            engines=(
                StageEngine("ASR", asr.engine, asr.version, asr.term_bias),
                StageEngine("MT", mt.engine, mt.version, follows_glossary=True),
                StageEngine("TTS", tts.engine, tts.version, tts.pronunciation),
            ),
        )

    async def recognize(self, config: asr_pb2.RecognizeConfig) -> Recognizing:
        """An admitted recognition: audio may be written. It waits for admission, so that a refusal keeps its reason."""

        async def attempt(channel: grpc.aio.Channel) -> Recognizing:
            call = asr_pb2_grpc.AsrStub(channel).Recognize(metadata=telemetry.outgoing())
            try:
                async with asyncio.timeout(self._timeout):
                    await call.write(asr_pb2.RecognizeRequest(config=config))
                    if ADMITTED not in dict(await call.initial_metadata()):
                        await call.read()  # refused: raises its status
            except BaseException:
                call.cancel()
                raise
            return call

        return await self._asr.call(attempt)

    async def translate(self, asked: Question, context: Context | None = None) -> str:
        """The translation of a text."""
        request = mt_pb2.TranslateRequest(
            text=asked.text,
            source_lang=asked.spoken_lang,
            target_lang=asked.lang,
            final=asked.final,
            target_prefix=asked.prefix,
            max_wait_ms=asked.batch_wait_ms,
        )
        request.terms.extend(mt_pb2.Term(source=term.source, translation=term.translation) for term in asked.terms)
        metadata = telemetry.outgoing(context)
        timeout = min(self._timeout, asked.timeout_ms / 1000) if asked.timeout_ms else self._timeout
        response = await self._mt.call(
            lambda channel: mt_pb2_grpc.MtStub(channel).Translate(request, timeout=timeout, metadata=metadata),
            rounds=1 if asked.timeout_ms else MT_ROUNDS,
        )
        return response.text

    async def symbols(self, voice_lang: str) -> tuple[str, ...]:
        """What pronunciations in a language may be made of, in IPA; nothing when its voices take none."""
        request = tts_pb2.DescribePronunciationRequest(language=voice_lang)
        response = await self._tts.call(
            lambda channel: tts_pb2_grpc.TtsStub(channel).DescribePronunciation(request, timeout=self._timeout)
        )
        return tuple(response.symbols)

    async def synthesize(
        self, text: str, target: TargetTerms, pace: Pace, context: Context | None = None, sounds: Sounds = ()
    ) -> AsyncGenerator[tuple[Pcm, int], None]:
        """Speech as it is made, and its rate in samples per second. Closing the iterator ends the call.

        `sounds` are words of the text with their pronunciation.
        """
        request = tts_pb2.SynthesizeRequest(
            text=text,
            language=target.voice_lang,
            voice=target.voice,
            speaking_rate=pace.speaking_rate,
            longest_pause_ms=pace.longest_pause_ms,
        )
        request.pronunciations.extend(tts_pb2.Pronunciation(text=word, ipa=ipa) for word, ipa in sounds)
        metadata = telemetry.outgoing(context)

        async def attempt(channel: grpc.aio.Channel) -> tuple[Synthesizing, tts_pb2.SynthesizeResponse | None]:
            call = tts_pb2_grpc.TtsStub(channel).Synthesize(request, metadata=metadata)
            return call, await self._next(call)

        call, response = await self._tts.call(attempt)
        try:
            while response is not None:
                yield from_bytes(response.pcm), response.sample_rate_hertz
                response = await self._next(call)
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            raise fault_of(error, "TTS") from error
        finally:
            call.cancel()

    async def _next(self, call: Synthesizing) -> tts_pb2.SynthesizeResponse | None:
        """The next piece of speech. The wait for one is bounded, the whole call is not: a client may listen slowly."""
        try:
            async with asyncio.timeout(self._timeout):
                response = await call.read()
        except BaseException:
            call.cancel()
            raise
        return response if isinstance(response, tts_pb2.SynthesizeResponse) else None

    async def close(self) -> None:
        """Closes every channel."""
        for replicas in (self._asr, self._mt, self._tts):
            await replicas.close()
