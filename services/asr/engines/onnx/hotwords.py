"""Biases a beam search to phrases, with an Aho-Corasick automaton (1975) over the characters of the tokens.

By characters rather than tokens, so that it does not matter into which pieces the model would cut a phrase, and no
tokenizer is needed. What is matched so far of a phrase adds to a hypothesis' score for each character, and is taken
back when the phrase does not go on. A phrase is matched where whole words are: "ann" is not in "annual".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from services.asr.engines.onnx.features import Array
from services.asr.engines.onnx.tokens import WORD

_KNOWN = 512  # places in the phrases of which it is kept what each token does there
_BREAKS = str.maketrans(dict.fromkeys(" .,?!;:-", WORD))


@dataclass(slots=True, eq=False)
class Node:
    """A state of the automaton: the longest beginning of a phrase that the text so far ends with."""

    depth: int = 0
    boundary: bool = False  # a word's end or start is the last of it
    ends: bool = False  # it is a whole phrase
    next: dict[str, Node] = field(default_factory=dict)
    longest: Node | None = None  # the longest beginning this one ends with; None of the root

    @property
    def matched(self) -> int:
        """Number of matched characters that score: all but the word boundary at the start."""
        return max(0, self.depth - 1)


class Hotwords:
    """A session's phrases against one model's tokens. A token's effect is computed when it is first asked for."""

    def __init__(self, phrases: Sequence[str], pieces: Sequence[str], score: float) -> None:
        self._pieces = [_plain(piece) for piece in pieces]
        self._score = score  # of a matched character, as a logarithm of a probability
        self.root = Node()
        for phrase in phrases:
            self._add(WORD.join(["", *filter(None, _plain(phrase).split(WORD)), ""]))
        _link(self.root)
        self.after = lru_cache(_KNOWN)(self._after)

    def _after(self, node: Node) -> tuple[Array, list[Node]]:
        """Return the score that each token adds and the node it leads to; the last token, blank, adds nothing and
        stays.
        """
        steps = [self._walk(node, piece) for piece in self._pieces]
        gains = np.array([gain for gain, _ in steps] + [0.0], np.float32)
        return gains, [*(reached for _, reached in steps), node]

    def at_end(self, node: Node) -> float:
        """Return the score to add when the text ends here: a complete phrase keeps its score, one only begun
        loses it.
        """
        gain, reached = self._walk(node, WORD)
        return gain - self._score * reached.matched

    def _add(self, phrase: str) -> None:
        node = self.root
        for character in phrase:
            node = node.next.setdefault(character, Node(node.depth + 1, character == WORD))
        node.ends = True

    def _walk(self, node: Node, text: str) -> tuple[float, Node]:
        before, whole = node.matched, 0
        for character in text:
            if character == WORD and node.boundary:
                continue  # a comma and the space behind it are one
            while character not in node.next and node.longest:
                node = node.longest
                whole += node.matched if node.ends else 0
            node = node.next.get(character, node)
            if node.ends:
                whole += node.matched
                node = self.root.next[WORD]
        return self._score * (whole + node.matched - before), node


def _plain(text: str) -> str:
    return text.translate(_BREAKS).casefold()


def _link(root: Node) -> None:
    for node in _by_depth(root):
        for character, child in node.next.items():
            shorter = node.longest
            while shorter and character not in shorter.next:
                shorter = shorter.longest
            child.longest = shorter.next[character] if shorter else root


def _by_depth(root: Node) -> Iterator[Node]:
    level = [root]
    while level:
        yield from level
        level = [child for node in level for child in node.next.values()]
