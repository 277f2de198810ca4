"""The translators' tokenizers give the ids of transformers' own, whatever the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import M2M100Tokenizer, MarianTokenizer, NllbTokenizer, NllbTokenizerFast

from services.common.neural import bundles
from services.common.neural.bundles import Bundle
from services.mt.engine import Pair
from services.mt.neural.tokens import Ids, Tokenizer, tokenizer
from tests.models.mt import vocabulary
from tests.models.mt.export import Label, label
from tests.models.mt.reference import MODELS

pytestmark = pytest.mark.filterwarnings("default")

EN_ES = Pair("en", "es")
TEXTS = [
    *(text for pair in vocabulary.phrases()[::9] for text in pair),
    "Where is the car?  And   the dog!",
    " leading and trailing ",
    "¿Dónde está el coche? — «sí», dijo.",
    "3.14 € and 1,000,000 tickets",
    "naïve café über straße",
    "日本語 и русский",
    "the 🚂 leaves",
    "tab\tand\nline",
    "x" * 50,
    ".",
]


def _marian(folder: Path) -> tuple[Tokenizer, Any]:
    bundle = bundles.read(MODELS / "phrasebook-en-es")
    files = (str(bundle.file(name)) for name in ("source.spm", "target.spm", "vocab.json"))
    theirs = MarianTokenizer(*files)
    pad = theirs.convert_tokens_to_ids("<pad>")
    return tokenizer(bundle, Ids(pad, 0, pad)), theirs


def _m2m100(folder: Path) -> tuple[Tokenizer, Any]:
    bundle = bundles.read(MODELS / "m2m100-smallest-random")
    files = (str(bundle.file(name)) for name in ("vocab.json", "sentencepiece.bpe.model"))
    return tokenizer(bundle, Ids(2, 2, 1)), M2M100Tokenizer(*files, src_lang="en", tgt_lang="es")


def _nllb(folder: Path) -> tuple[Tokenizer, Any]:
    vocabulary.m2m100(folder, vocabulary.phrases(), model_type="bpe")
    slow = NllbTokenizer(str(folder / "sentencepiece.bpe.model"))
    slow.save_pretrained(folder)
    theirs = NllbTokenizerFast.from_pretrained(folder, src_lang="eng_Latn", tgt_lang="spa_Latn")
    theirs.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "m2m_100"}))
    label(folder, Label("nllb", (("en", "es"),), tags={"en": "eng_Latn", "es": "spa_Latn"}))
    bundle: Bundle = bundles.read(folder)
    return tokenizer(bundle, Ids(2, 2, 1)), theirs


@pytest.mark.parametrize("made", [_marian, _m2m100, _nllb])
def test_a_source_has_the_ids_of_transformers(made: Any, tmp_path: Path) -> None:
    ours, theirs = made(tmp_path)
    assert [ours.source(text, EN_ES) for text in TEXTS] == [theirs(text)["input_ids"] for text in TEXTS]


@pytest.mark.parametrize("made", [_marian, _m2m100, _nllb])
def test_a_translation_reads_as_transformers_decodes_it(made: Any, tmp_path: Path) -> None:
    ours, theirs = made(tmp_path)
    ids = [ours.target(text) for text in TEXTS]
    assert [ours.text(each) for each in ids] == [theirs.decode(each, skip_special_tokens=True).strip() for each in ids]
