"""A small graph that the tests of the package share."""

from __future__ import annotations

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, Graph, Node, OpAttrs, Origin, QuantParams, TensorType

ACTIVATION = TensorType((1, 4), DType.INT8, QuantParams((0.5,), (3,)))


def node(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...], op: str = "add") -> Node:
    return Node(name, op, inputs, outputs, OpAttrs(), Origin("m.tflite", 7, "layer"))


def sample(**changes: object) -> Graph:
    """``y = relu(x + c)``."""
    parts: dict[str, object] = {
        "name": "m",
        "nodes": (
            node("n0", ("x", "c"), ("h",)),
            node("n1", ("h",), ("y",), "relu"),
        ),
        "types": dict.fromkeys(("x", "c", "h", "y"), ACTIVATION),
        "constants": {"c": Constant(np.arange(4, dtype=np.int8).reshape(1, 4))},
        "inputs": ("x",),
        "outputs": ("y",),
    }
    return Graph(**{**parts, **changes})  # type: ignore[arg-type]
