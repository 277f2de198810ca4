"""What the edge counts: connections, messages, refusals and skipped speech, by endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.common.telemetry import metrics, rpcs

_CONNECTIONS = metrics.up_down("babelmesh.edge.connections")
_ENDED = metrics.counter("babelmesh.edge.ended")
_REQUESTS = metrics.counter("babelmesh.edge.requests")
_SKIPPED = metrics.counter("babelmesh.edge.voice.skipped")
_ROOMS = metrics.up_down("babelmesh.edge.rooms")
_MEMBERS = metrics.up_down("babelmesh.edge.rooms.members")
_TRANSLATED = metrics.counter("babelmesh.edge.rooms.translated")


@contextmanager
def connection(endpoint: str) -> Iterator[None]:
    """Count a connection as open for the block."""
    of = {"endpoint": endpoint}
    _CONNECTIONS.add(1, of)
    try:
        yield
    finally:
        _CONNECTIONS.add(-1, of)


def ended(endpoint: str, code: int) -> None:
    """Count a connection that ended, by the code that it was closed with."""
    _ENDED.add(1, {"endpoint": endpoint, "code": str(code)})


def refused(endpoint: str, code: str) -> None:
    """Count a connection or request that was refused at the door."""
    rpcs.refused("edge", code)
    _REQUESTS.add(1, {"endpoint": endpoint, "code": code})


def answered(endpoint: str, code: str = "OK") -> None:
    """Count a REST request, by how it was answered."""
    _REQUESTS.add(1, {"endpoint": endpoint, "code": code})


def skipped(target_lang: str) -> None:
    """Count a clause of speech that a slow reader was not sent."""
    _SKIPPED.add(1, {"target_lang": target_lang})


def rooms_open(change: int) -> None:
    """Count rooms that were opened, or, below zero, closed."""
    _ROOMS.add(change)


@contextmanager
def room_member(role: str) -> Iterator[None]:
    """Count a member of a room for the block, as a speaker or a listener."""
    _MEMBERS.add(1, {"role": role})
    try:
        yield
    finally:
        _MEMBERS.add(-1, {"role": role})


def translated(target_lang: str, seconds: float) -> None:
    """Count for how long speech of a room was translated into a language."""
    _TRANSLATED.add(seconds, {"target_lang": target_lang})
