"""The mesh cannot keep up with a live speaker: what was agreed gives way, it is told, and it comes back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise
from typing import Any

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.outgoing.outbox import Outbox
from services.gateway.translation.translator import Inbox
from services.gateway.voice.speech import Waiting
from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, gateway, hello, loud, quiet, read_into, talk
from tests.mesh.test_voice import Live, live, said

pytestmark = pytest.mark.clock

CAPTIONS_ONLY = {"overload": pb.OVERLOAD_POLICY_CAPTIONS_ONLY}
SKIP_AHEAD = {"overload": pb.OVERLOAD_POLICY_SKIP_AHEAD}

__all__ = ["live"]


def shed(heard: Heard) -> list[pb.Degraded]:
    return [less for flow in heard.of("flow") for less in flow.degraded]


def gaps(heard: Heard) -> list[pb.Gap]:
    return [gap for flow in heard.of("flow") for gap in flow.gaps]


@pytest.mark.parametrize("policy", [pb.OVERLOAD_POLICY_UNSPECIFIED, *pb.OverloadPolicy.values()[1:]])
async def test_the_policy_in_force_is_told(policy: Any) -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es", overload=policy))
    assert heard.of("ready")[0].config.overload == (policy or pb.OVERLOAD_POLICY_BLOCK)


async def test_a_voice_that_cannot_keep_up_is_spared_and_holds_nobody(live: Live) -> None:
    """Speech takes twice as long to make as to say; then the speaker pauses."""
    async with (
        gateway(tts={"compute_ms": 60, "char_ms": 10, "piece_ms": 10}, max_backlog_ms=2000) as stub,
        live.session(stub, hello("es", **CAPTIONS_ONLY)),
    ):
        await live.speak((loud(4) + quiet(1)) * 4)
        await live.done()
        for _ in range(4):
            await live.speak(quiet(1))
            await live.done()
        await live.speak(loud(1) + quiet(1))
        for _ in range(3):  # what was said after the pause may have been too much again
            await live.done()
            await live.speak(quiet(1))
    check(live.heard)
    assert len(live.heard.finals("es")) == 5
    assert not [flow for flow in live.heard.of("flow") if flow.held]
    assert {less.reason for less in shed(live.heard)} == {pb.DEGRADED_REASON_OVERLOAD}
    levels = [(less.stage, less.over) for less in shed(live.heard) if not less.text]
    assert (pb.STAGE_TTS, False) in levels
    assert [over for stage, over in levels if stage == pb.STAGE_TTS][-1]
    left_out = " ".join(less.text for less in shed(live.heard))
    words = said(live.heard).split() + left_out.split()
    assert left_out.strip()
    assert sorted(words) == sorted(" ".join(live.heard.finals("es")).split())


async def test_a_recognizer_that_cannot_keep_up_holds_who_wants_captions(live: Live) -> None:
    async with (
        gateway(asr={"compute_ms": 30}, max_backlog_ms=1500) as stub,
        live.session(stub, hello("es", **CAPTIONS_ONLY)),
    ):
        await live.speak(loud(8) + quiet(1))
    check(live.heard)
    assert [flow for flow in live.heard.of("flow") if flow.held]
    assert not gaps(live.heard)


async def test_audio_that_cannot_be_kept_up_with_is_skipped_by_name(live: Live) -> None:
    async with (
        gateway(asr={"compute_ms": 30}, max_backlog_ms=1500) as stub,
        live.session(stub, hello("es", **SKIP_AHEAD)),
    ):
        await live.speak(loud(20) + quiet(1))
        for _ in range(4):
            await live.done()
            await live.speak(quiet(1))
        await live.speak(loud(1))
    check(live.heard)
    skipped = gaps(live.heard)
    assert {gap.reason for gap in skipped} == {pb.GAP_REASON_SKIPPED}
    assert all(before.to_ms <= after.from_ms for before, after in pairwise(skipped))
    assert 1000 < sum(gap.to_ms - gap.from_ms for gap in skipped) < 23_000
    assert not [flow for flow in live.heard.of("flow") if flow.held]
    spared = [(less.stage, less.over) for less in shed(live.heard) if not less.text]
    assert spared.index((pb.STAGE_ASR, False)) < spared.index((pb.STAGE_ASR, True))
    heard_ms = [result.end_ms for result in live.heard.of("asr") if result.final]
    assert heard_ms[-1] > 25_000
    assert not [end_ms for end_ms in heard_ms for gap in skipped if gap.from_ms + 500 < end_ms <= gap.to_ms]


async def test_a_recording_is_never_skipped() -> None:
    async with gateway(asr={"compute_ms": 5}) as stub:
        heard = await talk(stub, hello("es", **SKIP_AHEAD), *chunks(loud(20) + quiet(1)))
    check(heard)
    assert not gaps(heard)
    assert pb.STAGE_TTS not in {less.stage for less in shed(heard)}
    assert said(heard) == " ".join(heard.finals("es"))


class Held:
    """All that is kept for the one session of a gateway, wherever it waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: list[Any] = []
        for kind in (Outbox, Inbox, Waiting):
            made = kind.__init__

            def keep(self_: Any, *options: Any, made: Any = made) -> None:
                made(self_, *options)
                self.kept.append(self_)

            monkeypatch.setattr(kind, "__init__", keep)

    @property
    def bytes(self) -> int:
        return sum(each.waiting_bytes for each in self.kept)


@pytest.mark.parametrize("policy", pb.OverloadPolicy.values()[1:])
@pytest.mark.parametrize("rate", [24_000, 48_000])
async def test_what_is_kept_for_a_client_that_reads_nothing_is_bounded(
    policy: Any, rate: int, monkeypatch: pytest.MonkeyPatch, live: Live
) -> None:
    held, most = Held(monkeypatch), 0
    async with gateway(client_buffer_bytes=128 * 1024, client_stall_ms=1500, tts={"char_ms": 200}) as stub:
        call: Any = stub.Stream()
        await call.write(hello("es", "fr", "de", overload=policy, output=pb.AudioFormat(sample_rate=rate)))
        heard = Heard()
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_speak(call, live))
            async with asyncio.timeout(60):
                while not (closed := any(each.closed for each in held.kept if isinstance(each, Outbox))):
                    most = max(most, held.bytes)
                    await asyncio.sleep(0.01)
            await read_into(heard, call)
            sending.cancel()
    assert closed
    assert 0 < most <= 128 * 1024  # how much comes together before it is closed hangs on the policy and the machine
    assert heard.fault is not None
    assert (heard.fault.code, bool(heard.fault.retry_after_ms)) == ("CLIENT_TOO_SLOW", True)


async def _speak(call: Any, live: Live) -> None:
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the server ends the call; its reader knows why
        for chunk in chunks((loud(3) + quiet(1)) * 40):
            live.seconds += 0.1
            await call.write(chunk)
