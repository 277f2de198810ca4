"""A model of two operators, as a file holds it."""

from __future__ import annotations

from onnx import TensorProto, helper


def model(opset: int = 17, ir_version: int = 8, operator: str = "Add") -> bytes:
    """`next` = `given` + `state`, of any length, and `total`, its sum."""
    given, state, next_ = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("given", "state", "next")
    )
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, [])
    nodes = [
        helper.make_node(operator, ["given", "state"], ["next"]),
        helper.make_node("ReduceSum", ["next"], ["total"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "adding", [given, state], [next_, total])
    opsets = [helper.make_opsetid("", opset)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=ir_version).SerializeToString())
