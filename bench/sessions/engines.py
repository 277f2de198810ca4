"""Which engines a measurement runs on: the sets that `babelmesh up --engines` takes, as variables of the stages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from babelmesh.local import supervisor
from babelmesh.models.choices import Engines
from babelmesh.models.folder import Models, default_folder
from babelmesh.models.serving import variables

Stages = Mapping[str, Mapping[str, str]]  # variables by stage


def add_option(parser: argparse.ArgumentParser, default: Engines = Engines.DEFAULT) -> None:
    """Add `--engines` to a command line."""
    names = [each.value for each in Engines]
    parser.add_argument("--engines", choices=names, default=default.value, help="engines of all stages")


def stages(name: str) -> Stages:
    """The variables of each stage for a set of engines; a stage whose engine the environment names is left alone."""
    return variables(Engines(name), Models(default_folder()), supervisor.environment(), _note)


def flat(name: str) -> dict[str, str]:
    """The variables of all stages for a set of engines, by their names."""
    return {key: value for own in stages(name).values() for key, value in own.items()}


def _note(line: str) -> None:
    print(line, file=sys.stderr)
