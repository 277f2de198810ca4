"""The small translator that the tests decode with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.common.neural import bundles
from services.common.neural.bundles import MANIFEST, file_sum
from services.common.neural.devices import Device
from services.mt.engines.onnx.batch import Batch
from services.mt.engines.onnx.loading import Asking, Loaded, load

BUNDLE = Path(__file__).parents[2] / "models" / "mt" / "phrasebook-en-es"
CPU = Device("cpu", "cpu")


def loaded(beams: int = 1, rows: int = 8) -> Loaded:
    return load(bundles.read(BUNDLE), Asking(CPU, rows=rows, beams=beams))


def batch(model: Loaded) -> Batch:
    return Batch(model.model, model.tokenizer.begins(model.ids))


def changed(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the bundle with something else in one of its JSON files, which the manifest knows of."""
    copy = folder / "bundle"
    shutil.copytree(BUNDLE, copy)
    told = json.loads((copy / name).read_text())
    change(told)
    (copy / name).write_text(json.dumps(told))
    manifest = json.loads((copy / MANIFEST).read_text())
    if name != MANIFEST:
        manifest["files"][name] = file_sum(copy / name).model_dump()
        (copy / MANIFEST).write_text(json.dumps(manifest))
    return copy
