"""Which pages browsers may call from: those of this host, of listed origins, or any. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from services.edge.settings import ANY_ORIGIN, SAME_ORIGIN


def may_call(origin: str | None, host: str | None, allowed: Sequence[str]) -> bool:
    """Return whether a page of this origin may call; programs other than browsers send none, and may."""
    if origin is None or ANY_ORIGIN in allowed or origin.lower() in {each.lower().rstrip("/") for each in allowed}:
        return True
    return SAME_ORIGIN in allowed and host is not None and _host(origin) == host.lower()


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
