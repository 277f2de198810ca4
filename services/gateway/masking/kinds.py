"""The kinds of what is masked, and where it stands. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

EMAIL, PHONE, CARD, IBAN, IP = "email", "phone", "card", "iban", "ip"
BIRTH_DATE, NATIONAL_ID, NAME, PROFANITY = "birth_date", "national_id", "name", "profanity"
OTHER = "other"  # a number that was announced as none of these: of an order, a flight
CORE = (EMAIL, PHONE, CARD, IBAN, IP, BIRTH_DATE, NATIONAL_ID)  # what `mask_pii` masks by itself
OPTIONAL = (NAME,)  # what it masks where it is asked for, and can be


@dataclass(frozen=True, slots=True)
class Span:
    """What is masked in a text, at code points `start` to `end`."""

    kind: str
    start: int
    end: int
