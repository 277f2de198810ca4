"""The measurement of kills finds a word in the clear, wherever it stands."""

from __future__ import annotations

from pathlib import Path

from bench.chaos.archive import plain
from bench.chaos.archiving import text_of


def test_a_text_in_the_clear_is_found_in_any_file(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "sealed").write_bytes(b"nothing to be read")
    assert not list(plain(tmp_path))
    left = tmp_path / "kept" / ".left.new"
    left.write_bytes(b"\0\1" + text_of(1, 2).encode())
    assert list(plain(tmp_path)) == [left]
