"""Runs the trial of a recognizer as a process of its own, and reads how it went: its last output is the reason."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass
from pathlib import Path

from services.asr.engines.sherpa.recipe import Recipe
from services.common.neural.bundles import fault

_TRIAL = "services.asr.engines.sherpa.trial"
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
    command = (sys.executable, "-m", _TRIAL, json.dumps(asdict(recipe)))
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


def _reason(lines: list[str]) -> str:
    if not lines:
        return "it ended without a word."
    return _PLACE.sub("", lines[-1]).removeprefix("RuntimeError: ").rstrip(".") + "."
