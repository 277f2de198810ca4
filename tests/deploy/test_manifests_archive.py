"""The archive on Kubernetes: the component's settings, secrets and volumes against the code."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from deploy import rendering
from services.gateway.archive.keys import FileKeys
from services.gateway.settings import GatewaySettings
from tests.deploy.manifests import ROOT, Manifest

SECRET = {
    "GATEWAY_ARCHIVE_SECRET": "s" * 32,
    "GATEWAY_ARCHIVE_OPERATORS": f"officer:{'o' * 32}",
    "GATEWAY_ARCHIVE_S3_ACCESS_KEY_ID": "key",
    "GATEWAY_ARCHIVE_S3_SECRET_ACCESS_KEY": "secret",
}


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: it renders the overlay")
    return rendering.objects(rendering.rendered(ROOT / "tests" / "deploy" / "overlays" / "archive"))


def pod(objects: list[Manifest]) -> Any:
    (gateway,) = [each for each in objects if each["kind"] == "Deployment" and each["metadata"]["name"] == "gateway"]
    return gateway["spec"]["template"]["spec"]


def test_the_gateway_takes_its_archives_settings_and_no_secret_is_in_them(
    objects: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    (told,) = [
        each["data"]
        for each in objects
        if each["kind"] == "ConfigMap" and "gateway-settings" in each["metadata"]["name"]
    ]
    env = {each["name"]: each for each in pod(objects)["containers"][0]["env"]}
    referred = {
        name for name, each in env.items() if each.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "archive"
    }
    assert referred == set(SECRET)
    assert not set(told) & set(SECRET)
    archive = {name: value for name, value in told.items() if "ARCHIVE" in name}
    for name, value in {**archive, **SECRET, "GATEWAY_ARCHIVE_AUDIT": env["GATEWAY_ARCHIVE_AUDIT"]["value"]}.items():
        monkeypatch.setenv(name, value)
    assert GatewaySettings().archives


async def test_the_keys_of_tenants_are_mounted_as_they_are_accepted(objects: list[Manifest], tmp_path: Any) -> None:
    spec = pod(objects)
    volumes = {each["name"]: each for each in spec["volumes"]}
    mounts = {each["name"]: each["mountPath"] for each in spec["containers"][0]["volumeMounts"]}
    (tmp_path / "default.key").write_text("ab" * 32)
    (tmp_path / "default.key").chmod(volumes["archive-keys"]["secret"]["defaultMode"])
    assert await FileKeys(tmp_path).wrap("", b"k" * 32, "part")
    assert (mounts["archive-keys"], mounts["audit"]) == ("/archive-keys", "/audit")
    claim = volumes["audit"]["persistentVolumeClaim"]["claimName"]
    assert [each for each in objects if each["kind"] == "PersistentVolumeClaim" and each["metadata"]["name"] == claim]


def test_the_readme_makes_both_secrets() -> None:
    readme = (ROOT / "deploy" / "k8s" / "README.md").read_text()
    assert "create secret generic archive " in readme
    assert "create secret generic archive-keys " in readme
    for name in SECRET:
        assert name in readme
