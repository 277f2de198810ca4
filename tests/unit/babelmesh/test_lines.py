from __future__ import annotations

import os
from pathlib import Path

import pytest

from babelmesh.client.lines import given, portions, typed


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


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It fits.", ["It fits."]),
        ("", [""]),
        ("One sentence. Two.", ["One sentence.", "Two."]),
        ("One two. Three f. g", ["One two.", "Three f. g"]),
        ("One. Two three four five", ["One. Two three", "four five"]),  # a short sentence is not left alone
        ('"One two." Three four', ['"One two."', "Three four"]),
        ("Version 3.14159265 is out", ["Version", "3.14159265 is", "out"]),
        ("一二三四五六七八。一二三四五六七八", ["一二三四五六七八。", "一二三四五六七八"]),
        ("a" * 30, ["a" * 14, "a" * 14, "aa"]),
        ("a" * 13 + "e\u0301" + "b", ["a" * 13, "e\u0301b"]),
        (" " * 20 + "one", ["one"]),
        ("one" + " " * 20, ["one"]),
        ("one" + " " * 20 + "two", ["one", "two"]),
    ],
)
def test_a_long_line_is_split_where_a_sentence_or_a_word_ends(text: str, pieces: list[str]) -> None:
    assert list(portions(text, 14)) == pieces


def test_a_line_is_whole_where_no_limit_is_told() -> None:
    assert list(portions("a" * 30, 0)) == ["a" * 30]


def test_a_long_line_loses_no_word() -> None:
    text = " ".join(f"word{number}{'.' * (number % 7 == 0)}" for number in range(20_000))
    pieces = list(portions(text, 2000))
    assert " ".join(pieces) == text
    assert max(map(len, pieces)) <= 2000


async def test_waiting_leaves_the_descriptor_blocking() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\n")
    assert await anext(typed(reading)) == "one"
    assert os.get_blocking(reading)
    os.close(reading)
    os.close(writing)
