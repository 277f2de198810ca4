"""Meshes that run side by side do not write to the same logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from babelmesh.client.errors import MeshFailed
from babelmesh.local.log_folder import log_folder


def test_a_second_mesh_writes_beside_the_first_and_the_place_is_free_again_behind_it(tmp_path: Path) -> None:
    with log_folder(tmp_path / "logs") as first, log_folder(tmp_path / "logs") as second:
        assert (first.name, second.name) == ("logs", "logs-2")
        assert second.is_dir()
    with log_folder(tmp_path / "logs") as again:
        assert again == first


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MeshFailed, match="cannot be used for logs"), log_folder(tmp_path / "file" / "logs"):
        pytest.fail("the block must not begin")
