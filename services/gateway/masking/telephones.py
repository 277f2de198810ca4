"""Which digits are a telephone number of the countries where a language is spoken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

LENGTHS = range(7, 16)  # digits of a number: E.164 has fifteen at most
_LEAST_ABROAD = 8
_REGIONS = {
    "en": ("US", "GB"),
    "es": ("ES", "MX"),
    "pt": ("PT", "BR"),
    "ca": ("ES",),
    "gl": ("ES",),
    "fr": ("FR", "BE"),
    "it": ("IT",),
    "de": ("DE", "AT"),
    "nl": ("NL", "BE"),
    "pl": ("PL",),
}
# Where else a language is spoken: a number that is said, or written as telephone numbers are, may be theirs.
_MORE_REGIONS = {
    "en": ("IE", "CA", "AU", "NZ", "IN", "ZA"),
    "es": ("AR", "CO", "CL", "PE", "VE", "EC", "UY", "US"),
    "pt": ("AO", "MZ"),
    "fr": ("CH", "CA", "LU"),
    "de": ("CH", "LU"),
    "it": ("CH",),
}
_COUNTED = "01234567891011"


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions whose numbers are looked for: all numbers of some, and what looks like a number of more."""

    near: tuple[str, ...]
    far: tuple[str, ...]


@lru_cache(256)
def regions_of(lang: str, more: Sequence[str] = ()) -> Regions:
    """Return the regions of a language (BCP-47), that of its tag among them, and some more."""
    language, *subtags = lang.split("-")
    named = [tag.upper() for tag in subtags if len(tag) == 2 and tag.upper() in phonenumbers.SUPPORTED_REGIONS]
    near = tuple(dict.fromkeys([*named, *more, *_REGIONS.get(language.lower(), ())]))
    return Regions(near, near + _MORE_REGIONS.get(language.lower(), ()))


def is_region(region: str) -> bool:
    """Return whether a region, such as "ES", has telephone numbers."""
    return region in phonenumbers.SUPPORTED_REGIONS


def is_counted(digits: str) -> bool:
    """Return whether digits are those of somebody who counts."""
    return digits.removeprefix("0") in _COUNTED[1:] or digits in _COUNTED[::-1]


def is_number(digits: str, regions: Sequence[str], abroad: bool = False) -> bool:
    """Return whether digits are a valid number of one of the regions, or with its country's code where `abroad`."""
    if len(digits) not in LENGTHS or (abroad and len(digits) < _LEAST_ABROAD):
        return False
    if abroad:
        return _valid("+" + digits.removeprefix("00"), None)
    return any(_valid(digits, region) for region in regions)


def _valid(number: str, region: str | None) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed)
