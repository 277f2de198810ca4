"""Short clips: `/v1/transcribe` and `/v1/translate-audio`, each a session of the gateway that lasts one request."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.cancelling import TaskGroup, end_call, heed_cancellation
from services.common.errors import InvalidArgument
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.faults import Fault, fault_of_call, fault_told
from services.edge.plain import plain
from services.edge.realtime.door import opened
from services.edge.rest import body
from services.edge.rest.clips import Decoding, seconds
from services.edge.rest.decoder import RATE
from services.edge.rest.subtitles import Line, srt, vtt
from services.edge.upstream import Call, Caller, failure

_CHUNK = 2 * RATE // 5
_VOICE_RATE = 24_000
_PARAMETERS = {"targets[0].lang": "target_lang", "targets[0].voice": "voice"}  # of what a session calls otherwise
TEXTS = ("json", "text", "srt", "vtt")
AUDIO = "wav"


@dataclass(slots=True)
class Heard:
    """The results of a clip."""

    transcripts: list[pb.AsrResult] = field(default_factory=list)
    translations: list[pb.TranslationResult] = field(default_factory=list)
    speech: bytearray = field(default_factory=bytearray)
    fault: Fault | None = None

    def take(self, message: pb.ServerMessage) -> None:
        """Record a message of the session."""
        if message.asr.final and message.asr.text:
            self.transcripts.append(message.asr)
        if message.translation.final and message.translation.text:
            self.translations.append(message.translation)
        self.speech += message.tts.data
        if message.error.fatal:
            self.fault = fault_told(message.error)


class Speech:
    """Serves clips."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._decoding = Decoding(doors.settings.max_clip_seconds)

    async def transcribe(self, request: Request) -> Response:
        """Answer `/v1/transcribe`: the text of a clip, plain, in JSON, or as subtitles."""
        clip, told = await self._asked(request, ("source_lang", "format"), TEXTS)
        caller = self._caller(request)
        target = pb.Target(
            lang=told["source_lang"], delivery=pb.DELIVERY_CAPTIONS, same_language=pb.SAME_LANGUAGE_PASS_THROUGH
        )
        pcm = await self._decoding.pcm(clip)
        found = await self._heard(pcm, _config(told, target), caller)
        measures.answered("/v1/transcribe")
        lines = [Line(each.start_ms, each.end_ms, each.text) for each in found.transcripts]
        segments = [plain(each) for each in found.transcripts]
        return _formatted(told["format"], lines, {"segments": segments, "duration_ms": round(1000 * seconds(pcm))})

    async def translate(self, request: Request) -> Response:
        """Answer `/v1/translate-audio`: a clip's translation as text, subtitles or speech."""
        names = ("source_lang", "target_lang", "format", "voice")
        clip, told = await self._asked(request, names, (*TEXTS, AUDIO))
        caller = self._caller(request)
        spoken = told["format"] == AUDIO
        delivery = pb.DELIVERY_CAPTIONS_AND_SPEECH if spoken else pb.DELIVERY_CAPTIONS
        target = pb.Target(lang=told["target_lang"], delivery=delivery, voice=told.get("voice", ""))
        pcm = await self._decoding.pcm(clip)
        found = await self._heard(pcm, _config(told, target), caller)
        measures.answered("/v1/translate-audio")
        if spoken:
            return Response(_wav(bytes(found.speech)), media_type="audio/wav")
        lines = [Line(each.start_ms, each.end_ms, each.text) for each in found.translations]
        told_beside = {
            "transcript": " ".join(each.text for each in found.transcripts),
            "segments": [plain(each) for each in found.translations],
            "duration_ms": round(1000 * seconds(pcm)),
        }
        return _formatted(told["format"], lines, told_beside)

    def _caller(self, request: Request) -> Caller:
        caller = self._doors.caller(request)
        self._doors.clients.requested(caller.name)
        return caller

    async def _asked(
        self, request: Request, names: Sequence[str], forms: Sequence[str]
    ) -> tuple[bytes, dict[str, str]]:
        clip, told = await body.clip(request, self._doors.settings.max_body_bytes)
        for name in told:
            if name not in names:
                raise InvalidArgument("UNKNOWN_PARAMETER", "There is no such parameter here.", name[:64], list(names))
        for name in names:
            if name.endswith("_lang") and not told.get(name):
                raise InvalidArgument("LANGUAGE_MISSING", "It names a language.", name, ["en, es ..."])
        given = {"format": "json", **told}
        if given["format"] not in forms:
            raise InvalidArgument("UNKNOWN_FORMAT", "There is no such form here.", "format", list(forms))
        return clip, given

    async def _heard(self, pcm: bytes, config: pb.SessionConfig, caller: Caller) -> Heard:
        """Run a session over the whole clip. Raises Fault."""
        with self._doors.clients.connected(caller.name):
            call = await opened(self._doors.gateway.stream(caller), config)
            found = Heard()
            try:
                async with TaskGroup() as tasks:
                    sending = tasks.create_task(_send(call, pcm))
                    await _read_into(found, call)
                    sending.cancel()
            finally:
                end_call(call)
        if found.fault:
            name = found.fault.field.removeprefix("hello.session.")
            raise replace(found.fault, field=_PARAMETERS.get(name, name))
        return found


async def _read_into(found: Heard, call: Call) -> None:
    try:
        while isinstance(message := await call.read(), pb.ServerMessage):
            found.take(message)
        if await call.code() is not grpc.StatusCode.OK:
            raise await failure(call)
    except grpc.aio.AioRpcError as error:
        heed_cancellation()
        found.fault = found.fault or fault_of_call(error)


async def _send(call: Call, pcm: bytes) -> None:
    try:
        for start in range(0, len(pcm), _CHUNK):
            await call.write(pb.ClientMessage(audio=pb.AudioChunk(data=pcm[start : start + _CHUNK])))
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # it ended: what is read says why


def _config(told: Mapping[str, str], target: pb.Target) -> pb.SessionConfig:
    return pb.SessionConfig(
        source_lang=told["source_lang"],
        targets=[target],
        input=pb.AudioFormat(format="pcm16le", sample_rate=RATE),
        output=pb.AudioFormat(format="pcm16le", sample_rate=_VOICE_RATE),
        stabilization=pb.STABILIZATION_WHOLE_SEGMENTS,
    )


def _formatted(form: str, lines: Sequence[Line], beside: Mapping[str, object]) -> Response:
    if form == "srt":
        return PlainTextResponse(srt(lines), media_type="application/x-subrip")
    if form == "vtt":
        return PlainTextResponse(vtt(lines), media_type="text/vtt")
    text = " ".join(line.text for line in lines)
    return PlainTextResponse(text + "\n") if form == "text" else JSONResponse({"text": text, **beside})


def _wav(pcm: bytes) -> bytes:
    into = io.BytesIO()
    with wave.open(into, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(_VOICE_RATE)
        writing.writeframes(pcm)
    return into.getvalue()
