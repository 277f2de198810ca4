"""Marian's tokens, by sentencepiece alone: what the engine is compared with must not come from the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import sentencepiece

from tests.models.mt.vocabulary import END, PAD, UNKNOWN


@dataclass(frozen=True, slots=True)
class Tokens:
    """Texts to ids and back."""

    pieces_of_source: sentencepiece.SentencePieceProcessor
    pieces_of_target: sentencepiece.SentencePieceProcessor
    ids: dict[str, int]

    @classmethod
    def of(cls, folder: Path) -> Tokens:
        """Those of a model or a bundle."""
        read = sentencepiece.SentencePieceProcessor
        ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        return cls(read(model_file=str(folder / "source.spm")), read(model_file=str(folder / "target.spm")), ids)

    @property
    def pad(self) -> int:
        """The id of nothing; also the first of every translation."""
        return self.ids[PAD]

    def source(self, text: str) -> list[int]:
        """With the end."""
        return self._ids(self.pieces_of_source, text)

    def target(self, text: str) -> list[int]:
        """With the end."""
        return self._ids(self.pieces_of_target, text)

    def text(self, ids: list[int]) -> str:
        """Of a translation."""
        pieces = {number: piece for piece, number in self.ids.items()}
        left_out = {self.ids[END], self.pad}
        return str(self.pieces_of_target.decode_pieces([pieces[number] for number in ids if number not in left_out]))

    def _ids(self, pieces: sentencepiece.SentencePieceProcessor, text: str) -> list[int]:
        found = pieces.encode(text, out_type=str)
        return [*(self.ids.get(piece, self.ids[UNKNOWN]) for piece in found), self.ids[END]]
