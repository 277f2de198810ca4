"""The encoder with an attention as one operator, in the place of some sixty that shape, turn and pad what it takes.

Weights are the makers', and so is what is computed, but for the order in which numbers are added. A window is encoded
by itself and whole, so that there is nothing to hide from it: no mask is taken.
"""

from __future__ import annotations

from onnx import NodeProto, TensorProto, helper

from services.asr.engines.moonshine.ort_format import Cut, Graph, floats
from services.asr.engines.moonshine.stepping import HEADS, LAYERS, turned, turning

SAMPLES, FRAMES = "input_values", "last_hidden_state"
_MOST_FRAMES = 2_048  # more than the longest window has
_FREQUENCIES = "/rotary_emb/Expand"  # the operator that takes those of places
_FIRST = "first place"


def encoding(graph: Graph) -> tuple[Graph, Cut]:
    """Return the encoder written so, and what it takes and gives. Raises KeyError where an operator is missing."""
    known = {node.name: node for node in graph.nodes}
    made = {name: node for node in graph.nodes for name in node.output}
    attentions: dict[str, list[NodeProto]] = {}  # by what they make
    for layer in range(LAYERS):
        query, key, value, last = (known[f"/layers.{layer}/self_attn/{each}_proj/MatMul_quant"] for each in "qkvo")
        attended = _rows(last, made)
        attentions[attended] = _attention([each.output[0] for each in (query, key, value)], attended)
    others = [node for node in graph.nodes if not attentions.keys() & set(node.output)]
    nodes = [*others, *(node for each in attentions.values() for node in each)]
    first = helper.make_tensor(_FIRST, TensorProto.INT64, [1], [0])
    weights = [*graph.weights, *turning(graph, known[_FREQUENCIES].input[0], _MOST_FRAMES), first]
    return Graph(nodes, weights, graph.opsets, {}), Cut([floats(SAMPLES, "batch", "samples")], [FRAMES])


def _rows(product: NodeProto, made: dict[str, NodeProto]) -> str:
    """Return what a product takes, before that is rounded."""
    given = product.input[0]
    return str(made[given].input[0]) if made[given].op_type == "DynamicQuantizeLinear" else str(given)


def _attention(rows: list[str], attended: str) -> list[NodeProto]:
    """Return an attention of query, key and value over all of a window."""
    query, key, value = rows
    turns = [turned(each, _FIRST) for each in (query, key)]
    inputs = [*(each.output[0] for each in turns), value]
    domain = "com.microsoft"
    return [
        *turns,
        helper.make_node("MultiHeadAttention", inputs, [attended], attended, domain=domain, num_heads=HEADS),
    ]
