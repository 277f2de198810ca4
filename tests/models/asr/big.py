"""A recognizer as large as FastConformer-Large (17 layers of 512, 114 million weights), its weights drawn by chance.

    python -m tests.models.asr.big OUT

For measuring how fast engines are: it hears nothing, but says about as many tokens as a speaker does. Window and shift
are those of NeMo's model for 480 ms. It needs the packages of requirements/parity.txt and espeak-ng.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.models.asr import bundle, export, speech
from tests.models.asr.model import Recognizer, Shape

LARGE = Shape(
    layers=17,
    width=512,
    heads=8,
    expansion=4,
    channels=256,
    left_frames=70,
    chunk_frames=7,
    hidden=640,
    joint=640,
    tokens=1024,
)
SPOKEN = 0.1  # of the frames that a token starts in
APART = 50.0  # weights drawn by chance hear little difference between frames


def main() -> None:
    torch.manual_seed(1)
    torch.set_grad_enabled(False)
    recognizer = Recognizer(LARGE).eval()
    audio = speech.spoken(" ".join(speech.sentences()[::10]), speech.Voice("en-us", 160, 50))
    heard = recognizer.encoder(torch.from_numpy(speech.features(audio)).T.unsqueeze(0))
    states = torch.zeros(1, LARGE.tokens + 1, LARGE.hidden)
    said, _ = recognizer.predictor(torch.arange(LARGE.tokens + 1).unsqueeze(1), (states, states))
    _set_apart(recognizer.joiner.heard, heard[0])
    _set_apart(recognizer.joiner.said, said[:, 0])
    logits = recognizer.joiner(heard[:, ::3], said[None, ::40, 0])[0].flatten(0, 1)
    ahead = logits[:, :-1].max(dim=-1).values - logits[:, -1]
    recognizer.joiner.out.bias[-1] += torch.quantile(ahead, 1 - SPOKEN)
    tokens = [f"▁w{number}" for number in range(LARGE.tokens)]
    folder = Path(sys.argv[1])
    export.write(recognizer, tokens, folder, "nemo-transducer")
    bundle.describe(folder, "nemo-transducer", "tests/models/asr/big.py: drawn by chance")
    print(f"{sum(weights.numel() for weights in recognizer.parameters()):,} weights")


def _set_apart(linear: nn.Linear, seen: Tensor) -> None:
    """Makes the differences between what a layer sees matter, and not what they have in common."""
    linear.weight *= APART
    linear.bias.copy_(-linear.weight @ seen.mean(dim=0))


if __name__ == "__main__":
    main()
