"""Consent to a person's voice that is taken back in the middle of a session: the voice stops, captions go on."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.mesh import Heard, gateway, hello, read_into, text

RECORD = {"person": "Ann", "given_to": "Clinic", "until": "2100-01-01T00:00:00Z", "langs": ["es"]}
LONG = "one two three four five six."


@pytest.mark.clock
async def test_a_voice_stops_within_a_second_when_its_consent_is_taken_back_and_captions_go_on(tmp_path: Path) -> None:
    record = tmp_path / "es-2.json"
    record.write_text(json.dumps(RECORD))
    personal: dict[str, Any] = {"personal_voices": ("es-2",), "consents": tmp_path}
    spoken: list[float] = []
    async with gateway(tts_settings=personal) as stub, asyncio.TaskGroup() as tasks:
        call = stub.Stream()
        heard = Heard()
        reading = tasks.create_task(read_into(heard, call))
        await call.write(hello(pb.Target(lang="es", voice="es-2")))
        ended = time.monotonic() + 3.0
        revoked = 0.0
        while time.monotonic() < ended:
            await call.write(text(LONG, final=True))
            await asyncio.sleep(0.3)
            spoken += [time.monotonic()] * (len(heard.of("tts")) - len(spoken))
            if not revoked and spoken and time.monotonic() > ended - 2.0:
                record.unlink()
                revoked = time.monotonic()
        captions = len([each for each in heard.of("translation") if each.final])
        await call.done_writing()
        await reading
    assert revoked
    assert spoken
    assert max(spoken) - revoked < 1.0
    assert captions >= 5
    assert {each.code for each in heard.of("error")} == {"CONSENT_MISSING"}
    assert not [each for each in heard.of("error") if each.fatal]
    assert heard.fault is None
