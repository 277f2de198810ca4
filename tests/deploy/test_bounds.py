"""What a stranger may take of the proxies in front, as their configuration says."""

from __future__ import annotations

from typing import Any

import yaml

from services.gateway.settings import GatewaySettings
from tests.deploy.manifests import ROOT, kind

ENVOY: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "envoy" / "envoy.yaml").read_text())["static_resources"]
(LISTENER,) = ENVOY["listeners"]
FILTERS = {each["name"].rpartition(".")[2]: each["typed_config"] for each in LISTENER["filter_chains"][0]["filters"]}
HTTP = FILTERS["http_connection_manager"]
CALLS = {each["name"].rpartition(".")[2]: each["typed_config"] for each in HTTP["http_filters"]}["local_ratelimit"]


def test_connections_and_their_streams_are_bounded() -> None:
    assert list(FILTERS) == ["connection_limit", "http_connection_manager"]  # in this order: it counts what comes in
    assert 0 < FILTERS["connection_limit"]["max_connections"] < 2**31
    assert HTTP["http2_protocol_options"]["max_concurrent_streams"] == 100


def test_calls_of_each_address_are_bounded_and_refused_as_grpc_has_it() -> None:
    (rate,), (bucket,) = CALLS["rate_limits"], CALLS["descriptors"]
    assert rate["actions"] == [{"remote_address": {}}]
    assert bucket["entries"] == [{"key": "remote_address"}]
    assert bucket["token_bucket"]["tokens_per_fill"] <= GatewaySettings().calls_per_second
    assert CALLS["rate_limited_as_resource_exhausted"]
    assert CALLS["filter_enforced"]["default_value"]["numerator"] == 100
    assert HTTP["use_remote_address"]


def test_a_stream_is_ended_by_its_gateway_before_the_proxy_does() -> None:
    (route, _) = HTTP["route_config"]["virtual_hosts"][0]["routes"]
    longest = float(route["route"]["max_stream_duration"]["max_stream_duration"].removesuffix("s"))
    assert longest > GatewaySettings().session_seconds


def test_envoy_gateway_has_the_same_bounds() -> None:
    (policy,) = kind("gpu", "ClientTrafficPolicy").values()
    assert policy["spec"]["connection"]["connectionLimit"]["value"] == FILTERS["connection_limit"]["max_connections"]
    assert policy["spec"]["http2"]["maxConcurrentStreams"] == HTTP["http2_protocol_options"]["max_concurrent_streams"]
    (gateway,) = kind("gpu", "Gateway").values()
    assert [each["name"] for each in policy["spec"]["targetRefs"]] == [gateway["metadata"]["name"]]
