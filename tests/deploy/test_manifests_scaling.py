"""What the stages are scaled by: metrics that exist, targets that fit the settings, up at once and down slowly."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from docs.telemetry import scraped
from services.common.telemetry.metrics import METRICS
from services.gateway.operations.scale import triggers
from services.gateway.operations.scale.worth import Measure
from tests.deploy.manifests import OVERLAYS, SERVICES, Manifest, kind, variables

SHARE = 0.7  # of the slots in use, of ASR and of the gateway; and of what a replica of MT or TTS carries

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def gauges() -> set[str]:
    """What Prometheus calls our gauges."""
    return set(scraped(metric for metric in METRICS.values() if metric.kind == "gauge").values())


def autoscalers(overlay: str) -> dict[str, Manifest]:
    """The spec of what scales each service: one of either kind, not both."""
    found = {**kind(overlay, "HorizontalPodAutoscaler"), **kind(overlay, "ScaledObject")}
    assert len(found) == len(kind(overlay, "HorizontalPodAutoscaler")) + len(kind(overlay, "ScaledObject"))
    return {name: each["spec"] for name, each in found.items()}


def pods_metrics(spec: Manifest) -> list[tuple[str, str]]:
    """Name and target of each."""
    told = [each["pods"] for each in spec["metrics"] if each["type"] == "Pods"]
    assert all(each["target"]["type"] == "AverageValue" for each in told)
    return [(each["metric"]["name"], each["target"]["averageValue"]) for each in told]


def quantity(text: str) -> float:
    """Of Kubernetes, in thousandths or whole."""
    return float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)


@each_overlay
def test_every_service_is_scaled_by_one_autoscaler_and_an_apply_leaves_it_alone(overlay: str) -> None:
    assert autoscalers(overlay).keys() == set(SERVICES)
    for name, spec in autoscalers(overlay).items():
        assert spec["scaleTargetRef"]["name"] == name
        count = "Replicas" if "minReplicas" in spec else "ReplicaCount"
        assert 1 <= spec[f"min{count}"] < spec[f"max{count}"]
        assert "replicas" not in kind(overlay, "Deployment")[name]["spec"]


@each_overlay
def test_scaling_goes_up_at_once_and_down_slowly(overlay: str) -> None:
    for spec in autoscalers(overlay).values():
        behavior: Any = spec.get("behavior") or spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        up, down = behavior["scaleUp"], behavior["scaleDown"]
        assert (up["stabilizationWindowSeconds"], up["selectPolicy"]) == (0, "Max")
        assert {"type": "Percent", "value": 100, "periodSeconds": 15} in up["policies"]
        assert down["stabilizationWindowSeconds"] == 300
        assert {"type": "Percent", "value": 10, "periodSeconds": 60} in down["policies"]


def test_the_metrics_of_the_autoscalers_exist_and_the_adapter_serves_them() -> None:
    (told,) = [each for name, each in kind("riva", "ConfigMap").items() if name == "prometheus-adapter-rules"]
    (rule,) = yaml.safe_load(told["data"]["config.yaml"])["rules"]
    served = re.search(r'__name__=~"([^"]+)"', rule["seriesQuery"])
    assert served
    names = {name for spec in autoscalers("riva").values() for name, _ in pods_metrics(spec)}
    assert names == {"babelmesh_slots_used", "babelmesh_fill", "babelmesh_queue_seconds"}
    assert names <= gauges()
    assert {name for name in gauges() if re.fullmatch(served[1], name)} == names


@pytest.mark.parametrize("service", ["gateway", "asr"])
def test_the_target_of_slots_is_a_share_of_the_slots_a_pod_has(service: str) -> None:
    ((_, target),) = pods_metrics(autoscalers("riva")[service])
    assert quantity(target) == pytest.approx(SHARE * int(variables("riva", service)[f"{service.upper()}_SLOTS"]))


@pytest.mark.parametrize("service", ["mt", "tts"])
def test_a_replica_is_to_carry_a_share_of_the_sessions_it_has_slots_for(service: str) -> None:
    assert _targets(service)["sessions"] == SHARE * int(variables("gpu", service)[f"{service.upper()}_SLOTS"])


def test_keda_asks_the_gateway_for_what_it_can_tell() -> None:
    (port,) = kind("gpu", "Service")["gateway-operations"]["spec"]["ports"]
    for name, spec in autoscalers("gpu").items():
        for trigger in spec["triggers"]:
            told = trigger["metadata"]
            assert (trigger["type"], trigger["metricType"]) == ("external", "AverageValue")
            assert told["scalerAddress"] == f"gateway-operations.babelmesh.svc:{port['port']}"
            assert told["stage"] == name
            assert told.keys() == {"scalerAddress", "stage", "measure", "target"}
    measures = {name: [each["metadata"]["measure"] for each in spec["triggers"]] for name, spec in _scaled().items()}
    of_engines = ["fill", "queue", "sessions"]
    assert measures == {"gateway": ["sessions"], "asr": ["slots"], "mt": of_engines, "tts": of_engines}


def test_both_ways_of_scaling_have_the_same_targets_for_what_pods_tell() -> None:
    for name in ("mt", "tts"):
        by_pods = {metric: quantity(target) for metric, target in pods_metrics(autoscalers("riva")[name])}
        targets = _targets(name)
        assert by_pods == {"babelmesh_fill": targets["fill"], "babelmesh_queue_seconds": targets["queue"]}
    assert (_targets("asr"), _targets("gateway")) == ({"slots": SHARE}, {"sessions": SHARE})


def test_a_target_left_out_would_be_the_one_that_is_written() -> None:
    for name in _scaled():
        for measure, target in _targets(name).items():
            default = triggers.TARGETS[name][Measure(measure)]
            assert default in (target, None)


def test_the_scaler_reads_every_trigger_as_it_is_meant() -> None:
    for name, spec in _scaled().items():
        for trigger in spec["triggers"]:
            read = triggers.read(trigger["metadata"])
            assert (read.stage, read.target) == (name, float(trigger["metadata"]["target"]))


def _scaled() -> dict[str, Manifest]:
    return {name: spec for name, spec in autoscalers("gpu").items() if "triggers" in spec}


def _targets(name: str) -> dict[str, float]:
    told = [each["metadata"] for each in _scaled()[name]["triggers"]]
    return {each["measure"]: float(each["target"]) for each in told}
