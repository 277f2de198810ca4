"""Speech as packets of Opus: each 20 ms, decodable as they come, counted in samples, and the same as without."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import gateway, hello, talk, text

WORDS = "one two three four five six seven eight nine ten"


def decoded(packets: list[bytes], rate: int) -> npt.NDArray[Any]:
    codec = av.CodecContext.create("libopus", "r")
    assert isinstance(codec, av.AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "s16"
    frames = [frame.to_ndarray().reshape(-1) for each in packets for frame in codec.decode(av.Packet(each))]
    return np.concatenate(frames)[:: 48_000 // rate]


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_speech_comes_in_packets_that_stand_for_the_same_samples(rate: int) -> None:
    async with gateway() as stub:
        plain = await talk(stub, hello("es", output=pb.AudioFormat(sample_rate=rate)), text(WORDS, final=True))
        wanted = pb.AudioFormat(format="opus", sample_rate=rate)
        packed = await talk(stub, hello("es", output=wanted), text(WORDS, final=True))
    assert packed.of("ready")[0].config.output == wanted
    before, after = plain.speech("es"), packed.speech("es")
    assert {each.format for each in after} == {"opus"}
    assert all(each.synthetic for each in after)
    assert [each.text for each in after if each.text] == [each.text for each in before if each.text]
    assert sum(each.last for each in after) == sum(each.last for each in before)
    assert after[-1].last
    assert sum(each.samples for each in after) == sum(each.samples for each in before)
    assert sum(each.samples for each in before) == sum(len(each.data) // 2 for each in before)
    assert {each.samples for each in after if not each.last} == {rate // 50}
    at = 0
    for each in after:
        assert each.offset_ms == at * 1000 // rate
        at += each.samples
    heard = decoded([each.data for each in after], rate)
    said = np.frombuffer(b"".join(each.data for each in before), "<i2")
    assert len(heard) == pytest.approx(len(said), abs=rate // 50 * (1 + sum(each.last for each in after)))
    assert float(np.abs(heard.astype(float)).mean()) == pytest.approx(float(np.abs(said.astype(float)).mean()), rel=0.2)
    assert sum(len(each.data) for each in after) < len(said) // 2


async def test_a_session_with_packets_is_not_resumed_as_one_without() -> None:
    async with gateway() as stub:
        packed = await talk(stub, hello("es", output=pb.AudioFormat(format="opus")), text(WORDS, final=True))
        handle = packed.of("ready")[0].resume_handle
        other = await talk(stub, hello("es", resume_handle=handle))
    assert other.error().code == "RESUME_OTHER_CONFIG"
