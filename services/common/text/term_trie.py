"""Finds terms in a text by a trie of words, in a time that grows with the text and not with the terms. Pure.

A term stands where its words do, each whole: letters, digits and underscores make a word, any other character that is
no space is one of its own, and any stretch of space parts two words. Of terms that stand at one place the longest as
written counts, a plural after all that stand there as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SPACE = " "
_UNEVEN = re.compile(r"\s\s|[^\S ]")  # space that is more than a single blank
_STRAIGHT, _CURLY = "'", "\N{RIGHT SINGLE QUOTATION MARK}"
_INFLECTED_LENGTH = 4  # "new" has no plural "news"
_ACRONYM_LENGTH = 2
_MOST_DECOMPOSED = 4  # code points that become one, when letters and their accents are put together
_KNOWN_FOLDS = 4096  # characters of which it is remembered how they are compared


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a term in a text: its index among those looked for, and its code points from `start` to `end`."""

    index: int
    start: int
    end: int


class _Form:
    """One form of a term (singular or plural), at the end of its path through the trie."""

    __slots__ = ("exact", "plain", "rank", "tokens")

    def __init__(self, rank: tuple[bool, int, int], tokens: Sequence[str], exact: bool) -> None:
        self.rank = rank  # of several forms at one place the smallest counts
        self.tokens = tokens
        self.exact = exact  # whether capitals are told from small letters
        self.plain = not exact and _CURLY not in tokens  # whether the trie tells all about it

    @property
    def index(self) -> int:
        return self.rank[2]

    def stands(self, said: Sequence[str]) -> bool:
        """Return whether the text matches the form's capitals and curly apostrophes; a straight one matches either."""
        return all(
            word in (_STRAIGHT, heard) or (word != _CURLY and not self.exact)
            for word, heard in zip(self.tokens, said, strict=True)
        )


class _Node:
    __slots__ = ("forms", "next")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.forms: list[_Form] = []

    def behind(self, keys: Sequence[str]) -> _Node:
        """Return the node behind this one by some tokens, creating the path that is missing."""
        node = self
        for key in keys:
            following = node.next.get(key)
            if following is None:
                following = node.next[key] = _Node()
            node = following
        return node


class _Tokens:
    """A text as tokens, both as written and as compared."""

    __slots__ = ("keys", "said", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.said: Sequence[str] = _TOKEN.findall(text)
        small = folded(text)
        self.keys = self.said if small == text else _cut(small, self.said)
        if _UNEVEN.search(text):
            self.said, self.keys = list(map(_plain, self.said)), list(map(_plain, self.keys))
        if _CURLY in text:
            self.keys = list(map(_key, self.keys))

    def spans(self) -> list[tuple[int, int]]:
        """Return each token's start and end in the text."""
        return [found.span() for found in _TOKEN.finditer(self.text)]


class Finder:
    """Finds some terms, given in composed form, in texts. Terms in capitals need capitals only with `exact`."""

    def __init__(self, sources: Sequence[str], inflected: Set[str] = frozenset(), exact: bool = True) -> None:
        self._root = _Node()
        self._last: tuple[str, tuple[Place, ...]] = ("", ())  # a text and what was found: many ask about the same one
        self.most_words = 0  # of a term
        self._longest = max(map(len, sources), default=0)
        for index, source in enumerate(sources):
            tokens = _Tokens(" ".join(source.split()))
            self.most_words = max(self.most_words, 1 + tokens.keys.count(_SPACE))
            acronym = exact and source.isupper() and len(source) >= _ACRONYM_LENGTH
            node = self._root.behind(tokens.keys[:-1])
            rank = (False, -len(source), index)
            node.behind(tokens.keys[-1:]).forms.append(_Form(rank, tokens.said, acronym))
            if source in inflected and _has_plural(source):
                self._add_plurals(source, _Form((True, *rank[1:]), tokens.said, acronym), node)

    def _add_plurals(self, source: str, form: _Form, before_last: _Node) -> None:
        """Add a term's plurals as many European languages form them, by changing the last word."""
        *before, last = form.tokens
        words = [last + "es", last + "s"]
        if source[-1] in "yY" and len(last) > 1:
            words.append(last[:-1] + "ies")
        elif source[-1] in "yY":
            whole = _Tokens(" ".join(source[:-1].split()) + "ies")
            node = self._root.behind(whole.keys)
            node.forms.append(_Form(form.rank, whole.said, form.exact))
        for word in words:
            before_last.behind([folded(word)]).forms.append(_Form(form.rank, [*before, word], form.exact))

    def places(self, text: str) -> tuple[Place, ...]:
        """Return the places of terms in a composed text, in order; none of them inside another."""
        if self._last[0] != text:
            self._last = (text, tuple(self._places(_Tokens(text))))
        return self._last[1]

    def may_begin(self, words: str) -> bool:
        """Return whether a term starts with these words, and continues with another one."""
        if len(words) > _MOST_DECOMPOSED * self._longest:
            return False
        node: _Node | None = self._root
        for token in _Tokens(unicodedata.normalize("NFC", " ".join(words.split()))).keys:
            node = node.next.get(token) if node else None
        return node is not None and _SPACE in node.next

    def _places(self, text: _Tokens) -> Iterator[Place]:
        at, spans = 0, text.spans()
        while at < len(spans):
            form = self._first(text, at) if _begins(text.said, at) else None
            if form is None:
                at += 1
            else:
                last = at + len(form.tokens) - 1
                yield Place(form.index, spans[at][0], spans[last][1])
                at = last + 1

    def _first(self, text: _Tokens, at: int) -> _Form | None:
        """Return the form that matches at a place; None where no term begins."""
        best: _Form | None = None
        node, end = self._root, at
        while end < len(text.keys) and (following := node.next.get(text.keys[end])) is not None:
            node, end = following, end + 1
            for form in node.forms if node.forms and _ends(text.said, end) else ():
                if (best is None or form.rank < best.rank) and (form.plain or form.stands(text.said[at:end])):
                    best = form
        return best


def _cut(text: str, tokens: Iterable[str]) -> list[str]:
    """Cut a text into pieces of the tokens' lengths."""
    ends = list(accumulate(map(len, tokens)))
    return [text[start:end] for start, end in pairwise((0, *ends))]


def key(term: str) -> tuple[str, ...]:
    """Return the key of a term, capitals aside: terms with equal keys match at the same places."""
    return tuple(_Tokens(" ".join(term.split())).keys)


def _plain(token: str) -> str:
    """Return a token for comparison, any stretch of space being a single one."""
    return _SPACE if token.isspace() else token


def _key(folded_token: str) -> str:
    return _STRAIGHT if folded_token == _CURLY else folded_token


def folded(text: str) -> str:
    """Return a text without capitals, character by character, so that its length stays the same."""
    small = text.casefold()
    return small if len(small) == len(text) else "".join(map(_folded, text))


@lru_cache(_KNOWN_FOLDS)
def _folded(char: str) -> str:
    return next((small for small in (char.casefold(), char.lower()) if len(small) == 1), char)


def _begins(said: Sequence[str], at: int) -> bool:
    """Return whether a term may begin at a token: not inside a word, nor on a sign that touches one."""
    return said[at] != _SPACE and (at == 0 or not _is_word(said[at - 1]))


def _ends(said: Sequence[str], end: int) -> bool:
    return end == len(said) or not _is_word(said[end])


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _has_plural(source: str) -> bool:
    return source[-1].isalpha() and (len(source) >= _INFLECTED_LENGTH or source.isupper())
