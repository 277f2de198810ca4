"""Somebody who runs `babelmesh models`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from babelmesh.cli.main import app
from services.common.neural import bundles


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

    def fetches(self, entries: Sequence[Any], *arguments: str, command: str = "fetch", **variables: str) -> Done:
        """`babelmesh models COMMAND ARGUMENTS` in a process of its own, on a catalogue of these entries."""
        path = self.home / "catalogue.json"
        path.write_text(json.dumps(entries))
        start = (
            "import sys, pathlib; from babelmesh.models import catalogue; "
            f"catalogue.CATALOGUE = pathlib.Path({str(path)!r}); "
            f"from babelmesh.cli.main import app; app(['models', {command!r}, *sys.argv[1:]])"
        )
        done = subprocess.run(
            [sys.executable, "-c", start, *arguments],
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def bundle(self, name: str, version: str) -> bundles.Bundle:
        """An installed one, checked."""
        bundle = bundles.read(self.models / name / version)
        bundles.verify(bundle)
        return bundle
