"""Joins a model's tokens into words. The pieces are sentencepiece's: "▁" stands before a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.neural.bundles import fault

WORD = "\u2581"  # sentencepiece's mark, a lower block
BLANK = "<blk>"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # of a character that is no piece
_SIGN = re.compile(r"<.+>")  # "<unk>", "<en-US>": nothing that was said
_MARKS = frozenset(".,?!;:¿¡")


@dataclass(frozen=True, slots=True)
class Emitted:
    """A token, and the encoder frame at which it was emitted, counted from the segment's start."""

    token: int
    frame: int
    probability: float


class Tokens:
    """A model's vocabulary: the text piece of each token id."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = tuple(pieces)  # without the blank
        self._bytes = tuple(_bytes(piece) for piece in pieces)

    @property
    def written(self) -> bool:
        """Whether the model's tokens have capitals or punctuation."""
        plain = [piece for piece in self.pieces if not _SIGN.fullmatch(piece)]
        return any(piece != piece.lower() or not _MARKS.isdisjoint(piece) for piece in plain)

    def words(self, emitted: Sequence[Emitted]) -> Iterator[tuple[str, Sequence[Emitted]]]:
        """Yield each word with its tokens, in order. Control tokens are left out."""
        start = 0
        for end in range(1, len(emitted) + 1):
            if end == len(emitted) or self.pieces[emitted[end].token].startswith(WORD):
                said = [each for each in emitted[start:end] if self._bytes[each.token]]
                text = b"".join(self._bytes[each.token] for each in said).decode(errors="ignore").strip()
                if text:
                    yield text, said
                start = end


def read(path: Path, blank: int, folder: Path) -> Tokens:
    """Read a `tokens.txt` whose lines are a token and its id, blank last. Raises InvalidArgument for anything else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        numbered = {int(number): piece for piece, _, number in (line.rpartition(" ") for line in lines if line)}
    except ValueError as error:
        raise fault(folder, f"{path.name} holds a line that is not a token and its number.") from error
    if len(numbered) != blank + 1 or numbered.get(blank) != BLANK:
        expected = f"{blank} tokens and {BLANK} as the last, number {blank}"
        raise fault(folder, f"{path.name} has {len(numbered)} tokens; the model has {expected}.")
    return Tokens([numbered[number] for number in range(blank)])


def _bytes(piece: str) -> bytes:
    if byte := _BYTE.fullmatch(piece):
        return bytes.fromhex(byte[1])
    return b"" if _SIGN.fullmatch(piece) else piece.replace(WORD, " ").encode()
