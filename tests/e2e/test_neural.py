"""Spoken sentences through four real processes on neural engines, and bundles that cannot be served."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest

from babelmesh.local import supervisor
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.neural.bundles import MANIFEST
from tests.e2e.test_speech import check_audible
from tests.mesh.checks import check
from tests.mesh.mesh import Heard, chunks, hello, quiet, talk
from tests.models.asr.utterances import SPOKEN, utterance

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

MODELS = Path(__file__).parents[1] / "models"
BUNDLES = {"asr": "asr/phrasebook-transducer", "mt": "mt/phrasebook-en-es", "tts": "tts/es-small"}
SAID = {
    "the doctor is here today": ("The doctor is here today.", "El médico está aquí hoy."),
    "we need two tickets please": ("We need two tickets please.", "Necesitamos dos billetes por favor."),
    "where is my friend": ("Where is my friend?", "Dónde está mi amigo?"),
}


def serving(stage: str, engine: str, folder: Path) -> dict[str, str]:
    name = stage.upper()
    return {f"{name}_ENGINE": engine, f"{name}_{engine.upper()}__BUNDLES": json.dumps([str(folder)])}


ONNX = {stage: serving(stage, "onnx", MODELS / bundle) for stage, bundle in BUNDLES.items()}
SHERPA = {**ONNX, "asr": serving("asr", "sherpa", MODELS / "asr/phrasebook-transducer")}


@pytest.mark.parametrize("engines", [ONNX, SHERPA], ids=["onnx", "sherpa"])
async def test_spoken_sentences_arrive_as_the_right_spanish_words(
    engines: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    ports = supervisor.free_ports()
    async with (
        supervisor.running(supervisor.mesh_services(ports, engines), tmp_path),
        grpc.aio.insecure_channel(f"127.0.0.1:{ports.gateway}") as channel,
    ):
        stub = pb_grpc.RealtimeTranslateStub(channel)
        sessions = [talk(stub, hello("es"), *chunks(utterance(text).tobytes() + quiet(1))) for text in SPOKEN]
        told = await stub.Describe(pb.DescribeRequest())
        for said, heard in zip(SPOKEN, await asyncio.gather(*sessions), strict=True):
            check_said(heard, *SAID[said])
    assert {engine.stage for engine in told.engines if engine.device} == {pb.STAGE_ASR, pb.STAGE_MT, pb.STAGE_TTS}


def check_said(heard: Heard, transcript: str, translation: str) -> None:
    check(heard)
    assert heard.fault is None
    assert heard.transcripts() == [transcript]
    (said,) = heard.finals("es")
    # How much was heard when its first words were concluded hangs on the machine: a question may not be one yet.
    assert said.removeprefix("¿") == translation.removeprefix("¿")
    check_audible(heard.speech("es"), heard.of("asr")[-1].end_ms / 1000)


def changed(bundle: Path) -> None:
    victim = max(bundle.glob("*.onnx"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)


def missing(bundle: Path) -> None:
    min(bundle.glob("*.onnx"), key=lambda path: path.stat().st_size).unlink()


def told_otherwise(**fields: Any) -> Callable[[Path], None]:
    def tell(bundle: Path) -> None:
        manifest = json.loads((bundle / MANIFEST).read_text())
        (bundle / MANIFEST).write_text(json.dumps({**manifest, **fields}))

    return tell


@pytest.mark.parametrize(
    ("stage", "harm", "expected"),
    [
        ("asr", changed, "is not the file it was"),
        ("mt", missing, "cannot be read"),
        ("tts", changed, "is not the file it was"),
        ("asr", told_otherwise(layout="nemo-ctc"), "model.onnx"),
        ("mt", told_otherwise(layout="m2m100"), "of the type 'marian'"),
        ("tts", told_otherwise(layout="mms"), "mms"),
        ("mt", told_otherwise(pairs=[["en", "klingon!"]]), "klingon!"),
        ("tts", told_otherwise(languages=["qq-nowhere"]), "qq-nowhere"),
    ],
)
async def test_a_bundle_that_cannot_be_served_is_told_in_one_line_at_the_start(
    stage: str, harm: Callable[[Path], None], expected: str, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(MODELS / BUNDLES[stage], tmp_path / "bundle"))
    harm(bundle)
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"services.{stage}",
        env={**os.environ, **serving(stage, "onnx", bundle)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await service.communicate()
    assert service.returncode == 1
    (line,) = [line for line in errors.decode().splitlines() if not line.startswith("{")]  # beside the log's events
    assert line.startswith(f"{stage} cannot start: ")
    assert expected in line
    assert b'"serving"' not in out + errors
