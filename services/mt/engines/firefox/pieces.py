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
    """A sentencepiece tokenizer whose translations start with an id behind all others, which embeds to zeros."""

    def __init__(self, bundle: Bundle, ids: int) -> None:
        """Read the tokenizer for a model of `ids` ids. Raises InvalidArgument where the vocabulary does not fit."""
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
        """Return the ids of a text to translate, followed by the end."""
        return [*self.target(text), self.end]

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with: the start id, whatever the pair."""
        return [self.start]

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""
        return list(self._pieces.encode(text))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; start, end and unknown ids spell nothing."""
        special = (self.end, self.start, self.unknown)
        said = "".join(self._pieces.id_to_piece(each) for each in ids if each not in special)
        return said.replace(SPACE, " ").strip()

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word."""
        return word_begins(count, self._pieces.id_to_piece, self.end)
