"""The keys of tenants, which wrap the keys of parts: a key service, and one whose keys are files."""

from __future__ import annotations

import asyncio
import re
import secrets
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
NOBODY = "default"  # the key of calls that no tenant makes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}")


class KeysUnavailable(Exception):
    """A key cannot be had: `args[0]` says why, and names no tenant."""


class Keys(Protocol):
    """A key service. A tenant's own key never leaves it."""

    async def wrap(self, tenant: str, key: bytes, part: str) -> bytes:
        """Wrap the key of a part under a tenant's key. Raises KeysUnavailable."""

    async def unwrap(self, tenant: str, wrapped: bytes, part: str) -> bytes:
        """Return the key of a part. Raises KeysUnavailable, also for a key that was wrapped for another part."""


class FileKeys:
    """A folder with a file for each tenant, `NAME.key`: 64 hexadecimal digits, readable by its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def wrap(self, tenant: str, key: bytes, part: str) -> bytes:
        """Wrap a key with AES-256-GCM: a nonce of 12 bytes, the key and a tag of 16 bytes."""
        own = await asyncio.to_thread(self._read, tenant)
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(own).encrypt(nonce, key, part.encode())

    async def unwrap(self, tenant: str, wrapped: bytes, part: str) -> bytes:
        """Return the key of a part. Raises KeysUnavailable."""
        own = await asyncio.to_thread(self._read, tenant)
        try:
            return AESGCM(own).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], part.encode())
        except (InvalidTag, ValueError):
            raise KeysUnavailable("The key was wrapped by another key, or for another part.") from None

    def _read(self, tenant: str) -> bytes:
        name = tenant or NOBODY
        if not _NAME.fullmatch(name):
            raise KeysUnavailable("The tenant's name cannot be that of a file.")
        try:
            with (self._folder / f"{name}.key").open("rb") as file:
                mode = stat.S_IMODE((self._folder / f"{name}.key").stat().st_mode)
                text = file.read(2 * KEY_BYTES + 2).strip()
        except OSError as error:
            raise KeysUnavailable(f"The tenant's key cannot be read: {error.strerror}.") from None
        if mode & 0o037:
            raise KeysUnavailable("The tenant's key can be read by anybody: its mode is neither 0600 nor 0440.")
        try:
            key = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeysUnavailable("The tenant's key is not 64 hexadecimal digits.")
        return key
