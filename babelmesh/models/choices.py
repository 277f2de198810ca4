"""What a user chooses of a local mesh: its engines, and the folder of their models."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

VARIABLE = "BABELMESH_MODELS"  # names another folder of bundles

Variables = Mapping[str, Mapping[str, str]]  # of the environment, by stage


class Engines(StrEnum):
    """The sets of engines that a local mesh can run."""

    DEFAULT = "default"  # the default bundles, as far as they are installed, and the small engines for the rest
    SMALL = "small"  # pocketsphinx, Apertium and espeak-ng
    NEURAL = "neural"  # every bundle that is installed for the neural engines
    SCRIPTED = "scripted"
