"""Somebody who runs `babelmesh models`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from babelmesh.cli import app
from services.common import bundles


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class User:
    """With a models folder and a home of their own."""

    home: Path
    models: Path

    @property
    def variables(self) -> dict[str, str]:
        own = {"HF_HOME": str(self.home / "hf"), "BABELMESH_MODELS": str(self.models), "COLUMNS": "120"}
        return {**os.environ, **own}

    def runs(self, *arguments: str | Path, **variables: str) -> Done:
        """`babelmesh models ARGUMENTS`."""
        done = CliRunner().invoke(app, ["models", *map(str, arguments)], env={**self.variables, **variables})
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return Done(done.exit_code, done.stdout, done.stderr)

    def bundle(self, name: str, version: str) -> bundles.Bundle:
        """An installed one, checked."""
        bundle = bundles.read(self.models / name / version)
        bundles.verify(bundle)
        return bundle
