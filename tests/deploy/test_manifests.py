"""The rendered manifests against the code they run: settings, ports, probes, images, and what pods may do."""

from __future__ import annotations

import json
import re
import runpy
import tomllib

import pytest
from opentelemetry import environment_variables as of_the_api
from opentelemetry.sdk import environment_variables as of_the_sdk

from deploy import rendering
from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import LIVE
from services.common.settings import ServiceSettings
from services.gateway.deletion.settings import DeletionSettings
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings
from tests.deploy.manifests import (
    OVERLAYS,
    ROOT,
    SERVICES,
    STAGES,
    containers,
    kind,
    manifests,
    pod,
    ports,
    rendered,
    server,
    variables,
)

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "asr": AsrSettings,
    "mt": MtSettings,
    "tts": TtsSettings,
}
SERVED = {
    "gateway": GatewayServicer.service_name,
    "asr": AsrServicer.service_name,
    "mt": MtServicer.service_name,
    "tts": TtsServicer.service_name,
}
# Engine that an image's tag promises, after the version.
ENGINES = {"embedded": "embedded", "onnx": "onnx", "onnx-gpu": "onnx", "sherpa": "sherpa", "riva": "riva"}
DEFAULT = {"asr": "moonshine+ctranslate2", "mt": "firefox+embedded", "tts": "kokoro+onnx+embedded"}
VARIANTS = {*ENGINES, "default"}
OURS = ("babelmesh/gateway", *(f"babelmesh/{stage}" for stage in STAGES))

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
each_service = pytest.mark.parametrize("service", SERVICES)


def settings(monkeypatch: pytest.MonkeyPatch, overlay: str, service: str) -> ServiceSettings:
    """The settings as the pod of a service reads them. Raises ValidationError."""
    for name, value in variables(overlay, service).items():
        monkeypatch.setenv(name, value)
    return SETTINGS[service]()


@each_overlay
@each_service
def test_every_variable_is_a_setting_and_every_value_is_accepted(
    monkeypatch: pytest.MonkeyPatch, overlay: str, service: str
) -> None:
    read = settings(monkeypatch, overlay, service)
    prefix = f"{service.upper()}_"
    told = variables(overlay, service)
    assert {name.removeprefix(prefix).lower().split("__")[0] for name in told if name.startswith(prefix)} <= set(
        read.model_fields_set
    )
    others = {name for name in told if not name.startswith(prefix)} - {"POD_NAME", "NVIDIA_DRIVER_CAPABILITIES"}
    assert not {name for name in others if not (hasattr(of_the_api, name) or hasattr(of_the_sdk, name))}


@each_overlay
@each_service
def test_ports_are_those_the_service_listens_on(monkeypatch: pytest.MonkeyPatch, overlay: str, service: str) -> None:
    read = settings(monkeypatch, overlay, service)
    assert {f"0.0.0.0:{port}" for port in ports(overlay, service).values()} == {
        read.listen,
        read.admin,
        getattr(read, "operations", read.listen),
    }
    assert ports(overlay, service)["metrics"] == 9464


@each_overlay
def test_every_endpoint_is_a_headless_service(monkeypatch: pytest.MonkeyPatch, overlay: str) -> None:
    read = settings(monkeypatch, overlay, "gateway")
    assert isinstance(read, GatewaySettings)
    for endpoints in (read.asr_endpoints, read.mt_endpoints, read.tts_endpoints, read.peer_endpoints):
        (endpoint,) = endpoints
        name, port = endpoint.removeprefix("dns:///").split(":")
        service = kind(overlay, "Service")[name]["spec"]
        assert endpoint.startswith("dns:///")
        assert service["clusterIP"] == "None"
        assert [each["port"] for each in service["ports"]] == [int(port)]


@each_overlay
def test_who_marks_pods_is_told_of_every_replica(monkeypatch: pytest.MonkeyPatch, overlay: str) -> None:
    for name, value in variables(overlay, "deletion-cost").items():
        monkeypatch.setenv(name, value)
    read = DeletionSettings()
    gateway = settings(monkeypatch, overlay, "gateway")
    assert isinstance(gateway, GatewaySettings)
    assert server(overlay, "deletion-cost")["command"] == ["python", "-m", "services.gateway.deletion"]
    assert read.listen == f"0.0.0.0:{ports(overlay, 'deletion-cost')['grpc']}"
    assert read.peer_endpoints == gateway.peer_endpoints
    for stage in STAGES:
        assert getattr(read, f"{stage}_endpoints") == getattr(gateway, f"{stage}_endpoints")


