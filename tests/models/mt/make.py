"""Trains the small English-Spanish translator on the phrasebook, and writes its bundle.

    python -m tests.models.mt.make [--folder out/models] [--steps 2500]    (0: exports what was trained before)

A few minutes on one core, in the environment of `make parity`. It ends with status 1 when a sentence of the phrasebook
comes out wrong, and then changes no bundle.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from transformers import MarianConfig, MarianMTModel

from tests.models.mt import vocabulary
from tests.models.mt.export import MERGED, Label, export, label
from tests.models.mt.generating import generated
from tests.models.mt.random_models import marian_config, save
from tests.models.mt.reference import Asked, Reference, written
from tests.models.mt.texts import Text, unfinished, whole
from tests.models.mt.tokens import Tokens

BUNDLE = Path(__file__).parent / "phrasebook-en-es"
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
SEED = 7
BATCH = 64
TOP_RATE = 3e-3
WARM_STEPS = 100
JOINED = 0.15  # share of texts that are two sentences, one after the other
IGNORED = -100  # the label that the loss leaves out


@dataclass(frozen=True, slots=True)
class Batch:
    """Ids, padded: `[texts, tokens]`."""

    source: torch.Tensor
    mask: torch.Tensor
    target: torch.Tensor


def main() -> None:
    """Trains, checks, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("out/models"), help="where the model for transformers goes")
    parser.add_argument("--steps", type=int, default=2500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    folder = options.folder / f"{BUNDLE.name}-hf"
    folder.mkdir(parents=True, exist_ok=True)
    count = vocabulary.marian(folder, whole())
    tokens = Tokens.of(folder)
    model = MarianMTModel(_config(count)) if options.steps else MarianMTModel.from_pretrained(folder)
    trained(model, tokens, options.steps)
    wrong = [text for text in whole() if translated(model, tokens, text[0]) != text[1]]
    print(f"{model.num_parameters()} parameters, {len(wrong)} of {len(whole())} wrong", wrong[:10])
    if wrong:
        sys.exit(1)
    save(model, folder)
    export(folder, BUNDLE, MERGED)
    label(BUNDLE, Label(BUNDLE.name, (("en", "es"),), source="tests/models/mt/make.py"))
    written(BUNDLE.name, references(model, tokens), VERSIONS)


def trained(model: MarianMTModel, tokens: Tokens, steps: int) -> None:
    """Teaches it everything in `texts`."""
    if not steps:
        return
    optimizer = torch.optim.AdamW(model.parameters(), lr=TOP_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, TOP_RATE, total_steps=steps, pct_start=WARM_STEPS / steps)
    model.train()
    for step, batch in zip(range(steps), batches(tokens), strict=False):
        loss = model(input_ids=batch.source, attention_mask=batch.mask, labels=batch.target).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(step, round(loss.item(), 4), flush=True)
    model.eval()


def batches(tokens: Tokens) -> Iterator[Batch]:
    """Without end."""
    chance = random.Random(SEED)
    complete, begun = whole(), unfinished()
    while True:
        yield _batch(tokens, [_text(chance, complete, begun) for _ in range(BATCH)])


def translated(model: MarianMTModel, tokens: Tokens, text: str) -> str:
    """Greedy."""
    return tokens.text([*generated(model, Asked(tuple(tokens.source(text))))])


def references(model: MarianMTModel, tokens: Tokens) -> list[Reference]:
    """Every sentence greedy; every fifth also with beams, and continuing a start: its own, or of another sentence."""
    found = []
    sentences = vocabulary.phrases()
    for number, (text, target) in enumerate(sentences):
        source = tuple(tokens.source(text))
        ways = [Asked(source)]
        if number % 5 == 0:
            own, other = tokens.target(target), tokens.target(sentences[-number - 1][1])
            ways += [Asked(source, beams=4), Asked(source, prefix=tuple(own[: len(own) // 2]))]
            ways += [Asked(source, beams, tuple(other[:2])) for beams in (1, 4)]
        found += [Reference(text, asked, generated(model, asked)) for asked in ways]
    return found


def _text(chance: random.Random, complete: Sequence[Text], begun: Sequence[Text]) -> Text:
    if chance.random() < JOINED:
        first, second = chance.choice(complete), chance.choice((*complete, *begun))
        return f"{first[0]} {second[0]}", f"{first[1]} {second[1]}"
    return chance.choice(begun if chance.random() < 0.2 else complete)


def _batch(tokens: Tokens, texts: Sequence[Text]) -> Batch:
    sources = [torch.tensor(tokens.source(source)) for source, _ in texts]
    targets = [torch.tensor(tokens.target(target)) for _, target in texts]
    source = torch.nn.utils.rnn.pad_sequence(sources, batch_first=True, padding_value=tokens.pad)
    target = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True, padding_value=IGNORED)
    return Batch(source, (source != tokens.pad).long(), target)


def _config(count: int) -> MarianConfig:
    config = marian_config(width=96, layers=2, heads=4, inner=128, count=count)
    config.max_position_embeddings = 128
    config.dropout = 0.05
    return config


if __name__ == "__main__":
    main()
