"""What is wrong with a bundle is told at the start, by a fault: sherpa-onnx itself would end the process."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import onnx
import pytest

from services.asr.engine import Stabilization
from services.asr.engines.sherpa.engine import Engine
from services.asr.settings import AsrSettings
from services.common.errors import InvalidArgument
from tests.models.asr.utterances import CTC, TRANSDUCER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(TRANSDUCER, tmp_path / "bundle")


async def fault(*folders: Path, **options: str) -> str:
    engine = Engine(AsrSettings(slots=2, sherpa={"bundles": folders, **options}))
    with pytest.raises(InvalidArgument) as raised:
        await engine.start()
    await engine.stop()
    return str(raised.value)


def describe(folder: Path, **manifest: object) -> None:
    """Makes the manifest tell what is there, and what else it is to tell."""
    path = folder / "bundle.json"
    told = json.loads(path.read_text()) | manifest
    for name in told["files"]:
        content = (folder / name).read_bytes()
        told["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    path.write_text(json.dumps(told))


async def test_a_model_without_its_metadata_is_told_in_sherpas_words(folder: Path) -> None:
    model = onnx.load(folder / "encoder.onnx")
    del model.metadata_props[:]
    onnx.save(model, folder / "encoder.onnx")
    describe(folder)
    assert "'vocab_size' does not exist in the metadata" in await fault(folder)


async def test_tokens_that_are_not_the_models_are_told(folder: Path) -> None:
    (folder / "tokens.txt").write_text("a 0\nb 1\n")
    describe(folder)
    assert "<blk>" in await fault(folder)


async def test_a_file_that_is_no_model_is_told(folder: Path) -> None:
    (folder / "joiner.onnx").write_bytes(b"what the proxy said instead")
    describe(folder)
    assert "joiner.onnx" in await fault(folder)


async def test_a_layout_with_a_file_missing_is_told(folder: Path) -> None:
    describe(folder, layout="moonshine", engine="sherpa")
    assert "preprocess.onnx" in await fault(folder)


async def test_a_bundle_of_a_rate_nobody_hears_is_told(folder: Path) -> None:
    describe(folder, sample_rate_hertz=8_000)
    assert "8000 Hz" in await fault(folder)


async def test_cuda_is_refused_where_sherpa_was_built_without_it() -> None:
    assert "built without it" in await fault(TRANSDUCER, device="cuda")


async def test_a_beam_is_refused_for_a_model_that_has_none() -> None:
    assert "greedily" in await fault(CTC, decoding="beam")


async def test_no_bundles_are_refused_with_how_to_get_one() -> None:
    with pytest.raises(InvalidArgument, match="babelmesh models"):
        Engine(AsrSettings(slots=2))


async def test_two_bundles_share_the_sessions_of_a_language(folder: Path) -> None:
    describe(folder, name="other", version="2")
    bundles = [{"path": TRANSDUCER, "weight": 3.0}, {"path": folder, "weight": 1.0}]
    engine = Engine(AsrSettings(slots=2, sherpa={"bundles": bundles, "decoding": "beam"}))
    await engine.start()
    try:
        assert [(version.bundle, share) for version, share in engine.versions] == [
            ("other", 0.25),
            ("phrasebook-transducer", 0.75),
        ]
        assert engine.languages == ("en-US",)
        assert engine.biased
        assert engine.prefixes[Stabilization.FAST].agreement == 2
    finally:
        await engine.stop()
