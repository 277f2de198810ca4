"""The images, as far as their descriptions tell: what is copied is there, and what runs is what was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.images import ROOT, SERVICES, Image, images, pinned
from services.asr.settings import AsrSettings
from services.common.engines.selection import engine_class
from services.mt.settings import MtSettings
from services.tts.settings import TtsSettings

ALL = [image for service in SERVICES for image in images(service)]
STAGES = [image for image in ALL if image.service not in ("gateway", "edge")]
DEFAULT = {"asr": "moonshine+ctranslate2", "mt": "firefox+embedded", "tts": "kokoro+onnx+embedded"}
NAMES = [f"{image.service}:{image.tag}" for image in ALL]


def dockerfile(image: Image) -> str:
    return (ROOT / "services" / image.service / "Dockerfile").read_text()


def engines_of(image: Image) -> str:
    """The engines that an image runs: those it is named after, or the default ones."""
    return DEFAULT[image.service] if image.engine == "default" else image.engine.removesuffix("-gpu")


def test_every_stage_comes_with_each_engine_that_is_in_the_repository() -> None:
    assert [image.engine for image in images("gateway")] == [""]
    assert [image.engine for image in images("asr")] == ["embedded", "default", "onnx", "onnx-gpu", "sherpa", "riva"]
    assert [image.engine for image in images("mt")] == ["embedded", "default", "onnx", "onnx-gpu", "riva"]
    assert [image.engine for image in images("tts")] == ["embedded", "default", "onnx", "onnx-gpu", "riva"]


@pytest.mark.parametrize("image", STAGES, ids=[f"{image.service}:{image.tag}" for image in STAGES])
def test_an_image_is_told_an_engine_it_can_run(image: Image) -> None:
    engines = engines_of(image)
    if image.service == "asr" and "embedded" in engines:
        pytest.importorskip("pocketsphinx")
    assert f"ENV {image.service.upper()}_ENGINE={engines}\n" in dockerfile(image)
    assert all(engine_class(image.service, engine) for engine in engines.split("+"))


def test_all_images_have_one_base_that_cannot_change() -> None:
    (base,) = {image.base for image in ALL}
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)


@pytest.mark.parametrize("image", ALL, ids=NAMES)
def test_what_a_dockerfile_copies_is_there_and_gets_into_the_build(image: Image) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[1:-1] for line in dockerfile(image).splitlines() if re.match(r"COPY (?!--from)", line)]
    assert copied
    for path in (Path(name) for names in copied for name in names):
        assert (ROOT / path).exists(), path
        assert path.parts[0] in allowed, path


@pytest.mark.parametrize("image", ALL, ids=NAMES)
def test_an_image_installs_pinned_packages_and_the_code_needs_no_others(image: Image) -> None:
    names = {requirement.name for requirement, hashes in pinned(image.packages) if hashes}
    assert {"grpcio", "opentelemetry-sdk", "opentelemetry-exporter-prometheus", "pydantic-settings"} <= names
    assert ("lightkube" in names) == (image.service == "gateway")
    assert "pywin32" not in names  # what other systems need is not in an image


def test_packages_that_are_chosen_by_the_python_version_are_chosen_once() -> None:
    for image in ALL:
        names = [requirement.name for requirement, _ in pinned(image.packages)]
        assert len(names) == len(set(names)), image.packages


@pytest.mark.parametrize(("image", "expected"), [("mt", 9), ("tts", 1), ("asr", 0)])
def test_debian_packages_are_those_of_the_embedded_engine(image: str, expected: int) -> None:
    embedded = next(each for each in images(image) if each.engine == "embedded")
    assert len(embedded.debian) == expected


@pytest.mark.parametrize("settings", [AsrSettings, MtSettings, TtsSettings])
def test_an_engine_of_an_image_is_a_setting_that_is_accepted(
    settings: type[AsrSettings | MtSettings | TtsSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = str(settings.model_config.get("env_prefix"))
    for image in images(prefix[:-1].lower()):
        monkeypatch.setenv(f"{prefix}ENGINE", engines_of(image))
        assert settings().engine == engines_of(image)
