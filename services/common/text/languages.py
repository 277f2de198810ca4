"""Resolves BCP-47 tags: finds an engine's own tag for the language that a client names.

Tags come from strangers, and the library that knows them parses each subtag one call deeper and keeps every tag it
has ever seen. So a tag that is longer than any real one never reaches it, its answers are kept in tables of our own,
which are bounded, and its own memory is emptied when it is full.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from functools import lru_cache
from typing import Any

import langcodes
from langcodes import language_distance

from services.common.errors import InvalidArgument, quoted

CLOSE = 10  # langcodes' distance: regions of one language lie below it ("es-MX" and "es": 4), most scripts above
MAX_TAG_LENGTH = 35  # code points: the length that BCP 47 has a field for a tag hold (RFC 5646, 4.4.1)

_OTHER_NAMES = {"nb": "no"}  # what Norwegian is called unless it is Nynorsk; langcodes knows the others ("cmn": "zh")

_MOST_TAGS = 4096  # remembered
_MOST_DISTANCES = 16_384  # remembered, of two tags each
_MOST_KEPT = 8192  # entries of each table within langcodes

_KEPT: tuple[MutableMapping[Any, Any], ...] = (  # it has no other way to bound them; a test sees when they move
    langcodes.Language._PARSE_CACHE,
    langcodes.Language._INSTANCES,
    language_distance._DISTANCE_CACHE,
)


def resolve(tag: str, available: Iterable[str]) -> str | None:
    """Return the available tag for `tag`: the same language, the nearest region and script; None without one.

    "zh" finds "zh-CN", "en-GB" finds "en-US" where no nearer is there; "pt" never finds "es", nor a neighbour that its
    readers would understand: "lb" finds no "de", "hr" no "bs", "yue" no "zh".
    """
    standard = standardized(tag)
    if standard is None:
        return None
    tags = list(available)
    if exact := next((each for each in (tag, standard) if each in tags), None):
        return exact if exact != "und" else None
    alike = [each for each in tags if _alike(standard, each)]
    found = min(alike, key=lambda each: _distance(standard, each), default=None)
    return None if found is None or _distance(standard, found) > CLOSE else found


def require(tag: str, available: Iterable[str], field: str, code: str = "UNKNOWN_LANGUAGE") -> str:
    """Resolve like `resolve`, but raise InvalidArgument naming the field and what is available."""
    tags = sorted(set(available))
    found = resolve(tag, tags)
    if found is None:
        raise InvalidArgument(code, _complaint(tag), field=field, accepted=tags)
    return found


def standardized(tag: str) -> str | None:
    """Return a tag in BCP-47's standard form, "es-MX" of "spa-latn-mx"; None for an invalid or overlong one."""
    return _standardized(tag) if len(tag) <= MAX_TAG_LENGTH else None


def same(one: str, other: str) -> bool:
    """Return whether two tags mean the same language, regions aside."""
    return _language(one) == _language(other)


def written(tag: str) -> str:
    """Return a tag in BCP-47's spelling, "es-US" of "ES-us"; empty for what names no language."""
    standard = standardized(tag)
    return standard if standard is not None and _language(tag) else ""


def _alike(standard: str, offered: str) -> bool:
    """Return whether an offered tag names the language of a standardized one.

    Distances alone do not tell: they come from CLDR, which asks what a reader would put up with ("gsw" and "de": 8).
    """
    other = standardized(offered)
    return other is not None and _language(standard) == _language(other)


def _complaint(tag: str) -> str:
    if not tag:
        return "A language is missing."
    if len(tag) > MAX_TAG_LENGTH:
        return f"{quoted(tag)} has {len(tag)} code points: a language tag has at most {MAX_TAG_LENGTH}."
    return f"{quoted(tag)} is not a language available here."


@lru_cache(_MOST_TAGS)
def _standardized(tag: str) -> str | None:
    _bound_memory()
    return langcodes.standardize_tag(tag) if langcodes.tag_is_valid(tag) else None


@lru_cache(_MOST_TAGS)
def _language(tag: str) -> str:
    """Return a tag's language under one name, without its region; empty for none. Raises ValueError for an invalid
    tag.
    """
    _bound_memory()
    language = langcodes.get(tag).prefer_macrolanguage().language or ""
    return "" if language == "und" else _OTHER_NAMES.get(language, language)


@lru_cache(_MOST_DISTANCES)
def _distance(wanted: str, offered: str) -> int:
    _bound_memory()
    return langcodes.tag_distance(wanted, offered)


def _bound_memory() -> None:
    """Clear langcodes' caches once they are full: they only hold answers that can be computed again."""
    for table in _KEPT:
        if len(table) > _MOST_KEPT:
            table.clear()
