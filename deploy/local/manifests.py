"""What a file of rendered manifests says, as far as processes can follow it. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import yaml

from deploy.local.variables import Source, Variables

Object: TypeAlias = Mapping[str, Any]

RESUME_KEYS = "GATEWAY_RESUME_KEYS"
INTERPRETERS = ("python", "python3")


class Unsupported(Exception):
    """The manifests ask for something that processes of this machine cannot be; the text says what, and where."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A gRPC health check, with Kubernetes' defaults."""

    port: int
    service: str = ""
    period_seconds: float = 10
    timeout_seconds: float = 1
    delay_seconds: float = 0
    failures: int = 3
    successes: int = 1


@dataclass(frozen=True, slots=True)
class Deployment:
    """Pods of one kind, each one process."""

    name: str
    namespace: str
    labels: Mapping[str, str]  # of its pods
    replicas: int
    module: Sequence[str]  # what follows `python -m`
    variables: Variables
    startup: Probe | None = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    pre_stop_seconds: float = 0
    grace_seconds: float = 30


@dataclass(frozen=True, slots=True)
class Service:
    """A name for the ready pods that a selector finds; all of them where it is headless."""

    name: str
    namespace: str
    selector: Mapping[str, str]
    headless: bool

    def selects(self, deployment: Deployment) -> bool:
        """Whether a Deployment's pods are behind it."""
        same = self.namespace == deployment.namespace
        return same and bool(self.selector) and self.selector.items() <= deployment.labels.items()


@dataclass(frozen=True, slots=True)
class Cluster:
    """All that is started, and what a person is told of the rest."""

    deployments: Sequence[Deployment]
    services: Sequence[Service]
    notes: Sequence[str] = ()

    def altered(self, variables: Mapping[str, str]) -> Cluster:
        """With other values of settings: each where the name's first part is a Deployment's. Raises Unsupported."""
        names = [each.name for each in self.deployments]
        for key in variables:
            if key.partition("_")[0].lower() not in names:
                raise Unsupported(f"{key} is no setting of {', '.join(names)}.")
        return replace(self, deployments=[_altered(each, variables) for each in self.deployments])


def read(text: str) -> Cluster:
    """The manifests of a file. Raises Unsupported."""
    objects = [each for each in yaml.safe_load_all(text) if each]
    source = Source(objects)
    notes = []
    deployments = []
    for each in _of(objects, "Deployment"):
        name = each["metadata"]["name"]
        if each["spec"]["template"]["spec"].get("automountServiceAccountToken", True):
            notes.append(f"{name} asks the cluster's API, which is not here: it is not started.")
        else:
            deployments.append(_deployment(each, objects, source))
    if any(RESUME_KEYS in each.variables.missing for each in deployments):
        made_up = f"resume:{secrets.token_hex(32)}"
        deployments = [_filled(each, {RESUME_KEYS: made_up}) for each in deployments]
        notes.append(f"The Secret with {RESUME_KEYS} is not in the file: keys are made up for this run.")
    if unknown := {f"{each.name}: {name}" for each in deployments for name in each.variables.missing}:
        raise Unsupported(f"Secrets are not in the file, and cannot be made up: {', '.join(sorted(unknown))}.")
    services = [_service(each) for each in _of(objects, "Service")]
    return Cluster(deployments, services, notes)


def _altered(deployment: Deployment, variables: Mapping[str, str]) -> Deployment:
    own = {key: value for key, value in variables.items() if key.startswith(f"{deployment.name.upper()}_")}
    plain = {**deployment.variables.plain, **own}
    return replace(deployment, variables=replace(deployment.variables, plain=plain))


def _of(objects: Iterable[Object], kind: str) -> Iterator[Object]:
    return (each for each in objects if each["kind"] == kind)


def _deployment(told: Object, objects: Sequence[Object], source: Source) -> Deployment:
    name, namespace = told["metadata"]["name"], told["metadata"].get("namespace", "default")
    pod = told["spec"]["template"]["spec"]
    if pod.get("initContainers") or len(pod["containers"]) != 1:
        raise Unsupported(f"Deployment {name}: only pods of one container are run here, without initContainers.")
    (container,) = pod["containers"]
    where = f"Deployment {name}"
    probes = {
        kind: _probe(container.get(f"{kind}Probe"), f"{where}, {kind}Probe")
        for kind in ("startup", "readiness", "liveness")
    }
    return Deployment(
        name=name,
        namespace=namespace,
        labels=told["spec"]["template"]["metadata"].get("labels", {}),
        replicas=_replicas(told, objects),
        module=_module(container, where),
        variables=source.variables(container, namespace, where),
        pre_stop_seconds=_pre_stop(container, where),
        grace_seconds=float(pod.get("terminationGracePeriodSeconds", 30)),
        **probes,
    )


def _replicas(told: Object, objects: Sequence[Object]) -> int:
    """Those of the Deployment, or the least of the autoscaler that has them."""
    if "replicas" in told["spec"]:
        return int(told["spec"]["replicas"])
    scalers = ("HorizontalPodAutoscaler", "minReplicas"), ("ScaledObject", "minReplicaCount")
    for kind, least in scalers:
        for each in _of(objects, kind):
            if each["spec"]["scaleTargetRef"]["name"] == told["metadata"]["name"]:
                return int(each["spec"].get(least, 1))
    return 1


def _module(container: Object, where: str) -> Sequence[str]:
    """`babelmesh/asr:TAG` is `services.asr`, as its ENTRYPOINT has it; the manifest's own command wins."""
    arguments = [str(each) for each in container.get("args", ())]
    if command := [str(each) for each in container.get("command", ())]:
        if command[0] not in INTERPRETERS or command[1:2] != ["-m"] or len(command) < 3:
            raise Unsupported(f"{where}: command {command} is not `python -m MODULE`.")
        return [*command[2:], *arguments]
    repository = str(container["image"]).partition("@")[0].rpartition("/")
    if not repository[0].endswith("babelmesh"):
        raise Unsupported(f"{where}: image {container['image']} is none of babelmesh/NAME.")
    return [f"services.{repository[2].partition(':')[0]}", *arguments]


def _probe(told: Object | None, where: str) -> Probe | None:
    if told is None:
        return None
    if "grpc" not in told:
        raise Unsupported(f"{where}: only grpc probes are asked here.")
    return Probe(
        int(told["grpc"]["port"]),
        told["grpc"].get("service", ""),
        float(told.get("periodSeconds", 10)),
        float(told.get("timeoutSeconds", 1)),
        float(told.get("initialDelaySeconds", 0)),
        int(told.get("failureThreshold", 3)),
        int(told.get("successThreshold", 1)),
    )


def _pre_stop(container: Object, where: str) -> float:
    hook = container.get("lifecycle", {}).get("preStop")
    if hook is not None and "sleep" not in hook:
        raise Unsupported(f"{where}: of preStop hooks only sleep is run here.")
    return float(hook["sleep"]["seconds"]) if hook else 0.0


def _service(told: Object) -> Service:
    metadata, spec = told["metadata"], told["spec"]
    headless = spec.get("clusterIP") == "None"
    return Service(metadata["name"], metadata.get("namespace", "default"), spec.get("selector", {}), headless)


def _filled(deployment: Deployment, values: Mapping[str, str]) -> Deployment:
    return replace(deployment, variables=deployment.variables.filled(values))
