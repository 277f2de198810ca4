"""What a client may not send: an error names the field and what it accepts, in-band and as the status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import AtCapacity, InvalidArgument, MeshError, TooSlow
from services.gateway.incoming import greeting
from tests.mesh.mesh import (
    UTTERANCE,
    Heard,
    audio,
    chunks,
    control,
    gateway,
    gateway_address,
    hello,
    read_into,
    talk,
    text,
)

if TYPE_CHECKING:
    from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc  # its stub for asyncio exists for types only

Stub: TypeAlias = "pb_grpc.RealtimeTranslateAsyncStub"
Refusal = tuple[type[MeshError], str, str]


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with gateway() as client:
        yield client


def sound(name: str, rate: int) -> dict[str, Any]:
    return {"input": pb.AudioFormat(format=name, sample_rate=rate)}


AT_THE_DOOR: dict[str, tuple[list[pb.ClientMessage], str, str]] = {
    "no message at all": ([], "HELLO_MISSING", "hello"),
    "audio before hello": ([audio(UTTERANCE[:3200])], "HELLO_MISSING", "hello"),
    "an empty message": ([pb.ClientMessage()], "HELLO_MISSING", "hello"),
    "unknown source": ([hello("es", source_lang="tlh")], "UNKNOWN_LANGUAGE", "hello.source_lang"),
    "no source": ([hello("es", source_lang="")], "UNKNOWN_LANGUAGE", "hello.source_lang"),
    "nonsense for a tag": ([hello("es", source_lang="{}")], "UNKNOWN_LANGUAGE", "hello.source_lang"),
    "unknown target": ([hello("es", "tlh")], "UNKNOWN_LANGUAGE", "hello.targets[1].lang"),
    "no target": ([hello()], "TARGET_COUNT", "targets"),
    "a thousand targets": ([hello(*["es"] * 1000)], "TARGET_COUNT", "targets"),
    "a target twice": ([hello("es", "es-MX")], "TARGET_REPEATED", "hello.targets[1]"),
    "source as target": ([hello("en")], "TARGET_IS_SOURCE", "hello.targets[0].lang"),
    "source as the old target": ([hello(target_lang="en-GB")], "TARGET_IS_SOURCE", "hello.target_lang"),
    "both kinds of target": ([hello("es", target_lang="fr")], "TARGETS_TWICE", "hello.target_lang"),
    "unknown voice": ([hello(pb.Target(lang="es", voice="hal"))], "UNKNOWN_VOICE", "hello.targets[0].voice"),
    "a lag too short": ([hello(pb.Target(lang="es", max_lag_ms=999))], "OUT_OF_RANGE", "hello.targets[0].max_lag_ms"),
    "a lag of captions": (
        [hello(pb.Target(lang="es", max_lag_ms=5000, delivery=pb.DELIVERY_CAPTIONS))],
        "CAPTIONS_HAVE_NO_VOICE",
        "hello.targets[0].max_lag_ms",
    ),
    "unknown turn taking": (
        [hello("es", turn_taking=9)],
        "UNKNOWN_VALUE",
        "hello.turn_taking",
    ),
    "a voice for captions": (
        [hello(pb.Target(lang="es", voice="hal", delivery=pb.DELIVERY_CAPTIONS))],
        "CAPTIONS_HAVE_NO_VOICE",
        "hello.targets[0].voice",
    ),
    "too fast a voice": (
        [hello(pb.Target(lang="es", speaking_rate=3))],
        "OUT_OF_RANGE",
        "hello.targets[0].speaking_rate",
    ),
    "unknown delivery": ([hello(pb.Target(lang="es", delivery=9))], "UNKNOWN_VALUE", "hello.targets[0].delivery"),  # type: ignore[arg-type]  # a value of tomorrow
    "unknown format": ([hello("es", **sound("mp3", 16_000))], "UNKNOWN_FORMAT", "hello.input.format"),
    "0 Hz": ([hello("es", **sound("pcm16le", 0))], "BAD_SAMPLE_RATE", "hello.input.sample_rate"),
    "384 kHz": ([hello("es", **sound("pcm16le", 384_000))], "BAD_SAMPLE_RATE", "hello.input.sample_rate"),
    "Opus at 44.1 kHz": ([hello("es", **sound("opus", 44_100))], "BAD_SAMPLE_RATE", "hello.input.sample_rate"),
    "Opus out at 44.1 kHz": (
        [hello("es", output=pb.AudioFormat(format="opus", sample_rate=44_100))],
        "BAD_SAMPLE_RATE",
        "hello.output.sample_rate",
    ),
    "unknown output": (
        [hello("es", output=pb.AudioFormat(format="mp3"))],
        "UNKNOWN_FORMAT",
        "hello.output.format",
    ),
    "no silence at all": (
        [hello("es", endpointing=pb.Endpointing(trailing_silence_ms=1))],
        "OUT_OF_RANGE",
        "hello.endpointing.trailing_silence_ms",
    ),
    "endless segments": (
        [hello("es", endpointing=pb.Endpointing(max_segment_ms=10**6))],
        "OUT_OF_RANGE",
        "hello.endpointing.max_segment_ms",
    ),
    "no overload policy": ([hello("es", overload=9)], "UNKNOWN_VALUE", "hello.overload"),
    "a heartbeat too fast": ([hello("es", heartbeat_ms=199)], "OUT_OF_RANGE", "hello.heartbeat_ms"),
    "a kind of data that nobody knows": (
        [hello("es", mask_pii=True, masking=pb.Masking(pii_kinds=["phone", "shoe size"]))],
        "UNKNOWN_KIND",
        "hello.masking.pii_kinds[1]",
    ),
    "kinds of nothing": (
        [hello("es", masking=pb.Masking(pii_kinds=["phone"]))],
        "FIELD_NOT_READ",
        "hello.masking.pii_kinds",
    ),
    "a grade of nothing": (
        [hello("es", mask_pii=True, masking=pb.Masking(profanity_grade=pb.PROFANITY_GRADE_STRONG))],
        "FIELD_NOT_READ",
        "hello.masking.profanity_grade",
    ),
    "a scope of nothing": (
        [hello("es", masking=pb.Masking(scope=pb.MASK_SCOPE_STORED))],
        "FIELD_NOT_READ",
        "hello.masking.scope",
    ),
    "no grade": (
        [hello("es", mask_profanity=True, masking=pb.Masking(profanity_grade=pb.ProfanityGrade.ValueType(9)))],
        "UNKNOWN_VALUE",
        "hello.masking.profanity_grade",
    ),
    "no scope": (
        [hello("es", mask_pii=True, masking=pb.Masking(scope=pb.MaskScope.ValueType(9)))],
        "UNKNOWN_VALUE",
        "hello.masking.scope",
    ),
    "a protocol of tomorrow": ([hello("es", protocol_version=2)], "OUT_OF_RANGE", "hello.protocol_version"),
}

IN_SESSION: dict[str, tuple[list[pb.ClientMessage], str, str]] = {
    "hello twice": ([hello("es")], "HELLO_REPEATED", "hello"),
    "nothing": ([pb.ClientMessage()], "EMPTY_MESSAGE", "payload"),
    "an odd byte": ([audio(b"odd")], "UNDECODABLE_AUDIO", "audio.data"),
    "a chunk of 5 MiB": ([audio(bytes(5 * 1024 * 1024))], "CHUNK_TOO_LARGE", "audio.data"),
    "another format": ([audio(b"", format="mulaw")], "FORMAT_CHANGED", "audio.format"),
    "another rate": ([audio(b"", sample_rate=8_000)], "SAMPLE_RATE_CHANGED", "audio.sample_rate"),
    "an unknown action": ([control("dance")], "UNKNOWN_ACTION", "control.action"),
    "a field the action does not read": ([control("commit", marker="x")], "FIELD_NOT_READ", "control.marker"),
    "a long marker": ([control("ping", marker="x" * 65)], "MARKER_TOO_LONG", "control.marker"),
    "too long a text": ([text("x" * 3000)], "TEXT_TOO_LONG", "text.text"),
}


@pytest.mark.parametrize(("sent", "code", "field"), AT_THE_DOOR.values(), ids=AT_THE_DOOR)
async def test_refused_at_the_door(stub: Stub, sent: list[pb.ClientMessage], code: str, field: str) -> None:
    heard = await talk(stub, *sent)
    assert_refused(heard.error(), heard.fault, (InvalidArgument, code, field))
    assert len(heard.messages) == 1


@pytest.mark.parametrize(("sent", "code", "field"), IN_SESSION.values(), ids=IN_SESSION)
async def test_refused_in_session_after_all_that_was_said_before(
    stub: Stub, sent: list[pb.ClientMessage], code: str, field: str
) -> None:
    heard = await talk(stub, hello("es"), *chunks(UTTERANCE), *sent)
    assert_refused(heard.error(), heard.fault, (InvalidArgument, code, field))
    assert len(heard.transcripts()) == 1
    assert len(heard.finals("es")) == 1
    assert heard.speech("es")[-1].last


@pytest.mark.parametrize(
    ("targets", "code", "field"),
    [
        ([], "TARGET_COUNT", "control.targets"),
        ([pb.Target(lang="fr"), pb.Target(lang="tlh")], "UNKNOWN_LANGUAGE", "control.targets[1].lang"),
        ([pb.Target(lang="fr", voice="hal")], "UNKNOWN_VOICE", "control.targets[0].voice"),
        ([pb.Target(lang="fr", formality=pb.FORMALITY_FORMAL)], "NO_FORMALITY", "control.targets[0].formality"),
    ],
    ids=["none", "an unknown one", "an unknown voice", "a register that the pair lacks"],
)
async def test_targets_that_are_refused_leave_the_session_as_it_was(
    stub: Stub, targets: list[pb.Target], code: str, field: str
) -> None:
    wrong, said = control("set_target_lang", targets=targets), chunks(UTTERANCE)
    heard = await talk(stub, hello("es"), *said, wrong, *said)
    assert heard.fault is None
    (error,) = heard.of("error")
    assert (error.code, error.field, error.fatal) == (code, field, False)
    assert error.accepted
    assert (len(heard.transcripts()), len(heard.finals("es")), len(heard.finals("fr"))) == (2, 2, 0)


@pytest.mark.parametrize("garbage", [b"\xff" * 40, b"RIFF", b"OggS" + bytes(60)])
@pytest.mark.parametrize(("name", "rate"), [("opus", 48_000), ("flac", 16_000)])
async def test_garbage_for_audio_is_refused(stub: Stub, garbage: bytes, name: str, rate: int) -> None:
    heard = await talk(stub, hello("es", **sound(name, rate)), audio(garbage))
    assert_refused(heard.error(), heard.fault, (InvalidArgument, "UNDECODABLE_AUDIO", "audio.data"))


async def test_a_first_chunk_that_does_not_tell_its_rate_is_refused(stub: Stub) -> None:
    request = hello("es")
    request.hello.ClearField("input")
    heard = await talk(stub, request, audio(bytes(320)))
    assert_refused(heard.error(), heard.fault, (InvalidArgument, "BAD_SAMPLE_RATE", "audio.sample_rate"))


@pytest.mark.parametrize("before", [[], [hello("es"), *chunks(UTTERANCE)]], ids=["first", "in session"])
async def test_text_that_is_not_utf8_is_refused(before: list[pb.ClientMessage]) -> None:
    not_utf8 = text("abc").SerializeToString().replace(b"abc", b"\xff\xfe\xfd")
    async with gateway_address() as address, grpc.aio.insecure_channel(address) as channel:
        method: Any = channel.stream_stream(
            "/realtime.v1.RealtimeTranslate/Stream", response_deserializer=pb.ServerMessage.FromString
        )
        call: Any = method()
        for message in before:
            await call.write(message.SerializeToString())
        await call.write(not_utf8)
        await call.done_writing()
        heard = Heard()
        await read_into(heard, call)
    assert_refused(heard.error(), heard.fault, (InvalidArgument, "UNREADABLE_MESSAGE", "payload"))
    assert len(heard.finals("es")) == (1 if before else 0)


@pytest.mark.parametrize("slots", [{"slots": 1}, {"asr_slots": 1}], ids=["gateway", "recognizer"])
async def test_more_sessions_than_slots_are_refused_at_once_with_when_to_come_back(slots: dict[str, Any]) -> None:
    async with gateway(**slots) as stub:
        first: Any = stub.Stream()
        await first.write(hello("es"))
        assert (await first.read()).HasField("ready")
        heard = await talk(stub, hello("es"))
        assert [each.WhichOneof("payload") for each in heard.messages] == ["error"]
        await first.done_writing()
        assert isinstance(heard.fault, AtCapacity)
        assert heard.fault.retry_after_ms
        assert heard.error().retry_after_ms > 0
        while await first.read() is not grpc.aio.EOF:
            pass


async def test_a_silent_client_is_closed_by_name() -> None:
    async with gateway(idle_timeout_ms=50) as stub:
        call: Any = stub.Stream()
        await call.write(hello("es"))
        heard = Heard()
        await read_into(heard, call)
    assert heard.error().code == "IDLE_TIMEOUT"
    assert isinstance(heard.fault, TooSlow)


@pytest.mark.parametrize("after", range(0, 34, 3))
async def test_a_client_may_cancel_at_any_message(after: int) -> None:
    """The fixture that looks for tasks and processes left behind is the judge; the slot must be free again."""
    async with gateway(slots=1) as stub:
        call: Any = stub.Stream()
        for message in [hello("es", "fr"), *chunks(UTTERANCE), control("ping")][:after]:
            await call.write(message)
        call.cancel()
        for _ in range(100):
            heard = await talk(stub, hello("es"), *chunks(UTTERANCE))
            if not isinstance(heard.fault, AtCapacity):
                break
        assert heard.fault is None
        assert len(heard.finals("es")) == 1


def assert_refused(error: pb.Error, fault: MeshError | None, expected: Refusal) -> None:
    kind, code, field = expected
    assert (error.code, error.field) == (code, field)
    assert error.accepted
    assert isinstance(fault, kind)
    assert fault.code == code


async def test_a_refusal_whose_writing_was_given_up_still_ends_the_call(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "_WRITTEN_SECONDS", 0.0)  # as where a busy machine takes too long over it
    call: Any = stub.Stream()
    await call.write(audio(UTTERANCE[:3200]))
    await call.done_writing()
    async with asyncio.timeout(60):
        with suppress(grpc.aio.AioRpcError):
            while await call.read() is not grpc.aio.EOF:
                pass
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
