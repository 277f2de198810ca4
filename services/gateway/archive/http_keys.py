"""A key service over HTTP: `POST URL/wrap` and `POST URL/unwrap`, JSON both ways, keys in base64.

{"tenant": "...", "part": "...", "key": "..."}      -> {"wrapped": "..."}
{"tenant": "...", "part": "...", "wrapped": "..."}  -> {"key": "..."}
"""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
from http import HTTPStatus

from services.gateway.archive.keys import KEY_BYTES, KeysUnavailable

_MOST_BYTES = 64 * 1024  # of an answer


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows nothing: keys go where the setting says, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        """Refuse to follow."""


class HttpKeys:
    """Asks a key service, with a bearer token where there is one, and for so long at most."""

    def __init__(self, url: str, token: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._timeout_seconds = timeout_seconds
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    async def wrap(self, tenant: str, key: bytes, part: str) -> bytes:
        """Wrap the key of a part under a tenant's key. Raises KeysUnavailable."""
        return await self._asked("wrap", {"tenant": tenant, "part": part, "key": _text(key)}, "wrapped")

    async def unwrap(self, tenant: str, wrapped: bytes, part: str) -> bytes:
        """Return the key of a part. Raises KeysUnavailable."""
        key = await self._asked("unwrap", {"tenant": tenant, "part": part, "wrapped": _text(wrapped)}, "key")
        if len(key) != KEY_BYTES:
            raise KeysUnavailable("The key service's answer is no key.")
        return key

    async def _asked(self, work: str, body: dict[str, str], field: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await asyncio.to_thread(self._post, work, json.dumps(body).encode())
            return base64.b64decode(json.loads(answer)[field], validate=True)
        except TimeoutError:
            waited = f"The key service gave no answer for {self._timeout_seconds:g} s."
            raise KeysUnavailable(waited) from None
        except urllib.error.HTTPError as error:
            with error:
                raise KeysUnavailable(f"The key service answered {error.code}.") from None
        except OSError:
            raise KeysUnavailable("The key service cannot be reached.") from None
        except (ValueError, KeyError, TypeError):
            raise KeysUnavailable("The key service's answer cannot be read.") from None

    def _post(self, work: str, body: bytes) -> bytes:
        request = urllib.request.Request(f"{self._url}/{work}", body, self._headers, method="POST")
        with self._opener.open(request, timeout=self._timeout_seconds) as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError(answer.status)
            return bytes(answer.read(_MOST_BYTES))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
