"""Makes the smallest M2M100 that there can be, with random weights, and keeps what transformers makes of it.

python -m tests.models.mt.make_m2m100
"""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import torch
import transformers
from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer

from tests.models.mt.export import MERGED
from tests.models.mt.generating import generated
from tests.models.mt.random_models import made
from tests.models.mt.reference import Asked, Reference, written
from tests.models.mt.vocabulary import phrases

NAME = "m2m100-smallest-random"
FOLDER = Path("out/models")
SENTENCES = 12


def main() -> None:
    """Writes the bundle and its references."""
    shutil.copytree(made(NAME, FOLDER, graphs=MERGED), Path(__file__).parent / NAME, dirs_exist_ok=True)
    original = FOLDER / f"{NAME}-hf"
    model = M2M100ForConditionalGeneration.from_pretrained(original).eval()
    files = (str(original / name) for name in ("vocab.json", "sentencepiece.bpe.model"))
    tokenizer = M2M100Tokenizer(*files, src_lang="en")
    found = []
    for (text, _), language, beams in product(phrases()[:SENTENCES], ("es", "de"), (1, 4)):
        asked = Asked(tuple(tokenizer(text)["input_ids"]), beams, (tokenizer.get_lang_id(language),), longest=16)
        found.append(Reference(text, asked, generated(model, asked)))
    written(NAME, found, {"torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    main()
