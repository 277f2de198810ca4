"""The component of WebRTC against the code that it runs, rendered beside an overlay with edges."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from services.edge.settings import EdgeSettings
from tests.deploy import manifests

named = partial(manifests.named, "webrtc")


def pod(name: str) -> Any:
    return named("Deployment", name)["spec"]["template"]["spec"]


def arguments() -> dict[str, str]:
    """What coturn is started with, by name."""
    pairs = (each.removeprefix("--").partition("=") for each in pod("turn")["containers"][0]["args"])
    return {name: value for name, _, value in pairs}


def opened(name: str, other: str, way: str) -> set[tuple[int, int]]:
    """The UDP ports that a policy opens to, or from, another one's pods."""
    side = {"ingress": "from", "egress": "to"}[way]
    peer = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": other}}}]
    rules = [each for each in named("NetworkPolicy", name)["spec"][way] if each.get(side) == peer]
    return {
        (each["port"], each["endPort"]) for rule in rules for each in rule["ports"] if each.get("protocol") == "UDP"
    }


def test_clients_are_told_of_the_relay_and_share_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = pod("edge")["containers"]
    data: dict[str, str] = named("ConfigMap", container["envFrom"][0]["configMapRef"]["name"])["data"]
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    ports = {(each.get("protocol", "TCP").lower(), each["port"]) for each in named("Service", "turn")["spec"]["ports"]}
    told = [each.split(":", 2)[2].split("?transport=") for each in EdgeSettings().ice_servers]
    assert {(transport, int(port)) for port, transport in told} == ports == {("udp", 3478), ("tcp", 3478)}
    (relay,) = pod("turn")["containers"]
    assert [each for each in container["env"] if each["name"] == "EDGE_TURN_SECRET"] == relay["env"]
    assert arguments()["static-auth-secret"] == "$(EDGE_TURN_SECRET)"


def test_media_goes_between_relays_and_edges_and_nowhere_else() -> None:
    (sysctl,) = pod("edge")["securityContext"]["sysctls"]
    assert sysctl["name"] == "net.ipv4.ip_local_port_range"
    first, last = map(int, sysctl["value"].split())
    assert opened("edge", "turn", "ingress") == opened("turn", "edge", "egress") == {(first, last)}
    relayed = {(int(arguments()["min-port"]), int(arguments()["max-port"]))}
    assert opened("turn", "edge", "ingress") == opened("edge", "turn", "egress") == relayed
    assert len(named("NetworkPolicy", "turn")["spec"]["egress"]) == 1
    (public,) = [each for each in named("NetworkPolicy", "turn")["spec"]["ingress"] if "from" not in each]
    assert {each["port"] for each in public["ports"]} == {int(arguments()["listening-port"])}


def test_a_relay_may_do_no_more_than_start() -> None:
    (container,) = pod("turn")["containers"]
    allowed = container["securityContext"]
    assert allowed["readOnlyRootFilesystem"] is True
    assert allowed["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    assert pod("turn")["securityContext"]["runAsNonRoot"] is True
    for path in (arguments()["pidfile"], arguments()["userdb"]):
        assert path.startswith(container["volumeMounts"][0]["mountPath"])
