"""One session's conversation with the recognizer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TypeAlias

import grpc
import numpy as np
from opentelemetry.context import Context

from mesh.asr.v1 import asr_pb2
from services.common import telemetry
from services.common.audio import ASR_RATE, Pcm
from services.common.channel import Channel
from services.gateway.continuation import Continuation
from services.gateway.inputs import Audio, Commit
from services.gateway.replicas import fault_of
from services.gateway.shared import Mark, Shared
from services.gateway.stages import Recognizing
from services.gateway.terms import Progress, SourceEvent, Terms, Transcript, Word

COALESCED_SAMPLES = ASR_RATE // 10  # a message costs as much as 50 ms of recognition: small chunks travel together

_ROOM = 50  # chunks between the client and the recognizer; the backlog holds the client long before


Said: TypeAlias = Audio | Commit | Mark
Heard: TypeAlias = Transcript | SourceEvent | Progress | Mark


class Recognition:
    """Audio in, the recognizer's responses out.

    `say` puts audio and commands in order; `heard` gives what the stage made of them; `run` talks to the stage until
    `finish` was called and all is answered. The stage is asked for a slot by `open` when audio was announced, else when
    there is some: typed text needs none.
    """

    def __init__(self, shared: Shared) -> None:
        self.heard: Channel[Heard] = Channel(_ROOM)
        self.started = shared.terms.input is not None
        self._shared = shared
        self._call: Recognizing | None = None
        self._said: Channel[Said] = Channel(_ROOM)
        self._marks: dict[int, Mark] = {}
        self._traces: deque[asr_pb2.SegmentTrace] = deque()
        self._traced = 0  # the segment told last

    async def open(self) -> None:
        """Takes a slot when audio was announced. Raises MeshError of the ASR stage when it refuses."""
        if self.started:
            self._call = await self._shared.stages.recognize(_config(self._shared.terms, self._shared.goes_on))

    async def say(self, said: Said) -> None:
        """Goes to the recognizer after all before it."""
        self.started = True
        await self._said.put(said)

    def trace(self, segment_id: int, context: Context) -> None:
        """Tells the recognizer where the spans of one of its segments belong. Waits for nothing: who reads may not."""
        if segment_id == self._traced:
            return
        self._traced = segment_id
        if traceparent := dict(telemetry.outgoing(context)).get("traceparent"):
            self._traces.append(asr_pb2.SegmentTrace(segment_id=segment_id, traceparent=traceparent))

    async def finish(self) -> None:
        """There will be no more audio."""
        await self._said.close()

    async def run(self) -> None:
        """Raises MeshError of the ASR stage when it refuses or breaks."""
        if self._call is not None:
            await self._converse(self._call)
        elif await self._said.wait():
            config = _config(self._shared.terms, self._shared.goes_on)
            await self._converse(await self._shared.stages.recognize(config))
        await self.heard.close()

    async def _converse(self, call: Recognizing) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(call))
                await self._read(call)
        except* (grpc.aio.AioRpcError, grpc.aio.InternalError, asyncio.InvalidStateError):
            await self._fail(call)
        finally:
            call.cancel()

    async def _write(self, call: Recognizing) -> None:
        waiting: list[Pcm] = []
        start = end = 0
        async for said in self._said:
            while self._traces:
                await call.write(asr_pb2.RecognizeRequest(segment_trace=self._traces.popleft()))
            if isinstance(said, Audio):
                if waiting and said.offset_samples != end:
                    await call.write(_audio(waiting, start))
                    waiting = []
                start = start if waiting else said.offset_samples
                end = said.end_samples
                waiting.append(said.pcm)
            if waiting and (end - start >= COALESCED_SAMPLES or not isinstance(said, Audio)):
                await call.write(_audio(waiting, start))
                waiting = []
            if not isinstance(said, Audio):
                await call.write(self._command(said))
        if waiting:
            await call.write(_audio(waiting, start))
        await call.done_writing()

    def _command(self, said: Commit | Mark) -> asr_pb2.RecognizeRequest:
        if isinstance(said, Commit):
            return asr_pb2.RecognizeRequest(commit=asr_pb2.Commit())
        number = max(self._marks, default=0) + 1
        self._marks[number] = said
        return asr_pb2.RecognizeRequest(marker=asr_pb2.Marker(id=number))

    async def _read(self, call: Recognizing) -> None:
        while isinstance(response := await call.read(), asr_pb2.RecognizeResponse):
            heard = self._heard(response)
            known = self._goes_on(heard) if isinstance(heard, Transcript) else heard
            if known is not None:
                await self.heard.put(known)
        await self._fail(call)

    def _heard(self, response: asr_pb2.RecognizeResponse) -> Heard:
        match response.WhichOneof("payload"):
            case "result":
                return _transcript(response.result)
            case "speech_event":
                return SourceEvent(response.speech_event.started, response.speech_event.offset_samples)
            case "marker":
                return self._marks.pop(response.marker.id)
            case _:
                processed = max(response.progress.processed_samples, self._shared.goes_on.start_samples)
                return Progress(processed, response.progress.finalized_samples)

    def _goes_on(self, said: Transcript) -> Transcript | None:
        """A revision of the segment that was open: behind those before it, and not against what they concluded."""
        before = self._shared.goes_on.open_transcript
        if before is None or said.segment_id != before.segment_id:
            return said
        agrees = said.text.startswith(before.stable_text)
        if not said.final and not (agrees and said.stable_length >= before.stable_length):
            return None
        return replace(said, revision=said.revision + before.revision, corrected=said.corrected or not agrees)

    async def _fail(self, call: Recognizing) -> None:
        """Raises the status the stage ended the call with; returns when it was OK.

        A write to a call that has ended fails without its status, so the status is asked for.
        """
        if await call.code() is not grpc.StatusCode.OK:
            status = grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
            )
            raise fault_of(status, "ASR")


def _config(terms: Terms, goes_on: Continuation) -> asr_pb2.RecognizeConfig:
    return asr_pb2.RecognizeConfig(
        language=terms.source_lang,
        interim_results=True,  # the policy needs them, whether the client wants to see them or not
        trailing_silence_ms=terms.trailing_silence_ms,
        least_silence_ms=terms.least_silence_ms,
        max_segment_ms=terms.max_segment_ms,
        first_segment_id=goes_on.next_segment_id,
        resumed=goes_on.resumed,
        stabilization=asr_pb2.Stabilization.ValueType(terms.stabilization),  # both contracts number it alike
    )


def _audio(waiting: list[Pcm], start: int) -> asr_pb2.RecognizeRequest:
    pcm = np.concatenate(waiting).astype("<i2", copy=False).tobytes()
    return asr_pb2.RecognizeRequest(audio=asr_pb2.AudioChunk(pcm=pcm, offset_samples=start))


def _transcript(result: asr_pb2.Result) -> Transcript:
    return Transcript(
        segment_id=result.segment_id,
        revision=result.revision,
        final=result.final,
        text=result.text,
        stable_length=result.stable_length,
        start_samples=result.start_samples,
        end_samples=result.end_samples,
        confidence=result.confidence,
        stability=result.stability,
        corrected=result.corrected,
        words=tuple(Word(word.text, word.start_samples, word.end_samples, word.confidence) for word in result.words),
    )
