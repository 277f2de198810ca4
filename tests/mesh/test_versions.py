"""Two versions of a model behind one stage, and what becomes of a bundle that is broken: as an operator sees it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from babelmesh.client.errors import MeshFailed
from babelmesh.local import supervisor
from mesh.mt.v1 import mt_pb2_grpc
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import StageFailed
from services.common.server.lifecycle import running
from services.common.statuses import from_rpc_error
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from tests.mesh.bundled import BUNDLES, ENGINE, WORDS, bundle
from tests.mesh.mesh import gateway
from tests.mesh.mt import asking

COMMAND = Path(sys.executable).parent / "babelmesh"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def blue_green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = bundle(tmp_path / "1", {"one": "uno"}, version="1").folder
    new = bundle(tmp_path / "2", {"one": "UNO"}, version="2").folder
    monkeypatch.setenv(BUNDLES, json.dumps([{"path": str(old), "weight": 0.8}, {"path": str(new), "weight": 0.2}]))


@asynccontextmanager
async def _stage() -> AsyncIterator[str]:
    settings = MtSettings(engine=ENGINE, drain_seconds=0, slots=256)
    async with running(MtServicer(settings), settings) as port:
        yield f"127.0.0.1:{port}"


async def _answers(address: str, numbers: Sequence[int], text: str = "one") -> list[str]:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = mt_pb2_grpc.MtStub(channel)
        answers = [await stub.Translate(asking(text, affinity=number), timeout=60) for number in numbers]
    return [answer.text for answer in answers]


async def _report(address: str) -> list[stage_pb2.Version]:
    async with grpc.aio.insecure_channel(address) as channel:
        return list((await stage_pb2_grpc.StageStub(channel).Report(stage_pb2.ReportRequest())).versions)


@pytest.mark.usefixtures("blue_green")
async def test_two_versions_share_the_sessions_and_each_session_keeps_its_own() -> None:
    sessions = [number << 32 for number in range(1, 301)]
    async with _stage() as one, _stage() as other:
        first = await _answers(one, sessions)
        assert await _answers(one, sessions) == first  # though a cache stands before the engine
        assert await _answers(other, sessions) == first
        reported = await _report(one)
    assert 0.1 < first.count("UNO") / len(first) < 0.3
    assert [(each.bundle, each.version, each.serves, each.share) for each in reported] == [
        ("words-en-es", "1", "en>es", 0.8),
        ("words-en-es", "2", "en>es", 0.2),
    ]
    assert [each.calls for each in reported] == [first.count("uno"), first.count("UNO")]
    assert [(each.measures[0].name, each.measures[0].mean) for each in reported] == [("length_ratio", 1.0)] * 2


@pytest.mark.usefixtures("blue_green")
async def test_failures_are_counted_for_the_version_that_failed() -> None:
    async with _stage() as address:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await _answers(address, [1], "fail")
        assert isinstance(from_rpc_error(failed.value, "MT"), StageFailed)
        assert sorted(each.failures for each in await _report(address)) == [0, 1]


async def _run(*command: str | Path, **variables: str) -> tuple[int, str, str]:
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(child.communicate(), 30)
    return child.returncode or 0, out.decode(), err.decode()


@pytest.mark.usefixtures("blue_green")
async def test_an_operator_sees_what_each_version_did() -> None:
    async with _stage() as address:
        await _answers(address, range(1, 51))
        status, out, err = await _run(COMMAND, "versions", address, COLUMNS="120")
        assert status == 0, err
    rows = [line.split() for line in out.splitlines() if "words-en-es" in line]
    assert [row[:4] for row in rows] == [
        [address, "en>es", "words-en-es@1", "80%"],
        [address, "en>es", "words-en-es@2", "20%"],
    ]
    assert sum(int(row[4]) for row in rows) == 50


async def test_a_stage_whose_engine_has_no_bundles_is_told_as_such() -> None:
    settings = MtSettings(engine="scripted", drain_seconds=0)
    async with running(MtServicer(settings), settings) as port:
        status, out, _ = await _run(COMMAND, "versions", f"127.0.0.1:{port}")
    assert (status, out) == (0, f"127.0.0.1:{port} serves no model bundles.\n")


async def test_a_stage_that_is_not_there_is_told_as_such() -> None:
    status, _, err = await _run(COMMAND, "versions", "127.0.0.1:9")
    assert (status, err.count("\n")) == (1, 1)
    assert "No server answers at 127.0.0.1:9." in err


def _broken(folder: Path, how: str) -> None:
    match how:
        case "corrupt":
            (folder / WORDS).write_text('{"one": "dos"}')
        case "missing":
            (folder / WORDS).unlink()
        case "layout":
            bundle(folder, {}, layout="marian")
        case "engine":
            bundle(folder, {}, engine="onnx")


BREAKAGES = {
    "corrupt": "words.json is not the file it was",
    "missing": "words.json cannot be read",
    "layout": "The layout 'marian' is unknown; known are words.",
    "engine": "It is for the engine 'onnx' of MT",
}


@pytest.mark.parametrize("how", BREAKAGES)
async def test_a_stage_with_a_broken_bundle_ends_with_one_line(tmp_path: Path, how: str) -> None:
    folder = bundle(tmp_path / "model", {"one": "uno"}).folder
    _broken(folder, how)
    named = json.dumps([str(folder)])
    status, out, err = await _run(sys.executable, "-m", "services.mt", MT_ENGINE=ENGINE, TINY_BUNDLES=named)
    assert status == 1
    assert out == ""
    (line,) = [line for line in err.splitlines() if not line.startswith("{")]  # beside the log
    assert line.startswith(f"mt cannot start: bundle {folder}: {BREAKAGES[how]}")
    assert "Traceback" not in err


async def test_a_mesh_with_a_broken_bundle_does_not_come_up_and_shows_that_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundle(tmp_path / "model", {"one": "uno"}).folder
    _broken(folder, "corrupt")
    for name, value in {"MT_ENGINE": ENGINE, BUNDLES: json.dumps([str(folder)])}.items():
        monkeypatch.setenv(name, value)
    stage: Any = supervisor.mesh_services(supervisor.free_ports())[1]
    with pytest.raises(MeshFailed) as failed:
        async with supervisor.running([stage], tmp_path / "logs"):
            pytest.fail("the mesh came up")
    assert f"mt cannot start: bundle {folder}: words.json is not the file it was" in str(failed.value)
    assert "Traceback" not in str(failed.value)


async def test_a_client_is_told_what_each_stage_computes_with() -> None:
    async with gateway() as stub:
        told = await stub.Describe(pb.DescribeRequest())
    assert [(each.stage, each.engine, each.device) for each in told.engines] == [
        (pb.STAGE_ASR, "scripted", "cpu"),
        (pb.STAGE_MT, "scripted", "cpu"),
        (pb.STAGE_TTS, "scripted", "cpu"),
    ]
