"""Checks of numbers that carry their own proof: cards, accounts, and the national ids of the served languages. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
CARD_LENGTHS = range(13, 20)
_ISSUERS = ("1800", "2131", "22", "23", "24", "25", "26", "27", "3", "4", "5", "6", "81")
_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_LEAST_IBAN_FIGURES = 8  # behind the country, of what only looks like one
_DATE = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# Ids that no letter or digit proves right, or that are masked though it does not: NIE, NINO, CURP, RFC.
_LETTERED = re.compile(
    r"[XYZ]\d{7}[A-Z]|[A-Z]{2}\d{6}[A-D]|"
    rf"[A-Z]{{4}}{_DATE}[HMX][A-Z]{{5}}[A-Z0-9]\d|[A-Z]{{3,4}}{_DATE}[A-Z0-9]{{3}}"
)
_TABLES = tomllib.loads((files(__package__) / "tables.toml").read_text(encoding="utf-8"))
IBAN_LENGTHS: Mapping[str, int] = _TABLES["iban"]
DOMAINS: frozenset[str] = frozenset(_TABLES["domains"])  # last parts of the names of machines


def is_card(digits: str) -> bool:
    """Return whether digits are a payment card's: an issuer's, and right by Luhn's check (ISO/IEC 7812-1)."""
    if len(digits) not in CARD_LENGTHS or not digits.startswith(_ISSUERS):
        return False
    doubled = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def is_iban(code: str) -> bool:
    """Return whether a code in capitals is an account's: of its country's length, and right mod 97 (ISO 13616)."""
    if IBAN_LENGTHS.get(code[:2]) != len(code) or not code[2:4].isdecimal():
        return False
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97 == 1


def looks_like_iban(code: str) -> bool:
    """Return whether a code in capitals is of a country's length and shape, though it may not prove right."""
    shaped = IBAN_LENGTHS.get(code[:2]) == len(code) and code[2:4].isdecimal()
    return shaped and sum(char.isdecimal() for char in code[2:]) >= _LEAST_IBAN_FIGURES


def is_lettered_id(code: str) -> bool:
    """Return whether a code in capitals, letters and digits, is somebody's: DNI, NIE, NINO, CURP, RFC, codice fiscale
    or RUT.
    """
    return bool(_LETTERED.fullmatch(code)) or _is_dni(code) or _is_codice_fiscale(code) or is_rut(code)


def _is_dni(code: str) -> bool:
    number = code[:-1]
    return len(code) in (8, 9) and number.isdecimal() and code[-1] == _DNI_LETTERS[int(number) % 23]


def _is_codice_fiscale(code: str) -> bool:
    letters = code[:6] + code[8:9] + code[11:12] + code[15:]
    digits = code[6:8] + code[9:11] + code[12:15]
    return len(code) == 16 and letters.isalpha() and digits.isdecimal()


def is_rut(code: str) -> bool:
    """Return whether a code is a Chilean RUT: seven or eight digits, and a digit or K that proves them."""
    number = code[:-1]
    if len(code) not in (8, 9) or not number.isdecimal():
        return False
    rest = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(number))) % 11
    return code[-1] == "0K987654321"[rest]


def is_cnpj(code: str) -> bool:
    """Return whether a code is a Brazilian CNPJ: twelve digits or letters, and two digits that prove them."""
    if len(code) != 14 or not code.isalnum() or not code.isascii() or not code[12:].isdecimal() or len(set(code)) == 1:
        return False
    return all(
        _mod_11_of([ord(char) - ord("0") for char in code[:end]], _CNPJ_WEIGHTS[13 - end :]) == int(code[end])
        for end in (12, 13)
    )


def is_number_id(digits: str, lang: str) -> bool:
    """Return whether digits alone are an id of the language's countries beyond doubt: CPF (two check digits) for
    Portuguese, NIR (mod 97) for French.
    """
    if lang == "pt":
        return len(digits) == 11 and len(set(digits)) > 1 and _is_cpf(digits)
    if lang == "fr":
        return len(digits) == 15 and digits[0] in "12" and (int(digits[:13]) + int(digits[13:])) % 97 == 0
    return False


def _is_cpf(digits: str) -> bool:
    return _mod_11(digits[:9], range(10, 1, -1)) == int(digits[9]) and _mod_11(digits[:10], range(11, 1, -1)) == int(
        digits[10]
    )


def _mod_11(digits: str, weights: Sequence[int]) -> int:
    return _mod_11_of([*map(int, digits)], weights)


def _mod_11_of(values: Sequence[int], weights: Sequence[int]) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest
