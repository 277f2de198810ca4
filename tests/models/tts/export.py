"""Writes a voice in the layout that Piper publishes: voice.onnx and voice.onnx.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from tests.models.tts.vits import Size, Voice

OPSET = 15  # Piper's


def written(voice: Voice, size: Size, config: Mapping[str, object], folder: Path) -> None:
    """Writes both files."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = torch.arange(7)[None] % size.symbols
    arguments = [ids, torch.tensor([7]), torch.tensor([0.0, 1.0, 0.0])]
    names = ["input", "input_lengths", "scales"]
    if size.speakers > 1:
        arguments.append(torch.tensor([0]))
        names.append("sid")
    axes = {"input": {0: "batch", 1: "phonemes"}, "input_lengths": {0: "batch"}, "output": {0: "batch", 2: "time"}}
    torch.onnx.export(
        voice.eval(),
        tuple(arguments),
        str(folder / "voice.onnx"),
        input_names=names,
        output_names=["output"],
        dynamic_axes=axes,  # of the speaker none, as in Piper's exports
        opset_version=OPSET,
        dynamo=False,
    )
    (folder / "voice.onnx.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")
