"""What masks hide never reaches another process: the stages' memory and the temporary folders are searched for it."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from bench.measuring.memory import copies
from bench.measuring.processes import SCRIPTED, local_mesh
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.archived import archiving, files
from tests.mesh.mesh import hello, talk, text

CANARY, CONTROL = "zyxqcanary", "wvuqcontrol"
SAID = f"write to {CANARY}.person@example.org about {CONTROL}"


async def test_no_stage_and_no_file_ever_has_what_a_mask_hides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    kept = {f"GATEWAY_{name.upper()}": str(value) for name, value in archiving(tmp_path).items()}
    async with local_mesh({**SCRIPTED, **kept, "MT_CACHE_ENTRIES": "1000"}) as mesh:
        async with grpc.aio.insecure_channel(mesh.address) as channel:
            heard = await talk(
                pb_grpc.RealtimeTranslateStub(channel), hello("es", mask_pii=True), text(SAID, final=True)
            )
        stages = {name: process for name, process in mesh.processes.items() if name != "gateway"}
        assert "[email]" in heard.transcripts()[0]
        assert heard.of("ready")[0].archived
        assert copies(stages["mt"], CONTROL)  # its cache: what is there is found
        assert not [name for name, process in stages.items() if copies(process, CANARY)]
        on_disk = files(tmp_path)
    assert not [name for name, data in on_disk.items() if CANARY.encode() in data or CONTROL.encode() in data]
    assert not [path for path in temporary.rglob("*") if path.is_file()]
