"""Who sends 8 kHz to a recognizer that hears it badly is told, before and when the session opens."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.asr.engines.scripted import engine as scripted
from tests.mesh.mesh import gateway, hello, talk


class Wideband(scripted.Engine):
    wideband = True


def _input(sample_rate: int) -> pb.AudioFormat:
    return pb.AudioFormat(format="pcm16le", sample_rate=sample_rate)


async def test_a_recognizer_that_needs_16_khz_is_told_to_who_sends_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted, "Engine", Wideband)
    async with gateway() as stub:
        described = await stub.Describe(pb.DescribeRequest())
        opened = [await talk(stub, hello("es", input=_input(rate))) for rate in (8_000, 16_000, 48_000)]
    assert list(described.wideband_langs) == list(described.source_langs)
    assert [heard.of("ready")[0].narrowband for heard in opened] == [True, False, False]


async def test_a_recognizer_that_hears_any_rate_has_nothing_to_tell() -> None:
    async with gateway() as stub:
        described = await stub.Describe(pb.DescribeRequest())
        heard = await talk(stub, hello("es", input=_input(8_000)))
    assert not described.wideband_langs
    assert not heard.of("ready")[0].narrowband
