"""A folder's files are whole, its owner's alone, and gone once they are deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gateway.archive.store import FolderStore, Gone, StoreFailed

NAME = "tenant/session/0-part.log"


def test_what_is_appended_is_read_and_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create(NAME, b"")
    store.append(NAME, 0, b"one")
    store.append(NAME, 3, b"two")
    store.append(NAME, 3, b"two")
    assert store.read(NAME) == b"onetwo"
    assert list(store.names()) == [NAME]
    assert list(store.names("tenant/other")) == []


def test_half_of_a_batch_that_failed_is_written_over(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create(NAME, b"")
    store.append(NAME, 0, b"one")
    with (tmp_path / NAME).open("ab") as file:
        file.write(b"half of a longer one")
    store.append(NAME, 3, b"two")
    assert store.read(NAME) == b"onetwo"


def test_what_was_deleted_does_not_come_back(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.create(NAME, b"one")
    store.delete(NAME)
    store.delete(NAME)
    with pytest.raises(Gone):
        store.append(NAME, 3, b"two")
    with pytest.raises(Gone):
        store.read(NAME)
    assert not list(tmp_path.iterdir())


def test_others_can_read_nothing(tmp_path: Path) -> None:
    FolderStore(tmp_path / "kept").create(NAME, b"one")
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.stat().st_mode & 0o077]


def test_a_folder_that_fails_says_so_and_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "tenant").write_text("a file")
    with pytest.raises(StoreFailed) as failed:
        FolderStore(tmp_path).create(NAME, b"one")
    assert "tenant" not in str(failed.value)
    assert not list(tmp_path.rglob("*.new"))
