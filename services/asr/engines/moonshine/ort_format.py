"""Reads ONNX Runtime's own format of a graph back into ONNX, whose parts can be taken out and joined anew.

The makers of the model publish it in that format alone. ONNX Runtime brings the classes that read its flatbuffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

from services.common.neural.bundles import fault

_IR_VERSION = 9


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph or one of its branches, as ONNX nodes and weights."""

    nodes: Sequence[NodeProto]
    weights: Sequence[TensorProto]
    opsets: Sequence[tuple[str, int]]
    branches: dict[str, Graph]  # of its conditional operator, by the name of the attribute


@dataclass(frozen=True, slots=True)
class Cut:
    """Boundaries of a part to take out of a graph: its inputs and its outputs."""

    inputs: Sequence[ValueInfoProto]
    outputs: Sequence[str]


def read(path: Path) -> Graph:
    """Read a graph from a file. Raises InvalidArgument when it is not in ONNX Runtime's format."""
    content = path.read_bytes()
    if not InferenceSession.InferenceSessionBufferHasIdentifier(content, 0):
        raise fault(path.parent, f"{path.name} is not in ONNX Runtime's format.")
    model = InferenceSession.GetRootAs(content, 0).Model()
    opsets = [(_text(each.Domain()), each.Version()) for each in _all(model, "OpsetImport")]
    return _graph(model.Graph(), opsets)


def part(graph: Graph, cut: Cut) -> bytes:
    """Return the part of a graph as an ONNX model: the operators that its outputs need, back to its inputs."""
    given = {value.name for value in cut.inputs}
    made = {name: node for node in graph.nodes for name in node.output}
    wanted, needed = list(cut.outputs), set()
    kept: set[int] = set()
    while wanted:
        name = wanted.pop()
        if name in given or name in needed:
            continue
        needed.add(name)
        if name in made and id(made[name]) not in kept:
            kept.add(id(made[name]))
            wanted += [each for each in made[name].input if each]
    nodes = _ordered([node for node in graph.nodes if id(node) in kept])
    weights = [weight for weight in graph.weights if weight.name in needed]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in cut.outputs]
    made_graph = helper.make_graph(nodes, "part", cut.inputs, outputs, weights)
    opsets = [helper.make_opsetid(domain, version) for domain, version in graph.opsets]
    model: ModelProto = helper.make_model(made_graph, opset_imports=opsets, ir_version=_IR_VERSION)
    return bytes(model.SerializeToString())


def _ordered(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """Return the operators sorted so that each follows those whose outputs it reads."""
    made = {name: node for node in nodes for name in node.output}
    ordered: list[NodeProto] = []
    seen: set[int] = set()
    for node in nodes:
        stack = [(node, False)]
        while stack:
            each, through = stack.pop()
            if through:
                ordered.append(each)
            elif id(each) not in seen:
                seen.add(id(each))
                stack.append((each, True))
                stack += [(made[name], False) for name in each.input if name in made]
    return ordered


def _graph(graph: Any, opsets: Sequence[tuple[str, int]]) -> Graph:
    nodes, branches = [], {}
    for node in _all(graph, "Nodes"):
        plain = []
        for attribute in _all(node, "Attributes"):
            if attribute.Type() == AttributeProto.GRAPH:
                branches[_text(attribute.Name())] = _graph(attribute.G(), opsets)
            else:
                plain.append(
                    helper.make_attribute(_text(attribute.Name()), _value(attribute), attr_type=attribute.Type())
                )
        inputs, outputs = ([_text(name) for name in _all(node, of)] for of in ("Inputs", "Outputs"))
        made = helper.make_node(_text(node.OpType()), inputs, outputs, _text(node.Name()), domain=_text(node.Domain()))
        made.attribute.extend(plain)
        nodes.append(made)
    return Graph(nodes, [_tensor(weight) for weight in _all(graph, "Initializers")], opsets, branches)


def _value(attribute: Any) -> Any:
    plain: dict[int, Callable[[], Any]] = {
        AttributeProto.FLOAT: attribute.F,
        AttributeProto.INT: attribute.I,
        AttributeProto.STRING: lambda: _text(attribute.S()),
        AttributeProto.TENSOR: lambda: _tensor(attribute.T()),
        AttributeProto.FLOATS: lambda: list(_all(attribute, "Floats")),
        AttributeProto.INTS: lambda: list(_all(attribute, "Ints")),
        AttributeProto.STRINGS: lambda: [_text(each) for each in _all(attribute, "Strings")],
    }
    return plain[attribute.Type()]()


def _tensor(tensor: Any) -> TensorProto:
    raw = tensor.RawDataAsNumpy() if tensor.RawDataLength() else np.zeros(0, np.uint8)
    return helper.make_tensor(
        _text(tensor.Name()), tensor.DataType(), list(_all(tensor, "Dims")), raw.tobytes(), raw=True
    )


def _all(owner: Any, name: str) -> Iterator[Any]:
    """Iterate over the elements of one of a flatbuffer's vectors."""
    one, count = getattr(owner, name), getattr(owner, f"{name}Length")()
    return (one(number) for number in range(count))


def _text(name: bytes | None) -> str:
    return (name or b"").decode()


def floats(name: str, *shape: str | int) -> ValueInfoProto:
    """Return the declaration of an input of 32-bit floats with this shape."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def integers(name: str, *shape: str | int) -> ValueInfoProto:
    """Return the declaration of an input of 64-bit integers with this shape."""
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)
