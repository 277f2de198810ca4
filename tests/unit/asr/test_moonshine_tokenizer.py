"""The tokens of Moonshine's `tokenizer.bin`, and the words they spell."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.asr.engines.moonshine.tokenizer import Spelled, Tokenizer, parsed, read
from services.common.errors import InvalidArgument

SPECIAL = (b"<unk>", b"<s>", b"</s>")


def tokenizer(*pieces: str | bytes) -> Tokenizer:
    return Tokenizer((*SPECIAL, *(piece if isinstance(piece, bytes) else piece.encode() for piece in pieces)))


def test_a_length_takes_one_byte_below_128_and_two_from_there_on() -> None:
    long = b"x" * 300
    assert parsed(b"\x02ab" + bytes([300 % 128 + 128, 300 // 128]) + long + b"\x00") == [b"ab", long, b""]


@pytest.mark.parametrize("content", [b"\x05ab", b"\x01a\x90"])
def test_a_file_that_ends_within_a_token_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.bin").write_bytes(content)
    with pytest.raises(InvalidArgument, match=r"tokenizer\.bin"):
        read(tmp_path / "tokenizer.bin")


def test_words_begin_at_spaces_and_keep_their_marks() -> None:
    known = tokenizer("\u2581Hello", ",", "\u2581wor", "ld", "!")
    assert known.words([3, 4, 5, 6, 7]) == [Spelled("Hello,", 0, 2), Spelled("world!", 2, 5)]


def test_a_mark_is_written_once() -> None:
    assert [word.text for word in tokenizer("\u2581short", ",").words([3, 4, 4])] == ["short,"]


def test_letters_may_come_byte_by_byte() -> None:
    known = tokenizer("\u2581caf", b"\xc3", b"\xa9")
    assert [word.text for word in known.words([3, 4, 5])] == ["café"]


def test_what_spells_nothing_is_no_word() -> None:
    assert tokenizer("\u2581").words([3, 1, 2]) == []
