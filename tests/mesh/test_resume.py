"""A session that breaks off goes on in another call: nothing the client has comes again, nothing it lacks is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, Heard, chunks, gateway, hello, loud, quiet, talk
from tests.mesh.resuming import chunks_from, handle, joined, lost_after, received, resumed, resuming

KEYS = "a:" + "k" * 32
SAID = UTTERANCE + loud(1.0) + quiet(1.0) + loud(3.0) + quiet(1.0)
BYTES_PER_MS = 48  # of 16-bit samples at 24 kHz
SAME_WORDS: Mapping[str, Any] = {"text": "word"}  # whichever call of it hears them


def whole(heard: Heard) -> tuple[list[str], list[str], str]:
    """All that counts of a session: its text, and what was said of it."""
    return heard.transcripts(), heard.finals("es"), " ".join(c.text for c in heard.speech("es") if c.text)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12, 17, 23, 30, 38, 47, 57, 68, 80, 93])
async def test_nothing_is_lost_or_said_twice_wherever_the_connection_breaks(count: int) -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        undisturbed = await talk(stub, hello("es"), *chunks(SAID))
        before = await lost_after(stub, count, hello("es"), chunks(SAID))
        after = await resumed(stub, resuming(hello("es"), before), SAID)
    assert after.fault is None
    heard = joined(before, after)
    check(heard)
    assert whole(heard) == whole(undisturbed)
    assert len({ready.session_id for ready in heard.of("ready")}) == 1


@pytest.mark.parametrize("count", [1, 12, 38, 68, 80, 93])
async def test_with_the_handle_alone_all_behind_it_is_made_again_under_the_same_numbers(count: int) -> None:
    async with gateway(asr=SAME_WORDS) as stub:
        undisturbed = await talk(stub, hello("es"), *chunks(SAID))
        before = await lost_after(stub, count, hello("es"), chunks(SAID))
        after = await resumed(stub, resuming(hello("es"), before, bare=True), SAID)
    assert after.fault is None
    check_again(after)
    delivered = len(before.of("ack"))
    assert after.of("ready")[0].resume_offset_ms == (before.of("ack")[-1].finalized_offset_ms if delivered else 0)
    assert [each.segment_id for each in after.of("asr") if each.final] == list(range(delivered + 1, 4))
    assert after.transcripts() == undisturbed.transcripts()[delivered:]
    assert after.finals("es") == undisturbed.finals("es")[delivered:]
    said_before = [chunk for chunk in before.speech("es") if chunk.segment_id <= delivered]
    assert after.speech("es")[0].offset_ms == sum(len(chunk.data) for chunk in said_before) / BYTES_PER_MS
    spoken = [chunk for chunk in undisturbed.speech("es") if chunk.segment_id > delivered]
    assert words(after.speech("es")) == words(spoken)
    assert bytes_per_letter(after.speech("es")) == bytes_per_letter(spoken)


def words(speech: Sequence[pb.TtsChunk]) -> list[str]:
    """What is said, however it was cut into clauses: that depends on when it was translated."""
    return [word for chunk in speech for word in chunk.text.split()]


def bytes_per_letter(speech: Sequence[pb.TtsChunk]) -> float:
    """Of each clause the same: a scripted voice takes equally long for each of its letters and spaces."""
    return sum(len(chunk.data) for chunk in speech) / sum(len(chunk.text) for chunk in speech)


def check_again(after: Heard) -> None:
    """Speech starts where the handle says; all else holds as of any session."""
    first = after.speech("es")[0].offset_ms
    for message in after.messages:
        for about in (message.tts, message.speech_event):
            if about.target_lang:
                about.offset_ms -= first
    check(after)
    for message in after.messages:
        for about in (message.tts, message.speech_event):
            if about.target_lang:
                about.offset_ms += first


@asynccontextmanager
async def two_gateways(second: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[list[Any]]:
    """Clients of two gateways without anything in common but their keys."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(gateway(**{"asr": SAME_WORDS, "resume_keys": KEYS, **settings, **own}))
            for own in ({}, second or {})
        ]


async def test_any_gateway_with_the_keys_takes_a_session_over() -> None:
    async with two_gateways() as (one, other):
        undisturbed = await talk(one, hello("es"), *chunks(SAID))
        before = await lost_after(one, 60, hello("es"), chunks(SAID))
        after = await resumed(other, resuming(hello("es"), before), SAID)
    check(joined(before, after))
    assert whole(joined(before, after)) == whole(undisturbed)


