from __future__ import annotations

from dataclasses import dataclass

from tests.graph.sample import sample
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import (
    Node,
    OpAttrs,
    QuantParams,
    TensorType,
    format_attrs,
    format_graph,
    format_node,
)


@dataclass(frozen=True, slots=True)
class _Attrs(OpAttrs):
    stride: tuple[int, int] = (1, 2)
    beta: float = 1.0


def test_types() -> None:
    assert str(TensorType((), DType.INT32)) == "int32[scalar]"
    assert str(TensorType((1, 8, 8, 3), DType.FLOAT32)) == "float32[1x8x8x3]"
    per_channel = QuantParams((0.5, 0.25), (0, 0), 0)
    assert str(TensorType((2, 3), DType.INT8, per_channel)) == "int8[2x3] q(2 scales on axis 0)"
    assert TensorType((2, 3), DType.INT16).size_bytes == 12


def test_graph() -> None:
    digest = sample().constants["c"].digest[:12]
    assert format_graph(sample()) == (
        "graph m(%x: int8[1x4] q(0.5, 3)) {\n"
        f"  @c: int8[1x4] q(0.5, 3) = #{digest}\n"
        "  %h: int8[1x4] q(0.5, 3) = add(%x, @c)  # n0: layer (m.tflite#7)\n"
        "  %y: int8[1x4] q(0.5, 3) = relu(%h)  # n1: layer (m.tflite#7)\n"
        "  return %y\n"
        "}\n"
    )


def test_attributes_are_printed_only_where_there_are_any() -> None:
    assert format_attrs(OpAttrs()) == ""
    assert format_attrs(_Attrs()) == "stride=(1, 2), beta=1.0"
    node = Node("n", "softmax", ("x",), ("y",), _Attrs())
    assert format_node(sample(), node).endswith("softmax(%x) {stride=(1, 2), beta=1.0}")


def test_the_same_graph_prints_the_same_text() -> None:
    assert format_graph(sample()) == format_graph(sample())
