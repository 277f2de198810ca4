"""The recipe of a sherpa-onnx recognizer. It imports little: a trial begins with it, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sherpa_onnx


@dataclass(frozen=True, slots=True)
class Recipe:
    """The arguments of a recognizer, as plain values, so that another process can make it too."""

    make: str
    streaming: bool
    options: Mapping[str, Any]

    @property
    def main_file(self) -> str:
        """Path of the model file that holds the metadata."""
        return str(self.options.get("model") or self.options["encoder"])


def recognizer(recipe: Recipe) -> Any:
    """Make sherpa-onnx's recognizer. For a wrong file sherpa-onnx ends the process, or raises RuntimeError."""
    kind = sherpa_onnx.OnlineRecognizer if recipe.streaming else sherpa_onnx.OfflineRecognizer
    return getattr(kind, recipe.make)(**recipe.options)
