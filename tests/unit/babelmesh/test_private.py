"""What was said is for its user alone, whatever others may do with what he makes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from babelmesh.cli.captions import Languages
from babelmesh.cli.private import private_folder, replacing
from babelmesh.cli.recording import Place, Recording
from babelmesh.client.events import AsrResult, TtsChunk


@pytest.fixture(autouse=True)
def _a_umask_that_lets_all_read() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_recording_is_for_its_user_alone(tmp_path: Path) -> None:
    place = Place(tmp_path / "one" / "two", "talk", live=False)
    with Recording(place, Languages("en", ("es",), ("es",))) as recording:
        recording.take(AsrResult(final=True, text="A word.", segment_id=1, end_ms=1000), 0)
        chunk = TtsChunk(
            data=bytes(320), format="pcm16le", sample_rate=16_000, target_lang="es", segment_id=1, text="A"
        )
        recording.take(chunk, 0)
        assert {mode(path) for path in place.folder.iterdir()} == {0o600}
    written = recording.written()
    assert len(written) == 6
    assert {mode(path) for path in written} == {0o600}
    assert {mode(tmp_path / "one"), mode(place.folder)} == {0o700}


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_that_others_could_read_is_replaced_by_one_they_cannot(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("before")
    with replacing(there) as path:
        path.write_text("after")
    assert (there.read_text(), mode(there)) == ("after", 0o600)


def test_a_block_that_fails_before_it_has_written_leaves_what_was_there(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("before")
    with pytest.raises(ValueError, match="no"), replacing(there):
        raise ValueError("no")
    assert there.read_text() == "before"
    assert list(tmp_path.iterdir()) == [there]
