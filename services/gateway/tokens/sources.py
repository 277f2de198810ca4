"""Where the keys of tokens come from: files, or an https:// URL (http:// on loopback)."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from services.gateway.settings import GatewaySettings
from services.gateway.tokens.keys import Keys, KeysUnusable, read_jwks, read_secrets

FETCH_SECONDS = 2.0  # for an answer; whoever waits for an unknown key waits for it
_MOST_BYTES = 256 * 1024  # of a set of keys


class Sources:
    """Reads the keys that the settings name. `stamp` tells cheaply whether a file has changed."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._jwks = settings.tokens_jwks
        self._secrets = settings.tokens_secrets

    @property
    def remote(self) -> bool:
        """Whether keys are fetched over the network."""
        return "://" in self._jwks

    @property
    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Time and size of each file, to be compared with an earlier one."""
        local = [Path(self._jwks)] if self._jwks and not self.remote else []
        return tuple(_stamp(path) for path in (*local, *([self._secrets] if self._secrets else ())))

    def read(self) -> Keys:
        """Read all keys, by id; blocks. Raises KeysUnusable."""
        keys: dict[str, Any] = {}
        try:
            if self._jwks:
                keys.update(read_jwks(fetched(self._jwks) if self.remote else _text(Path(self._jwks))))
            secrets = read_secrets(_text(self._secrets)) if self._secrets else {}
        except (OSError, UnicodeError, ValueError) as error:
            raise KeysUnusable(f"It cannot be read: {type(error).__name__}.") from None
        if keys.keys() & secrets.keys():
            raise KeysUnusable("A secret has the id of a public key.")
        return {**keys, **secrets}


def fetched(url: str) -> str:
    """Return what an URL answers; blocks. Raises OSError or ValueError. Redirects are not followed."""
    # None stands for the proxies of the environment; none of them leads to this machine.
    proxies: dict[str, str] | None = None if url.startswith("https:") else {}
    opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler(proxies))
    try:
        with opener.open(url, timeout=FETCH_SECONDS) as answer:
            content: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()  # it is the answer as well, and holds its connection
        raise
    if len(content) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    return content.decode("utf-8")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        told = path.stat()
    except OSError:
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    return path.read_text(encoding="utf-8")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: keys come from where the settings say."""

    def redirect_request(self, *_: Any) -> None:
        return None
