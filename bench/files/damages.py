"""Ten ways in which files are damaged, each at places that a seed decides."""

from __future__ import annotations

import random
from collections.abc import Callable

HEADER = 2048  # bytes that most damages leave alone: what fails there fails for everybody

Damage = Callable[[bytes, random.Random], bytes]


def cut_off(content: bytes, chance: random.Random) -> bytes:
    """The end is missing: a transfer that broke."""
    return content[: round(len(content) * chance.uniform(0.5, 0.95))]


def zeroed(content: bytes, chance: random.Random) -> bytes:
    """A run of zeros: a block that was never written."""
    return _replaced(content, chance, lambda run: bytes(len(run)))


def scrambled(content: bytes, chance: random.Random) -> bytes:
    """A run of other bytes: a bad sector."""
    return _replaced(content, chance, lambda run: chance.randbytes(len(run)))


def removed(content: bytes, chance: random.Random) -> bytes:
    """A run that is missing: packets that were lost."""
    return _replaced(content, chance, lambda _: b"")


def inserted(content: bytes, chance: random.Random) -> bytes:
    """A run of bytes that does not belong there."""
    return _replaced(content, chance, lambda run: chance.randbytes(len(run)) + run)


def repeated(content: bytes, chance: random.Random) -> bytes:
    """A run that is there twice."""
    return _replaced(content, chance, lambda run: run + run)


def flipped(content: bytes, chance: random.Random) -> bytes:
    """Single bits that are wrong, in many places."""
    changed = bytearray(content)
    for _ in range(12):
        changed[chance.randrange(min(HEADER, len(content) // 3), len(content))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def header_flipped(content: bytes, chance: random.Random) -> bytes:
    """A single bit that is wrong in the first bytes."""
    changed = bytearray(content)
    changed[chance.randrange(64)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def with_rest(content: bytes, chance: random.Random) -> bytes:
    """Something else behind the end."""
    return content + chance.randbytes(4000)


def joined(content: bytes, _: random.Random) -> bytes:
    """The file twice, one behind the other."""
    return content + content


DAMAGES: tuple[Damage, ...] = (
    cut_off,
    zeroed,
    scrambled,
    removed,
    inserted,
    repeated,
    flipped,
    header_flipped,
    with_rest,
    joined,
)


def _replaced(content: bytes, chance: random.Random, changed: Callable[[bytes], bytes]) -> bytes:
    length = min(chance.randrange(200, 3000), len(content) // 10)
    start = chance.randrange(min(HEADER, len(content) // 3), len(content) - length)
    return content[:start] + changed(content[start : start + length]) + content[start + length :]
