"""Rewrites set phrases of a step's answer in the target's usage, by `usage.toml`. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

from services.mt.engine import Pair

_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_TABLE = Path(__file__).with_name("usage.toml")


def polished(text: str, pair: Pair) -> str:
    """Return a step's answer in the wording of its target's writers; a capital at the beginning stays."""
    return _written(text, _rules(pair.languages))


def handed_on(text: str, pair: Pair) -> str:
    """Return a step's polished answer in the form that the next step reads best."""
    return _written(text, _rules(f"{pair.languages}, on"))


def finished(text: str, pair: Pair) -> str:
    """Return the last step's polished answer, without what only another step would need."""
    return _written(text, _rules(f"{pair.languages}, last"))


def _written(text: str, rules: Iterable[tuple[re.Pattern[str], str]]) -> str:
    written = text
    for pattern, becomes in rules:
        written = pattern.sub(partial(_replaced, becomes), written)
    return written if written == text else _begun(written, text)


def _replaced(becomes: str, found: re.Match[str]) -> str:
    return _begun(found.expand(becomes), found.group())


def _begun(written: str, before: str) -> str:
    """Return `written` with the capital that began `before`."""
    first, now = _LETTER.search(before), _LETTER.search(written)
    if first is None or now is None or not first.group().isupper() or _DIGIT.search(written, 0, now.start()):
        return written
    return written[: now.start()] + now.group().upper() + written[now.end() :]


@cache
def _rules(key: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    rows = tomllib.loads(_TABLE.read_text()).get(key, [])
    return tuple((re.compile(pattern, re.IGNORECASE), becomes) for pattern, becomes in rows)
