"""What the voices say in the implementations they are made for, without noise: reference.npz and reference.json.

`python tests/models/tts/reference.py` in a venv with piper-tts, which is GPL and is run as a program, and transformers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import VitsTokenizer

from others import mms_model

HERE = Path(__file__).parent
QUIET = ("--noise-scale", "0", "--noise-w-scale", "0", "--no-normalize", "--output-raw")
ASKED = [
    {"voice": "es-small", "text": "d\u00f3nde est\u00e1 el coche", "rate": 1.0},
    {"voice": "es-small", "text": "Hola, \u00bfqu\u00e9 hora es? Son las tres.", "rate": 1.25},
    {"voice": "es-two#luis", "text": "hola, amigos", "rate": 1.0},
    {"voice": "es-mms", "text": "D\u00f3nde est\u00e1 el coche?", "rate": 1.0},
    {"voice": "es-mms", "text": "buenos d\u00edas", "rate": 0.8},
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
    with torch.no_grad():
        samples = model(**tokenizer(text, return_tensors="pt"), speaking_rate=rate).waveform[0].numpy()
    return np.rint(samples * 32_767).astype("<i2")


if __name__ == "__main__":
    found = {}
    for place, each in enumerate(ASKED):
        known = by_transformers if each["voice"] == "es-mms" else by_piper
        found[str(place)] = known(*(each.values() if known is by_piper else list(each.values())[1:]))
    np.savez_compressed(HERE / "reference.npz", **found)
    made_by = {name: version(name) for name in ("piper-tts", "transformers")}
    (HERE / "reference.json").write_text(json.dumps({"made_by": made_by, "asked": ASKED}, indent=1) + "\n")
