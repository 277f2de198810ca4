"""Ports that are picked for services to come."""

from __future__ import annotations

import socket

import pytest

from babelmesh.local import ports


def test_ports_are_picked_that_nobody_has_and_the_system_gives_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        number = given.getsockname()[1]
        assert number not in ports.PICKED
        picks = iter([number, *ports.PICKED])
        monkeypatch.setattr("secrets.choice", lambda some: next(picks))
        found = ports.unused("127.0.0.1", 3)
    assert number not in found
    assert len(set(found)) == 3
    for port in found:
        socket.create_server(("127.0.0.1", port)).close()


def test_where_nothing_can_be_listened_on_that_is_told() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        ports.unused("192.0.2.1", 1)
