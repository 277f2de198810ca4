"""The overlays, rendered and read once for the tests of them. Where nobody can render them, such a test is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from deploy import rendering

ROOT = Path(__file__).resolve().parents[2]
OVERLAYS = ("cpu", "default", "gpu", "riva")
STAGES = ("asr", "mt", "tts")
SERVICES = ("gateway", *STAGES)
NAME = "app.kubernetes.io/name"
SECRETS = {"resume-keys": {"GATEWAY_RESUME_KEYS": f"a:{'s' * 32}"}}  # those a user makes

Manifest: TypeAlias = dict[str, Any]


@cache
def rendered(overlay: str) -> str:
    """The manifests of an overlay. Skips the test where kubectl is not installed."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlays")
    return rendering.rendered(rendering.OVERLAYS / overlay)


@cache
def manifests(overlay: str) -> Sequence[Manifest]:
    """The objects of an overlay."""
    return rendering.objects(rendered(overlay))


def kind(overlay: str, name: str) -> dict[str, Manifest]:
    """The objects of a kind by their names."""
    return {each["metadata"]["name"]: each for each in manifests(overlay) if each["kind"] == name}


def pod(overlay: str, name: str) -> Manifest:
    """The pods' spec of a Deployment."""
    spec: Manifest = kind(overlay, "Deployment")[name]["spec"]["template"]["spec"]
    return spec


def server(overlay: str, name: str) -> Manifest:
    """The container of a Deployment that serves."""
    (container,) = pod(overlay, name)["containers"]
    return dict(container)


def containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """All containers, and the Deployments they are of."""
    for name in kind(overlay, "Deployment"):
        spec = pod(overlay, name)
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            yield name, container


def variables(overlay: str, name: str) -> Mapping[str, str]:
    """The environment of a Deployment's server. What the pod alone knows is there by name, empty."""
    container = server(overlay, name)
    configs = kind(overlay, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found |= configs[source["configMapRef"]["name"]]["data"]
    for entry in container.get("env", ()):
        found[entry["name"]] = entry["value"] if "value" in entry else _from(entry["valueFrom"], configs)
    return found


def _from(source: Manifest, configs: Mapping[str, Manifest]) -> str:
    if secret := source.get("secretKeyRef"):
        return SECRETS[secret["name"]][secret["key"]]
    if config := source.get("configMapKeyRef"):
        return str(configs[config["name"]]["data"][config["key"]])
    assert "fieldRef" in source, source
    return ""


def ports(overlay: str, name: str) -> dict[str, int]:
    """The ports of a Deployment's server by their names."""
    return {each["name"]: each["containerPort"] for each in server(overlay, name).get("ports", ())}


@cache
def of_component(component: str) -> Sequence[Manifest]:
    """The objects of the overlay that tries a component. Skips the test where kubectl is not installed."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlays")
    return rendering.objects(rendering.rendered(ROOT / "tests" / "deploy" / "overlays" / component))


def named(component: str, kind: str, name: str) -> Any:
    """The one object of a kind and name beside a component."""
    (found,) = [each for each in of_component(component) if each["kind"] == kind and each["metadata"]["name"] == name]
    return found
