"""Records of a session, sealed one by one with ChaCha20-Poly1305. Pure.

    "BMA1" | length of the first sealed record, 4 bytes, big-endian | sealed record | length | sealed record | ...

A record's number is its nonce, and the part's name is sealed with it: a record that is changed, moved, left out or
taken from another part does not open. The last one says that it is the last, so that a part that was cut off is known
as such. What stands before the cut can be read.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MAGIC = b"BMA1"
KEY_BYTES = 32
LENGTH_BYTES = 4
TAG_BYTES = 16
NONCE_BYTES = 12
_MORE, _LAST = b"\0", b"\1"  # the first byte of what is sealed


class State(StrEnum):
    """What became of a part."""

    WHOLE = "whole"  # to its last record
    OPEN = "open"  # its last records are not there: they are still to come, or were cut off
    ALTERED = "altered"  # a record was changed, moved, left out or put in


@dataclass(frozen=True, slots=True)
class Unsealed:
    """The records of a part that can be read, up to the first one that cannot."""

    records: tuple[bytes, ...]
    state: State


def new_key() -> bytes:
    """A new key for one part."""
    return secrets.token_bytes(KEY_BYTES)


class Sealer:
    """Seals the records of one part, in order. Its key must seal nothing else: nonces are counted."""

    def __init__(self, key: bytes, part: str) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._part = part.encode()
        self._number = 0

    def seal(self, record: bytes, last: bool = False) -> bytes:
        """The bytes to append to the part for one more record."""
        text = (_LAST if last else _MORE) + record
        sealed = self._cipher.encrypt(_nonce(self._number), text, self._part)
        begin = b"" if self._number else MAGIC
        self._number += 1
        return begin + len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed


def unsealed(key: bytes, part: str, stored: bytes) -> Unsealed:
    """Open what was stored of a part."""
    cipher, name = ChaCha20Poly1305(key), part.encode()
    if stored[: len(MAGIC)] != MAGIC[: len(stored)]:
        return Unsealed((), State.ALTERED)
    records: list[bytes] = []
    at, last = len(MAGIC), False
    while at < len(stored):
        begin = at + LENGTH_BYTES
        length = int.from_bytes(stored[at:begin], "big")
        if last or (begin <= len(stored) and length <= TAG_BYTES):
            return Unsealed(tuple(records), State.ALTERED)
        if begin + length > len(stored):
            break
        try:
            text = cipher.decrypt(_nonce(len(records)), stored[begin : begin + length], name)
        except InvalidTag:
            return Unsealed(tuple(records), State.ALTERED)
        records.append(text[1:])
        last = text[:1] == _LAST
        at = begin + length
    return Unsealed(tuple(records), State.WHOLE if last else State.OPEN)


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")
