"""Which digits are a telephone number of the countries where a language is spoken. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

LENGTHS = range(7, 16)  # digits of a number: E.164 has fifteen at most
_LEAST_ABROAD = 8
# The first of each language are looked for without a word that announces a number.
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


def regions_of(lang: str) -> Sequence[str]:
    """Return the regions of a language (BCP-47), first that which its tag names."""
    language, *subtags = lang.split("-")
    named = [tag.upper() for tag in subtags if len(tag) == 2 and tag.upper() in phonenumbers.SUPPORTED_REGIONS]
    return tuple(dict.fromkeys([*named, *_REGIONS.get(language.lower(), ())]))


@lru_cache(4096)
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
