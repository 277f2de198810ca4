"""A FLAC stream is cut into frames with the work of one pass, whatever the pieces it comes in."""

from __future__ import annotations

import pytest

from services.gateway import flac
from tests.steps import steps


def block(size: int, last: bool = False) -> bytes:
    return bytes([0x80 if last else 0x01]) + size.to_bytes(3, "big") + bytes(size)


STREAM = b"fLaC" + block(34) + block(100) + block(0) * 50 + block(7, last=True)


@pytest.mark.parametrize("piece", [1, 3, 47, 1000])
def test_metadata_ends_where_its_blocks_say_however_it_comes(piece: int) -> None:
    metadata, whole = flac.Metadata(), STREAM + b"frames"
    for start in range(0, len(whole), piece):
        if (rest := metadata.cut(whole[start : start + piece])) is not None:
            assert rest + whole[start + piece :] == b"frames"
            return
    pytest.fail("The frames were not found.")


def test_metadata_of_twice_the_length_is_twice_the_work_byte_by_byte() -> None:
    def read(blocks: int) -> None:
        metadata = flac.Metadata()
        for octet in b"fLaC" + block(4) * blocks:
            metadata.cut(bytes([octet]))

    assert steps(lambda: read(400)) < 2.2 * steps(lambda: read(200))


def test_bytes_that_are_no_frame_are_looked_at_once() -> None:
    def search(size: int) -> None:
        frames = flac.Frames()
        for _ in range(size):
            frames.cut(b"\xff\x00\x00")

    assert steps(lambda: search(2000)) < 2.2 * steps(lambda: search(1000))
