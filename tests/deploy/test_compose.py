"""The compose file against the code it runs: images, settings, bundles, and what is reached from outside."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from babelmesh.models.catalogue import catalogue
from deploy.images import ROOT, images
from services.asr.settings import AsrSettings
from services.common.settings import ServiceSettings
from services.edge.settings import EdgeSettings
from services.gateway.settings import GatewaySettings
from services.mt.settings import MtSettings
from services.tts.settings import TtsSettings

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "edge": EdgeSettings,
    "gateway": GatewaySettings,
    "asr": AsrSettings,
    "mt": MtSettings,
    "tts": TtsSettings,
}
BUNDLES = [
    (name, value)
    for service in SERVICES.values()
    for name, value in service["environment"].items()
    if name.endswith("__BUNDLES")
]


def test_it_runs_every_service() -> None:
    assert set(SERVICES) == set(SETTINGS)


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_what_its_settings_take(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    SETTINGS[service]()


@pytest.mark.parametrize("service", SETTINGS)
def test_an_image_is_one_that_is_built(service: str) -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    built = {
        f"babelmesh/{service}:{version[1]}" + (f"-{image.engine}" if image.engine else "") for image in images(service)
    }
    assert SERVICES[service]["image"] in built


@pytest.mark.parametrize(("name", "value"), BUNDLES)
def test_a_bundle_is_one_of_the_catalogue_and_of_the_engine_that_is_told_of_it(name: str, value: str) -> None:
    stage, engine = re.fullmatch(r"([A-Z]+)_([A-Z0-9]+)__BUNDLES", name).groups()  # type: ignore[union-attr]  # BUNDLES are all like that
    for path in map(PurePosixPath, json.loads(value)):
        entry = catalogue()[path.parent.name]
        assert (entry.stage, entry.engine) == (stage.lower(), engine.lower())
        assert path.name == entry.version


def test_only_gateway_and_edge_are_reached_from_outside_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:7700:7700", "127.0.0.1:7710:7710"], "edge": ["127.0.0.1:7780:7780"]}


@pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))
def test_a_service_has_no_rights_and_a_bound_on_its_memory(service: dict[str, Any]) -> None:
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["mem_limit"]
