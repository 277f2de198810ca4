"""The two distributions: what the client's holds and asks for, and that the services' is in step with it."""

from __future__ import annotations

import re
import runpy
import tomllib
from typing import Any

from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.source import BUILT, ROOT

MOST_DEPENDENCIES = 8


def _project(place: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / place / "pyproject.toml").read_text())["project"]
    return project


def _asked(place: str) -> dict[str, Requirement]:
    return {each.name: each for each in map(Requirement, _project(place)["dependencies"])}


def _floor(requirement: Requirement) -> Version:
    (least,) = [Version(each.version) for each in requirement.specifier if each.operator == ">="]
    return least


def test_the_clients_wheel_holds_its_package_alone_with_its_stubs_and_types() -> None:
    shipped = {each.distribution_path for each in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {path.split("/")[0] for path in shipped} == {"babelmesh"}
    assert {"babelmesh/py.typed", "babelmesh/_stubs/realtime/v1/realtime_translate_pb2.pyi"} <= shipped
    assert not [path for path in shipped if path.endswith(".pyc")]


def test_the_clients_sources_are_what_its_wheel_is_built_of() -> None:
    shipped = {each.distribution_path for each in SdistBuilder(str(ROOT)).recurse_included_files()}
    tops = {"babelmesh", "protos", "hatch_build.py", "README.md", "LICENSE"}  # hatch adds pyproject.toml and .gitignore
    assert {path.split("/")[0] for path in shipped} == tops
    assert not [path for path in shipped if "_stubs" in path]


def test_the_services_wheel_holds_the_services_and_their_contracts() -> None:
    shipped = runpy.run_path(str(ROOT / "server" / "hatch_build.py"))["SHIPPED"]
    assert {place.split("/")[0] for place in shipped.values()} == {
        "services",
        "mesh",
        "realtime",
        "rooms",
        "externalscaler",
    }
    assert all((ROOT / source).is_dir() for source in shipped)


def test_the_client_asks_for_few_packages_and_for_none_of_its_extras() -> None:
    asked = _asked(".")
    assert len(asked) <= MOST_DEPENDENCIES
    extras = _project(".")["optional-dependencies"]
    assert {"files", "cli", "mic"} == extras.keys()
    assert not asked.keys() & {Requirement(line).name for lines in extras.values() for line in lines}


def test_both_distributions_have_one_version_and_licence() -> None:
    client, server = _project("."), _project("server")
    assert client["version"] == server["version"]
    assert str(_asked("server")["babelmesh"]) == f"babelmesh[cli]=={client['version']}"
    assert (ROOT / "server" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_stubs_run_on_the_oldest_libraries_that_are_asked_for() -> None:
    stubs = BUILT / "realtime" / "v1"
    messages = (stubs / "realtime_translate_pb2.py").read_text()
    services = (stubs / "realtime_translate_pb2_grpc.py").read_text()
    protobuf = re.search(r"Protobuf Python Version: ([\d.]+)", messages)
    grpc = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", services)
    assert protobuf
    assert grpc
    for place in (".", "server"):
        assert _floor(_asked(place)["protobuf"]) >= Version(protobuf[1])
        assert _floor(_asked(place)["grpcio"]) >= Version(grpc[1])


def test_an_extra_that_a_message_names_is_there() -> None:
    text = "".join(path.read_text() for folder in ("babelmesh", "services") for path in (ROOT / folder).rglob("*.py"))
    named = re.findall(r"pip install '?(babelmesh(?:-server)?)\[(\w+)\]", text)
    assert ("babelmesh", "files") in named
    places = {"babelmesh": ".", "babelmesh-server": "server"}
    for name, extra in named:
        assert extra in _project(places[name])["optional-dependencies"], f"{name}[{extra}]"
