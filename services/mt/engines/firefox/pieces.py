"""Between texts and a model's ids: one sentencepiece model has the ids of both languages."""

from __future__ import annotations

from collections.abc import Sequence

import sentencepiece

from services.common.neural.bundles import Bundle, fault
from services.mt.engine import Pair
from services.mt.neural.tokens import SPACE, sentence_pieces, word_begins
from services.mt.neural.weights import Array

VOCABULARY = "vocab.spm"


class Pieces:
    """See Tokenizer. A translation starts with an id behind all others, which looks up zeros."""

    def __init__(self, bundle: Bundle, ids: int) -> None:
        """For a model of so many ids. Raises InvalidArgument where the vocabulary does not fit it."""
        self._pieces: sentencepiece.SentencePieceProcessor = sentence_pieces(bundle, VOCABULARY)
        count = self._pieces.get_piece_size()
        if count != ids:
            raise fault(bundle.folder, f"{VOCABULARY} has {count} pieces, and the model {ids} ids.")
        self.unknown: int = self._pieces.unk_id()
        self.end: int = self._pieces.eos_id()
        self.start = ids
        if min(self.unknown, self.end) < 0:
            raise fault(bundle.folder, f"{VOCABULARY} has no piece for what is unknown, or for the end.")

    def source(self, text: str, pair: Pair) -> list[int]:
        """See Tokenizer."""
        return [*self.target(text), self.end]

    def prompt(self, pair: Pair) -> list[int]:
        """See Tokenizer."""
        return [self.start]

    def target(self, text: str) -> list[int]:
        """See Tokenizer."""
        return list(self._pieces.encode(text))

    def text(self, ids: Sequence[int]) -> str:
        """See Tokenizer."""
        special = (self.end, self.start, self.unknown)
        said = "".join(self._pieces.id_to_piece(each) for each in ids if each not in special)
        return said.replace(SPACE, " ").strip()

    def begins(self, count: int) -> Array:
        """See Tokenizer."""
        return word_begins(count, self._pieces.id_to_piece, self.end)