async def test_a_session_can_be_lost_again_and_again() -> None:
    async with two_gateways() as (one, other):
        undisturbed = await talk(one, hello("es"), *chunks(SAID))
        heard = await lost_after(one, 30, hello("es"), chunks(SAID))
        for stub in (other, one, other):
            heard = joined(heard, await lost_after(stub, 25, resuming(hello("es"), heard), chunks_from(SAID, 0)))
        heard = joined(heard, await resumed(one, resuming(hello("es"), heard), SAID))
    check(heard)
    assert whole(heard) == whole(undisturbed)


async def test_keys_are_rotated_by_adding_one_in_front() -> None:
    newer = "b:" + "n" * 32
    async with two_gateways({"resume_keys": f"{newer},{KEYS}"}) as (old, new):
        before = await lost_after(old, 60, hello("es"), chunks(SAID))
        after = await resumed(new, resuming(hello("es"), before), SAID)
        assert after.fault is None
        refused = await resumed(old, resuming(hello("es"), after, bare=True), SAID)
    assert refused.error().code == "RESUME_FORGED"


@pytest.fixture
async def stub() -> AsyncIterator[Any]:
    async with gateway(asr=SAME_WORDS, resume_keys=KEYS, tenant_metadata="x-tenant") as client:
        yield client


async def test_a_handle_that_is_none_of_ours_is_refused_by_name(stub: Any) -> None:
    before = await lost_after(stub, 60, hello("es"), chunks(SAID))
    good = handle(before)
    head, claims, signature = good.split(".")
    other = handle(await lost_after(stub, 1, hello("es"), [])).split(".")[1]
    for bad, codes in {
        "nonsense": {"RESUME_UNREADABLE"},
        good[:-4]: {"RESUME_UNREADABLE", "RESUME_FORGED"},
        good[: len(good) // 2]: {"RESUME_UNREADABLE"},
        "x" * 5000: {"RESUME_UNREADABLE"},
        f"{head}.{other}.{signature}": {"RESUME_FORGED"},
        f"{head}.{claims}.{signature[::-1]}": {"RESUME_UNREADABLE", "RESUME_FORGED"},
        "eyJhbGciOiJub25lIn0." + claims + ".": {"RESUME_FORGED", "RESUME_UNREADABLE"},
    }.items():
        request = hello("es", resume_handle=bad)
        await assert_refused(stub, request, codes, "hello.resume_handle")
    assert (await resumed(stub, resuming(hello("es"), before), SAID)).fault is None


async def assert_refused(stub: Any, request: pb.ClientMessage, codes: set[str], field: str) -> None:
    heard = await resumed(stub, request, SAID)
    error = heard.error()
    assert error.code in codes
    assert error.field == field
    assert error.accepted
    assert isinstance(heard.fault, InvalidArgument)
    assert heard.fault.code == error.code
    assert len(heard.messages) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"input": pb.AudioFormat(format="pcm16le", sample_rate=8000)},
        {"input": None},
        {"output": pb.AudioFormat(sample_rate=16_000)},
        {"turn_taking": pb.TURN_TAKING_CONSECUTIVE},
        {"partial_results": False},
    ],
    ids=str,
)
async def test_a_session_goes_on_with_the_configuration_it_began_with(stub: Any, config: dict[str, Any]) -> None:
    before = await lost_after(stub, 60, hello("es"), chunks(SAID))
    other = hello("es")
    if config.get("input", "") is None:
        other.hello.ClearField("input")
    else:
        other.hello.MergeFrom(pb.SessionConfig(**config))
        other.hello.partial_results = config.get("partial_results", True)
    await assert_refused(stub, resuming(other, before), {"RESUME_OTHER_CONFIG"}, "hello.resume_handle")


async def test_targets_may_be_others_than_at_the_beginning(stub: Any) -> None:
    before = await lost_after(stub, 60, hello("es"), chunks(SAID))
    after = await resumed(stub, resuming(hello("es", "fr"), before), SAID)
    assert after.fault is None
    assert joined(before, after).finals("es")
    assert after.finals("fr")


