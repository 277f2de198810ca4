"""Who calls, of what gRPC knows of a call."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.gateway.agreement.callers import Caller, caller, client_of
from services.gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("ipv4:192.0.2.7:50123", "192.0.2.7"),
        ("ipv6:%5B::1%5D:50123", "::/64"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:443", "192.0.2.7"),
        ("ipv6:%5Bfe80::1%25eth0%5D:443", "fe80::/64"),
        ("unix:/run/socket", "unix:/run/socket"),
        ("unknown", "unknown"),
        ("ipv4:nonsense", "ipv4:nonsense"),
    ],
)
def test_a_client_is_its_address_without_a_port_and_of_ipv6_its_network(peer: str, client: str) -> None:
    assert client_of(peer) == client


def test_a_tenant_is_what_the_key_says_last_as_text() -> None:
    metadata: list[tuple[str, str | bytes]] = [("x-tenant", "a"), ("other", "b"), ("x-tenant", "c"), ("x-tenant", b"d")]
    assert caller(metadata, "x-tenant", "ipv4:192.0.2.7:1") == Caller("c", "192.0.2.7")
    assert caller(metadata, "", "ipv4:192.0.2.7:1") == Caller("", "192.0.2.7")


def test_neither_tenant_nor_address_is_in_what_a_caller_is_printed_as() -> None:
    assert repr(Caller("acme", "192.0.2.7")) == "Caller()"


def test_a_tenant_and_an_address_of_the_same_name_are_two_accounts() -> None:
    assert Caller("192.0.2.7").account != Caller(client="192.0.2.7").account


@pytest.mark.parametrize("key", ["x-tenant-bin", "grpc-tenant"])
def test_a_key_that_can_hold_no_tenant_is_refused_at_start(key: str) -> None:
    with pytest.raises(ValidationError, match="tenant_metadata"):
        GatewaySettings(tenant_metadata=key)
