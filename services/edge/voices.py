"""Voices by the names that people copy from articles: language, region, gender and number ("es-ES-female-1")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from realtime.v1 import realtime_translate_pb2 as pb

_GENERIC = re.compile(
    r"(?P<lang>[a-z]{2,3}(?:-[A-Za-z]{2,4})?)-(?P<gender>female|male|neutral)-(?P<number>\d{1,2})", re.I
)
_GENDER = re.compile(r"^[a-z](?P<kokoro>[fm])_|(?:^|[-_+])(?P<word>female|male|f|m)\d*(?:$|[-_])", re.I)


def is_generic(name: str) -> bool:
    """Return whether a voice's name is of the form LANGUAGE-REGION-GENDER-NUMBER, and not one of a server's own."""
    return _GENERIC.fullmatch(name) is not None


def resolved(name: str, voices: Sequence[pb.Voice]) -> str:
    """Return the voice of a server that a generic name stands for; empty where it has none of that language.

    Of the language's voices those of the region and gender come first, in the server's order, and the number counts
    from 1 on; one beyond the last is the last.
    """
    found = _GENERIC.fullmatch(name)
    if found is None:
        return name
    lang = found["lang"].lower()
    same = [each for each in voices if _language(each.lang) == _language(lang)]
    near = [each for each in same if each.lang.lower() == lang] or same
    fitting = [each for each in near if gender(each.name) == found["gender"].lower()] or near
    fitting = sorted(fitting, key=lambda each: not each.default)
    return fitting[min(int(found["number"]) or 1, len(fitting)) - 1].name if fitting else ""


def gender(name: str) -> str:
    """Return "female" or "male" where a voice's name tells; else "neutral"."""
    found = _GENDER.search(name)
    if found is None:
        return "neutral"
    letter = (found["kokoro"] or found["word"] or "").lower()[:1]
    return {"f": "female", "m": "male"}.get(letter, "neutral")


def _language(tag: str) -> str:
    return tag.partition("-")[0].lower()
