from __future__ import annotations

import os
from pathlib import Path

from babelmesh.lines import given, typed


async def test_empty_lines_are_no_segments() -> None:
    assert [line async for line in given([" one ", "", "  ", "two"])] == ["one", "two"]


async def test_a_line_is_handed_out_as_soon_as_it_is_whole() -> None:
    reading, writing = os.pipe()
    lines = typed(reading)
    os.write(writing, b"one\ntw")
    assert await anext(lines) == "one"
    os.write(writing, "o\nañ".encode())
    assert await anext(lines) == "two"
    os.write(writing, b"o")
    os.close(writing)
    assert [line async for line in lines] == ["año"]
    os.close(reading)


async def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"one\n\nt\xff")
    with (tmp_path / "lines").open("rb") as file:
        assert [line async for line in typed(file.fileno())] == ["one", "t\N{REPLACEMENT CHARACTER}"]


async def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes("\ufeffone\n\ufeff\n\ufefftwo".encode())  # as of two files put together
    with (tmp_path / "lines").open("rb") as file:
        assert [line async for line in typed(file.fileno())] == ["one", "two"]
    assert [line async for line in given(["\ufeffone"])] == ["one"]


async def test_waiting_leaves_the_descriptor_blocking() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\n")
    assert await anext(typed(reading)) == "one"
    assert os.get_blocking(reading)
    os.close(reading)
    os.close(writing)
