"""The network of a Firefox Translations model: a transformer's encoder, and a decoder of SSRU cells.

SSRU (arXiv 1906.02342, "simpler simple recurrent unit") takes the place of the decoder's attention to its own words:
c' = f · c + (1 - f) · (W x) with f = sigmoid(Wf x + bf), and relu(c') is the answer. What a row remembers of its words
is one cell for each layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.mt.engines.firefox.marian_file import Malformed, MarianFile
from services.mt.neural.weights import Array, Attention, Linear, Norm, Weight

EPSILON = 1e-9  # of Marian's layer normalization
_NEEDED = {  # what the graphs are built for; a file that says otherwise is another network
    "type": ("transformer",),
    "transformer-decoder-autoreg": ("rnn",),
    "dec-cell": ("ssru",),
    "transformer-preprocess": ("",),
    "transformer-postprocess": ("dan", "an"),
    "transformer-postprocess-emb": ("d", ""),
    "transformer-postprocess-top": ("",),
    "transformer-ffn-activation": ("relu",),
    "transformer-ffn-depth": ("2",),
    "transformer-no-projection": ("false",),
    "transformer-pool": ("false",),
    "transformer-tied-layers": ("[]",),
    "transformer-train-position-embeddings": ("false",),
    "tied-embeddings-all": ("true",),
    "lemma-dim-emb": ("0",),
    "output-omit-bias": ("false",),
    "right-left": ("false",),
    "ulr": ("false",),
}
_MOST_LAYERS = 64


@dataclass(frozen=True, slots=True)
class Fed:
    """The feed-forward block: two linear layers, and the normalization behind them."""

    wide: Linear
    narrow: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class Cell:
    """The weights of an SSRU cell: value and forget gates, and the normalization."""

    value: Linear
    forget: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class EncoderLayer:
    """The weights of an encoder layer: self-attention and feed-forward block."""

    own: Attention
    fed: Fed


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """The weights of a decoder layer: SSRU cell, attention to the source, and feed-forward block."""

    cell: Cell
    source: Attention
    fed: Fed


@dataclass(frozen=True, slots=True)
class Network:
    """All weights of a model, with the dimensions that its options give."""

    table: Weight  # [ids, width]: of sources, of translations and, turned, of the last product
    bias: Array  # [ids], of the last product
    encoder: tuple[EncoderLayer, ...]
    decoder: tuple[DecoderLayer, ...]
    heads: int

    @property
    def ids(self) -> int:
        """Number of ids in the vocabulary."""
        return int(self.table.values.shape[0])

    @property
    def width(self) -> int:
        """Width of an embedding."""
        return int(self.table.values.shape[1])

    @property
    def by_integers(self) -> bool:
        """Whether the linear layers keep their stored 8-bit integers."""
        return self.encoder[0].fed.wide.weight.scale is not None

    @property
    def scale(self) -> float:
        """The factor that embeddings are multiplied by: the square root of their width."""
        return math.sqrt(self.width)


def network(file: MarianFile, floats: bool) -> Network:
    """Return the network of a file; with `floats` its linear layers become single precision, else they stay as
    stored.

    Raises Malformed where it is another network, or incomplete.
    """
    for option, known in _NEEDED.items():
        said = file.options.get(option, known[0])
        if said not in known:
            raise Malformed(f"its option {option} is {said!r}, and served is {' or '.join(map(repr, known))}")
    width, heads = _number(file.options, "dim-emb"), _number(file.options, "transformer-heads")
    if width % heads or width % 16:
        raise Malformed(f"its width of {width} cannot be parted among {heads} heads")
    return _Reading(file, width, _number(file.options, "transformer-dim-ffn"), floats).network(heads)


def positions(count: int, width: int) -> Array:
    """Return the positional encodings, [count, width]: sines, then cosines (Marian's `sinusoidal`)."""
    half = width // 2
    steps = np.exp(np.arange(half) * -(math.log(10_000) / max(1, half - 1)))
    angles = np.arange(count)[:, None] * steps
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _number(options: Mapping[str, str], option: str) -> int:
    said = options.get(option, "")
    if not said.isdecimal() or not 0 < int(said) < 1 << 16:
        raise Malformed(f"its option {option} is {said!r}, no number")
    return int(said)


class _Reading:
    def __init__(self, file: MarianFile, width: int, wide: int, floats: bool) -> None:
        self._file = file
        self._floats = floats
        self._width = width
        self._wide = wide

    def network(self, heads: int) -> Network:
        options, table = self._file.options, self._file.weight("Wemb")
        ids, width = table.values.shape
        if width != self._width:
            raise Malformed(f"the tensor Wemb is {width} wide, and its option dim-emb is {self._width}")
        return Network(
            table,
            self._vector("decoder_ff_logit_out_b", ids),
            tuple(
                EncoderLayer(self._attention(f"encoder_l{number}_self"), self._fed(f"encoder_l{number}_ffn"))
                for number in self._layers(options, "enc-depth")
            ),
            tuple(
                DecoderLayer(
                    self._cell(f"decoder_l{number}_rnn"),
                    self._attention(f"decoder_l{number}_context"),
                    self._fed(f"decoder_l{number}_ffn"),
                )
                for number in self._layers(options, "dec-depth")
            ),
            heads,
        )

    def _layers(self, options: Mapping[str, str], option: str) -> range:
        count = _number(options, option)
        if count > _MOST_LAYERS:
            raise Malformed(f"its option {option} is {count}, more than {_MOST_LAYERS}")
        return range(1, count + 1)

    def _attention(self, name: str) -> Attention:
        width = self._width
        query, key, value, out = (self._linear(f"{name}_W{each}", f"{name}_b{each}", width, width) for each in "qkvo")
        return Attention(query, key, value, out, self._norm(f"{name}_Wo"))

    def _cell(self, name: str) -> Cell:
        width = self._width
        forget = self._linear(f"{name}_Wf", f"{name}_bf", width, width)
        return Cell(self._linear(f"{name}_W", "", width, width), forget, self._norm(f"{name}_ffn"))

    def _fed(self, name: str) -> Fed:
        wide = self._linear(f"{name}_W1", f"{name}_b1", self._width, self._wide)
        return Fed(wide, self._linear(f"{name}_W2", f"{name}_b2", self._wide, self._width), self._norm(f"{name}_ffn"))

    def _linear(self, weight: str, bias: str, taken: int, made: int) -> Linear:
        values = self._file.weight(weight)
        if values.values.shape != (taken, made):
            raise Malformed(f"the tensor {weight} has the shape {values.values.shape}, not {(taken, made)}")
        values = Weight(values.floats) if self._floats else values
        return Linear(values, self._vector(bias, made) if bias else None, self._file.step(weight))

    def _norm(self, name: str) -> Norm:
        return Norm(
            self._vector(f"{name}_ln_scale", self._width), self._vector(f"{name}_ln_bias", self._width), EPSILON
        )

    def _vector(self, name: str, length: int) -> Array:
        values = self._file.vector(name)
        if values.shape != (length,):
            raise Malformed(f"the tensor {name} has {values.size} numbers, not {length}")
        return values
