"""What a listener hears: in time, in turn, and nothing left out unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway import lifecycle
from services.gateway.voice.voice import ROOM
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, Heard, chunks, control, gateway, hello, loud, quiet, read_into, talk, text

pytestmark = pytest.mark.clock

CONSECUTIVE = {"turn_taking": pb.TURN_TAKING_CONSECUTIVE}
STARTED, ENDED = pb.SPEECH_EVENT_TYPE_SOURCE_STARTED, pb.SPEECH_EVENT_TYPE_SOURCE_ENDED


def said(heard: Heard) -> str:
    return " ".join(chunk.text for chunk in heard.speech("es") if chunk.text)


def left_out(heard: Heard) -> list[pb.Degraded]:
    return [less for flow in heard.of("flow") for less in flow.degraded]


def spoken_ms(heard: Heard) -> int:
    return sum(len(chunk.data) * 500 // chunk.sample_rate for chunk in heard.speech("es"))


class Live:
    """A speaker whose audio comes as it is spoken, by a clock that stands still between the chunks."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.hurry = 0.0  # seconds that pass whenever somebody looks at the clock
        self.heard = Heard()
        self._pings = 0
        self._call: Any = None

    def monotonic(self) -> float:
        self.seconds += self.hurry
        return self.seconds

    @asynccontextmanager
    async def session(self, stub: Any, first: pb.ClientMessage) -> AsyncIterator[Any]:
        self._call = stub.Stream()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_into(self.heard, self._call))
            await self._call.write(first)
            yield self._call
            await self._call.done_writing()

    async def speak(self, pcm: bytes) -> None:
        for chunk in chunks(pcm):
            self.seconds += 0.1
            await self._call.write(chunk)

    async def done(self) -> None:
        """Waits until all that was said has been dealt with."""
        self._pings += 1
        await self._call.write(control("ping", marker=str(self._pings)))
        await self.heard.until("marker", self._pings)

    async def event(self, kind: int, count: int = 1) -> None:
        async with asyncio.timeout(60):
            while sum(event.type == kind for event in self.heard.of("speech_event")) < count:
                self.heard.more.clear()
                await self.heard.more.wait()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    speaker = Live()
    monkeypatch.setattr(lifecycle, "time", SimpleNamespace(monotonic=speaker.monotonic))
    return speaker


