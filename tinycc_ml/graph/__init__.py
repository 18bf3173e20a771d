"""Graph IR: types, values, nodes, printer, verifier, pass manager."""

from __future__ import annotations

from tinycc_ml.graph.graph import (
    Array,
    Constant,
    Graph,
    Node,
    OpAttrs,
    Origin,
    PackedConstant,
    State,
)
from tinycc_ml.graph.passes import (
    Pass,
    PassRecord,
    PassReport,
    Refusal,
    RefusalLog,
    Repeat,
    Watch,
    run_passes,
)
from tinycc_ml.graph.printer import format_attrs, format_graph, format_node
from tinycc_ml.graph.types import QuantParams, TensorType
from tinycc_ml.graph.verifier import verify_graph

__all__ = [
    "Array",
    "Constant",
    "Graph",
    "Node",
    "OpAttrs",
    "Origin",
    "PackedConstant",
    "Pass",
    "PassRecord",
    "PassReport",
    "QuantParams",
    "Refusal",
    "RefusalLog",
    "Repeat",
    "State",
    "TensorType",
    "Watch",
    "format_attrs",
    "format_graph",
    "format_node",
    "run_passes",
    "verify_graph",
]
