"""What the voices say in the implementations they are made for, without noise: reference.npz and reference.json.

`python -m tests.models.tts.reference` in a venv with piper-tts, which is GPL and is run as a program, and transformers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import VitsTokenizer

from tests.models.tts.others import mms_model

HERE = Path(__file__).parent
QUIET = ("--noise-scale", "0", "--noise-w-scale", "0", "--no-normalize", "--output-raw")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is said."""

    voice: str  # the bundle, and its speaker
    text: str
    rate: float


ASKED = [
    Asked("es-small", "d\u00f3nde est\u00e1 el coche", 1.0),
    Asked("es-small", "Hola, \u00bfs\u00ed? Son las tres.", 1.25),
    Asked("es-two#luis", "hola, amigos", 1.0),
    Asked("es-mms", "D\u00f3nde est\u00e1?", 1.0),
    Asked("es-mms", "buenos d\u00edas", 0.8),
]


def by_piper(voice: str, text: str, rate: float) -> NDArray[np.int16]:
    """Samples of Piper's program."""
    folder, _, speaker = voice.partition("#")
    number = json.loads((HERE / folder / "voice.onnx.json").read_text())["speaker_id_map"].get(speaker, 0)
    program = [sys.executable, "-m", "piper", "-m", str(HERE / folder / "voice.onnx"), *QUIET]
    arguments = ["--length-scale", str(1 / rate), "-s", str(number)]
    made = subprocess.run([*program, *arguments], input=text.encode(), capture_output=True, check=True)
    return np.frombuffer(made.stdout, dtype="<i2")


def by_transformers(text: str, rate: float) -> NDArray[np.int16]:
    """Samples of VitsModel."""
    folder = HERE / "es-mms"
    told = json.loads((folder / "tokenizer_config.json").read_text())
    tokenizer = VitsTokenizer(str(folder / "vocab.json"), **{k: v for k, v in told.items() if k != "tokenizer_class"})
    model = mms_model()
    model.noise_scale = model.noise_scale_duration = 0.0
    model.speaking_rate = rate
    with torch.no_grad():
        samples = model(**tokenizer(text, return_tensors="pt")).waveform[0].numpy()
    return np.asarray(np.rint(samples * 32_767), dtype="<i2")


if __name__ == "__main__":
    found: dict[str, Any] = {}
    for place, each in enumerate(ASKED):
        if each.voice == "es-mms":
            found[str(place)] = by_transformers(each.text, each.rate)
        else:
            found[str(place)] = by_piper(each.voice, each.text, each.rate)
    np.savez_compressed(HERE / "reference.npz", **found)
    made_by = {name: version(name) for name in ("piper-tts", "transformers")}
    written = {"made_by": made_by, "asked": [asdict(each) for each in ASKED]}
    (HERE / "reference.json").write_text(json.dumps(written, indent=1) + "\n")
