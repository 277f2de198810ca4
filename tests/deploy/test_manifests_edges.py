"""Who may talk to whom: the NetworkPolicies let through the edges of the picture, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.manifests import NAME, OVERLAYS, STAGES, Manifest, kind, ports

BETWEEN_SERVICES = {("gateway", "asr", 7701), ("gateway", "mt", 7702), ("gateway", "tts", 7703)}
PEERS = {("gateway", "gateway", 7710)}
COSTS = {("deletion-cost", "gateway", 7710), *(("deletion-cost", to, port) for _, to, port in BETWEEN_SERVICES)}
SCRAPED = {("monitoring", to, 9464) for to in ("gateway", *STAGES)}

# Edges between pods, from outside to pods, and from pods to the outside. A namespace stands for what is in it.
INSIDE = {
    "cpu": BETWEEN_SERVICES | PEERS | COSTS,
    "default": BETWEEN_SERVICES | PEERS | COSTS,
    "gpu": BETWEEN_SERVICES | PEERS | COSTS | {(name, "otel-collector", 4317) for name in ("gateway", *STAGES)},
    "riva": BETWEEN_SERVICES | PEERS | COSTS,
}
INTO = {
    "cpu": SCRAPED | {("babelmesh-clients", "gateway", 7700)},
    "default": SCRAPED | {("babelmesh-clients", "gateway", 7700)},
    "gpu": SCRAPED | {("babelmesh-clients", "gateway", 7700), ("keda", "gateway", 7710)},
    "riva": SCRAPED | {("babelmesh-clients", "gateway", 7700)},
}
API_SERVER = {("deletion-cost", "anybody", 443), ("deletion-cost", "anybody", 6443)}
OUT = {
    "cpu": {("gateway", "dns", 53), ("deletion-cost", "dns", 53)} | API_SERVER,
    "default": {("gateway", "dns", 53), ("deletion-cost", "dns", 53)} | API_SERVER,
    "gpu": {(name, "dns", 53) for name in ("gateway", *STAGES, "deletion-cost", "otel-collector")}
    | API_SERVER
    | {("otel-collector", "monitoring", 4317)},
    "riva": {(name, "dns", 53) for name in ("gateway", *STAGES, "deletion-cost")}
    | API_SERVER
    | {(stage, "riva", 50051) for stage in STAGES},
}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def chosen(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector chooses."""
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    expressions = selector.get("matchExpressions", ())
    assert all(each["operator"] == "In" for each in expressions)
    return wanted and all(labels.get(each["key"]) in each["values"] for each in expressions)


def labels(overlay: str) -> dict[str, dict[str, str]]:
    """The labels of each Deployment's pods."""
    return {
        name: deployment["spec"]["template"]["metadata"]["labels"]
        for name, deployment in kind(overlay, "Deployment").items()
    }


def opened(overlay: str, side: str) -> Iterator[tuple[str, str, int | str]]:
    """What the policies of one side let through: the pod they are about, who is at the other end, and the port."""
    key = {"ingress": "from", "egress": "to"}[side]
    for policy in kind(overlay, "NetworkPolicy").values():
        spec = policy["spec"]
        assert (side in spec) <= (side.title() in spec["policyTypes"])
        about = [name for name, has in labels(overlay).items() if chosen(spec["podSelector"], has)]
        for rule in spec.get(side, ()):
            others = [end for peer in rule.get(key, [None]) for end in ends(overlay, peer)]
            assert rule["ports"]  # none named would be all
            for name in about:
                yield from ((name, other, port["port"]) for other in others for port in rule["ports"])


def ends(overlay: str, peer: Manifest | None) -> list[str]:
    """The other end of a rule: pods of ours by their Deployments' names, or something outside."""
    if peer is None:
        return ["anybody"]
    space: Any = peer.get("namespaceSelector")
    if space is None:
        return [name for name, has in labels(overlay).items() if chosen(peer["podSelector"], has)]
    if "podSelector" in peer:
        assert peer["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
        return ["dns"]
    ((label, value),) = space["matchLabels"].items()
    return [value if label == "kubernetes.io/metadata.name" else label]


def edges(overlay: str) -> tuple[set[Any], set[Any], set[Any]]:
    """Edges between pods that both of them allow, those from outside, and those to the outside."""
    pods = labels(overlay).keys()
    leaving = set(opened(overlay, "egress"))
    arriving = {
        (other, name, ports(overlay, name)[port] if isinstance(port, str) else port)
        for name, other, port in opened(overlay, "ingress")
    }

    def met(start: str, end: str, port: int | str) -> bool:
        sent = {(start, end, port), (start, "anybody", port)} & leaving
        return bool(sent and {(start, end, port), ("anybody", end, port)} & arriving)

    known = {port for _, _, port in leaving | arriving}
    inside = {(start, end, port) for start in pods for end in pods for port in known if met(start, end, port)}
    into = {edge for edge in arriving if edge[0] not in pods}
    return inside, into, {edge for edge in leaving if edge[1] not in pods}


@each_overlay
def test_pods_reach_each_other_along_the_edges_of_the_picture_only(overlay: str) -> None:
    assert edges(overlay)[0] == INSIDE[overlay]


@each_overlay
def test_only_the_edge_scrapers_and_the_autoscaler_come_in(overlay: str) -> None:
    assert edges(overlay)[1] == INTO[overlay]


@each_overlay
def test_only_named_places_outside_are_reached(overlay: str) -> None:
    assert edges(overlay)[2] == OUT[overlay]


@each_overlay
def test_what_no_policy_names_is_denied(overlay: str) -> None:
    deny = kind(overlay, "NetworkPolicy")["deny-all"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(has[NAME] == name for name, has in labels(overlay).items())
