"""Makes a recognizer and runs it on silence, in a process of its own.

sherpa-onnx ends its process for many a file that is wrong; so it is this one that ends, and what it wrote says why.

    python -m services.asr.engines.sherpa.trial RECIPE
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import sherpa_onnx

from services.asr.engines.sherpa.layouts import Recipe
from services.common.audio.pcm import ASR_RATE
from services.common.neural.bundles import fault

_SILENCE = np.zeros(2 * ASR_RATE, dtype=np.float32)
_PLACE = re.compile(r"^\S+\.(?:cc|h):\w+:\d+ ")  # in sherpa-onnx's source, before what it says
_ON_CPU = "Fallback to cpu"
_UNKNOWN = "Unknown language"  # it would hear in another one


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a trial that went well: the model's metadata and its device."""

    metadata: dict[str, str]  # of the main model's file
    on_cpu: bool  # it was to compute elsewhere, and could not


async def tried(recipe: Recipe, folder: Path) -> Trial:
    """Run a trial of the recipe. Raises InvalidArgument, with sherpa-onnx's own words, for a bundle it cannot use."""
    command = (sys.executable, "-m", __name__, json.dumps(asdict(recipe)))
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    try:
        answer, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    unknown = [line for line in lines if _UNKNOWN in line]
    if child.returncode or unknown:
        raise fault(folder, f"sherpa-onnx cannot use it: {_reason(unknown or lines)}")
    metadata: dict[str, str] = json.loads(answer.decode().splitlines()[-1])
    return Trial(metadata, any(_ON_CPU in line for line in lines))


def recognizer(recipe: Recipe) -> Any:
    """Make sherpa-onnx's recognizer. For a wrong file sherpa-onnx ends the process, or raises RuntimeError."""
    kind = sherpa_onnx.OnlineRecognizer if recipe.streaming else sherpa_onnx.OfflineRecognizer
    return getattr(kind, recipe.make)(**recipe.options)


def main() -> None:
    """Run the trial in this process, and print the model's metadata as JSON."""
    recipe = Recipe(**json.loads(sys.argv[1]))
    made = recognizer(recipe)
    streams = [made.create_stream() for _ in range(2)]
    for stream in streams:
        stream.accept_waveform(ASR_RATE, _SILENCE)
    if recipe.streaming:
        while made.is_ready(streams[0]):
            made.decode_streams(streams)
    else:
        made.decode_streams(streams)
    sys.stdout.write(json.dumps(_metadata(recipe.main_file)) + "\n")


def _metadata(path: str) -> dict[str, str]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    metadata: dict[str, str] = onnxruntime.InferenceSession(path, options).get_modelmeta().custom_metadata_map
    return metadata


def _reason(lines: list[str]) -> str:
    if not lines:
        return "it ended without a word."
    return _PLACE.sub("", lines[-1]).removeprefix("RuntimeError: ").rstrip(".") + "."


if __name__ == "__main__":
    main()
