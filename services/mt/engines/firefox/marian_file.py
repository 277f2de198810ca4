"""Reads Marian's binary model files with 8-bit weights: named tensors, and the options the model was trained with.

The format (Marian's `io::binary`, version 1), little-endian:

    version, count               2 x u64
    count x (name's bytes with its final zero, type, dimensions, tensor's bytes)   4 x u64
    the names; the dimensions, i32 each
    u64: so many bytes are left out, then the tensors, one behind the other

Types: 0x404 is a 32-bit float. 0x4101 is an 8-bit integer, arranged for no particular processor: a matrix is stored
transposed, but for the embedding, and the float behind it is what the numbers were multiplied by. The tensor
`special:model.yml` holds the options as text.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, prod

import numpy as np

from services.mt.neural.weights import Array, Weight

OPTIONS = "special:model.yml"
FLOAT, INTEGER, BYTES = 0x404, 0x4101, 0x101
_VERSION = 1
_HEADER = struct.Struct("<4Q")
_MOST_DIMENSIONS = 4
_INPUT = "_QuantMultA"  # behind the name of a matrix: the tensor is what its inputs are to be multiplied by


class Malformed(Exception):
    """The file is not what it should be; the message completes the sentence "model.bin is no usable model: …"."""


@dataclass(frozen=True, slots=True)
class MarianFile:
    """The content of a Marian model file: its tensors and options."""

    tensors: Mapping[str, Weight]  # in the shapes that the network has them: [in, out], or [1, out]
    options: Mapping[str, str]

    def weight(self, name: str) -> Weight:
        """Return a tensor as it is stored. Raises Malformed where there is none."""
        try:
            return self.tensors[name]
        except KeyError:
            raise Malformed(f"it has no tensor {name}") from None

    def vector(self, name: str) -> Array:
        """Return a tensor of one row as a one-dimensional array. Raises Malformed where there is none."""
        return np.ascontiguousarray(self.weight(name).floats.reshape(-1))

    def step(self, name: str) -> float | None:
        """Return the step to which a matrix's inputs may be rounded in 8 bits; None where the file gives none.

        It was measured on texts when the model was made ready for integers. Raises Malformed where it is none.
        """
        tensor = self.tensors.get(name + _INPUT)
        if tensor is None:
            return None
        multiplier = float(tensor.values.reshape(-1)[0])
        if not (isfinite(multiplier) and multiplier > 0):
            raise Malformed(f"inputs of the tensor {name} are to be multiplied by {multiplier}")
        return 1 / multiplier


def parsed(content: bytes) -> MarianFile:
    """Parse a file into its tensors, views of its content where possible. Raises Malformed.

    Every length in the file is compared with what is left of it before anything is taken.
    """
    headers, names, shapes, place = _described(content)
    tensors, options = dict[str, Weight](), ""
    for (_, kind, _, size), name, shape in zip(headers, names, shapes, strict=True):
        if size > len(content) - place:
            raise Malformed(f"it ends within the tensor {name}")
        stored = memoryview(content)[place : place + size]
        place += size
        if name == OPTIONS:
            options = bytes(stored).rstrip(b"\0").decode("utf-8", "replace")
        elif not name.startswith("special:"):
            tensors[name] = _tensor(name, kind, shape, stored)
    if not options:
        raise Malformed(f"it does not hold its options ({OPTIONS})")
    return MarianFile(tensors, dict(_scalars(options)))


def _described(content: bytes) -> tuple[list[tuple[int, ...]], list[str], list[tuple[int, ...]], int]:
    """Return headers, names and shapes of all tensors, and the offset of the first one."""
    try:
        version, count = struct.unpack_from("<2Q", content)
        if version != _VERSION:
            raise Malformed(f"it is of version {version}, not {_VERSION}")
        place = 16
        if count > len(content) // _HEADER.size:
            raise Malformed("it names more tensors than it could hold")
        headers = [_HEADER.unpack_from(content, place + number * _HEADER.size) for number in range(count)]
        place += count * _HEADER.size
        names, shapes = list[str](), list[tuple[int, ...]]()
        for length, *_ in headers:
            if length > len(content) - place:
                raise Malformed("it ends within the names")
            names.append(content[place : place + length].rstrip(b"\0").decode("utf-8", "replace"))
            place += length
        for (_, _, dimensions, _), name in zip(headers, names, strict=True):
            if dimensions > _MOST_DIMENSIONS:
                raise Malformed(f"the tensor {name} has {dimensions} dimensions")
            shapes.append(struct.unpack_from(f"<{dimensions}i", content, place))
            place += 4 * dimensions
        (skipped,) = struct.unpack_from("<Q", content, place)
    except struct.error:
        raise Malformed("it is cut short") from None
    return headers, names, shapes, place + 8 + skipped


def _tensor(name: str, kind: int, shape: tuple[int, ...], stored: memoryview) -> Weight:
    if not shape or min(shape) < 1:
        raise Malformed(f"the tensor {name} has the shape {shape}")
    count = prod(shape)
    if kind == FLOAT and len(stored) >= 4 * count:
        return Weight(np.frombuffer(stored, "<f4", count).reshape(shape))
    if kind == INTEGER and name.endswith(_INPUT) and len(stored) >= count + 4:
        return Weight(np.frombuffer(stored, "<f4", 1, count))  # no numbers, only their multiplier
    if kind == INTEGER and len(shape) == 2 and len(stored) >= count + 4:
        return _integers(name, shape, stored)
    if kind not in (FLOAT, INTEGER):
        raise Malformed(f"the tensor {name} is of the type {kind:#x}, and known are {FLOAT:#x} and {INTEGER:#x}")
    raise Malformed(f"the tensor {name} has {len(stored)} bytes, too few for the shape {shape}")


def _integers(name: str, shape: tuple[int, ...], stored: memoryview) -> Weight:
    count = prod(shape)
    multiplier = np.frombuffer(stored, "<f4", 1, count)[0]
    if not (np.isfinite(multiplier) and multiplier > 0):
        raise Malformed(f"the tensor {name} was multiplied by {multiplier}")
    values = np.frombuffer(stored, np.int8, count)
    values = values.reshape(shape) if name.endswith("Wemb") else values.reshape(shape[::-1]).T
    return Weight(values, np.array(1 / multiplier, np.float32))


def _scalars(options: str) -> Iterator[tuple[str, str]]:
    """Yield the options with a single value, each from its line; indented lines belong to another option."""
    for line in options.splitlines():
        key, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "-", "#")):
            yield key, value.strip().strip("\"'")
