"""`babelmesh models fetch`, against a hub that does what it is told."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from babelmesh.models import catalogue as catalogues
from babelmesh.models.layouts import LAYOUTS
from services.common import bundles
from tests.unit.babelmesh.fake_hub import COMMIT, Hub, serving
from tests.unit.babelmesh.models_user import Done, User


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path, tmp_path / "models")


@pytest.fixture
def catalogue(tmp_path: Path) -> dict[str, Any]:
    """The one model of a catalogue that commands read in the place of their own."""
    return {
        "name": "tiny-en-es",
        "stage": "mt",
        "engine": "onnx",
        "layout": "marian",
        "pairs": [["en", "es"]],
        "licence": "CC-BY-NC-4.0",
        "repository": "somebody/tiny",
        "revision": COMMIT,
        "seen": "written here",
        "files": {"encoder_model.onnx": {"path": "onnx/encoder_model.onnx"}, "vocab.json": {"path": "vocab.json"}},
    }


FILES = {"onnx/encoder_model.onnx": b"weights " * 40_000, "vocab.json": b"{}"}


def _fetch(user: User, hub: Hub, catalogue: dict[str, Any]) -> Done:
    """Fetches its one model, with the catalogue in the place of the one that is shipped."""
    path = user.home / "catalogue.json"
    path.write_text(json.dumps([catalogue]))
    start = (
        "import sys, pathlib; from babelmesh.models import catalogue; "
        f"catalogue.CATALOGUE = pathlib.Path({str(path)!r}); "
        "from babelmesh.cli import app; app(['models', 'fetch', 'tiny-en-es'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        env={**user.variables, "HF_ENDPOINT": hub.address},  # read once, when the library is imported
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def _left(user: User) -> list[str]:
    return sorted(path.relative_to(user.models).as_posix() for path in user.models.rglob("*") if path.is_file())


def test_a_model_is_fetched_at_its_pinned_commit_and_becomes_a_bundle(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES)) as hub:
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    assert not [asked for asked in hub.asked if "tiny" in asked and COMMIT not in asked]
    bundle = user.bundle("tiny-en-es", COMMIT[:12])
    assert bundle.file("encoder_model.onnx").read_bytes() == FILES["onnx/encoder_model.onnx"]
    assert bundle.manifest.source == f"somebody/tiny@{COMMIT}"
    assert bundle.manifest.pairs == (("en", "es"),)
    place = f"tiny-en-es/{COMMIT[:12]}"
    assert _left(user) == [f"{place}/{name}" for name in ("bundle.json", "encoder_model.onnx", "vocab.json")]
    assert "That licence forbids commercial use." in done.err
    assert str(user.models / place) in done.out


def test_without_a_pin_the_newest_commit_is_taken_told_and_noted(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES)) as hub:
        done = _fetch(user, hub, {**catalogue, "revision": None})
    assert done.status == 0, done.err
    assert re.search(rf"no pinned commit: taking the newest of somebody/tiny, {COMMIT}", done.err)
    assert user.bundle("tiny-en-es", COMMIT[:12]).manifest.source.endswith(COMMIT)


def test_a_file_that_is_not_the_pinned_one_is_refused_and_not_kept(user: User, catalogue: dict[str, Any]) -> None:
    right = hashlib.sha256(b"{}").hexdigest()
    catalogue["files"]["vocab.json"]["sha256"] = right
    with serving(Hub("somebody/tiny", {**FILES, "vocab.json": b"[]"})) as hub:
        done = _fetch(user, hub, catalogue)
        assert (done.status, done.out) == (1, "")
        assert "vocab.json is not the file that was pinned" in done.err
        assert not list(user.models.glob("tiny-en-es*"))
        hub.files = FILES
        assert _fetch(user, hub, catalogue).status == 0
    assert user.bundle("tiny-en-es", COMMIT[:12]).manifest.files["vocab.json"].sha256 == right


def test_a_fetch_that_broke_off_leaves_no_bundle_and_the_next_goes_on(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES)) as hub:
        hub.files = {"onnx/encoder_model.onnx": FILES["onnx/encoder_model.onnx"]}  # the second file is not there yet
        done = _fetch(user, hub, catalogue)
        assert done.status == 1
        assert "The hub has not, or not for you, what is asked of somebody/tiny" in done.err
        assert not list(user.models.glob("tiny-en-es*"))
        hub.files = FILES
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    user.bundle("tiny-en-es", COMMIT[:12])
    assert hub.sent["onnx/encoder_model.onnx"] == len(FILES["onnx/encoder_model.onnx"])  # once


def test_a_connection_that_is_lost_in_the_middle_of_a_file_is_made_again(user: User, catalogue: dict[str, Any]) -> None:
    with serving(Hub("somebody/tiny", FILES, breaks_at=1000)) as hub:
        done = _fetch(user, hub, catalogue)
    assert done.status == 0, done.err
    user.bundle("tiny-en-es", COMMIT[:12])


@pytest.mark.parametrize(
    ("hub", "told"),
    [
        (Hub("somebody/else", FILES), "The hub has not, or not for you"),
        (Hub("somebody/tiny", FILES, commit="f" * 40), "The hub has not, or not for you"),
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
    assert "The model hub cannot be reached from here. Fetch the files of somebody/tiny elsewhere" in done.err
    assert "babelmesh models import DIR --name tiny-en-es" in done.err


def test_a_name_the_catalogue_does_not_have_is_refused_with_those_like_it(user: User) -> None:
    done = user.runs("fetch", "opus-mt-en-se")
    assert done.status == 1
    assert "The catalogue has no model opus-mt-en-se. Is it opus-mt-en-es" in done.err


def test_what_the_catalogue_has_fits_the_layouts_that_engines_read() -> None:
    layouts = {layout.name: layout for layout in LAYOUTS}
    for entry in catalogues.catalogue().values():
        layout = layouts[entry.layout]
        assert layout.files(sorted(entry.files)), entry.name
        assert (layout.stage, layout.engine) == (entry.stage, entry.engine)
        sums = {name: bundles.FileSum(sha256="0" * 64, bytes=1) for name in entry.files}
        assert entry.manifest(COMMIT, sums).serves == entry.serves


def test_every_pair_with_english_and_a_voice_for_each_language_can_be_fetched() -> None:
    entries = list(catalogues.catalogue().values())
    pairs = {pair for entry in entries for pair in entry.pairs}
    assert {pair for lang in ("es", "fr", "de") for pair in (("en", lang), (lang, "en"))} <= pairs
    voices = {lang.split("-")[0] for entry in entries if entry.stage == "tts" for lang in entry.languages}
    assert voices == {"en", "es", "fr", "de"}
