"""Makes the tiny recognizers of the tests: one encoder, heard through a transducer and through a CTC head.

    python -m tests.models.asr.make OUT [--steps 1800] [--utterances 5000]

It needs torch, onnx, onnxruntime, sentencepiece, kaldi-native-fbank, soxr and sherpa-onnx, and the program espeak-ng.
It writes the bundles OUT/phrasebook-transducer and OUT/phrasebook-ctc, and prints what part of the words sherpa-onnx
hears wrong with them in voices that were not learned from. Chance is seeded; arithmetic differs between machines.

Those beside this file went on twice, by `--weights` from the run before: 1800 steps, then 1100 with `--seed 8`, then
1000 with `--seed 10 --rate 1.5e-3`. In the first two, CTC counted half, and one of the accents was not heard yet.
"""

from __future__ import annotations

import argparse
import math
import pickle
import random
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch import Tensor
from torch.nn import functional

from tests.models.asr import bundle, scores, speech
from tests.models.asr.loss import transducer_loss
from tests.models.asr.model import DROPPED, Recognizer, Shape

SEED = 7
BATCH = 16
PEAK_RATE, WARM_STEPS = 2e-3, 100
CTC_PART = 1.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--utterances", type=int, default=5000)
    parser.add_argument("--weights", type=Path, help="go on from these, of OUT/weights.pt of another run")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="of learning, at its peak")
    parser.add_argument("--seed", type=int, default=SEED, help="of the mixtures; another one for going on")
    parser.add_argument("--cache", type=Path, help="where to keep the synthesized features between runs")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(asked.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    pieces = _pieces(asked.out)
    learned = _synthesized(asked.utterances, asked.cache)
    recognizer = Recognizer(Shape(tokens=pieces.vocab_size()))
    if asked.weights:
        recognizer.load_state_dict(torch.load(asked.weights))
    train(recognizer, learned, pieces, asked)
    for layout in ("nemo-transducer", "nemo-ctc"):
        folder = bundle.phrasebook(recognizer, pieces, asked.out, layout)
        heard = [scores.wrong(folder, layout, sentences) for sentences in (False, True)]
        print(f"{layout}: {heard[0]:.2%} of the words wrong, {heard[1]:.2%} of those in its sentences", flush=True)


def train(
    recognizer: Recognizer,
    learned: list[tuple[str, speech.Features]],
    pieces: sentencepiece.SentencePieceProcessor,
    asked: argparse.Namespace,
) -> None:
    """Both heads at once, each step on a fresh mixture of what was synthesized."""
    steps = asked.steps
    chance = random.Random(asked.seed)
    noise = speech.noises(np.random.default_rng(SEED))
    optimizer = torch.optim.AdamW(recognizer.parameters(), lr=asked.rate, weight_decay=1e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps))
    started, running = time.monotonic(), 0.0
    recognizer.train()
    for step in range(1, steps + 1):
        loss = _loss(recognizer, *_batch(learned, noise, pieces, chance))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(recognizer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running += (float(loss.detach()) - running) / min(step, 50)
        if step % 50 == 0:
            print(f"step {step}: loss {running:.3f}, {time.monotonic() - started:.0f} s", flush=True)
            torch.save(recognizer.state_dict(), asked.out / "weights.pt")


def _loss(recognizer: Recognizer, features: Tensor, targets: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
    """Per token. targets are padded with 0."""
    heard = recognizer.encoder(features)
    told = functional.log_softmax(recognizer.ctc(heard), dim=-1).transpose(0, 1)
    ctc = functional.ctc_loss(
        told, targets, frames, lengths, blank=recognizer.shape.tokens, reduction="none", zero_infinity=True
    )
    start = torch.full_like(targets[:, :1], recognizer.shape.tokens)
    states = heard.new_zeros(1, len(targets), recognizer.shape.hidden)
    said, _ = recognizer.predictor(torch.cat((start, targets), dim=1), (states, states))
    transducer = transducer_loss(recognizer.joiner(heard, said), targets, frames, lengths)
    return (transducer + CTC_PART * ctc).sum() / lengths.sum()


def _batch(
    learned: list[tuple[str, speech.Features]],
    noise: list[speech.Features],
    pieces: sentencepiece.SentencePieceProcessor,
    chance: random.Random,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rows, targets = [], []
    for _ in range(BATCH):
        chosen = [chance.choice(learned) for _ in range(chance.choice((1, 1, 2)))]
        heard = speech.roomed([features for _, features in chosen], noise, chance)
        rows.append(speech.masked(heard, chance))
        targets.append(pieces.encode(" ".join(text for text, _ in chosen)))
    longest = max(len(row) for row in rows)
    longest += (9 - longest) % 16
    features = torch.full((BATCH, 80, longest), speech.SILENCE)
    padded = torch.zeros(BATCH, max(map(len, targets)), dtype=torch.int64)
    for number, (row, target) in enumerate(zip(rows, targets, strict=True)):
        features[number, :, : len(row)] = torch.from_numpy(row).T
        padded[number, : len(target)] = torch.tensor(target)
    frames = torch.tensor([(len(row) + 7) // 8 - DROPPED for row in rows])
    return features, padded, frames, torch.tensor([len(target) for target in targets])


def _synthesized(count: int, cache: Path | None) -> list[tuple[str, speech.Features]]:
    if cache and cache.exists():
        kept: list[tuple[str, speech.Features]] = pickle.loads(cache.read_bytes())
        return kept
    chance = random.Random(SEED)
    known = speech.sentences()
    words = sorted({word for sentence in known for word in sentence.split()})
    made = []
    for _ in range(count):
        text = speech.drawn_text(known, words, chance)
        voice = speech.Voice.drawn(speech.ACCENTS, speech.VARIANTS, chance)
        made.append((text, speech.features(speech.spoken(text, voice))))
    print(f"{count} utterances, {sum(len(features) for _, features in made) / 100:.0f} s of speech", flush=True)
    if cache:
        cache.write_bytes(pickle.dumps(made))
    return made


def _pieces(folder: Path) -> sentencepiece.SentencePieceProcessor:
    """So few of them that longer words are several."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(speech.sentences()),
        model_prefix=str(folder / "bpe"),
        model_type="bpe",
        vocab_size=96,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        unk_id=0,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "bpe.model"))


def _rate(step: int, steps: int) -> float:
    if step < WARM_STEPS:
        return (step + 1) / WARM_STEPS
    return 0.5 + 0.5 * math.cos(math.pi * (step - WARM_STEPS) / max(1, steps - WARM_STEPS))


if __name__ == "__main__":
    main()
