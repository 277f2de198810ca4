"""A segment goes on over lost, swapped and corrupt packets; the client is told what was made up."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.checks import check
from tests.mesh.mesh import RATE, UTTERANCE, Heard, audio, control, gateway, hello, talk
from tests.mesh.resuming import handle
from tests.unit.gateway.incoming.lossy import opus_packets

LONG = RATE // 50  # samples of a packet
PACKETS = [audio(UTTERANCE[2 * at : 2 * (at + LONG)], offset_samples=at) for at in range(0, 3 * RATE, LONG)]


def gaps(heard: Heard) -> list[pb.Gap]:
    return [gap for flow in heard.of("flow") for gap in flow.gaps]


async def test_a_sentence_of_which_one_packet_in_ten_is_lost_stays_one_segment() -> None:
    kept = [packet for number, packet in enumerate(PACKETS) if number % 10 != 5]
    async with gateway() as stub:
        whole = await talk(stub, hello("es"), *PACKETS)
        heard = await talk(stub, hello("es"), *kept)
    check(heard)
    assert heard.transcripts() == whole.transcripts()
    assert [(gap.from_ms, gap.to_ms) for gap in gaps(heard)] == [(at, at + 20) for at in range(100, 3000, 200)]
    assert all(gap.filled and gap.reason == pb.GAP_REASON_MISSING_AUDIO for gap in gaps(heard))


async def test_one_sample_of_jitter_leaves_the_text_alone() -> None:
    jittered = [
        audio(packet.audio.data, offset_samples=max(0, packet.audio.offset_samples + (-1) ** number))
        for number, packet in enumerate(PACKETS)
    ]
    async with gateway() as stub:
        whole = await talk(stub, hello("es"), *PACKETS)
        heard = await talk(stub, hello("es"), *jittered)
    assert heard.transcripts() == whole.transcripts()
    assert gaps(heard) == []


async def test_a_ping_is_answered_behind_packets_that_waited_for_a_lost_one() -> None:
    async with gateway() as stub:
        heard = await talk(stub, hello("es"), *PACKETS[:50], *PACKETS[51:53], control("ping", marker="here"))
    kinds = [message.WhichOneof("payload") for message in heard.messages]
    assert [(gap.from_ms, gap.to_ms) for gap in gaps(heard)] == [(1000, 1020)]
    assert kinds.index("flow") < kinds.index("marker")


async def test_a_session_that_ended_over_corrupt_packets_can_be_resumed() -> None:
    sound = pb.AudioFormat(format="opus", sample_rate=RATE)
    packets = [pb.ClientMessage(audio=each) for each in opus_packets(2, RATE)]
    broken = [audio(b"\xff" * 7, offset_samples=2 * RATE + place * LONG) for place in range(60)]
    async with gateway() as stub:
        heard = await talk(stub, hello("es", input=sound), *packets, *broken)
        assert heard.fault is not None
        assert heard.fault.code == "CORRUPT_AUDIO"
        assert {gap.reason for gap in gaps(heard)} == {pb.GAP_REASON_CORRUPT_AUDIO}
        again = await talk(stub, hello("es", input=sound, resume_handle=handle(heard)), *packets)
    assert again.fault is None
    assert heard.of("ready")[0].session_id == again.of("ready")[0].session_id


@pytest.mark.parametrize("silence_ms", [200, 1000])
async def test_what_ends_a_segment_decides_which_holes_are_filled(silence_ms: int) -> None:
    endpointing = pb.Endpointing(trailing_silence_ms=silence_ms)
    async with gateway() as stub:
        heard = await talk(stub, hello("es", endpointing=endpointing), *PACKETS[:20], *PACKETS[40:])
    (gap,) = gaps(heard)
    assert (gap.from_ms, gap.to_ms, gap.filled) == (400, 800, silence_ms == 1000)
