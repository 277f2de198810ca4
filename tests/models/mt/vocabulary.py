"""Tokenizers of the small models, trained on the phrasebook, in the files that the large ones have."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path

import sentencepiece

PHRASEBOOK = Path(__file__).parent.parent / "phrasebook.tsv"
PIECES = 160  # of one language
END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"


def phrases() -> list[tuple[str, str]]:
    """English and Spanish, without capitals and final punctuation."""
    rows = (line.split("\t") for line in PHRASEBOOK.read_text(encoding="utf-8").splitlines())
    return [(source, target) for source, target in rows]


def marian(folder: Path, texts: Iterable[tuple[str, str]], size: int | None = None) -> int:
    """`source.spm`, `target.spm` and `vocab.json`, which has the pieces of both, and fillers up to `size`.

    Returns how many ids there are.
    """
    sources, targets = zip(*texts, strict=True)
    models = {"source.spm": _trained(sources, PIECES), "target.spm": _trained(targets, PIECES)}
    pieces = sorted({piece for model in models.values() for piece in _pieces(model)})
    for name, model in models.items():
        (folder / name).write_bytes(model)
    ids = [END, UNKNOWN, *pieces, *_fillers(size, len(pieces) + 3), PAD]
    _write_ids(folder / "vocab.json", ids)
    return len(ids)


def m2m100(folder: Path, texts: Iterable[tuple[str, str]], model_type: str = "unigram") -> int:
    """`sentencepiece.bpe.model` and `vocab.json`; how many ids the languages' tokens come after."""
    model = _trained([text for pair in texts for text in pair], PIECES, model_type)
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    pieces = ["<s>", PAD, END, UNKNOWN, *_pieces(model)]
    _write_ids(folder / "vocab.json", pieces)
    return len(pieces)


def _trained(texts: Iterable[str], size: int, model_type: str = "unigram") -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=model_type,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",  # the table of the usual one takes 240 kB
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()


def _pieces(model: bytes) -> list[str]:
    """Without the control pieces."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [pieces.id_to_piece(number) for number in range(pieces.get_piece_size()) if not _special(pieces, number)]


def _special(pieces: sentencepiece.SentencePieceProcessor, number: int) -> bool:
    return bool(pieces.is_control(number) or pieces.is_unknown(number))


def _fillers(size: int | None, known: int) -> list[str]:
    return [] if size is None else [f"▁filler{number}" for number in range(size - known)]


def _write_ids(path: Path, pieces: list[str]) -> None:
    ids = {piece: number for number, piece in enumerate(pieces)}
    path.write_text(json.dumps(ids, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
