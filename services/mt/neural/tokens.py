"""Between texts and a model's ids, exactly as `transformers` has it.

A Marian tokenizer there knows a normalizer of punctuation, from sacremoses, and does not apply it: nor does this one.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import sentencepiece
import tokenizers

from services.common.neural.bundles import Bundle, fault
from services.mt.engine import Pair
from services.mt.neural.weights import Array

SPACE = "\u2581"  # that a piece begins with when a word does
UNKNOWN = "<unk>"
_WITHIN_WORDS = ("'", "\u2019", "-")
# Of M2M100, in the order of their ids, which follow those of the pieces.
_LANGUAGES = """
af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy id ig
ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so
sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu
"""


@dataclass(frozen=True, slots=True)
class Ids:
    """The special ids of a vocabulary: start, end and padding."""

    start: int  # what a translation starts with
    end: int
    pad: int


class Tokenizer(Protocol):
    """Converts texts to a model's ids and back."""

    unknown: int  # the id of what has none

    def source(self, text: str, pair: Pair) -> list[int]:
        """Return the ids of a text to translate, with language tokens and end."""

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with."""

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; the unknown id spells nothing."""

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word: word beginnings, marks, the
        end.
        """


def tokenizer(bundle: Bundle, ids: Ids) -> Tokenizer:
    """Return a bundle's tokenizer. Raises InvalidArgument naming the file, or the language, that is wrong."""
    if bundle.manifest.layout == "marian":
        made: Tokenizer = Marian(bundle, ids)
    elif bundle.has("tokenizer.json"):
        made = Nllb(bundle, ids)
    else:
        made = M2m100(bundle, ids)
    for source, target in bundle.manifest.pairs:
        try:
            made.source("", Pair(source, target))
            made.prompt(Pair(source, target))
        except KeyError as error:
            unknown = f"The model knows no {error.args[0]!r}, which `tags` names for {source} or {target}."
            raise fault(bundle.folder, unknown) from error
    return made


class Marian:
    """Marian's tokenizer: two sentencepiece models, one vocabulary, and for several targets a tag such as `>>spa<<`."""

    def __init__(self, bundle: Bundle, ids: Ids) -> None:
        self._source = sentence_pieces(bundle, "source.spm")
        self._target = sentence_pieces(bundle, "target.spm")
        self._ids = _vocabulary(bundle)
        self._words = {number: piece for piece, number in self._ids.items()}
        self._tags = bundle.manifest.tags
        self._special = ids
        self.unknown = self._ids[UNKNOWN]

    def source(self, text: str, pair: Pair) -> list[int]:
        """Return the ids of a text to translate: the target's tag where there is one, the text, the end."""
        tags = [self._ids[self._tags[pair.target]]] if pair.target in self._tags else []
        return [*tags, *self._known(self._source.encode(text, out_type=str)), self._special.end]

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with: the start id, whatever the pair."""
        return [self._special.start]

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""
        return self._known(self._target.encode(text, out_type=str))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; special and unknown ids spell nothing."""
        special = (self._special.end, self._special.pad, self.unknown)
        said = self._target.decode_pieces([self._words[each] for each in ids if each not in special])
        return str(said).replace(SPACE, " ").strip()

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word."""
        return word_begins(count, self._words.get, self._special.end)

    def _known(self, pieces: Iterable[str]) -> list[int]:
        return [self._ids.get(piece, self.unknown) for piece in pieces]


class M2m100:
    """M2M100's tokenizer: one sentencepiece model and a vocabulary, with the languages' ids behind it."""

    def __init__(self, bundle: Bundle, ids: Ids) -> None:
        self._pieces = sentence_pieces(bundle, "sentencepiece.bpe.model")
        self._ids = _vocabulary(bundle)
        self._words = {number: piece for piece, number in self._ids.items()}
        self._languages = {f"__{code}__": len(self._ids) + number for number, code in enumerate(_LANGUAGES.split())}
        self._tags = bundle.manifest.tags
        self._special = ids
        self.unknown = self._ids[UNKNOWN]

    def source(self, text: str, pair: Pair) -> list[int]:
        """Return the ids of a text to translate: the source language, the text, the end."""
        return [self._language(pair.source), *self.target(text), self._special.end]

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with: the start id and the target language."""
        return [self._special.start, self._language(pair.target)]

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""
        return [self._ids.get(piece, self.unknown) for piece in self._pieces.encode(text, out_type=str)]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; special and unknown ids spell nothing."""
        special = (self._special.end, self._special.pad, self._special.start, self.unknown)
        pieces = [self._words.get(each, "") for each in ids if each not in special]
        return str(self._pieces.decode_pieces([piece for piece in pieces if piece])).strip()

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word."""
        return word_begins(count, self._words.get, self._special.end)

    def _language(self, language: str) -> int:
        return self._languages[self._tags.get(language, f"__{language}__")]


class Nllb:
    """NLLB's tokenizer, of the `tokenizers` library; languages are tokens of its vocabulary."""

    def __init__(self, bundle: Bundle, ids: Ids) -> None:
        said = bundle.file("tokenizer.json").read_text(encoding="utf-8")
        if '"model"' not in said:
            raise fault(bundle.folder, "tokenizer.json is no tokenizer of the `tokenizers` library.")
        self._library = tokenizers.Tokenizer.from_str(said)
        self._tags = bundle.manifest.tags
        self._special = ids
        self.unknown = self._id(UNKNOWN)

    def source(self, text: str, pair: Pair) -> list[int]:
        """Return the ids of a text to translate: the source language, the text, the end."""
        return [self._language(pair.source), *self.target(text), self._special.end]

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with: the start id and the target language."""
        return [self._special.start, self._language(pair.target)]

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""
        return list(self._library.encode(text, add_special_tokens=False).ids)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; special tokens spell nothing."""
        return str(self._library.decode(list(ids), skip_special_tokens=True)).strip()

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word."""
        return word_begins(count, self._library.id_to_token, self._special.end)

    def _language(self, language: str) -> int:
        return self._id(self._tags.get(language, language))

    def _id(self, token: str) -> int:
        number = self._library.token_to_id(token)
        if number is None:
            raise KeyError(token)
        return int(number)


def word_begins(count: int, word: Callable[[int], str | None], end: int) -> Array:
    """Return for each of the first `count` ids whether it may follow a whole word: word beginnings, marks, the end."""
    allowed = np.array([_begins_word(word(number) or "") for number in range(count)])
    allowed[end] = True
    return allowed


def _begins_word(piece: str) -> bool:
    first = piece[:1]
    mark = unicodedata.category(first)[0] in "PS" if first else False
    return first == SPACE or (mark and first not in _WITHIN_WORDS and not piece.startswith("<"))


def sentence_pieces(bundle: Bundle, name: str) -> sentencepiece.SentencePieceProcessor:
    """Load a sentencepiece model of a bundle. Raises InvalidArgument where the file is none."""
    path = bundle.file(name)
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise fault(bundle.folder, f"{name} is no sentencepiece model.") from error


def _vocabulary(bundle: Bundle) -> dict[str, int]:
    try:
        ids = json.loads(bundle.file("vocab.json").read_bytes())
    except ValueError as error:
        raise fault(bundle.folder, "vocab.json is not JSON.") from error
    if not isinstance(ids, dict) or UNKNOWN not in ids:
        raise fault(bundle.folder, f"vocab.json is no vocabulary: it has no {UNKNOWN}.")
    return ids
