"""A mesh that cannot start says at once all that it lacks, and what brings it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from babelmesh.client.errors import MeshFailed
from babelmesh.local import preflight
from babelmesh.local.supervisor import Ports, Service, free_ports, mesh_services

SCRIPTED = {stage: {f"{stage.upper()}_ENGINE": "scripted"} for stage in ("asr", "mt", "tts")}


def services(told: Mapping[str, Mapping[str, str]]) -> list[Service]:
    return mesh_services(free_ports(), {**SCRIPTED, **told})


def missing(logs: Path, told: Mapping[str, Mapping[str, str]]) -> str:
    with pytest.raises(MeshFailed) as failed:
        preflight.check(services(told), logs, {})
    return str(failed.value)


def program(folder: Path, name: str, script: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_mesh_of_scripted_engines_needs_nothing(tmp_path: Path) -> None:
    preflight.check(services({}), tmp_path, {})


def test_all_that_is_missing_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told = missing(tmp_path, {"mt": {"MT_ENGINE": "embedded"}, "tts": {"TTS_ENGINE": "kokoro+embedded"}})
    assert "apt install apertium apertium-eng-spa" in told
    assert told.count("apt install espeak-ng") == 2


def test_programs_without_languages_or_voices_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lt-proc", "apertium-transfer"):
        program(tmp_path, name)
    program(tmp_path, "espeak-ng", "echo Pty Language")
    monkeypatch.setenv("PATH", str(tmp_path))
    modes = {"MT_ENGINE": "embedded", "MT_EMBEDDED__MODES": str(tmp_path)}
    told = missing(tmp_path, {"mt": modes, "tts": {"TTS_ENGINE": "embedded"}})
    assert f"{tmp_path} holds no pair of languages: apt install apertium-eng-spa" in told
    assert "apt install espeak-ng-data" in told


def test_a_python_package_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = missing(tmp_path, {"asr": {"ASR_ENGINE": "moonshine"}})
    assert "onnxruntime" in told
    assert "babelmesh-server[onnx]" in told
    assert "babelmesh-server[vad]" in told


@pytest.mark.parametrize(
    ("field", "option"), [("gateway", "--port"), ("asr", "--asr-port"), ("operations", "--operations-port")]
)
def test_a_port_in_use_is_named_with_the_option_that_takes_another(tmp_path: Path, field: str, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        free = free_ports()
        ports = Ports(**{**{name: getattr(free, name) for name in Ports.__slots__}, field: number})
        with pytest.raises(MeshFailed, match=f"{number} cannot be used .*already.* `babelmesh up {option} PORT`"):
            preflight.check(mesh_services(ports, SCRIPTED), tmp_path, {})


def test_a_port_that_two_services_are_to_have_is_told(tmp_path: Path) -> None:
    ports = free_ports()
    both = mesh_services(replace(ports, asr=ports.mt), SCRIPTED)
    with pytest.raises(MeshFailed, match=f"{ports.mt} cannot be used for .*: it is for the "):
        preflight.check(both, tmp_path, {})


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(5 * preflight.MEBI))
    assert f"{tmp_path} has 5 MiB of disk free" in missing(tmp_path, {})