@each_overlay
def test_every_service_has_pods_with_its_ports(overlay: str) -> None:
    for service in kind(overlay, "Service").values():
        wanted = service["spec"]["selector"]
        chosen = [
            name
            for name, deployment in kind(overlay, "Deployment").items()
            if wanted.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(chosen) == 1
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports(overlay, chosen[0]).keys()


@each_overlay
@each_service
def test_probes_ask_for_what_has_health(overlay: str, service: str) -> None:
    container = server(overlay, service)
    probes = {name: container[f"{name}Probe"]["grpc"] for name in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {ports(overlay, service)["grpc"]}
    assert probes["readiness"]["service"] == SERVED[service]
    assert probes["liveness"]["service"] == LIVE  # whatever a stage, the engine or a drain does
    # A stage that never loads is started again; a gateway that waits for its stages is not.
    assert probes["startup"]["service"] == (LIVE if service == "gateway" else SERVED[service])


@each_overlay
@each_service
def test_a_pod_is_given_longer_than_it_drains(monkeypatch: pytest.MonkeyPatch, overlay: str, service: str) -> None:
    read = settings(monkeypatch, overlay, service)
    before = server(overlay, service).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod(overlay, service)["terminationGracePeriodSeconds"] >= before + read.drain_seconds + 10


@each_overlay
def test_images_are_those_the_dockerfiles_make(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {container["image"] for _, container in containers(overlay)}
    assert not [image for image in images if re.search(r"[.:]", image.split("/")[0])]  # no registry is named
    ours = [image for image in images if image.startswith("babelmesh/")]
    assert ours
    for image in ours:
        name, _, tag = image.partition(":")
        assert name in OURS
        assert tag.split("-", 1)[0] == version
        service, variant = name.removeprefix("babelmesh/"), tag.removeprefix(version).removeprefix("-")
        assert (variant in VARIANTS) is (service in STAGES)
        text = (ROOT / "services" / service / "Dockerfile").read_text()
        targets = set(re.findall(r"^FROM .* AS (\S+)$", text, re.MULTILINE))
        assert not targets & VARIANTS or variant in targets


@each_overlay
@pytest.mark.parametrize("stage", STAGES)
def test_an_image_has_the_engine_that_is_asked_of_it(overlay: str, stage: str) -> None:
    variant = server(overlay, stage)["image"].partition(":")[2].partition("-")[2]
    promised = DEFAULT[stage] if variant == "default" else ENGINES[variant]
    assert variables(overlay, stage)[f"{stage.upper()}_ENGINE"] == promised


@pytest.mark.parametrize("overlay", ["default", "gpu"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_bundles_that_are_served_are_those_that_were_checked(overlay: str, stage: str) -> None:
    (check,) = pod(overlay, stage)["initContainers"]
    bundles = kind(overlay, "ConfigMap")[check["env"][1]["valueFrom"]["configMapKeyRef"]["name"]]["data"][stage]
    told = variables(overlay, stage)
    engines = told[f"{stage.upper()}_ENGINE"].split("+")  # those on bundles name them, in this order
    named = [told.get(f"{stage.upper()}_{engine.upper()}__BUNDLES", "[]") for engine in engines]
    served = [path for each in named for path in json.loads(each)]
    assert [path.split("/")[1:3] for path in served] == [["models", name] for name in bundles.split()]
    assert check["command"][-1] == "exec babelmesh models verify $BUNDLES"


@each_overlay
def test_pods_may_do_nothing_that_the_restricted_standard_forbids(overlay: str) -> None:
    (namespace,) = kind(overlay, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    dockerfile = (ROOT / "services" / "gateway" / "Dockerfile").read_text()
    for name in kind(overlay, "Deployment"):
        rights = pod(overlay, name)["securityContext"]
        assert rights["runAsNonRoot"] is True
        assert f"USER {rights['runAsUser']}:{rights['runAsGroup']}\n" in dockerfile
        assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod(overlay, name)["automountServiceAccountToken"] is (name == "deletion-cost")
        assert pod(overlay, name)["serviceAccountName"] in kind(overlay, "ServiceAccount")
        sources = {key for volume in pod(overlay, name).get("volumes", ()) for key in volume} - {"name"}
        assert sources <= {"emptyDir", "configMap", "persistentVolumeClaim"}
    for _, container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


@each_overlay
def test_memory_is_guaranteed_and_bounded_and_cpu_is_not_throttled(overlay: str) -> None:
    for name, container in containers(overlay):
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert requests["memory"] == limits["memory"], name
        assert "cpu" in requests, name
        assert "cpu" not in limits, name


@each_overlay
def test_every_deployment_outlives_a_node(overlay: str) -> None:
    for name, deployment in kind(overlay, "Deployment").items():
        labels = {"app.kubernetes.io/name": name}
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert all(each["labelSelector"]["matchLabels"] == labels for each in spread)
        assert "kubernetes.io/hostname" in {each["topologyKey"] for each in spread}
        if name == "warm-pool":
            continue  # its pods are there to be displaced
        budget = kind(overlay, "PodDisruptionBudget")[name]["spec"]
        assert budget["selector"]["matchLabels"] == labels
        assert budget["maxUnavailable"] == 1
    for service in SERVICES:
        rolling = kind(overlay, "Deployment")[service]["spec"]
        assert rolling["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        assert rolling["minReadySeconds"] > 0


@each_overlay
def test_who_talks_to_the_api_server_may_mark_pods_and_nothing_else(overlay: str) -> None:
    (role,) = kind(overlay, "Role").values()
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "patch"]}]
    assert not kind(overlay, "ClusterRole")
    (binding,) = kind(overlay, "RoleBinding").values()
    assert [subject["name"] for subject in binding["subjects"]] == ["deletion-cost"]


@each_overlay
def test_no_secret_is_in_the_manifests_and_the_one_that_is_needed_is_not_optional(overlay: str) -> None:
    assert not [each for each in manifests(overlay) if each["kind"] == "Secret"]
    (keys,) = [each for each in server(overlay, "gateway")["env"] if each["name"] == "GATEWAY_RESUME_KEYS"]
    assert keys["valueFrom"] == {"secretKeyRef": {"name": "resume-keys", "key": "GATEWAY_RESUME_KEYS"}}
    made = (ROOT / "deploy" / "k8s" / "README.md").read_text()
    assert "create secret generic resume-keys --from-literal=GATEWAY_RESUME_KEYS=" in made


def test_every_component_is_rendered_somewhere_and_explained() -> None:
    folder = ROOT / "deploy" / "k8s"
    used = [
        *folder.glob("overlays/*/kustomization.yaml"),
        *(ROOT / "tests/deploy/overlays").glob("*/kustomization.yaml"),
    ]
    lists = [re.findall(r"components/([\w-]+)", path.read_text()) for path in used]
    components = {path.name for path in (folder / "components").iterdir()}
    assert components == {name for names in lists for name in names}
    assert components == set(
        re.findall(r"^\| `([\w-]+)` \| [^|]+ \|$", (folder / "README.md").read_text(), re.MULTILINE)
    )


def test_the_digests_are_of_what_the_overlays_make() -> None:
    assert [overlay.name for overlay in rendering.overlays()] == list(OVERLAYS)
    made = [line for overlay in OVERLAYS for line in rendering.digests(overlay, rendered(overlay))]
    kept = (ROOT / "deploy" / "k8s" / "rendered.sums").read_text().splitlines()
    assert kept == made, "`make manifests` writes it anew"


def test_what_kubernetes_reads_of_monitoring_is_what_its_rules_make() -> None:
    script = ROOT / "deploy" / "k8s" / "manifests.py"
    for path, text in runpy.run_path(str(script))["monitoring"]():
        assert path.read_text() == text, "`make manifests` writes it anew"


def test_a_digest_changes_with_what_an_object_says_and_not_with_its_order() -> None:
    said = "kind: A\nmetadata: {name: n}\nspec: {x: 1, y: 2}\n"
    (digest,) = rendering.digests("cpu", said)
    assert digest.split() == [digest[:16], "cpu", "A/n"]
    assert [*rendering.digests("cpu", "spec: {y: 2, x: 1}\nmetadata: {name: n}\nkind: A\n")] == [digest]
    assert [*rendering.digests("cpu", said.replace("x: 1", "x: 3"))] != [digest]
    first, _ = rendering.digests("cpu", f"kind: B\nmetadata: {{name: n}}\n---\n{said}")
    assert first == digest
