"""What README and documentation tell readers to type is there: commands, options, targets, files, settings."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement
from pydantic import BaseModel
from typer.core import TyperGroup

import babelmesh
from babelmesh.cli.main import app
from services.asr.settings import AsrSettings
from services.edge.settings import EdgeSettings
from services.gateway.settings import GatewaySettings
from services.mt.settings import MtSettings
from services.tts.settings import TtsSettings
from tests.architecture.source import ROOT
from tests.snippets import Command, blocks, commands

CHECKED = (
    "html",
    "json",
    "python",
    "sh",
    "text",
)  # Python runs in tests/mesh, HTML in tests/edges; text is drawings and output
SETTINGS: dict[str, type[BaseModel]] = {
    "ASR": AsrSettings,
    "EDGE": EdgeSettings,
    "GATEWAY": GatewaySettings,
    "MT": MtSettings,
    "TTS": TtsSettings,
}
ELSEWHERE = ("curl", "grpcurl")  # programs whose arguments are not ours
MODULES_ELSEWHERE = ("spacy",)  # which `make test-names` runs
OTHERS = ("buf", "docker", "kubectl", "node", "npm", "prometheus")


def test_every_block_says_what_it_is() -> None:
    assert not [each.place for each in blocks() if each.language not in CHECKED]


def test_glossaries_shown_are_read(tmp_path: Path) -> None:
    for number, block in enumerate(each for each in blocks() if each.language == "json"):
        path = tmp_path / f"{number}.json"
        path.write_text(block.text)
        assert babelmesh.glossary_file(path).terms, block.place


@pytest.mark.parametrize("command", [*commands()], ids=lambda each: f"{each.place} {' '.join(each.words)}")
def test_every_command_shown_is_understood(command: Command) -> None:
    for name in command.variables:
        _check_variable(name)
    if command.words:
        name, *arguments = command.words
        if not (ROOT / name).is_file():
            assert name.removeprefix(".venv/bin/") in CHECKS, f"nobody checks {name}"
            CHECKS[name.removeprefix(".venv/bin/")](arguments)
        for word in arguments:
            _check_path(word.partition("=")[2] or word)


def _check_variable(name: str) -> None:
    prefix, _, rest = name.partition("_")
    if prefix not in SETTINGS:
        assert f"{name}=" in (ROOT / "Makefile").read_text(), name
        return
    settings: object = SETTINGS[prefix]
    for part in rest.lower().split("__"):
        assert isinstance(settings, type)
        assert issubclass(settings, BaseModel)
        assert part in settings.model_fields, name
        settings = settings.model_fields[part].annotation


def _check_path(word: str) -> None:
    """Of what looks like a path into this repository."""
    first, slash, _ = word.partition("/")
    if slash and (ROOT / first).is_dir() and first not in ("", "."):
        assert (ROOT / word).exists(), word


def _babelmesh(arguments: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    context = typer.Context(command, info_name="babelmesh")
    while isinstance(command, TyperGroup):
        _, command, arguments = command.resolve_command(context, arguments)
        context = typer.Context(command, parent=context)
    command.make_context(command.name, arguments, parent=context)  # raises for what it does not understand


def _make(arguments: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {word for word in arguments if "=" not in word} <= set(targets)


def _pip(arguments: list[str]) -> None:
    verb, package = arguments
    assert verb == "install"
    wanted = Requirement(package)
    place = {"babelmesh": ".", "babelmesh-server": "server"}[wanted.name]
    extras = tomllib.loads((ROOT / place / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert wanted.extras <= extras.keys()


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert arguments[1] in MODULES_ELSEWHERE or importlib.util.find_spec(arguments[1]) is not None
    else:
        assert (ROOT / arguments[0]).is_file()


def _others(arguments: list[str]) -> None:
    """A program of somebody else: the files it is given are looked for, as everywhere."""


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "babelmesh": _babelmesh,
    "make": _make,
    "pip": _pip,
    "python": _python,
    **dict.fromkeys((*ELSEWHERE, *OTHERS), _others),
}
