"""Finds terms in a text by a trie of words, in a time that grows with the text and not with the terms. Pure.

A term stands where its words do, each whole: letters, digits and underscores make a word, any other character that is
no space is one of its own, and any stretch of space parts two words. Of terms that stand at one place the longest as
written counts, a plural after all that stand there as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SPACE = " "
_STRAIGHT, _CURLY = "'", "\N{RIGHT SINGLE QUOTATION MARK}"
_INFLECTED_LENGTH = 4  # "new" has no plural "news"
_ACRONYM_LENGTH = 2
_KNOWN_FOLDS = 4096  # characters of which it is remembered how they are compared


@dataclass(frozen=True, slots=True)
class Place:
    """Where a term stands: its index among those looked for, and the code points from `start` to `end`."""

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of a term, at the end of its path through the trie."""

    rank: tuple[bool, int, int]  # of several forms at one place the smallest counts
    tokens: Sequence[str]
    exact: bool  # whether capitals are told from small letters

    @property
    def index(self) -> int:
        return self.rank[2]

    @property
    def plain(self) -> bool:
        """Whether the trie tells all about it: it has no capitals and no apostrophes of its own."""
        return not self.exact and _CURLY not in self.tokens

    def stands(self, said: Sequence[str]) -> bool:
        """Whether the text has its capitals and its curly apostrophes too; a straight one stands for either."""
        return all(
            word in (_STRAIGHT, heard) or (word != _CURLY and not self.exact)
            for word, heard in zip(self.tokens, said, strict=True)
        )


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    forms: list[_Form] = field(default_factory=list)


class Finder:
    """Looks for some terms, given in composed form. Terms in capitals count in capitals only where `exact`."""

    def __init__(self, sources: Sequence[str], inflected: Set[str] = frozenset(), exact: bool = True) -> None:
        self._root = _Node()
        self._last: tuple[str, tuple[Place, ...]] = ("", ())  # a text and what was found: many ask about the same one
        for index, source in enumerate(sources):
            tokens = _tokens(source)
            acronym = exact and source.isupper() and len(source) >= _ACRONYM_LENGTH
            for plural, form in [(False, tokens), *((True, form) for form in _plurals(source, tokens, inflected))]:
                self._add(_Form((plural, -len(source), index), form, acronym))

    def places(self, text: str) -> tuple[Place, ...]:
        """Where terms stand in a composed text, in order; none of them inside another."""
        if self._last[0] != text:
            self._last = (text, tuple(self._places(text)))
        return self._last[1]

    def _places(self, text: str) -> Iterator[Place]:
        found = list(_TOKEN.finditer(text))
        said = [_plain(token.group()) for token in found]
        keys = [_key(token) for token in said]
        at = 0
        while at < len(keys):
            form = self._first(keys, said, at) if _begins(said, at) else None
            if form is None:
                at += 1
            else:
                last = at + len(form.tokens) - 1
                yield Place(form.index, found[at].start(), found[last].end())
                at = last + 1

    def _first(self, keys: Sequence[str], said: Sequence[str], at: int) -> _Form | None:
        """The form that counts at a place; None where no term begins."""
        best: _Form | None = None
        node, end = self._root, at
        while end < len(keys) and (following := node.next.get(keys[end])) is not None:
            node, end = following, end + 1
            for form in node.forms if _ends(said, end) else ():
                if (best is None or form.rank < best.rank) and (form.plain or form.stands(said[at:end])):
                    best = form
        return best

    def _add(self, form: _Form) -> None:
        node = self._root
        for token in form.tokens:
            node = node.next.setdefault(_key(token), _Node())
        node.forms.append(form)


def key(term: str) -> tuple[str, ...]:
    """What a term is compared by, capitals aside: two terms of one key stand at the same places."""
    return tuple(map(_key, _tokens(term)))


def _tokens(text: str) -> list[str]:
    return [_plain(token) for token in _TOKEN.findall(" ".join(text.split()))]


def _plain(token: str) -> str:
    """A token, any stretch of space as one."""
    return _SPACE if token.isspace() else token


def _key(token: str) -> str:
    return _STRAIGHT if token == _CURLY else folded(token)


def folded(text: str) -> str:
    """A text as it is compared, without capitals: each character for itself, so that it has as many as before."""
    small = text.casefold()
    return small if len(small) == len(text) else "".join(map(_folded, text))


@lru_cache(_KNOWN_FOLDS)
def _folded(char: str) -> str:
    return next((small for small in (char.casefold(), char.lower()) if len(small) == 1), char)


def _begins(said: Sequence[str], at: int) -> bool:
    """Whether a term may begin with a token: not within a word, nor on a sign that touches one."""
    return said[at] != _SPACE and (at == 0 or not _is_word(said[at - 1]))


def _ends(said: Sequence[str], end: int) -> bool:
    return end == len(said) or not _is_word(said[end])


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _plurals(source: str, tokens: Sequence[str], inflected: Set[str]) -> Iterable[Sequence[str]]:
    """A term's plurals as many languages of Europe write them; none of what hardly has one."""
    if source not in inflected or not source[-1].isalpha():
        return
    if len(source) < _INFLECTED_LENGTH and not source.isupper():
        return
    *before, last = tokens
    if source[-1] in "yY":
        yield _tokens(" ".join(source[:-1].split()) + "ies") if len(last) == 1 else [*before, last[:-1] + "ies"]
    yield [*before, last + "es"]
    yield [*before, last + "s"]
