"""A session that hears FLAC hears all of it, and is told what of it cannot be heard."""

from __future__ import annotations

import numpy as np

from realtime.v1 import realtime_translate_pb2 as pb
from tests.flac_streams import Form, block, frames, metadata
from tests.mesh.mesh import RATE, UTTERANCE, audio, gateway, hello, talk

FLAC = pb.AudioFormat(format="flac", sample_rate=RATE)


async def test_a_stream_with_a_large_cover_that_is_cut_off_is_heard_to_the_end_and_the_cut_is_told() -> None:
    samples = np.frombuffer(UTTERANCE, dtype="<i2")
    whole = frames(np.split(samples, range(4000, len(samples), 4000)))
    data = metadata(Form(), block(6, bytes(300_000))) + b"".join(whole)[:-100]
    async with gateway() as stub:
        pieces = [audio(data[at : at + 50_000]) for at in range(0, len(data), 50_000)]
        heard = await talk(stub, hello("es", input=FLAC), *pieces)
    assert heard.fault is None
    assert len(heard.transcripts()) == 1
    gaps = [gap for flow in heard.of("flow") for gap in flow.gaps]
    assert gaps == [pb.Gap(from_ms=2750, to_ms=3000, reason=pb.GAP_REASON_MISSING_AUDIO)]
