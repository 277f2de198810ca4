"""What the stages of a local mesh are told to run on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from babelmesh.cli.main import app
from babelmesh.client.errors import ModelsFailed
from babelmesh.models import serving
from babelmesh.models.choices import Engines
from babelmesh.models.defaults import Default
from babelmesh.models.folder import Models
from babelmesh.models.serving import variables
from tests.mesh.bundled import bundle

ASR: dict[str, Any] = {"stage": "asr", "pairs": (), "languages": ("en",), "engine": "onnx"}
TTS: dict[str, Any] = {"stage": "tts", "pairs": (), "languages": ("es",), "engine": "onnx"}


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A folder with a bundle for each stage."""
    _install(tmp_path, "hears", **ASR)
    _install(tmp_path, "en-es", engine="onnx")
    _install(tmp_path, "speaks", **TTS)
    return Models(tmp_path)


def _install(folder: Path, name: str, version: str = "1", **fields: Any) -> str:
    return str(bundle(folder / name / version, {}, name=name, version=version, **fields).folder)


def _chosen(models: Models, *told: str) -> dict[str, dict[str, str]]:
    chosen = variables(Engines.NEURAL, models, told, lambda line: None)
    return {stage: dict(those) for stage, those in chosen.items()}


def test_every_stage_gets_the_bundles_installed_for_it(models: Models) -> None:
    more = _install(models.folder, "en-fr", engine="onnx", pairs=(("en", "fr"),))
    other = _install(models.folder, "speaks-too", **TTS)
    root = str(models.folder)
    assert _chosen(models) == {
        "asr": {"ASR_ENGINE": "onnx", "ASR_ONNX__BUNDLES": json.dumps([f"{root}/hears/1"])},
        "mt": {"MT_ENGINE": "onnx", "MT_ONNX__BUNDLES": json.dumps([f"{root}/en-es/1", more])},
        "tts": {"TTS_ENGINE": "onnx", "TTS_ONNX__BUNDLES": json.dumps([f"{root}/speaks/1", other])},
    }


def test_of_two_versions_the_one_installed_last_is_served(models: Models) -> None:
    older = _install(models.folder, "en-es", "2", engine="onnx")
    os.utime(Path(older) / "bundle.json", (time.time() - 60, time.time() - 60))
    assert json.loads(_chosen(models)["mt"]["MT_ONNX__BUNDLES"]) == [f"{models.folder}/en-es/1"]


def test_a_recognizer_for_sherpa_is_served_by_it_and_left_out_beside_another(models: Models) -> None:
    sherpa = _install(models.folder, "whispers", **{**ASR, "engine": "sherpa"})
    told: list[str] = []
    chosen = variables(Engines.NEURAL, models, (), told.append)["asr"]
    assert chosen["ASR_ENGINE"] == "onnx"
    assert "asr: whispers@1 is left out, it is for another engine" in told
    (models.folder / "hears" / "1" / "bundle.json").unlink()
    assert _chosen(models)["asr"] == {"ASR_ENGINE": "sherpa", "ASR_SHERPA__BUNDLES": json.dumps([sherpa])}


def test_a_stage_without_a_bundle_says_which_command_fetches_one(tmp_path: Path) -> None:
    _install(tmp_path, "en-es", engine="onnx")
    with pytest.raises(ModelsFailed) as failed:
        _chosen(Models(tmp_path))
    assert "No bundle for ASR is installed: `babelmesh models fetch nemo-en-480ms` fetches one." in str(failed.value)
    assert "No bundle for TTS is installed: `babelmesh models fetch piper-en-us-joe` fetches one." in str(failed.value)
    assert "No bundle for MT" not in str(failed.value)


def test_a_stage_whose_engine_is_chosen_by_a_variable_needs_no_bundle(tmp_path: Path) -> None:
    _install(tmp_path, "en-es", engine="onnx")
    assert set(_chosen(Models(tmp_path), "ASR_ENGINE", "TTS_ENGINE")) == {"mt"}


def test_bundles_that_a_variable_names_are_served_as_it_says(models: Models) -> None:
    assert _chosen(models, "MT_ONNX__BUNDLES")["mt"] == {"MT_ENGINE": "onnx"}


def test_two_bundles_for_one_pair_do_not_share_its_sessions_unasked(models: Models) -> None:
    _install(models.folder, "nllb", engine="onnx", pairs=(("en", "de"), ("en", "es")))
    with pytest.raises(ModelsFailed, match=r"en-es@1 and nllb@1 both serve en>es\. Name .* MT_ONNX__BUNDLES"):
        _chosen(models)


def test_a_broken_manifest_is_told_of_and_left_out(models: Models) -> None:
    (models.folder / "odd" / "1").mkdir(parents=True)
    (models.folder / "odd" / "1" / "bundle.json").write_text("{")
    told: list[str] = []
    assert set(variables(Engines.NEURAL, models, (), told.append)) == {"asr", "mt", "tts"}
    assert any(line.startswith("Left out: bundle ") for line in told)


