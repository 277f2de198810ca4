"""Small models with random weights in Marian's 8-bit format, made for a test and never kept."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import sentencepiece

from services.common.neural.bundles import Manifest, file_sum, write
from services.mt.neural.weights import Array

IDS, WIDTH, HEADS, WIDE, ENCODER, DECODER = 640, 32, 4, 64, 2, 2
FLOAT, INTEGER, BYTES = 0x404, 0x4101, 0x101
OPTIONS = {
    "type": "transformer",
    "dim-emb": WIDTH,
    "dim-vocabs": f"\n  - {IDS}\n  - {IDS}",
    "enc-depth": ENCODER,
    "dec-depth": DECODER,
    "transformer-heads": HEADS,
    "transformer-dim-ffn": WIDE,
    "transformer-decoder-autoreg": "rnn",
    "dec-cell": "ssru",
    "transformer-preprocess": '""',
    "transformer-postprocess": "dan",
    "tied-embeddings-all": "true",
}
SENTENCES = ["the cat sees a house", "a dog was here and there", "where is the red car today", "we like old trains"]


@dataclass
class Tensors:
    """What a file is to hold: integers with their multiplier, or floats, by name."""

    integers: dict[str, tuple[Array, float]] = field(default_factory=dict)
    floats: dict[str, Array] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=lambda: dict(OPTIONS))

    def written(self) -> bytes:
        """The file."""
        entries = [(name, *_integers(name, *each)) for name, each in self.integers.items()]
        entries += [(name, FLOAT, each.shape, each.astype("<f4").tobytes()) for name, each in self.floats.items()]
        said = "".join(f"{key}: {value}\n" for key, value in self.options.items()).encode() + b"\0"
        entries.append(("special:model.yml", BYTES, (len(said),), said))
        out = io.BytesIO()
        out.write(struct.pack("<2Q", 1, len(entries)))
        for name, kind, shape, content in entries:
            out.write(struct.pack("<4Q", len(name) + 1, kind, len(shape), len(content)))
        for name, *_ in entries:
            out.write(name.encode() + b"\0")
        for _, _, shape, _ in entries:
            out.write(struct.pack(f"<{len(shape)}i", *shape))
        out.write(struct.pack("<Q", 24) + bytes(24))
        for *_, content in entries:
            out.write(content)
        return out.getvalue()


def tensors() -> Tensors:
    """A whole model."""
    rng, made = np.random.default_rng(7), Tensors()

    def matrix(name: str, taken: int, out: int) -> None:
        made.integers[name] = (rng.integers(-127, 128, (taken, out)).astype(np.int8), 127 * taken**0.5 / 2)

    def vector(name: str, size: int, around: float = 0.0) -> None:
        made.floats[name] = (around + 0.3 * rng.standard_normal((1, size))).astype(np.float32)

    def norm(name: str) -> None:
        vector(f"{name}_ln_scale", WIDTH, 1.0)
        vector(f"{name}_ln_bias", WIDTH)

    def attention(name: str) -> None:
        for each in "qkvo":
            matrix(f"{name}_W{each}", WIDTH, WIDTH)
            vector(f"{name}_b{each}", WIDTH)
        norm(f"{name}_Wo")

    def fed(name: str) -> None:
        matrix(f"{name}_W1", WIDTH, WIDE)
        vector(f"{name}_b1", WIDE)
        matrix(f"{name}_W2", WIDE, WIDTH)
        vector(f"{name}_b2", WIDTH)
        norm(f"{name}_ffn")

    matrix("Wemb", IDS, WIDTH)
    vector("decoder_ff_logit_out_b", IDS)
    for number in range(1, ENCODER + 1):
        attention(f"encoder_l{number}_self")
        fed(f"encoder_l{number}_ffn")
    for number in range(1, DECODER + 1):
        matrix(f"decoder_l{number}_rnn_W", WIDTH, WIDTH)
        matrix(f"decoder_l{number}_rnn_Wf", WIDTH, WIDTH)
        vector(f"decoder_l{number}_rnn_bf", WIDTH)
        norm(f"decoder_l{number}_rnn_ffn")
        attention(f"decoder_l{number}_context")
        fed(f"decoder_l{number}_ffn")
    return made


def shortlist(lists: Mapping[int, list[int]], frequent: int = 8, ids: int = IDS) -> bytes:
    """A file of candidates for each id of a source."""
    every = [sorted(lists.get(each, ())) for each in range(ids)]
    offsets = np.cumsum([0, *map(len, every)])
    flat = np.array([one for each in every for one in each], "<u4")
    header = struct.pack("<6Q", 0xF11A48D5013417F5, 0, frequent, 8, len(offsets), len(flat))
    return header + offsets.astype("<u8").tobytes() + flat.tobytes()


@cache
def vocabulary(ids: int = IDS) -> bytes:
    """A sentencepiece model of so many pieces: characters, and words."""
    model = io.BytesIO()
    letters = len({*"".join(SENTENCES)})  # one of them the space
    words = [f"\u2581w{number}" for number in range(ids - letters - 2)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=ids,
        model_type="char",
        character_coverage=1.0,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        minloglevel=2,
        user_defined_symbols=words,
    )
    return model.getvalue()


def _integers(name: str, values: Array, multiplier: float) -> tuple[int, tuple[int, ...], bytes]:
    stored = values if name.endswith("Wemb") else values.T
    content = np.ascontiguousarray(stored).tobytes() + struct.pack("<f", multiplier)
    return INTEGER, values.shape, content + bytes(-len(content) % 256)


def bundle(folder: Path, change: Callable[[dict[str, bytes]], None] = lambda _: None) -> Path:
    """A bundle of such a model in a new folder; `change` is given its files first."""
    files = {"model.bin": tensors().written(), "vocab.spm": vocabulary()}
    files["lex.bin"] = shortlist({each: list(range(each % 7, IDS, 3)) for each in range(IDS)})
    change(files)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = Manifest(
        name="random-en-pt",
        version="1",
        stage="mt",
        engine="firefox",
        layout="marian-intgemm8",
        pairs=(("en", "pt"),),
        licence="Apache-2.0",
        source="made for a test",
        files={name: file_sum(folder / name) for name in files},
    )
    return write(folder, manifest).folder
