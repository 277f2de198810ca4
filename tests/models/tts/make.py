"""Makes the small Spanish voice that the tests speak with: `python -m tests.models.tts.make` in a venv with torch.

It learns from espeak-ng's own speech of the phrasebook. Beside it, to be run likewise: others.py makes voices of random
weights, reference.py what all of them say elsewhere, and judge.py tells how well this one speaks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.models.tts import bundle, export, speech, train
from tests.models.tts.vits import Size

HERE = Path(__file__).parent
SECONDS = 15 * 60


def made(folder: Path, seconds: float) -> None:
    """Trains and writes it."""
    torch.set_num_threads(1)
    texts = speech.sentences()
    apart = set(speech.kept_apart(texts))
    spoken = speech.spoken(texts)
    others = sorted({symbol for each in spoken for symbol in each.symbols} - set("_^$ "))
    ids = {symbol: number for number, symbol in enumerate([*"_^$ ", *others])}
    size = Size(len(ids))
    voice = train.trained([each for each in spoken if each.text not in apart], ids, size, seconds)
    export.written(voice, size, config(ids), folder)
    bundle.described(folder, "piper", speech.RATE, "made by tests/models/tts/make.py from espeak-ng's speech")


def config(ids: dict[str, int]) -> dict[str, object]:
    """voice.onnx.json"""
    return {
        "audio": {"sample_rate": speech.RATE, "quality": "x_low"},
        "espeak": {"voice": "es"},
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": {symbol: [number] for symbol, number in ids.items()},
        "num_symbols": len(ids),
        "num_speakers": 1,
        "speaker_id_map": {},
        "language": {"code": "es_ES", "family": "es", "region": "ES"},
        "piper_version": "1.0.0",
        "hop_length": speech.HOP,
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "es-small"
    target.mkdir(parents=True, exist_ok=True)
    made(target, float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS)