DEFAULTS = (
    Default("asr", "onnx", "hears", "pocketsphinx recognizes English", libraries=("numpy",)),
    Default("asr", "sherpa", "hears-all", "English alone is recognized", english=False, libraries=("numpy",)),
    Default("mt", "onnx", "en-es", "Apertium translates", libraries=("numpy",)),
    Default("tts", "onnx", "speaks", "espeak-ng speaks", libraries=("numpy",)),
)


def _by_default(
    models: Models, monkeypatch: pytest.MonkeyPatch, *told: str, table: tuple[Default, ...] = DEFAULTS
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """What the stages are told by default, and what the user reads."""
    lines: list[str] = []
    monkeypatch.setattr(serving, "DEFAULTS", table)
    chosen = variables(Engines.DEFAULT, models, told, lines.append)
    return {stage: dict(those) for stage, those in chosen.items()}, lines


def test_by_default_each_stage_runs_on_its_bundles_and_what_is_missing_is_said(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, lines = _by_default(models, monkeypatch)
    root = models.folder
    assert chosen == {
        "asr": {"ASR_ENGINE": "onnx", "ASR_ONNX__BUNDLES": json.dumps([f"{root}/hears/1"])},
        "mt": {"MT_ENGINE": "onnx+embedded", "MT_ONNX__BUNDLES": json.dumps([f"{root}/en-es/1"])},
        "tts": {"TTS_ENGINE": "onnx+embedded", "TTS_ONNX__BUNDLES": json.dumps([f"{root}/speaks/1"])},
    }
    assert lines == [
        "asr: without hears-all (not installed: `babelmesh models fetch hears-all`) English alone is recognized.",
        "asr: hears@1",
        "mt: en-es@1, embedded",
        "tts: speaks@1, embedded",
    ]


def test_several_engines_of_a_stage_are_run_in_the_order_of_the_table(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(models.folder, "hears-all", **{**ASR, "engine": "sherpa"})
    assert _by_default(models, monkeypatch)[0]["asr"]["ASR_ENGINE"] == "onnx+sherpa"


def test_without_any_bundle_the_small_engines_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, lines = _by_default(Models(tmp_path), monkeypatch)
    assert chosen == {stage: {f"{stage.upper()}_ENGINE": "embedded"} for stage in ("asr", "mt", "tts")}
    assert "asr: embedded" in lines


def test_an_engine_that_is_not_there_is_said_and_not_started(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    table = (
        Default("mt", "quick", "en-es", "Apertium translates"),
        Default("tts", "onnx", "speaks", "espeak-ng speaks", libraries=("not_there",)),
    )
    chosen, lines = _by_default(models, monkeypatch, table=table)
    assert (chosen["mt"], chosen["tts"]) == ({"MT_ENGINE": "embedded"}, {"TTS_ENGINE": "embedded"})
    assert "mt: without en-es (there is no engine quick in this version) Apertium translates." in lines
    assert "tts: without speaks (the engine onnx needs the Python package not_there) espeak-ng speaks." in lines


def test_a_damaged_default_bundle_is_said_and_not_served(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    (models.folder / "speaks" / "1" / "words.json").unlink()
    chosen, lines = _by_default(models, monkeypatch)
    assert chosen["tts"] == {"TTS_ENGINE": "embedded"}
    assert "tts: without speaks (words.json is missing: `babelmesh models fetch speaks`) espeak-ng speaks." in lines


def test_variables_go_before_the_default_bundles(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, _ = _by_default(models, monkeypatch, "ASR_ENGINE", "MT_ONNX__BUNDLES")
    assert set(chosen) == {"mt", "tts"}
    assert chosen["mt"] == {"MT_ENGINE": "onnx+embedded"}


@pytest.mark.parametrize(("engines", "name"), [(Engines.SMALL, "embedded"), (Engines.SCRIPTED, "scripted")])
def test_other_engines_are_those_of_every_stage_but_one_that_says_otherwise(
    engines: Engines, name: str, tmp_path: Path
) -> None:
    chosen = variables(engines, Models(tmp_path), ["MT_ENGINE", "HOME"], lambda line: None)
    assert chosen == {"asr": {"ASR_ENGINE": name}, "tts": {"TTS_ENGINE": name}}


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        (["up", "--engines", "neural"], 1, "No bundle for MT is installed"),
        (["demo", "--engines", "neural"], 1, "No bundle for MT is installed"),
        (["demo", "--engines", "neural", "--server", "127.0.0.1:9"], 2, "the mesh named by --server has its own"),
        (["up", "--engines", "quick"], 2, "'quick' is not one of 'default', 'small', 'neural', 'scripted'"),
    ],
)
def test_a_mesh_that_cannot_be_as_asked_is_not_started(
    tmp_path: Path, command: list[str], status: int, told: str
) -> None:
    done = CliRunner().invoke(app, command, env={"BABELMESH_MODELS": str(tmp_path), "COLUMNS": "200"})
    assert done.exit_code == status
    assert told in done.stderr
    assert not (tmp_path / "logs").exists()
