"""Bundles that are installed on this machine: tests on trained weights run where there are some."""

from __future__ import annotations

import os
from pathlib import Path

from babelmesh.models.choices import VARIABLE
from babelmesh.models.folder import Models, default_folder


def installed(name: str) -> Path | None:
    """The folder of a bundle, of its version installed last; None when it is not installed."""
    models = Models(Path(os.environ.get(VARIABLE) or default_folder()))
    found, _ = models.installed()
    named = sorted((each for each in found if each.manifest.name == name), key=lambda each: each.placed)
    return named[-1].bundle.folder if named else None