async def test_a_speaker_who_never_pauses_is_not_left_behind(live: Live) -> None:
    """Three minutes; each word takes 0.3 s to say and its translation 0.375 s."""
    async with gateway(asr={"text": "abcd"}, tts={"char_ms": 47}) as stub, live.session(stub, hello("es")):
        for _ in range(180):
            await live.speak(loud(1))
            await live.done()
    check(live.heard)
    assert not left_out(live.heard)
    assert said(live.heard) == " ".join(live.heard.finals("es"))
    clauses = [chunk for chunk in live.heard.speech("es") if chunk.text]
    lags = [clause.lag_ms for clause in clauses]
    # It would be 45 s behind at the end if it did not catch up. A clause may come a step of the clock sooner or later.
    assert max(lags) < 10_000
    assert max(lags[len(lags) // 2 :]) <= max(lags[: len(lags) // 2]) + 2_000
    assert 1.1 < max(clause.speaking_rate for clause in clauses) < 1.351
    assert spoken_ms(live.heard) < 190_000


async def test_past_the_largest_lag_clauses_are_left_out_by_name_and_captions_go_on(live: Live) -> None:
    async with (
        gateway(tts={"char_ms": 180}) as stub,
        live.session(stub, hello(pb.Target(lang="es", max_lag_ms=4000))),
    ):
        for _ in range(60):
            await live.speak(loud(1))
            await live.done()
    check(live.heard)
    gone = left_out(live.heard)
    assert {(less.stage, less.target_lang, less.reason) for less in gone} == {
        (pb.STAGE_TTS, "es", pb.DEGRADED_REASON_MAX_LAG)
    }
    lags = [chunk.lag_ms for chunk in live.heard.speech("es") if chunk.text]
    assert max(lags) <= 4000
    # Each clause was spoken or named as left out, once.
    spoken = [(chunk.segment_id, chunk.text) for chunk in live.heard.speech("es") if chunk.text]
    words = [word for _, clause in spoken + [(less.segment_id, less.text) for less in gone] for word in clause.split()]
    assert sorted(words) == sorted(" ".join(live.heard.finals("es")).split())


async def test_a_recording_sent_faster_than_real_time_is_spoken_whole_and_at_its_own_pace() -> None:
    async with gateway(tts={"char_ms": 180}, max_lag_ms=1000) as stub:
        heard = await talk(stub, hello("es"), *chunks(loud(40)))
    check(heard)
    assert not left_out(heard)
    assert said(heard) == " ".join(heard.finals("es"))
    assert {chunk.speaking_rate for chunk in heard.speech("es") if chunk.text} == {1.0}


async def test_a_recording_is_kept_in_step_with_its_source_when_that_is_asked_for() -> None:
    async with gateway(tts={"char_ms": 180}) as stub:
        heard = await talk(stub, hello(pb.Target(lang="es", max_lag_ms=5000)), *chunks(loud(40)))
    check(heard)
    assert left_out(heard)
    assert spoken_ms(heard) < 60_000


async def test_typed_text_is_spoken_whole_however_fast_it_comes(live: Live) -> None:
    """The clock stands still: after the first lines there is a minute of speech to play."""
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *(text(f"line {count} of many", final=True) for count in range(40)))
    check(heard)
    assert not left_out(heard)
    assert said(heard) == " ".join(heard.finals("es"))
    assert live.seconds == 100.0


async def test_ready_tells_the_largest_lag_and_who_speaks_when() -> None:
    async with gateway(max_lag_ms=7000) as stub:
        heard = await talk(stub, hello("es", pb.Target(lang="fr", max_lag_ms=3000), **CONSECUTIVE))
        plain = await talk(stub, hello(pb.Target(lang="es", delivery=pb.DELIVERY_CAPTIONS)))
    assert [target.max_lag_ms for target in heard.of("ready")[0].config.targets] == [7000, 3000]
    assert heard.of("ready")[0].config.turn_taking == pb.TURN_TAKING_CONSECUTIVE
    assert plain.of("ready")[0].config.targets[0].max_lag_ms == 0
    assert plain.of("ready")[0].config.turn_taking == pb.TURN_TAKING_SIMULTANEOUS


def _check_turns_are_taken(heard: Heard) -> None:
    speaking = False
    for message in heard.messages:
        if message.HasField("speech_event") and message.speech_event.type in (STARTED, ENDED):
            speaking = message.speech_event.type == STARTED
        assert not (speaking and message.HasField("tts")), "the voice spoke while the speaker did"


async def test_in_turn_the_voice_waits_for_the_speaker_to_stop() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", **CONSECUTIVE), *chunks((loud(6) + quiet(1)) * 3))
    check(heard)
    _check_turns_are_taken(heard)
    assert said(heard) == " ".join(heard.finals("es"))


async def test_a_voice_cut_off_goes_on_where_it_stopped(live: Live) -> None:
    async with gateway() as stub, live.session(stub, hello("es", **CONSECUTIVE)):
        await live.speak(loud(4) + quiet(1))
        await live.event(pb.SPEECH_EVENT_TYPE_VOICE_STARTED)  # it waits for the clock soon, which stands still
        await live.speak(loud(2))
        await live.event(pb.SPEECH_EVENT_TYPE_VOICE_ENDED)
        before = spoken_ms(live.heard)
        await live.speak(quiet(1))
        await live.event(pb.SPEECH_EVENT_TYPE_VOICE_STARTED, 2)
        live.hurry = 1.0
    check(live.heard)
    _check_turns_are_taken(live.heard)
    assert before < 1000
    assert said(live.heard) == " ".join(live.heard.finals("es"))
    characters = sum(len(chunk.text) for chunk in live.heard.speech("es"))
    assert spoken_ms(live.heard) == pytest.approx(60 * characters, rel=0.02)  # all of it, and none of it twice


async def test_an_interruption_ends_what_waits_for_its_turn(live: Live) -> None:
    async with gateway() as stub, live.session(stub, hello("es", **CONSECUTIVE)):
        await live.speak(loud(4) + quiet(1))
        await live.event(pb.SPEECH_EVENT_TYPE_VOICE_STARTED)
        await live.speak(loud(2))
        await live.event(STARTED, 2)
        await live._call.write(control("interrupt"))
        await live.speak(quiet(1))
        live.hurry = 1.0
    check(live.heard, interrupted=True)
    first, _ = live.heard.finals("es")
    assert not said(live.heard).startswith(first)
    assert len(live.heard.of("latency")) == 2


async def test_a_long_turn_holds_no_audio_back() -> None:
    async with gateway(max_backlog_ms=1500) as stub:
        heard = await talk(stub, hello("es", **CONSECUTIVE), *chunks(loud(60) + quiet(1)))
    check(heard)
    _check_turns_are_taken(heard)
    assert not [
        backlog
        for flow in heard.of("flow")
        for backlog in flow.backlog
        if backlog.stage == pb.STAGE_TTS and backlog.backlog_ms
    ]
    assert said(heard) == " ".join(heard.finals("es"))


async def test_a_turn_without_end_leaves_out_the_oldest_and_never_stands_still() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", **CONSECUTIVE), *chunks(loud(200) + quiet(1)))
    check(heard)
    gone = left_out(heard)
    assert gone
    assert len([chunk for chunk in heard.speech("es") if chunk.text]) <= ROOM + 1
    everything = said(heard).split() + [word for less in gone for word in less.text.split()]
    assert sorted(everything) == sorted(" ".join(heard.finals("es")).split())


async def test_what_is_left_to_say_in_turn_does_not_last_as_long_as_its_speech_once_the_source_has_ended() -> None:
    async with gateway() as stub, asyncio.timeout(60):
        heard = await talk(stub, hello("es", input=None, **CONSECUTIVE), text("so many words " * 140, final=True))
    check(heard)
    assert spoken_ms(heard) > 100_000
    assert said(heard) == " ".join(heard.finals("es"))


async def test_what_waits_for_its_turn_is_said_when_recognizers_break_in_the_midst_of_speech() -> None:
    async with gateway(asr={"fail_after_ms": 5000}) as stub:
        heard = await talk(stub, hello("es", **CONSECUTIVE), *chunks(loud(10)))
    check(heard)
    assert next(gap.reason for flow in heard.of("flow") for gap in flow.gaps) == pb.GAP_REASON_QUARANTINED
    assert said(heard)


async def test_a_broken_voice_holds_nobody_in_turn_either() -> None:
    async with gateway(tts={"fail_first_n": 2}) as stub:  # each clause is tried twice
        heard = await talk(stub, hello("es", **CONSECUTIVE), *chunks(UTTERANCE * 3))
    check(heard)
    assert said(heard) == " ".join(heard.finals("es"))


async def test_every_chunk_says_that_its_speech_is_synthetic() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), text("hello there", final=True))
    assert heard.of("tts")
    assert all(chunk.synthetic for chunk in heard.of("tts"))
