r"""Makes foreign text fit to be shown: characters that would steer a terminal, or reverse a line, are escaped.

Escaped are the control characters of ASCII and Latin-1 (ESC and CSI among them), the characters that override or embed
a direction of writing, those that separate lines and paragraphs, and lone surrogates. They are written `\u001b`, as
JSON has it, so JSON that is shown this way is still the same JSON.
"""

from __future__ import annotations

import re

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDIRECTIONAL = "\u202a-\u202e\u2066-\u2069"
_SEPARATOR = "\u2028\u2029"
_STEERING = re.compile(f"[{_CONTROL}{_BIDIRECTIONAL}{_SEPARATOR}\ud800-\udfff]")
_WHITE = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]")


def printable(text: str) -> str:
    """Return text as one line: line breaks become spaces, other steering characters are escaped."""
    return printable_lines(_WHITE.sub(" ", text))


def printable_lines(text: str) -> str:
    """Return text with its line feeds and tabs; other steering characters are escaped."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