async def test_another_session_or_nobodys_is_refused(stub: Any) -> None:
    one = await lost_after(stub, 60, hello("es"), chunks(SAID))
    other = await lost_after(stub, 60, hello("es"), chunks(SAID))
    mixed = resuming(hello("es"), one)
    mixed.hello.received.CopyFrom(received(other))
    await assert_refused(stub, mixed, {"RESUME_OTHER_SESSION"}, "hello.received.session_id")
    unbound = hello("es", received=received(one))
    await assert_refused(stub, unbound, {"RECEIVED_WITHOUT_RESUME"}, "hello.received")


async def test_a_handle_is_its_tenants(stub: Any) -> None:
    before = await lost_after(_as(stub, "ours"), 60, hello("es"), chunks(SAID))
    request = resuming(hello("es"), before)
    await assert_refused(_as(stub, "theirs"), request, {"RESUME_OTHER_TENANT"}, "hello.resume_handle")
    await assert_refused(stub, request, {"RESUME_OTHER_TENANT"}, "hello.resume_handle")
    assert (await resumed(_as(stub, "ours"), request, SAID)).fault is None


class _as:
    """A client whose proxy tells its tenant."""

    def __init__(self, stub: Any, tenant: str) -> None:
        self._stub = stub
        self._tenant = tenant

    def Stream(self) -> Any:
        return self._stub.Stream(metadata=(("x-tenant", self._tenant),))


async def test_a_handle_is_used_up_once_its_client_has_gone_on(stub: Any) -> None:
    before = await lost_after(stub, 60, hello("es"), chunks(SAID))
    request = resuming(hello("es"), before)
    unproved = await lost_after(stub, 1, request, [])
    assert [each.WhichOneof("payload") for each in unproved.messages] == ["ready"]
    after = await resumed(stub, request, SAID)
    assert after.fault is None
    await assert_refused(stub, request, {"RESUME_REUSED"}, "hello.resume_handle")
    assert (await resumed(stub, resuming(hello("es"), joined(before, after)), SAID)).fault is None


def _wrong(change: str, has: pb.Received) -> None:
    match change:
        case "a number is missing":
            del has.segments[1]
        case "a number comes twice":
            has.segments.append(has.segments[-1])
        case "one is open that is not the last":
            has.segments[0].transcript.final = False
        case "more is concluded than there is":
            has.segments[0].transcript.stable_length = 10_000
        case "samples of no clause":
            has.segments[0].translations[0].speaking_samples = 10
            has.segments[0].translations[0].speaking = ""
        case "a language twice":
            has.voices.append(has.voices[0])
        case "an end before its start":
            has.segments[0].transcript.start_ms = 99_999


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("a number is missing", "segments[1].transcript.segment_id"),
        ("a number comes twice", "segments[3].transcript.segment_id"),
        ("one is open that is not the last", "segments"),
        ("more is concluded than there is", "segments[0].transcript.stable_length"),
        ("samples of no clause", "segments[0].translations[0].speaking"),
        ("a language twice", "voices[1].target_lang"),
        ("an end before its start", "segments[0].transcript.end_ms"),
    ],
)
async def test_what_cannot_have_been_received_is_refused(stub: Any, change: str, field: str) -> None:
    before = await lost_after(stub, 57, hello("es"), chunks(SAID), segments=3)
    request = resuming(hello("es"), before)
    request.hello.resume_handle = before.of("ready")[0].resume_handle  # a later one drops segments that it delivered
    assert len(request.hello.received.segments) == 3
    _wrong(change, request.hello.received)
    await assert_refused(stub, request, {"RECEIVED_INCONSISTENT"}, f"hello.received.{field}")


async def test_less_speech_than_the_handle_has_delivered_cannot_be(stub: Any) -> None:
    before = await lost_after(stub, 93, hello("es"), chunks(SAID))
    request = resuming(hello("es"), before)
    request.hello.received.voices[0].samples = 1
    await assert_refused(stub, request, {"RECEIVED_INCONSISTENT"}, "hello.received.voices[0].samples")


async def test_an_endless_list_is_refused(stub: Any) -> None:
    before = await lost_after(stub, 57, hello("es"), chunks(SAID), segments=3)
    request = resuming(hello("es"), before)
    request.hello.received.segments.extend([pb.ReceivedSegment()] * 1000)
    await assert_refused(stub, request, {"OUT_OF_RANGE"}, "hello.received.segments")
