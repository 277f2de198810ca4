"""The weights of a decoder, apart from the graph they came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor in half or single precision, or as integers with scale and zero point."""

    values: Array
    scale: Array | None = None
    zero: Array | None = None

    @property
    def transposed(self) -> Weight:
        """The matrix transposed; per-column scales are allowed only before that."""
        return Weight(np.ascontiguousarray(self.values.T), self.scale, self.zero)

    @property
    def floats(self) -> Array:
        """The tensor's values as floating-point numbers."""
        if self.scale is None:
            return self.values
        zero = 0 if self.zero is None else self.zero.astype(np.float32)
        return np.asarray((self.values.astype(np.float32) - zero) * self.scale, np.float32)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear layer, x @ weight + bias, with weight [in, out]."""

    weight: Weight
    bias: Array | None
    step: float | None = None  # what x may be rounded to multiples of, in 8 bits, where the model says so


@dataclass(frozen=True, slots=True)
class Norm:
    """The weights of a layer normalization."""

    weight: Array
    bias: Array
    epsilon: float


@dataclass(frozen=True, slots=True)
class Attention:
    """The weights of an attention, with the normalization that belongs to it."""

    query: Linear
    key: Linear
    value: Linear
    out: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of a decoder layer: self-attention, attention to the source, and feed-forward block."""

    own: Attention  # to the words before
    cross: Attention  # to the source
    wide: Linear
    narrow: Linear
    norm: Norm  # of the two


@dataclass(frozen=True, slots=True)
class Decoder:
    """All weights of a decoder: layers, embedding table and output head."""

    layers: tuple[Layer, ...]
    table: Weight  # [ids, width]
    head: Linear  # to the logits of each id
    last_norm: Norm | None  # of models that normalize before each part, not after it

    @property
    def normalizes_before(self) -> bool:
        """Whether each part of a layer is normalized before it rather than after."""
        return self.last_norm is not None
