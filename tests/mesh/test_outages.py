"""A stage goes away and comes back: what the client is told, what waits, and what is left out by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.stages import shortage
from services.gateway.translation import translator
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.mesh.checks import check
from tests.mesh.failing import Switch, Tts, switched_on
from tests.mesh.mesh import UTTERANCE, Heard, chunks, control, gateway, hello, loud, quiet, read_into, talk, text

pytestmark = pytest.mark.clock

CAPTIONS = pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)


def translators(**options: Any) -> Any:
    settings = MtSettings(engine="scripted", drain_seconds=0, scripted=options)
    return switched_on(lambda: MtServicer(settings), settings)


def synthesizers(**options: Any) -> Any:
    settings = TtsSettings(engine="scripted", drain_seconds=0, scripted=options)
    return switched_on(lambda: TtsServicer(settings), settings)


def notices(heard: Heard, reason: pb.DegradedReason.ValueType = pb.DEGRADED_REASON_UNAVAILABLE) -> list[pb.Degraded]:
    return [less for flow in heard.of("flow") for less in flow.degraded if less.reason == reason]


async def until(heard: Heard, found: Callable[[], bool]) -> None:
    """Waits for what the client gets."""
    async with asyncio.timeout(60):
        while not found():
            heard.more.clear()
            await heard.more.wait()


@asynccontextmanager
async def conversation(stub: Any, first: pb.ClientMessage, heard: Heard) -> AsyncIterator[Any]:
    """A call; leaving the block half-closes and hears all there is."""
    call = stub.Stream()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        await call.write(first)
        yield call
        await call.done_writing()


async def speak(call: Any, pcm: bytes) -> None:
    for chunk in chunks(pcm):
        await call.write(chunk)


async def away(stage: Switch, call: Any, heard: Heard) -> None:
    """The stage goes once all before has been dealt with."""
    await call.write(control("ping", marker="all"))
    await heard.until("marker", 1)
    await stage.off()


async def test_while_no_translator_is_there_captions_go_on_and_translations_follow_in_order() -> None:
    heard = Heard()
    async with (
        translators() as stage,
        gateway(mt_endpoints=(stage.address,), max_backlog_ms=1500) as stub,
        conversation(stub, hello("es"), heard) as call,
    ):
        await speak(call, UTTERANCE)
        await away(stage, call, heard)
        acknowledged = heard.of("ack")[-1].finalized_offset_ms
        await speak(call, UTTERANCE * 9)  # far more than the backlog: what waits holds nothing
        await until(heard, lambda: len(heard.transcripts()) == 10 and len(notices(heard)) == 9)
        assert len(heard.finals("es")) == 1
        assert [less.segment_id for less in notices(heard)] == [*range(2, 11)]
        assert heard.of("ack")[-1].finalized_offset_ms <= acknowledged + 1000  # up to the segment that waits
        await stage.on()
        await until(heard, lambda: len(heard.finals("es")) == 10 and notices(heard)[-1].over)
    check(heard)
    assert all(heard.finals("es"))
    assert {(less.stage, less.target_lang) for less in notices(heard)} == {(pb.STAGE_MT, "es")}
    assert " ".join(chunk.text for chunk in heard.speech("es") if chunk.text) == " ".join(heard.finals("es"))
    assert not heard.of("error")
    assert heard.of("ack")[-1].finalized_offset_ms > 27_000


async def test_what_was_concluded_before_the_translator_went_stands() -> None:
    heard = Heard()
    async with (
        translators() as stage,
        gateway(mt_endpoints=(stage.address,)) as stub,
        conversation(stub, hello("es"), heard) as call,
    ):
        await speak(call, loud(3))
        await until(heard, lambda: any(each.stable_length for each in heard.of("translation")))
        await away(stage, call, heard)
        await speak(call, loud(2) + quiet(1))
        await until(heard, lambda: bool(heard.transcripts() and notices(heard)))
        await stage.on()
        await until(heard, lambda: bool(heard.finals("es")))
    check(heard)


async def test_what_waited_is_caught_up_with_faster_than_one_after_the_other() -> None:
    heard, count, seconds = Heard(), 16, 0.3
    async with translators(slow_target="es", slow_ms=1000 * seconds) as stage:
        own = {"mt_endpoints": (stage.address,), "stage_timeout_ms": 2000}
        async with gateway(**own) as stub, conversation(stub, hello(CAPTIONS, partial_results=False), heard) as call:
            await stage.off()
            for number in range(count):
                await call.write(text(f"line {number}", final=True))
            await until(heard, lambda: len(heard.transcripts()) == count and bool(notices(heard)))
            await stage.on()
            await heard.until("translation", 1)
            first = time.monotonic()
            await heard.until("translation", count)
            assert time.monotonic() - first < 0.8 * seconds * (count - 1)
    check(heard)


async def test_a_translator_that_was_hardly_away_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortage, "GRACE_SECONDS", 10.0)
    async with gateway(mt={"fail_first_n": 3}) as stub:
        heard = await talk(stub, hello("es", partial_results=False), text("one", final=True), text("two", final=True))
    check(heard)
    assert all(heard.finals("es"))
    assert not heard.of("flow")
    assert not heard.of("error")


async def test_once_the_source_has_ended_a_translator_is_not_waited_for_for_ever() -> None:
    async with translators() as stage, gateway(mt_endpoints=(stage.address,), stage_outage_ms=300) as stub:
        await stage.off()
        heard = await talk(stub, hello("es"), text("one", final=True), text("two", final=True))
    check(heard)
    assert heard.fault is None
    assert heard.finals("es") == ["", ""]
    assert {less.segment_id for less in notices(heard)} == {1, 2}


async def test_of_what_there_is_no_room_for_the_oldest_is_given_up_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translator, "ROOM", 4)
    heard = Heard()
    async with (
        translators() as stage,
        gateway(mt_endpoints=(stage.address,)) as stub,
        conversation(stub, hello(CAPTIONS), heard) as call,
    ):
        await stage.off()
        for number in range(10):
            await call.write(text(f"line {number}", final=True))
        await until(heard, lambda: len(heard.transcripts()) == 10 and len(heard.finals("es")) >= 5)
        await stage.on()
        await until(heard, lambda: len(heard.finals("es")) == 10)
    check(heard)
    given_up = [result.segment_id for result in heard.of("translation") if result.final and not result.text]
    assert given_up == [*range(1, 1 + len(given_up))]
    assert len(given_up) >= 5
    assert {*given_up} <= {less.segment_id for less in notices(heard)}


async def test_a_text_that_breaks_the_translator_each_time_costs_its_segment_alone() -> None:
    settings = MtSettings(engine="tests.mesh.failing:Mt", drain_seconds=0)
    async with (
        switched_on(lambda: MtServicer(settings), settings) as stage,
        gateway(mt_endpoints=(stage.address,)) as stub,
    ):
        typed = [text("one poison", final=True), text("two", final=True)]
        heard = await talk(stub, hello("es", partial_results=False), *typed)
    check(heard)
    (error,) = heard.of("error")
    assert (error.stage, error.fatal, error.segment_id, error.target_lang) == (pb.STAGE_MT, False, 1, "es")
    assert [bool(final) for final in heard.finals("es")] == [False, True]


async def test_while_no_synthesizer_is_there_clauses_are_left_out_by_name_and_captions_go_on() -> None:
    heard = Heard()
    async with (
        synthesizers() as stage,
        gateway(tts_endpoints=(stage.address,), max_backlog_ms=1500) as stub,
        conversation(stub, hello("es"), heard) as call,
    ):
        await speak(call, UTTERANCE)
        await away(stage, call, heard)
        await speak(call, UTTERANCE * 4)
        await until(heard, lambda: len(heard.finals("es")) == 5 and len(notices(heard)) > 2)
        spoken = len(heard.speech("es"))
        await stage.on()
        await speak(call, UTTERANCE)
        await until(heard, lambda: len(heard.speech("es")) > spoken)
    check(heard)
    gone = [less for less in notices(heard) if less.text]
    assert notices(heard)[0].segment_id == 2
    assert gone
    assert {(less.stage, less.target_lang) for less in notices(heard)} == {(pb.STAGE_TTS, "es")}
    assert [less.over for less in notices(heard) if not less.text] == [False, True]
    said = [(chunk.segment_id, chunk.text) for chunk in heard.speech("es") if chunk.text]
    words = [word for _, clause in said + [(less.segment_id, less.text) for less in gone] for word in clause.split()]
    assert sorted(words) == sorted(" ".join(heard.finals("es")).split())
    assert not heard.of("error")


async def test_a_clause_cut_off_in_the_middle_is_spoken_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TtsSettings(engine="tests.mesh.failing:Tts", drain_seconds=0, scripted={"char_ms": 60})
    monkeypatch.setattr(Tts, "breaks_left", 2)
    async with (
        switched_on(lambda: TtsServicer(settings), settings) as stage,
        gateway(tts_endpoints=(stage.address,)) as stub,
    ):
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE))
    check(heard)
    assert Tts.breaks_left == 0
    clauses = [chunk.text for chunk in heard.speech("es") if chunk.text]
    assert " ".join(clauses) == " ".join(heard.finals("es"))
    spoken_ms = sum(len(chunk.data) * 500 / chunk.sample_rate for chunk in heard.speech("es"))
    assert spoken_ms == pytest.approx(60 * sum(len(clause) for clause in clauses), rel=0.02)


async def test_a_translator_without_a_free_slot_is_no_outage_and_loses_nothing() -> None:
    settings = MtSettings(engine="scripted", slots=1, drain_seconds=0, scripted={"compute_ms": 30})
    async with (
        switched_on(lambda: MtServicer(settings), settings) as stage,
        gateway(mt_endpoints=(stage.address,)) as stub,
    ):
        targets = [pb.Target(lang=lang, delivery=pb.DELIVERY_CAPTIONS) for lang in ("es", "fr", "de", "ca")]
        heard = await talk(stub, hello(*targets), *chunks(UTTERANCE * 3))
    check(heard)
    assert not notices(heard)
    assert not heard.of("error")
    assert all(len(heard.finals(target.lang)) == 3 and all(heard.finals(target.lang)) for target in targets)
