"""Converts between texts and the token ids of a model that was converted for CTranslate2."""

from __future__ import annotations

import json
from collections.abc import Sequence

from services.common.neural.bundles import Bundle, fault
from services.mt.engine import Pair
from services.mt.neural.tokens import SPACE, UNKNOWN, sentence_pieces, word_begins
from services.mt.neural.weights import Array

END = "</s>"
LAYOUTS = ("ct2-marian", "ct2-m2m100", "ct2-nllb")
_CONFIG = "config.json"
_SHARED = "shared_vocabulary.json"
_ONE = "sentencepiece.bpe.model"  # of models that have one for all languages


class Pieces:
    """A bundle's tokenizer, whose ids are indexes in the model's vocabularies; implements Tokenizer."""

    def __init__(self, bundle: Bundle) -> None:
        """Read the vocabularies. Raises InvalidArgument where a file is missing, or does not match the layout."""
        marian = bundle.manifest.layout == "ct2-marian"
        self._spelling = tuple(sentence_pieces(bundle, name) for name in (_names(marian)))
        self._words = _vocabularies(bundle)  # of source and target
        self._ids = tuple({token: place for place, token in enumerate(words)} for words in self._words)
        self._languages = _Languages(bundle, marian)
        self.unknown = self._ids[0].get(UNKNOWN, -1)
        if self.unknown < 0 or self._ids[1].get(UNKNOWN) != self.unknown or END not in self._ids[1]:
            raise fault(bundle.folder, f"Its vocabularies do not have {UNKNOWN} in the same place, and {END}.")
        self._languages.check(bundle, self._ids)

    @property
    def end(self) -> int:
        """The id of the token that ends a translation."""
        return self._ids[1][END]

    @property
    def count(self) -> int:
        """Number of ids in the target vocabulary."""
        return len(self._words[1])

    def source(self, text: str, pair: Pair) -> list[int]:
        """Return the ids of a text to translate, with language tokens and end."""
        tokens = [*self._languages.source(pair), *self._spelling[0].encode(text, out_type=str), *self._languages.ends]
        return [self._ids[0].get(token, self.unknown) for token in tokens]

    def prompt(self, pair: Pair) -> list[int]:
        """Return the ids that every translation starts with, but for the first: CTranslate2 adds that one itself."""
        return [self._ids[1][token] for token in self._languages.target(pair)]

    def target(self, text: str) -> list[int]:
        """Return the ids of a piece of a translation, without start and end."""
        return [self._ids[1].get(piece, self.unknown) for piece in self._spelling[1].encode(text, out_type=str)]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell; end and unknown ids spell nothing."""
        said = [self._words[1][each] for each in ids if each not in (self.end, self.unknown)]
        return str(self._spelling[1].decode_pieces(said)).replace(SPACE, " ").strip()

    def begins(self, count: int) -> Array:
        """Return for each of the first `count` ids whether it may follow a whole word."""
        return word_begins(count, self._words[1].__getitem__, self.end)

    def source_tokens(self, ids: Sequence[int]) -> list[str]:
        """Return a source's ids as the token strings that CTranslate2 takes."""
        return [self._words[0][each] for each in ids]

    def target_tokens(self, ids: Sequence[int]) -> list[str]:
        """Return a translation's ids as the token strings that CTranslate2 takes."""
        return [self._words[1][each] for each in ids]

    def target_ids(self, tokens: Sequence[str]) -> list[int]:
        """Return the ids of token strings that CTranslate2 returned."""
        return [self._ids[1].get(token, self.unknown) for token in tokens]


class _Languages:
    """Language tokens of a model, and the token that ends a source."""

    def __init__(self, bundle: Bundle, marian: bool) -> None:
        self._marian = marian
        self._tags = bundle.manifest.tags
        self._usual = "__{}__" if bundle.manifest.layout == "ct2-m2m100" else "{}"
        self.ends = () if _config(bundle).get("add_source_eos") else (END,)

    def source(self, pair: Pair) -> list[str]:
        """Return the tokens that a source begins with: its language; for a Marian model of several targets, the
        target.
        """
        if not self._marian:
            return [self._called(pair.source)]
        return [self._tags[pair.target]] if pair.target in self._tags else []

    def target(self, pair: Pair) -> list[str]:
        """Return the tokens that a translation begins with: the target language; none for a Marian model."""
        return [] if self._marian else [self._called(pair.target)]

    def check(self, bundle: Bundle, ids: tuple[dict[str, int], ...]) -> None:
        """Raise InvalidArgument where the model has no token for one of the bundle's languages."""
        for pair in (Pair(*each) for each in bundle.manifest.pairs):
            for known, tokens in ((ids[0], self.source(pair)), (ids[1], self.target(pair))):
                for token in tokens:
                    if token not in known:
                        wrong = f"The model knows no {token!r}, as {pair.source} or {pair.target} is called in `tags`."
                        raise fault(bundle.folder, wrong)

    def _called(self, language: str) -> str:
        return self._tags.get(language, self._usual.format(language))


def _names(marian: bool) -> tuple[str, str]:
    return ("source.spm", "target.spm") if marian else (_ONE, _ONE)


def _vocabularies(bundle: Bundle) -> tuple[list[str], list[str]]:
    if bundle.has(_SHARED):
        shared = _tokens(bundle, _SHARED)
        return shared, shared
    return _tokens(bundle, "source_vocabulary.json"), _tokens(bundle, "target_vocabulary.json")


def _tokens(bundle: Bundle, name: str) -> list[str]:
    found = _json(bundle, name)
    if not isinstance(found, list):
        raise fault(bundle.folder, f"{name} holds no list of tokens.")
    return [str(token) for token in found]


def _config(bundle: Bundle) -> dict[str, object]:
    found = _json(bundle, _CONFIG)
    if not isinstance(found, dict):
        raise fault(bundle.folder, f"{_CONFIG} holds no object.")
    return found


def _json(bundle: Bundle, name: str) -> object:
    try:
        return json.loads(bundle.file(name).read_bytes())
    except ValueError as error:
        raise fault(bundle.folder, f"{name} is not JSON.") from error
