"""`babelmesh models fetch`, against a hub that does what it is told."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from babelmesh.models import catalogue as catalogues
from babelmesh.models.layouts import LAYOUTS
from services.common.neural import bundles
from tests.unit.babelmesh.fake_hub import COMMIT, Hub, serving
from tests.unit.babelmesh.models_user import Done, User


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path, tmp_path / "models")


FILES = {"onnx/encoder_model.onnx": b"weights " * 40_000, "vocab.json": b"{}"}


@pytest.fixture
def catalogue() -> dict[str, Any]:
    """The one model of a catalogue that commands read in the place of their own."""
    return {
        "name": "tiny-en-es",
        "version": "1",
        "stage": "mt",
        "engine": "onnx",
        "layout": "marian",
        "pairs": [["en", "es"]],
        "licence": "CC-BY-NC-4.0",
        "origin": "https://example.org/tiny",
        "seen": "written here",
        "files": {path.rsplit("/", maxsplit=1)[-1]: _remote(path) for path in FILES},
    }


def _remote(path: str) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(FILES[path]).hexdigest(), "sources": [f"hub:somebody/tiny@{COMMIT}#{path}"]}


def _fetch(user: User, hub: Hub, catalogue: dict[str, Any]) -> Done:
    """Fetches its one model, with the catalogue in the place of the one that is shipped."""
    return user.fetches([catalogue], "tiny-en-es", HF_ENDPOINT=hub.address)  # read once, when the library is imported


def _left(user: User) -> list[str]:
    return sorted(path.relative_to(user.models).as_posix() for path in user.models.rglob("*") if path.is_file())


def test_a_model_is_fetched_at_its_pinned_commit_and_becomes_a_bundle(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES)) as hub:
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    assert not [asked for asked in hub.asked if "tiny" in asked and COMMIT not in asked]
    bundle = user.bundle("tiny-en-es", "1")
    assert bundle.file("encoder_model.onnx").read_bytes() == FILES["onnx/encoder_model.onnx"]
    assert bundle.manifest.source == f"hub:somebody/tiny@{COMMIT}"
    assert bundle.manifest.origin == "https://example.org/tiny"
    assert bundle.manifest.pairs == (("en", "es"),)
    place = "tiny-en-es/1"
    assert _left(user) == [f"{place}/{name}" for name in ("bundle.json", "encoder_model.onnx", "vocab.json")]
    assert "That licence forbids commercial use." in done.err
    assert str(user.models / place) in done.out


def test_a_file_that_is_not_the_pinned_one_is_refused_and_not_kept(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", {**FILES, "vocab.json": b"[]"})) as hub:
        done = _fetch(user, hub, catalogue)
        assert (done.status, done.out) == (1, "")
        assert f"vocab.json of hub:somebody/tiny@{COMMIT} is not the file that was pinned" in done.err
        assert not list(user.models.glob("tiny-en-es*"))
        hub.files = FILES
        assert _fetch(user, hub, catalogue).status == 0
    right = hashlib.sha256(b"{}").hexdigest()
    assert user.bundle("tiny-en-es", "1").manifest.files["vocab.json"].sha256 == right


def test_a_fetch_that_broke_off_leaves_no_bundle_and_the_next_goes_on(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES)) as hub:
        hub.files = {"onnx/encoder_model.onnx": FILES["onnx/encoder_model.onnx"]}  # the second file is not there yet
        done = _fetch(user, hub, catalogue)
        assert done.status == 1
        assert "the hub has not, or not for you, what is asked of somebody/tiny" in done.err
        assert not list(user.models.glob("tiny-en-es*"))
        hub.files = FILES
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    user.bundle("tiny-en-es", "1")
    assert hub.sent["onnx/encoder_model.onnx"] == len(FILES["onnx/encoder_model.onnx"])  # once


def test_a_connection_that_is_lost_in_the_middle_of_a_file_is_made_again(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES, breaks_at=1000)) as hub:
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    user.bundle("tiny-en-es", "1")


@pytest.mark.parametrize(
    ("hub", "told"),
    [
        (Hub("somebody/else", FILES), "the hub has not, or not for you"),
        (Hub("somebody/tiny", FILES, commit="f" * 40), "the hub has not, or not for you"),
    ],
    ids=["no repository", "no such commit"],
)
def test_what_the_hub_has_not_is_told(user: User, catalogue: dict[str, Any], hub: Hub, told: str) -> None:
    with serving(hub):
        done = _fetch(user, hub, catalogue)
    assert done.status == 1
    assert told in done.err


def test_a_hub_that_cannot_be_reached_is_told_with_what_to_do_instead(user: User, catalogue: dict[str, Any]) -> None:
    done = _fetch(user, Hub("somebody/tiny", {}, address="http://127.0.0.1:9"), catalogue)
    assert (done.status, done.out) == (1, "")
    assert "the model hub cannot be reached (HF_ENDPOINT may name a mirror). Fetch its files elsewhere" in done.err
    assert "babelmesh models import DIR --name tiny-en-es" in done.err


def test_a_name_the_catalogue_does_not_have_is_refused_with_those_like_it(user: User) -> None:
    done = user.runs("fetch", "piper-es-es-davfx")
    assert done.status == 1
    assert "The catalogue has no model piper-es-es-davfx. Is it piper-es-es-davefx" in done.err


def test_what_the_catalogue_has_fits_the_layouts_that_engines_read() -> None:
    layouts = {(layout.name, layout.engine): layout for layout in LAYOUTS}
    for entry in catalogues.catalogue().values():
        layout = layouts[entry.layout, entry.engine]
        assert layout.files(sorted(entry.files)), entry.name
        assert layout.stage == entry.stage
        sums = {name: bundles.FileSum(sha256="0" * 64, bytes=1) for name in entry.files}
        assert entry.manifest("here", sums).serves == entry.serves


def test_every_file_of_the_catalogue_is_pinned_and_every_package_has_its_size() -> None:
    for entry in catalogues.catalogue().values():
        assert all(file.sha256 for file in entry.files.values())
        assert {str(origin) for origin in entry.origins if origin.registry != "hub"} == set(entry.packages), entry.name
