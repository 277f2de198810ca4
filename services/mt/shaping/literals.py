"""Finds the parts of a text that are no language: addresses, paths, placeholders, code, words in other scripts.
Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from services.common.text.placeholders import PATTERN
from services.common.text.terminology import Term, occurrences

_ENDS = r"(?<![.,;:!?)\]}'\"»”\u2019])"  # marks behind an address belong to the sentence
_DOMAINS = "com|org|net|edu|gov|info|io|dev|app|eu|uk|es|pt|br|cat|gal|fr|it|de"
_FILES = (
    "py|js|ts|sh|c|h|cc|cpp|rs|go|java|rb|php|html?|css|json|ya?ml|toml|xml|csv|tsv|txt|md|pdf|docx?|xlsx?|pptx?|"
    "png|jpe?g|gif|svg|mp[34]|wav|ogg|flac|mkv|zip|gz|tar|deb|exe|dll|so|conf|cfg|ini|log|sql|proto|onnx"
)
_OPERATOR = "(?:[-+*/|&]?=|==|!=|<=|>=|->|=>|:=)"
_PATTERNS = (
    r"`[^`]+`",
    r"\{\{[^{}]*\}\}|\$?\{[^{}\s]*\}|%\(\w+\)[a-z]|(?<![\w%])%[-+0-9.]*[a-zA-Z](?!\w)",
    r"</?[A-Za-z][^<>]*>|&#?\w+;",
    rf"(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\"«»“”]+{_ENDS}",
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    rf"(?<![\w.@-])(?:[A-Za-z0-9-]+\.)+(?:{_DOMAINS})(?:/[^\s<>\"«»“”]*{_ENDS})?(?![\w-])",
    rf"(?<![\w.])[\w-]+\.(?:{_FILES})(?!\w)",
    r"(?<![\w/.~])(?:~|\.{1,2})?/[\w.~-]*\w(?:/[\w.~-]*\w)*/?|\b[A-Za-z]:\\[\w\\.-]*\w",
    r"(?<![\w@])@\w[\w.]*\w",
    r"(?<![\w#&])#\w*[^\W\d]\w*",
    r"(?<![\w$])\$[A-Z_][A-Z0-9_]+\b",
    r"(?<![\w-])--?[a-z][\w-]*(?:=\S*\w)?(?![\w-])",
    rf"\b[A-Za-z_][\w.]*(?:\[\w*\])? ?{_OPERATOR} ?(?:\"[^\"]*\"|'[^']*'|[\w.+*/()\[\]-]*\w[)\]]*)",
    r"\b[A-Za-z_][\w.]*\w\((?:[\w.,=\"' ]*)\)",
    r"\b[A-Z\u00c0-\u00dd]\w+(?:-[a-z]\w*)+-[A-Z\u00c0-\u00dd]\w+\b",
    r"\b\w*[^\W_]_\w+\b|\b_+\w+\b",
    r"\b[a-z]+[A-Z]\w*\b",
    r"\bv?(?!\d{1,3}(?:\.\d{3})+(?!\d))\d+(?:\.\d+){2,}\b",
    r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z?)?\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b",
    r"(?<![\w+])\+\d[\d ()-]{6,}\d\b",
    r"\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{12,}\b",
)
_LITERAL = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS))
_PLACEHOLDER = re.compile(PATTERN)
_WORD = re.compile(r"[^\W\d_]+")


def found(text: str, terms: Sequence[Term], foreign: bool) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a text that are to be copied, in order; with `foreign`, words in non-Latin letters as
    well.

    What overlaps with a term is left to the term, but for placeholders.
    """
    hidden = [match.span() for match in _PLACEHOLDER.finditer(text)]
    taken = [(each.start, each.end) for each in occurrences(text, terms) if (each.start, each.end) not in hidden]
    spans = hidden + [match.span() for match in _LITERAL.finditer(text)]
    if foreign:
        spans += [match.span() for match in _WORD.finditer(text) if not _latin(match.group())]
    spans += [(place, place + 1) for place, char in enumerate(text) if unicodedata.category(char) == "So"]
    end = 0
    for start, stop in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end and all(stop <= other or start >= its_end for other, its_end in taken):
            yield start, stop
            end = stop


def _latin(word: str) -> bool:
    letters = [char for char in word if char.isalpha()]
    return not letters or any(unicodedata.name(char, "").startswith(("LATIN", "FULLWIDTH LATIN")) for char in letters)
