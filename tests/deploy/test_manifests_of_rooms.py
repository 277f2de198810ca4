"""The component of rooms against the code that it runs, rendered beside an overlay with edges."""

from __future__ import annotations

from functools import partial

import pytest

from services.edge.settings import EdgeSettings
from tests.deploy import manifests

named = partial(manifests.named, "rooms")


def test_edges_share_rooms_at_the_service_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    container = named("Deployment", "edge")["spec"]["template"]["spec"]["containers"][0]
    data: dict[str, str] = named("ConfigMap", container["envFrom"][0]["configMapRef"]["name"])["data"]
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    address = EdgeSettings().rooms_nats
    service = named("Service", "nats")
    assert address == f"nats://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"


def test_edges_reach_nats_and_nobody_else_does() -> None:
    nats = named("NetworkPolicy", "nats")["spec"]
    assert "egress" not in nats
    ((rule,),) = (nats["ingress"],)
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "edge"}}}]
    assert rule["ports"] == [{"port": 4222}]
    assert {"port": 4222} in [
        port for each in named("NetworkPolicy", "edge")["spec"]["egress"] for port in each["ports"]
    ]
