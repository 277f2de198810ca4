"""The one resolver of BCP-47 tags: what a client calls a language, against what an engine calls it."""

from __future__ import annotations

from collections.abc import Iterable

import langcodes

from services.common.errors import InvalidArgument

CLOSE = 10  # langcodes' distance: regions of one language lie below it ("es-MX" and "es": 4), languages above


def resolve(tag: str, available: Iterable[str]) -> str | None:
    """The available tag that stands for `tag`: the same language, the nearest region and script; None without one.

    "zh" finds "zh-CN", "en-GB" finds "en-US" where no nearer is there; "pt" never finds "es".
    """
    if not langcodes.tag_is_valid(tag):
        return None
    found, distance = langcodes.closest_match(tag, list(available), max_distance=CLOSE)
    return None if found == "und" or distance > CLOSE else found


def require(tag: str, available: Iterable[str], field: str, code: str = "UNKNOWN_LANGUAGE") -> str:
    """Like `resolve`, but raises InvalidArgument naming the field and what is available."""
    tags = sorted(set(available))
    found = resolve(tag, tags)
    if found is None:
        what = f"{tag!r} is not a language available here." if tag else "A language is missing."
        raise InvalidArgument(code, what, field=field, accepted=tags)
    return found


def same(one: str, other: str) -> bool:
    """Whether two tags mean the same language, regions aside."""
    return langcodes.get(one).language == langcodes.get(other).language


def written(tag: str) -> str:
    """A tag as BCP-47 writes it, "es-US" of "ES-us"; empty for what names no language."""
    named = langcodes.tag_is_valid(tag) and langcodes.get(tag).language not in (None, "und")
    return langcodes.standardize_tag(tag) if named else ""
