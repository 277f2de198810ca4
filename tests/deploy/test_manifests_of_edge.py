"""The component of the edge against the code that it runs, rendered beside an overlay."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from services.common.telemetry.metrics import METRICS
from services.edge.settings import EdgeSettings
from services.gateway.settings import GatewaySettings
from tests.deploy import manifests

named = partial(manifests.named, "edge")


def server() -> Any:
    return named("Deployment", "edge")["spec"]["template"]["spec"]["containers"][0]


def settings_of(deployment: str) -> dict[str, str]:
    container = named("Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]
    data: dict[str, str] = named("ConfigMap", container["envFrom"][0]["configMapRef"]["name"])["data"]
    return data


def test_every_variable_is_a_setting_and_every_port_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of("edge").items():
        monkeypatch.setenv(name, value)
    read = EdgeSettings()
    ports = {each["name"]: each["containerPort"] for each in server()["ports"]}
    assert (read.listen, read.operations, read.admin) == (
        f"0.0.0.0:{ports['http']}",
        f"0.0.0.0:{ports['operations']}",
        f"0.0.0.0:{ports['metrics']}",
    )
    pod = named("Deployment", "edge")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 5 + read.drain_seconds + 10
    service, port = read.gateway.removeprefix("dns:///").split(":")
    called = named("Service", service)["spec"]
    assert (called["clusterIP"], called["ports"][0]["port"]) == ("None", int(port))


def test_the_gateway_is_told_that_many_clients_come_from_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings_of("gateway")
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_RESUME_KEYS", f"a:{'s' * 32}")
    read = GatewaySettings()
    assert read.trust_traces
    assert read.ungreeted_client_streams == read.ungreeted_streams


def test_it_scales_by_connections_which_the_adapter_serves() -> None:
    (metric,) = named("HorizontalPodAutoscaler", "edge")["spec"]["metrics"]
    name = metric["pods"]["metric"]["name"]
    assert name == "babelmesh_edge_connections"
    assert "babelmesh.edge.connections" in METRICS
    rules = (manifests.ROOT / "deploy/k8s/components/prometheus-adapter/rules.yaml").read_text()
    (series,) = re.findall(r'__name__=~"\^(\S+?)\$"', rules)
    assert re.fullmatch(series, name)


def test_clients_reach_the_edge_and_the_edge_reaches_the_gateway_alone() -> None:
    policy = named("NetworkPolicy", "edge")["spec"]
    assert [each["port"] for rule in policy["ingress"] for each in rule["ports"]] == [7780]
    assert [each["port"] for rule in policy["egress"] for each in rule["ports"]] == [7700, 53, 53]
    gateway = named("NetworkPolicy", "gateway")["spec"]
    last = gateway["ingress"][-1]
    assert last["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "edge"}
    scraped = named("NetworkPolicy", "scraping")["spec"]["podSelector"]["matchExpressions"][0]["values"]
    assert "edge" in scraped


def test_its_pods_may_do_nothing_and_its_route_has_no_time_limit() -> None:
    pod = named("Deployment", "edge")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert server()["securityContext"]["readOnlyRootFilesystem"] is True
    (rule,) = named("HTTPRoute", "edge")["spec"]["rules"]
    assert rule["timeouts"] == {"request": "0s"}
    assert rule["backendRefs"] == [{"name": "edge", "port": named("Service", "edge")["spec"]["ports"][0]["port"]}]
