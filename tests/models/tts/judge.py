"""How well the small voice speaks: which sentence of espeak-ng's each of its own is nearest to.

`python -m tests.models.tts.judge FOLDER` needs numpy, soxr and onnxruntime, and espeak-ng.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tests.models.tts import speech

Floats = NDArray[np.float32]


def distance(mine: Floats, others: Floats) -> float:
    """Of two sentences' bands, [frames, bands], along the best alignment in time (dynamic time warping)."""
    costs = np.sqrt(((mine[:, None] - others[None]) ** 2).mean(-1))
    total = np.full((len(mine) + 1, len(others) + 1), np.inf)
    total[0, 0] = 0
    for row in range(1, len(mine) + 1):
        for column in range(1, len(others) + 1):
            before = min(total[row - 1, column], total[row, column - 1], total[row - 1, column - 1])
            total[row, column] = costs[row - 1, column - 1] + before
    return float(total[-1, -1] / (len(mine) + len(others)))


def features(samples: Floats) -> Floats:
    """Bands of every fourth frame, without loudness."""
    found = speech.bands(samples)[::4]
    return np.asarray(found - found.mean(0), dtype=np.float32)


def main(folder: Path) -> None:
    """Prints how many of twenty sentences are nearest to themselves."""
    ids = json.loads((folder / "voice.onnx.json").read_text())["phoneme_id_map"]
    session = onnxruntime.InferenceSession(str(folder / "voice.onnx"))
    texts = speech.kept_apart(speech.sentences())
    heard, made = [features(speech.said(text)) for text in texts], []
    for text in texts:
        row = [ids[symbol][0] for symbol in speech.symbols(text)]
        scales = np.array([0, 1, 0], dtype=np.float32)
        fed = {"input": np.array([row]), "input_lengths": np.array([len(row)]), "scales": scales}
        made.append(features(session.run(None, fed)[0].ravel()))
    found = np.array([[distance(mine, others) for others in heard] for mine in made])
    own, best_other = found.diagonal(), np.where(np.eye(len(found), dtype=bool), np.inf, found).min(1)
    right = int((found.argmin(1) == np.arange(len(found))).sum())
    print(f"{right} of {len(found)} are nearest to their own; own {own.mean():.3f}, best other {best_other.mean():.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
