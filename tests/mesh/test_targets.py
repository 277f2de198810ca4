"""Targets that come and go while somebody speaks: what each of them gets of the segment that is open."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.translation.targets import MOST_WAITING
from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, control, gateway, hello, loud, quiet, read_into, text

Step = (
    pb.ClientMessage | tuple[str, int]
)  # what is sent; or so many concluded words of a language, which are waited for


def targets(*langs: str | pb.Target) -> pb.ClientMessage:
    wanted = [pb.Target(lang=lang) if isinstance(lang, str) else lang for lang in langs]
    return control("set_target_lang", targets=wanted)


async def steps(*steps: Step, **mesh: Any) -> Heard:
    """Sends each message once what is waited for before it has come; then half-closes and hears all there is."""
    heard = Heard()
    async with gateway(**mesh) as stub:
        call: Any = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(heard, call))
            for step in steps:
                if isinstance(step, pb.ClientMessage):
                    await call.write(step)
                else:
                    await _until(heard, *step)
            await call.done_writing()
    check(heard)
    assert heard.fault is None
    return heard


async def _until(heard: Heard, lang: str, words: int) -> None:
    async with asyncio.timeout(60):
        while not any(_concluded(each) >= words for each in translations(heard, lang)):
            heard.more.clear()
            await heard.more.wait()


def _concluded(result: pb.TranslationResult) -> int:
    return len(result.text[: result.stable_length].split())


def translations(heard: Heard, lang: str) -> list[pb.TranslationResult]:
    return [each for each in heard.of("translation") if each.target_lang == lang]


def spoken(heard: Heard, lang: str) -> str:
    return " ".join(chunk.text for chunk in heard.speech(lang) if chunk.text)


def ends(heard: Heard) -> list[str]:
    return [end.target_lang for end in heard.of("end")]


async def test_a_target_taken_out_in_a_segment_has_a_final_of_what_is_concluded() -> None:
    heard = await steps(hello("es"), *chunks(loud(4)), ("es", 1), targets("fr"), *chunks(loud(2) + quiet(1)))
    *before, final = translations(heard, "es")
    assert final.final
    assert final.stable_length == len(final.text) > 0
    assert final.text.startswith(before[-1].text[: before[-1].stable_length])
    assert spoken(heard, "es") == final.text
    assert len(heard.finals("fr")) == 1
    assert ends(heard) == ["es", "fr", ""]


async def test_a_target_that_comes_back_in_the_same_segment_misses_nothing_said_from_then_on() -> None:
    first, away, rest = chunks(loud(4)), chunks(loud(1)), chunks(loud(4) + quiet(1))
    heard = await steps(hello("es"), *first, ("es", 1), targets("fr"), *away, ("fr", 1), targets("es"), *rest)
    opened, second = [each for each in heard.of("asr") if each.final]
    assert opened.end_ms >= 4_000
    assert [each.segment_id for each in translations(heard, "es") if each.final] == [1, 2]
    assert len(heard.finals("es")[1].split()) == len(second.text.split()) > 3
    assert spoken(heard, "es") == " ".join(heard.finals("es"))
    assert ends(heard) == ["es", "fr", "es", ""]


async def test_a_segment_that_no_target_hears_to_its_end_is_acknowledged() -> None:
    heard = await steps(hello("es"), *chunks(loud(4)), ("es", 1), targets("fr"), targets("es"), *chunks(quiet(1)))
    assert heard.of("ack")[-1].finalized_offset_ms >= 4_000  # where it ends; its start, were it not acknowledged


async def test_a_target_that_gets_another_voice_goes_on_with_it_in_the_next_segment() -> None:
    slower = pb.Target(lang="es", speaking_rate=0.8)
    utterance = chunks(loud(2) + quiet(1))
    heard = await steps(hello("es"), *chunks(loud(3)), ("es", 1), targets(slower), *utterance, *utterance)
    assert [each.segment_id for each in translations(heard, "es") if each.final] == [1, 2]
    assert len(heard.finals("es")[0].split()) == len(heard.transcripts()[0].split())
    assert spoken(heard, "es") == " ".join(heard.finals("es"))
    rates = {chunk.segment_id: round(chunk.speaking_rate, 2) for chunk in heard.speech("es") if chunk.text}
    assert rates == {1: 1.0, 2: 0.8}
    assert ends(heard) == ["es", "es", ""]


async def test_typed_text_goes_on_without_a_target_that_came_back_until_its_next_segment() -> None:
    request = hello("es")
    request.hello.ClearField("input")
    typed = [text("one two three four five "), text("six seven eight "), text("nine", final=True), text("ten")]
    heard = await steps(request, *typed[:2], ("es", 1), targets("fr"), targets("es"), *typed[2:])
    assert heard.transcripts() == ["one two three four five six seven eight nine", "ten"]
    assert [each.segment_id for each in translations(heard, "es") if each.final] == [1, 2]


async def test_a_segment_that_is_left_open_does_not_have_ever_more_targets_wait_for_its_end() -> None:
    request = hello("es")
    request.hello.ClearField("input")
    voices = [targets(pb.Target(lang="es", speaking_rate=1 + change / 100)) for change in range(1, MOST_WAITING + 3)]
    typed = [text("one two three four five "), text("six seven eight ")]
    heard = await steps(request, *typed, ("es", 1), *voices, text("nine", final=True))
    final = next(each for each in translations(heard, "es") if each.final)
    assert len(final.text.split()) < len(heard.transcripts()[0].split())
    assert ends(heard) == ["es"] * (len(voices) + 1) + [""]
