"""A client that loses its connection and resumes, written by docs/protocol.md alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import grpc

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import RATE, Call, Heard, read_into

CHUNK = RATE // 10  # samples


def handle(heard: Heard) -> str:
    """The newest one."""
    bearers = [getattr(each, each.WhichOneof("payload") or "") for each in heard.messages]
    return str([each.resume_handle for each in bearers if isinstance(each, pb.Ready | pb.Ack | pb.GoAway)][-1])


def received(heard: Heard) -> pb.Received:
    """What came of the session, from its first segment on: what the handle has delivered is passed over."""
    (ready, *_) = heard.of("ready")
    segments: dict[int, pb.ReceivedSegment] = {}
    for said in heard.of("asr"):
        segments.setdefault(said.segment_id, pb.ReceivedSegment()).transcript.CopyFrom(said)
    for chunk in heard.of("tts"):  # its transcript may be yet to come, where no interim results are wanted
        transcript = segments.setdefault(chunk.segment_id, pb.ReceivedSegment()).transcript
        transcript.segment_id, transcript.origin = chunk.segment_id, chunk.origin
    langs = sorted({each.target_lang for each in (*heard.of("translation"), *heard.of("tts"))})
    for number, segment in segments.items():
        for lang in langs:
            segment.translations.append(_translation(heard, number, lang))
    voices = [_voice(heard, lang) for lang in langs]
    return pb.Received(
        session_id=ready.session_id, segments=[segments[number] for number in sorted(segments)], voices=voices
    )


def _translation(heard: Heard, number: int, lang: str) -> pb.ReceivedTranslation:
    came = pb.ReceivedTranslation(target_lang=lang)
    for each in heard.of("translation"):
        if (each.target_lang, each.segment_id) == (lang, number):
            came.text, came.stable_length, came.revision, came.final = (
                each.text,
                each.stable_length,
                each.revision,
                each.final,
            )
    spoken: list[str] = []
    for chunk in heard.speech(lang):
        if chunk.segment_id != number:
            continue
        came.speaking = chunk.text or came.speaking
        came.speaking_samples += len(chunk.data) // 2
        if chunk.last:
            spoken.append(came.speaking)
            came.speaking, came.speaking_samples = "", 0
    came.spoken = " ".join(spoken)
    return came


def _voice(heard: Heard, lang: str) -> pb.ReceivedVoice:
    started = pb.SPEECH_EVENT_TYPE_VOICE_STARTED
    turns = [each.type == started for each in heard.of("speech_event") if each.target_lang == lang]
    samples = sum(len(chunk.data) // 2 for chunk in heard.speech(lang))
    return pb.ReceivedVoice(target_lang=lang, samples=samples, speaking=bool(turns) and turns[-1])


def resuming(request: pb.ClientMessage, heard: Heard, bare: bool = False) -> pb.ClientMessage:
    """The hello that continues the session."""
    again = pb.ClientMessage()
    again.CopyFrom(request)
    again.hello.resume_handle = handle(heard)
    if not bare:
        again.hello.received.CopyFrom(received(heard))
    return again


def chunks_from(pcm: bytes, offset_ms: int) -> list[pb.ClientMessage]:
    """The audio from an offset on, each chunk with its place."""
    start = offset_ms * RATE // 1000
    return [
        pb.ClientMessage(audio=pb.AudioChunk(data=pcm[2 * at : 2 * (at + CHUNK)], offset_samples=at))
        for at in range(start, len(pcm) // 2, CHUNK)
    ]


async def lost_after(
    stub: Any, count: int, request: pb.ClientMessage, said: Sequence[pb.ClientMessage], segments: int = 0
) -> Heard:
    """What a client heard whose connection breaks behind so many messages, once so many segments have begun."""
    call: Call = stub.Stream()
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        speaking = tasks.create_task(_speak(call, request, said))
        begun = 0
        while (len(heard.messages) < count or begun < segments) and isinstance(
            message := await call.read(), pb.ServerMessage
        ):
            heard.messages.append(message)
            begun = max(begun, message.asr.segment_id)
        call.cancel()
        speaking.cancel()
    return heard


async def _speak(call: Call, request: pb.ClientMessage, said: Sequence[pb.ClientMessage]) -> None:
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(request)
        await call.wait_for_connection()
        for message in said:
            await call.write(message)
        await call.done_writing()


async def resumed(stub: Any, request: pb.ClientMessage, pcm: bytes) -> Heard:
    """The rest of a session: waits for `ready`, then sends the audio from where it is needed."""
    call: Any = stub.Stream()
    heard = Heard()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        await call.write(request)
        await until_open(heard)
        for message in chunks_from(pcm, heard.of("ready")[0].resume_offset_ms if heard.of("ready") else 10**9):
            await call.write(message)
        await call.done_writing()
    return heard


async def until_open(heard: Heard) -> None:
    """Waits for the answer to the hello."""
    async with asyncio.timeout(60):
        while not (heard.of("ready") or heard.of("error")):
            heard.more.clear()
            await heard.more.wait()


def joined(before: Heard, after: Heard) -> Heard:
    """Both parts of a session as one."""
    return Heard([*before.messages, *after.messages], after.fault)
