"""What is installed where: requirements, images and `make setup` stay in step, and the tree speaks of no machine."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.architecture.source import ROOT

SERVICES = ("gateway", "asr", "mt", "tts", "edge")
STAGE_FILES = (
    "__main__.py",
    "servicer.py",
    "engine.py",
    "settings.py",
    "engines/embedded/engine.py",
    "engines/scripted/engine.py",
)
IMAGES = tuple(
    f"images/{each}"
    for each in (
        "gateway",
        "edge",
        "embedded",
        "asr-embedded",
        "default",
        "onnx",
        "onnx-gpu",
        "sherpa",
        "riva",
        "build",
    )
)
REQUIREMENTS = ("lock", "deploy", "parity", "site")
PLACES = {"babelmesh": ".", "babelmesh-server": "server"}  # where each distribution is described
ONLY_IN_IMAGES = ("onnxruntime-gpu", "nvidia-")  # no machine that tests has a GPU for certain
PART: dict[str, Any] = runpy.run_path(str(ROOT / "requirements" / "part.py"))

# A folder of one machine, a registry, a private address, a key.
PRIVATE = re.compile(
    r"(?<![\w.])/(work|home|Users|opt)/\w"
    r"|https?://[\w.\-]*(pypi|artifact|registry|nexus|mirror)[\w.\-]*"
    r"|(?<!==)\b(10\.\d{1,3}|192\.168)\.\d{1,3}\.\d{1,3}\b"
    r"|BEGIN [A-Z ]*PRIVATE KEY"
)


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _pins(which: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{which}.txt").read_text().replace("\\\n", " ")
    return {_name(line): line for line in text.splitlines() if line and not line.startswith(("#", " "))}


def _names(which: str) -> set[str]:
    """The packages that a list names."""
    return set(PART["names"]((ROOT / "requirements" / f"{which}.txt").read_text()))


def _project(place: str) -> dict[str, Any]:
    """The table [project] of a distribution: "." is the client's, "server" the services'."""
    project: dict[str, Any] = tomllib.loads((ROOT / place / "pyproject.toml").read_text())["project"]
    return project


def _direct(place: str, *extras: str) -> set[str]:
    """The packages that a distribution asks for, with those extras; what it takes of ours is asked for by its own."""
    project = _project(place)
    named = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    ours = {line: Requirement(line) for line in named if _name(line) in PLACES}
    found = {_name(line) for line in named if line not in ours}
    return found.union(*(_direct(PLACES[_name(line)], *wanted.extras) for line, wanted in ours.items()))


def _group(name: str) -> set[str]:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    lines = groups[name]
    included = [each["include-group"] for each in lines if isinstance(each, dict)]
    return {_name(line) for line in lines if isinstance(line, str)}.union(*map(_group, included))


@pytest.mark.parametrize("which", REQUIREMENTS)
def test_everything_that_is_installed_is_pinned_by_hash(which: str) -> None:
    pins = _pins(which)
    assert pins
    assert not [line for line in pins.values() if "==" not in line or "--hash=sha256:" not in line]


def test_the_pins_cover_every_direct_dependency() -> None:
    every = _project("server")["optional-dependencies"].keys() - {"cuda", "names"}  # heavy, and optional
    assert _direct("server", *every) | _direct(".", "cli") | _group("dev") <= _names("dev")
    assert _direct("server", "telemetry", "kubernetes") <= _names("images/gateway")
    assert _direct("server", "telemetry") <= _names("images/embedded")
    assert _direct("server", "telemetry", "edge") <= _names("images/edge")
    assert _direct("server", "telemetry", "embedded") <= _names("images/asr-embedded")
    assert _direct("server", "telemetry", "embedded", "ctranslate2") <= _names("images/default")
    assert _direct("server", "telemetry", "vad", "onnx") <= _names("images/onnx")
    assert _direct("server", "telemetry", "vad", "onnx", "cuda") - {"onnxruntime"} <= _names("images/onnx-gpu")
    assert _direct("server", "telemetry", "vad", "sherpa") <= _names("images/sherpa")
    assert _direct("server", "telemetry", "vad") | {"nvidia-riva-client"} <= _names("images/riva")


def test_an_image_for_gpus_has_one_onnx_runtime() -> None:
    assert "onnxruntime" not in _names("images/onnx-gpu")  # the two packages have the same modules


def test_images_and_the_tests_share_one_lock() -> None:
    tested = _names("dev")
    locked = _pins("lock").keys()
    assert tested <= locked
    assert {name for name in locked - tested if not name.startswith(ONLY_IN_IMAGES)} == set()
    for which in IMAGES:
        assert _names(which) <= locked
        assert {name for name in _names(which) if not name.startswith(ONLY_IN_IMAGES)} <= tested


def test_a_part_of_the_lock_holds_each_marker_of_a_package_and_nothing_else() -> None:
    first, second, third = (
        "a==1 \\\n    --hash=x\n",
        "b-c==2 ; python_version < '3.12' \\\n    --hash=y\n",
        "b-c==3 --hash=z\n",
    )
    lock = first + second + third
    assert "".join(PART["part"](lock, ["B_c"])) == second + third
    with pytest.raises(KeyError, match="d"):
        PART["part"](lock, ["a", "d"])


def _system_packages(dockerfile: str) -> set[str]:
    text = dockerfile.replace("\\\n", " ")
    installs = re.findall(r"apt-get install ([^&\n]*)", text)
    return {word for install in installs for word in install.split() if not word.startswith("-")}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_installs_only_what_setup_installs(service: str) -> None:
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    setup = re.findall(r"^(?:SYSTEM|OPTIONAL)_PACKAGES := (.*)$", makefile, re.MULTILINE)
    installed = {package for line in setup for package in line.split()}
    assert installed
    assert _system_packages((ROOT / "services" / service / "Dockerfile").read_text()) <= installed


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_runs_its_service_without_rights(service: str) -> None:
    dockerfile = (ROOT / "services" / service / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", dockerfile, re.MULTILINE)
    assert f'ENTRYPOINT ["python", "-m", "services.{service}"]' in dockerfile
    port = re.search(rf"{service.upper()}_LISTEN=0\.0\.0\.0:(\d+)", dockerfile)
    assert port
    assert f"EXPOSE {port[1]}" in dockerfile


@pytest.mark.parametrize("stage", ["asr", "mt", "tts"])
def test_who_has_read_one_stage_has_read_all(stage: str) -> None:
    assert not [file for file in STAGE_FILES if not (ROOT / "services" / stage / file).is_file()]


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wrong = []
    for path in filter(None, listed.split("\0")):
        made_up = path.startswith("bench/masks/entities")  # addresses of machines that are to be hidden
        if made_up or path.endswith((".binpb", "test_packaging.py")) or not (ROOT / path).is_file():
            continue
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), start=1):
            if PRIVATE.search(line):
                wrong.append(f"{path}:{number} {line.strip()[:80]}")
    assert not wrong


def test_documents_name_files_that_exist() -> None:
    wrong = []
    for document in (*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")):
        text = document.read_text()
        roots = r"`((?:services|tests|bench/(?!out)|protos|docs)/?[\w./-]+\.\w+)`"
        named = [ROOT / name for name in re.findall(roots, text)]
        inside = re.findall(r"`((?:gateway|asr|mt|tts|common)/[\w/]+\.py)`", text)
        named += [ROOT / "services" / name for name in inside]
        named += [document.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text)]
        wrong += [f"{document.relative_to(ROOT)}: {path}" for path in named if not path.exists()]
    assert not wrong
