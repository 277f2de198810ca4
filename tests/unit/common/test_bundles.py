"""What a folder must be to be served: whatever is wrong with it is told by its name before anything is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.common.errors import InvalidArgument
from services.common.neural import bundles
from services.common.neural.settings import NeuralSettings
from tests.mesh.bundled import WORDS, bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bundle(tmp_path / "model", {"one": "uno"}).folder


def _opened(folder: Path) -> bundles.Bundle:
    return bundles.opened(folder, "mt", "tiny", ["words"])


def _refusal(folder: Path) -> str:
    with pytest.raises(InvalidArgument) as refused:
        _opened(folder)
    assert refused.value.code == "BUNDLE_UNUSABLE"
    assert str(refused.value).startswith(f"bundle {folder}: ")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def _told(folder: Path, **fields: Any) -> None:
    """Writes other fields into the manifest; None takes one out."""
    path = folder / bundles.MANIFEST
    told = {**json.loads(path.read_text()), **fields}
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not None}))


def test_a_bundle_that_is_as_it_says_is_opened(folder: Path) -> None:
    opened = _opened(folder)
    assert opened.manifest.serves == ("en>es",)
    assert opened.file(WORDS).read_text() == '{"one": "uno"}'
    assert not opened.has("vocab.json")


def test_files_may_lie_in_folders_and_others_beside_them(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"weights")
    (folder / "README.md").write_text("not part of it")
    told = bundles.file_sum(folder / "onnx" / "model.onnx")
    _told(folder, files={"onnx/model.onnx": told.model_dump()})
    assert _opened(folder).file("onnx/model.onnx").read_bytes() == b"weights"


def _corrupt(folder: Path) -> None:
    (folder / WORDS).write_text('{"one": "dos"}')


def _truncate(folder: Path) -> None:
    (folder / WORDS).write_text('{"one"')


def _lose(folder: Path) -> None:
    (folder / WORDS).unlink()


def _turn_into_a_folder(folder: Path) -> None:
    (folder / WORDS).unlink()
    (folder / WORDS).mkdir()


def _link_elsewhere(folder: Path) -> None:
    (folder / WORDS).rename(folder.parent / "elsewhere")
    (folder / WORDS).symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_corrupt, "words.json is not the file it was"),
        (_truncate, "words.json has 6 bytes, not 14"),
        (_lose, "words.json cannot be read (No such file or directory)"),
        (_turn_into_a_folder, "words.json cannot be read (Is a directory)"),
        (_link_elsewhere, "words.json is a link to a file outside the bundle"),
        (lambda folder: (folder / "bundle.json").unlink(), "There is no bundle: bundle.json cannot be read"),
        (shutil.rmtree, "There is no bundle: bundle.json cannot be read"),
        (lambda folder: (folder / "bundle.json").write_text('{"format": 1,'), "bundle.json is wrong: Invalid JSON"),
        (lambda folder: (folder / "bundle.json").write_bytes(b"\xff\xfe"), "bundle.json is wrong: Invalid JSON"),
    ],
)
def test_a_folder_that_is_not_as_its_manifest_says_is_refused(
    folder: Path, harm: Callable[[Path], object], told: str
) -> None:
    harm(folder)
    assert told in _refusal(folder)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"stage": "tts", "pairs": None, "languages": ["es"]}, "It is for the engine 'tiny' of TTS, not 'tiny' of MT."),
        ({"engine": "onnx"}, "It is for the engine 'onnx' of MT, not 'tiny' of MT."),
        ({"layout": "marian"}, "The layout 'marian' is unknown; known are words."),
        ({"pairs": []}, "a translator names pairs"),
        ({"languages": ["es"]}, "and none of them both"),
        ({"pairs": [["en", "es"], ["en", "es"]]}, "named twice"),
        ({"pairs": [["en", "spanish!"]]}, "pairs.0.1: 'spanish!' is no BCP-47 tag of a language"),
        ({"pairs": [["en"]]}, "pairs.0"),
        ({"tags": {"fr": ">>fra<<"}}, "there is a tag for fr, which it does not serve"),
        ({"licence": None}, "licence: Field required"),
        ({"licences": "MIT"}, "licences: Extra inputs are not permitted"),
        ({"format": 2}, "format: Input should be 1"),
        ({"name": "Words/en"}, "name: String should match"),
        ({"version": "../1"}, "version: String should match"),
        ({"files": {}}, "files"),
        ({"files": {"../words.json": {"sha256": "0" * 64, "bytes": 1}}}, "'../words.json' is no path within"),
        ({"files": {"/etc/hostname": {"sha256": "0" * 64, "bytes": 1}}}, "'/etc/hostname' is no path within"),
        ({"files": {"a": {"sha256": "0" * 63, "bytes": 1}}}, "files.a.sha256: String should match"),
        ({"files": {"a": {"sha256": "0" * 64}}}, "files.a.bytes: Field required"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_where_it_is(folder: Path, fields: dict[str, Any], told: str) -> None:
    _told(folder, **fields)
    assert told in _refusal(folder)


def test_a_file_the_layout_asks_for_is_missed_by_its_name(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"It has no vocab.json, which the layout 'words' asks for"):
        _opened(folder).file("vocab.json")


def test_what_is_written_is_read_back(folder: Path) -> None:
    before = bundles.read(folder).manifest
    assert bundles.read(bundles.write(folder, before).folder).manifest == before
    assert before.bytes == 14


def test_bundles_are_set_by_path_or_with_a_weight() -> None:
    settings = NeuralSettings.model_validate({"bundles": ["/a", {"path": "/b", "weight": 0.25}]})
    assert [(str(served.path), served.weight) for served in settings.bundles] == [("/a", 1.0), ("/b", 0.25)]
    assert settings.some("mt", "onnx") is settings


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([{"path": "/a", "weight": 0}], "greater than 0"),
        ([{"path": "/a", "weight": "inf"}], "finite"),
        ([{"path": "/a", "share": 1}], "Extra inputs"),
        (["/a", "/b", "/a"], "/a is named twice"),
    ],
)
def test_bundles_that_are_set_wrongly_are_refused(wrong: list[Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        NeuralSettings.model_validate({"bundles": wrong})


def test_an_engine_without_bundles_says_what_to_set() -> None:
    with pytest.raises(InvalidArgument, match=r"MT_ONNX__BUNDLES: No bundle is named\. `babelmesh models list`"):
        NeuralSettings().some("mt", "onnx")
