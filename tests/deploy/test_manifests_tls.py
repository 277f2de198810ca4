"""TLS on Kubernetes: the component's certificates, settings and probes against the code."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.authority import Authority
from deploy import rendering
from deploy.local.variables import Source
from services.asr.settings import AsrSettings
from services.common.settings import ServiceSettings
from services.common.tls.calling import Dial
from services.common.tls.serving import for_clients
from services.edge.settings import EdgeSettings
from services.gateway.deletion.settings import DeletionSettings
from services.gateway.settings import GatewaySettings
from services.mt.settings import MtSettings
from services.tts.settings import TtsSettings
from tests.deploy.manifests import ROOT, Manifest

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "asr": AsrSettings,
    "mt": MtSettings,
    "tts": TtsSettings,
    "deletion-cost": DeletionSettings,
    "edge": EdgeSettings,
}
STAGES = ("asr", "mt", "tts")
FILES = {"/tls/tls.crt": "leaf.crt", "/tls/tls.key": "leaf.key", "/tls/ca.crt": "ca.crt"}


@cache
def objects() -> list[Manifest]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlay")
    return rendering.objects(rendering.rendered(ROOT / "tests" / "deploy" / "overlays" / "tls"))


def kind(name: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each for each in objects() if each["kind"] == name}


def pod(service: str) -> Manifest:
    spec: Manifest = kind("Deployment")[service]["spec"]["template"]["spec"]
    return spec


def server(service: str) -> Manifest:
    (container,) = pod(service)["containers"]
    return dict(container)


def settings(monkeypatch: pytest.MonkeyPatch, service: str, folder: Path | None = None) -> Any:
    """The settings of a service, with the files of a folder in the place of those that are mounted."""
    told = Source(objects()).variables(server(service), "babelmesh", service)
    for name, value in told.plain.items():
        monkeypatch.setenv(name, str(folder / FILES[value]) if folder and value in FILES else value)
    return SETTINGS[service]()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = Authority.made(tmp_path_factory.mktemp("tls"))
    authority.leaf("leaf", "DNS:any")
    return authority.folder


@pytest.mark.parametrize("service", ["gateway", *STAGES])
def test_every_service_has_tls_with_what_is_mounted(
    monkeypatch: pytest.MonkeyPatch, folder: Path, service: str
) -> None:
    read = settings(monkeypatch, service, folder)
    assert for_clients(read, service).files
    assert not read.plaintext
    mounts = {each["name"]: each["mountPath"] for each in server(service)["volumeMounts"]}
    volumes = {each["name"]: each.get("secret", {}).get("secretName") for each in pod(service)["volumes"]}
    assert mounts["tls"] == "/tls"
    assert volumes["tls"] == kind("Certificate")[service]["spec"]["secretName"]


@pytest.mark.parametrize("service", ["gateway", "deletion-cost"])
def test_who_calls_stages_does_so_over_tls(monkeypatch: pytest.MonkeyPatch, folder: Path, service: str) -> None:
    read = settings(monkeypatch, service, folder)
    assert Dial.of(read, service, ["dns:///asr:7701"]).outdated
    assert read.stages_tls_certificate


def test_the_edge_calls_the_gateway_over_tls(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    read = settings(monkeypatch, "edge", folder)
    assert (read.gateway_ca, read.gateway_certificate, read.gateway_key) == tuple(
        folder / name for name in ("ca.crt", "leaf.crt", "leaf.key")
    )
    assert read.gateway_name in kind("Certificate")["gateway"]["spec"]["dnsNames"]
    assert not read.gateway_plaintext
    volumes = {each["name"]: each.get("secret", {}).get("secretName") for each in pod("edge")["volumes"]}
    assert volumes["tls"] == kind("Certificate")["edge"]["spec"]["secretName"]


@pytest.mark.parametrize("stage", STAGES)
def test_callers_of_a_stage_are_those_whose_certificates_say_so(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    known = {name: each["spec"].get("uris") for name, each in kind("Certificate").items()}
    assert set(settings(monkeypatch, stage).tls_callers) == {*known["gateway"], *known["deletion-cost"]}


def test_operators_are_those_whose_certificates_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {name: each["spec"].get("uris") for name, each in kind("Certificate").items()}
    callers = settings(monkeypatch, "gateway").operations_tls_callers
    expected = {uri for name in ("gateway", "deletion-cost", "operator", "keda") for uri in known[name]}
    assert set(callers) == expected


def test_certificates_hold_the_names_that_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, "gateway")
    names = {name: each["spec"].get("dnsNames", ()) for name, each in kind("Certificate").items()}
    called = {**{stage: getattr(read, f"{stage}_endpoints") for stage in STAGES}, "gateway": read.peer_endpoints}
    for service, (endpoint,) in called.items():
        assert endpoint.removeprefix("dns:///").partition(":")[0] in names[service]
    for each in kind("ScaledObject").values():
        for trigger in each["spec"]["triggers"]:
            assert trigger["metadata"]["scalerAddress"].partition(":")[0] in names["gateway"]


@pytest.mark.parametrize("service", ["gateway", *STAGES])
def test_probes_ask_at_the_port_that_has_health_without_tls(monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    container = server(service)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert settings(monkeypatch, service).health == f"0.0.0.0:{ports['health']}"
    assert {container[f"{name}Probe"]["grpc"]["port"] for name in ("startup", "readiness", "liveness")} == {
        ports["health"]
    }


def test_keda_shows_a_certificate_at_every_trigger() -> None:
    (authentication,) = kind("TriggerAuthentication").values()
    for each in kind("ScaledObject").values():
        for trigger in each["spec"]["triggers"]:
            assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    told = {each["parameter"]: each for each in authentication["spec"]["secretTargetRef"]}
    assert told.keys() == {"caCert", "tlsClientCert", "tlsClientKey"}
    assert {each["name"] for each in told.values()} == {kind("Certificate")["keda"]["spec"]["secretName"]}
