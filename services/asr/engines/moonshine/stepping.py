"""The decoder's branch with a cache, written anew with an attention as one operator in the place of some fifty.

A step is so small that half of its time went into operators that shape, turn and pad what others take. The weights are
the makers', and so is what is computed, but for the order in which numbers are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from services.asr.engines.moonshine.ort_format import Cut, Graph, floats, integers

HEADS, HEAD_WIDTH, LAYERS = 8, 36, 6
TOKENS, PLACES, VISIBLE, HEARD = "input_ids", "places", "visible", "heard"  # inputs beside the caches
LOGITS = "logits"
_TURNED = 32  # numbers of a head that tell the place
_MOST_PLACES = 1_024  # more than the longest window has tokens
_TABLE = "/model/decoder/embed_tokens/Gather"
_FREQUENCIES = "/model/decoder/rotary_emb/Expand"  # the operator that takes those of places
_KINDS = ("key", "value")
_DOMAIN = "com.microsoft"
_COSINES, _SINES = "cosines", "sines"


def past(of: str) -> list[str]:
    """Return the names of the inputs for keys and values `of` the "decoder" or the "encoder"."""
    return [f"past_key_values.{layer}.{of}.{kind}" for layer in range(LAYERS) for kind in _KINDS]


def present(of: str) -> list[str]:
    """Return the names of the outputs, likewise."""
    return [f"present.{layer}.{of}.{kind}" for layer in range(LAYERS) for kind in _KINDS]


def stepping(branch: Graph) -> tuple[Graph, Cut]:
    """Return the branch as a graph of its own, and what it takes and gives.

    It takes TOKENS and PLACES [windows, tokens], and what is added to scores: VISIBLE [windows, 1, tokens, cache +
    tokens] and HEARD [windows, 1, tokens, frames], 0 or so low that there is no looking. Raises KeyError where an
    operator of the makers' export is missing.
    """
    writing = _Writing(branch)
    table = writing.known[_TABLE]
    found = writing.same(_TABLE, table.input[0])
    rows = writing.same(f"{_TABLE}_output_0_DequantizeLinear", found)
    for layer in range(LAYERS):
        rows = _layer(writing, f"/model/decoder/layers.{layer}", layer, rows)
    writing.same("/proj_out/MatMul_quant", writing.same("/model/decoder/norm/LayerNormalization", rows))
    inputs: list[Any] = [
        integers(TOKENS, "batch", "tokens"),
        integers(PLACES, "batch", "tokens"),
        floats(VISIBLE, "batch", 1, "tokens", "all"),
        floats(HEARD, "batch", 1, "tokens", "frames"),
    ]
    inputs += [floats(name, "batch", HEADS, "cache", HEAD_WIDTH) for name in past("decoder")]
    inputs += [floats(name, "batch", HEADS, "frames", HEAD_WIDTH) for name in past("encoder")]
    return writing.graph, Cut(inputs, [LOGITS, *present("decoder")])


def _layer(writing: _Writing, name: str, layer: int, rows: str) -> str:
    """Write one layer; return what it makes of the rows."""
    normed = writing.same(f"{name}/input_layernorm/LayerNormalization", rows)
    query, key, value = (writing.same(f"{name}/self_attn/{each}_proj/MatMul_quant", normed) for each in "qkv")
    known = [f"past_key_values.{layer}.decoder.{kind}" for kind in _KINDS]
    grown = [f"present.{layer}.decoder.{kind}" for kind in _KINDS]
    own = writing.attention([writing.turned(query), writing.turned(key), value, VISIBLE, *known], grown)
    rows = writing.added("Add", [rows, writing.same(f"{name}/self_attn/o_proj/MatMul_quant", own)])
    normed = writing.same(f"{name}/post_attention_layernorm/LayerNormalization", rows)
    query = writing.same(f"{name}/encoder_attn/q_proj/MatMul_quant", normed)
    frames = [f"past_key_values.{layer}.encoder.{kind}" for kind in _KINDS]
    heard = writing.attention([query, *frames, HEARD], [])
    rows = writing.added("Add", [rows, writing.same(f"{name}/encoder_attn/o_proj/MatMul_quant", heard)])
    normed = writing.same(f"{name}/final_layernorm/LayerNormalization", rows)
    wide = writing.same(f"{name}/mlp/fc1/MatMul_quant", normed)
    half, gate = writing.halves(wide)
    gated = writing.added("Mul", [writing.added("QuickGelu", [gate], _DOMAIN, alpha=1.0), half])
    return writing.added("Add", [rows, writing.same(f"{name}/mlp/fc2/MatMul_quant", gated)])


def turned(rows: str, places: str) -> NodeProto:
    """Return the operator that turns the heads of rows by their places, given `turning`."""
    sizes: dict[str, Any] = {"interleaved": 1, "num_heads": HEADS, "rotary_embedding_dim": _TURNED}
    inputs = [rows, places, _COSINES, _SINES]
    return helper.make_node("RotaryEmbedding", inputs, [f"{rows}/turned"], f"{rows}/turned", domain=_DOMAIN, **sizes)


def turning(graph: Graph, frequencies: str, most_places: int) -> list[TensorProto]:
    """Return the weights for `turned`: cosines and sines of so many places, by the graph's weight of frequencies."""
    weight = next(each for each in graph.weights if each.name == frequencies)
    angles = np.arange(most_places)[:, None] * numpy_helper.to_array(weight).reshape(1, -1)
    waves = {_COSINES: np.cos(angles), _SINES: np.sin(angles)}
    return [numpy_helper.from_array(values.astype(np.float32), name) for name, values in waves.items()]


class _Writing:
    """Writes a new graph: operators of another one, by their names, and others beside them."""

    def __init__(self, graph: Graph) -> None:
        self.known = {node.name: node for node in graph.nodes}
        self._graph = graph
        self._nodes: list[NodeProto] = []
        self._turning = turning(graph, self.known[_FREQUENCIES].input[0], _MOST_PLACES)

    @property
    def graph(self) -> Graph:
        """Graph of all operators that were written, with the weights of the other one."""
        return Graph(self._nodes, [*self._graph.weights, *self._turning], self._graph.opsets, {})

    def same(self, name: str, given: str) -> str:
        """Write an operator of the other graph, with another first input; return its output."""
        node = NodeProto()
        node.CopyFrom(self.known[name])
        node.input[0] = given
        self._nodes.append(node)
        return str(node.output[0])

    def turned(self, rows: str) -> str:
        """Write what turns the heads of tokens by their places; return its output."""
        self._nodes.append(turned(rows, PLACES))
        return str(self._nodes[-1].output[0])

    def added(self, kind: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        """Write an operator with one output; return that."""
        made = f"{kind}/{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [made], made, domain=domain, **attributes))
        return made

    def attention(self, inputs: Sequence[str], cache: Sequence[str]) -> str:
        """Write an attention: query, key, value, what is added to scores, and the cache before; return its output."""
        query, key, value, scores, *before = inputs
        made = f"attention/{len(self._nodes)}"
        given = [query, key, value, "", "", scores, *before]
        node = helper.make_node("MultiHeadAttention", given, [made, *cache], made, domain=_DOMAIN, num_heads=HEADS)
        self._nodes.append(node)
        return made

    def halves(self, wide: str) -> tuple[str, str]:
        """Split rows in the middle."""
        first, second = f"{wide}/first", f"{wide}/second"
        self._nodes.append(helper.make_node("Split", [wide], [first, second], f"{wide}/halves", axis=-1, num_outputs=2))
        return first, second
