"""What operators read of sessions is what happened to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from bench.measuring.metrics import erasure
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import Defect
from services.tts.engine import Clause
from services.tts.engines.scripted import engine as scripted
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.measured import Measured, measured
from tests.mesh.failing import switched_on
from tests.mesh.fake_stage import until
from tests.mesh.mesh import (
    UTTERANCE,
    Heard,
    audio,
    chunks,
    control,
    gateway,
    gateway_address,
    hello,
    loud,
    quiet,
    read_into,
    talk,
    text,
)
from tests.mesh.resuming import resumed, resuming
from tests.mesh.test_outages import synthesizers, translators
from tests.mesh.test_recognizer_lost import recognizers, say, shows

WORD = loud(1.0) + quiet(1.3)


class Mute(scripted.Engine):
    """A synthesizer that finds fault with each clause."""

    async def synthesize(self, clause: Clause) -> AsyncGenerator[bytes, None]:
        if clause.text:
            raise Defect("TTS_CLAUSE", "There is something in it.", stage="TTS")
        yield b""


@pytest.fixture
def seen() -> Iterator[Measured]:
    with measured() as measures:
        yield measures


def gaps(heard: Heard, reason: pb.GapReason.ValueType) -> float:
    """Seconds of audio that the client was told of."""
    told = [gap for flow in heard.of("flow") for gap in flow.gaps if gap.reason == reason]
    return sum(float(gap.to_ms - gap.from_ms) for gap in told) / 1000


async def test_a_session_tells_its_waits_and_its_end(seen: Measured) -> None:
    async with gateway(tts={"compute_ms": 100, "piece_ms": 1000}) as stub:
        heard = await talk(stub, hello("es"), *chunks(WORD))
        assert seen.values("replicas") == {
            (stage, state): float(state == "SERVING")
            for stage in ("asr", "mt", "tts")
            for state in ("UNKNOWN", "STARTING", "SERVING", "DRAINING", "STUCK")
        }
    pair = ("en-US", "es")
    assert seen.counted("segments") == {(*pair, "whole"): 1}
    assert seen.counts("first_word") == seen.counts("first_audio") == seen.counts("lag") == {pair: 1}
    assert seen.least("first_audio")[pair] >= 0.1  # what the synthesizer takes
    assert seen.least("lag")[pair] >= 0.1
    steps = seen.least("segment.step")
    assert {step for *_, step in steps} == {"received", "recognized", "translated", "first_audio", "sent"}
    assert steps[*pair, "sent"] == seen.least("lag")[pair]
    assert seen.counted("sessions") == {("en-US", "done"): 1}
    assert seen.counts("session.duration") == {("en-US",): 1}
    assert seen.values("audio") == {("en-US",): pytest.approx(2.3)}
    assert seen.values("tokens.final")["en-US", "transcript"] == len(heard.transcripts()[0].split())
    clauses = [chunk for chunk in heard.speech("es") if chunk.text]
    assert seen.counts("speaking_rate") == {("es",): len(clauses)}
    assert not seen.counted("degradations")
    assert not seen.points("sessions.resumed")


async def test_tries_at_stages_and_their_answers_are_counted(seen: Measured) -> None:
    async with gateway(tts={"fail_first_n": 1}) as stub:
        before = seen.counted("stage.calls")  # the gateway has asked each what it can do
        heard = await talk(stub, hello("es"), text("one.", final=True), text("two.", final=True))
    tries = {of: count - before.get(of, 0) for of, count in seen.counted("stage.calls").items()}
    assert tries.pop(("mt", "answered")) >= 2  # typed text is translated as it comes
    assert tries.pop(("asr", "answered")) == 1  # a recognition, which was let in
    clauses = len([chunk for chunk in heard.speech("es") if chunk.text])
    assert {of: count for of, count in tries.items() if count} == {("tts", "answered"): clauses, ("tts", "failed"): 1}
    assert seen.counts("stage.duration")[("tts",)] == clauses
    assert seen.counts("stage.duration")[("mt",)] >= 2


async def test_without_a_synthesizer_segments_count_as_captions(seen: Measured) -> None:
    async with synthesizers() as stage, gateway(tts_endpoints=(stage.address,)) as stub:
        await stage.off()
        await talk(stub, hello("es"), text("one", final=True), text("two", final=True))
        assert seen.values("replicas")["tts", "UNKNOWN"] == 1
    assert seen.counted("segments") == {("en-US", "es", "captions"): 2}
    assert seen.counted("degradations")["tts", "UNAVAILABLE"] >= 2
    assert not seen.points("first_audio")


async def test_a_clause_that_cannot_be_spoken_counts_as_captions(seen: Measured) -> None:
    settings = TtsSettings(engine=f"{__name__}:{Mute.__name__}", drain_seconds=0)
    async with (
        switched_on(lambda: TtsServicer(settings), settings) as stage,
        gateway(tts_endpoints=(stage.address,)) as stub,
    ):
        heard = await talk(stub, hello("es"), text("one", final=True))
    less = [less for flow in heard.of("flow") for less in flow.degraded]
    assert [(each.stage, each.reason) for each in less] == [(pb.STAGE_TTS, pb.DEGRADED_REASON_QUARANTINED)]
    assert seen.counted("segments") == {("en-US", "es", "captions"): 1}


async def test_without_a_translator_segments_count_as_untranslated(seen: Measured) -> None:
    async with translators() as stage, gateway(mt_endpoints=(stage.address,), stage_outage_ms=200) as stub:
        await stage.off()
        await talk(stub, hello("es"), text("one", final=True), text("two", final=True))
    assert seen.counted("segments") == {("en-US", "es", "untranslated"): 2}
    assert set(seen.counted("degradations")) == {("mt", "UNAVAILABLE")}
    assert not seen.points("first_word")


async def test_erasure_is_that_of_the_benchmark_on_the_same_messages(seen: Measured) -> None:
    async with gateway(policy="retranslate", asr={"tentative": True}) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE * 2))
    for kind, labels in (("asr", ("en-US", "transcript")), ("translation", ("en-US", "es", "translation"))):
        shown: dict[int, list[str]] = {}
        for result in heard.of(kind):
            shown.setdefault(result.segment_id, []).append(result.text)
        each = [erasure(texts) for texts in shown.values()]
        assert sum(one.deleted for one in each) > 0
        assert seen.values("tokens.erased")[labels] == sum(one.deleted for one in each)
        assert seen.values("tokens.final")[labels] == sum(one.final for one in each)


async def test_a_stream_that_is_held_and_the_backlog_behind_it_are_seen(seen: Measured) -> None:
    async with gateway(max_backlog_ms=1500, tts={"compute_ms": 20}) as stub:
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(talk(stub, hello("es"), *chunks((loud(2) + quiet(1)) * 2)))
            await until(lambda: seen.values("backlog")[("tts",)] > 0)
        heard = talking.result()
        assert seen.counts("audio.held") == {("en-US",): sum(flow.held for flow in heard.of("flow"))}
        assert seen.least("audio.held")[("en-US",)] > 0
        call: Any = stub.Stream()
        for message in [hello("es"), *chunks(UTTERANCE)]:
            await call.write(message)
        await until(lambda: seen.values("backlog")[("tts",)] > 0)
        call.cancel()
        await until(lambda: set(seen.values("backlog").values()) == {0})  # who leaves work behind is not counted on


async def test_audio_that_is_missing_is_counted(seen: Measured) -> None:
    async with gateway() as stub:
        later = audio(WORD, offset_samples=3 * 16_000)
        heard = await talk(stub, hello("es"), *chunks(quiet(1.0)), later)
    assert gaps(heard, pb.GAP_REASON_MISSING_AUDIO) == 2.0
    assert seen.values("audio.skipped") == {("en-US", "missing"): 2.0}


@pytest.mark.parametrize("broken", [{"fail_after_ms": 2500}, {"hang_after_ms": 2500}], ids=["fails", "hangs"])
async def test_audio_that_recognizers_die_of_is_counted_and_so_is_each_that_did(
    broken: dict[str, int], seen: Measured
) -> None:
    async with gateway(asr=broken, recognition_stall_ms=200, stages={"stuck_seconds": 0.3}) as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(4.0) + quiet(1.0)))
    assert seen.counted("failovers")[("lost",)] >= 2
    assert seen.values("audio.skipped") == {
        ("en-US", "quarantined"): pytest.approx(gaps(heard, pb.GAP_REASON_QUARANTINED))
    }


async def test_a_recognizer_that_is_killed_makes_one_failover(seen: Measured) -> None:
    async with recognizers(2) as replicas, gateway(asr_endpoints=tuple(replicas.addresses)) as stub:
        heard = Heard()
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await say(call, loud(2.0))
            await shows(heard, 1, 4)
            await replicas.ends[await replicas.busy()].aclose()
            await say(call, loud(1.0) + quiet(1.0))
            await call.done_writing()
    ((reason, count),) = ((of[0], count) for of, count in seen.counted("failovers").items())
    assert (reason in ("lost", "drained"), count) == (True, 1)  # it says that it drains, if there is time for that
    assert seen.counted("sessions") == {("en-US", "done"): 1}
    assert seen.counted("segments") == {("en-US", "es", "whole"): 1}


async def test_each_end_of_a_session_has_its_name(seen: Measured) -> None:
    async with gateway(stage_outage_ms=100, asr={"fail_after_ms": 500}) as stub:
        await talk(stub, hello("es"), control("nonsense"))
        assert seen.counted("sessions") == {("en-US", "invalid"): 1}
        call: Any = stub.Stream()
        await call.write(hello("es"))
        assert (await call.read()).HasField("ready")
        call.cancel()
        await until(lambda: seen.counted("sessions").get(("en-US", "cancelled")) == 1)
        await talk(stub, hello("xx"))
        await talk(stub, hello("es", resume_handle="nonsense"))
    assert sum(seen.counted("sessions").values()) == 2  # who was refused had no session
    async with (
        recognizers(1) as replicas,
        gateway(asr_endpoints=tuple(replicas.addresses), stage_outage_ms=200) as stub,
    ):
        heard = Heard()
        call = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            await call.write(hello("es"))
            await say(call, loud(1.0))
            await shows(heard, 1, 1)
            await replicas.ends[0].aclose()
    assert seen.counted("sessions")["en-US", "resumable"] == 1


async def test_what_a_broken_session_did_not_deliver_is_lost_and_what_a_client_left_is_not(seen: Measured) -> None:
    options: dict[str, Any] = {"mt": {"hang_target": "fr"}, "stage_timeout_ms": 60_000, "stages": {"stuck_seconds": 60}}
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        address = await stack.enter_async_context(gateway_address(drain_seconds=0.5, **options))
        async with grpc.aio.insecure_channel(address) as channel:
            calls: list[Any] = [pb_grpc.RealtimeTranslateStub(channel).Stream() for _ in range(2)]
            for call in calls:
                heard = Heard()
                tasks.create_task(read_into(heard, call))
                for message in [hello("es", "fr"), text("one", final=True)]:
                    await call.write(message)
                await heard.until("latency", 1)  # of "es"
            unheard = ("en-US", "fr", "lost")
            assert seen.values("segments")[unheard] == 0  # so that the first one is an increase
            calls[0].cancel()
            await until(lambda: seen.counted("sessions").get(("en-US", "cancelled")) == 1)
            tasks.create_task(half_close(calls[1], heard))
            await stack.aclose()
    assert seen.counted("sessions") == {("en-US", "cancelled"): 1, ("en-US", "resumable"): 1}
    assert seen.counted("segments") == {("en-US", "es", "whole"): 2, ("en-US", "fr", "lost"): 1}


async def half_close(call: Any, heard: Heard) -> None:
    await heard.until("error", 1)
    await call.done_writing()


async def test_a_resumed_session_counts_a_first_word_once_and_its_waits_from_capture(seen: Measured) -> None:
    said, fast = loud(1.8) + quiet(1.0), hello("es", stabilization=pb.STABILIZATION_FAST)
    async with gateway() as stub:
        before = Heard()
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(before, call))
            await call.write(fast)
            await say(call, loud(1.8))
            await before.until("translation", 1)
            await until(lambda: bool(seen.points("first_word")))
            call.cancel()
        again = resuming(fast, before)
        again.hello.received.clock_ms = 60_000  # a minute without a connection
        after = await resumed(stub, again, said)
    assert after.fault is None
    assert seen.values("sessions.resumed") == {("en-US",): 1}
    assert seen.counts("first_word") == {("en-US", "es"): 1}
    assert seen.counts("lag") == {("en-US", "es"): 1}
    assert seen.least("lag")["en-US", "es"] > 58


async def test_an_odd_tag_makes_no_series_of_its_own(seen: Measured) -> None:
    async with gateway() as stub:
        await talk(stub, hello("es"), *chunks(WORD))
        series = seen.series()
        await talk(stub, hello("ES-x-odd", source_lang="EN-us-x-odd"), *chunks(WORD))
        await talk(stub, hello("es", source_lang="qqx"))
        await talk(stub, hello("a" * 1000))
    assert {each for each in seen.series() - series if "x-odd" in str(each).lower()} == set()
    assert {name for name, *_ in seen.series() - series} <= {"stage.calls", "rpc.duration", "refusals", "mt.cache"}
