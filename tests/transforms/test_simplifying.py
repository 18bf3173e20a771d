"""Equal nodes, algebra, transposes, reductions, tables: and all passes together on drawn graphs."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.networks import OTHER_Q, Net, Q, bytes_, ops, random, reasons, same
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, OpAttrs, QuantParams
from tinycc_ml.ops import Activation
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.real_functions import SlopeAttrs
from tinycc_ml.ops.reduce_extreme import ReduceExtremeAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.transpose import TransposeAttrs
from tinycc_ml.transforms import (
    SIMPLIFY,
    ComposeTables,
    MergeReductions,
    MoveTransposes,
    RemoveDeadNodes,
    ShareEqualNodes,
    SimplifyAlgebra,
)

# Equal nodes


def test_equal_nodes_are_computed_once() -> None:
    net = Net()
    x = net.input(1, 4)
    pairs = [net.emit("add", x, net.constant(random(1, 1, 4)), attrs=AddAttrs()) for _ in range(2)]
    tanh = [net.emit("tanh", y) for y in pairs]
    graph = same(net.graph(net.emit("mul", *tanh, attrs=MulAttrs())), ShareEqualNodes())
    assert ops(graph) == ["add", "tanh", "mul"]


def test_an_output_of_the_model_keeps_its_name_when_shared() -> None:
    net = Net()
    x = net.input(1, 4)
    first, second = net.emit("tanh", x), net.emit("tanh", x)
    graph = same(net.graph(second, net.emit("abs", first)), ShareEqualNodes())
    assert ops(graph) == ["tanh", "abs"]


def test_two_outputs_of_the_model_are_not_shared() -> None:
    net = Net()
    x = net.input(1, 4)
    graph = net.graph(net.emit("tanh", x), net.emit("tanh", x))
    assert reasons(graph, ShareEqualNodes()) == [
        "n0 computes the same; both results are outputs of the model"
    ]


def test_what_differs_is_not_shared() -> None:
    net = Net()
    x, q = net.input(1, 4), net.input(1, 4, quant=Q)
    values = [net.emit("leaky_relu", x, attrs=SlopeAttrs(alpha)) for alpha in (0.0, -0.0, 0.5)]
    values += [net.emit("relu", q), net.emit("relu", q, quant=OTHER_Q)]
    assert reasons(net.graph(*values), ShareEqualNodes()) == []


# Algebra


@pytest.mark.parametrize(
    ("operator", "constant", "left"),
    [("add", 0.0, []), ("mul", 1.0, []), ("sub", 0.0, []), ("div", 1.0, []), ("mul", 2.0, ["mul"])],
)
def test_neutral_numbers(operator: str, constant: float, left: list[str]) -> None:
    net = Net()
    x = net.emit("tanh", net.input(1, 4))
    y = net.emit(operator, x, net.constant(np.full((1, 4), constant)), attrs=_attrs(operator))
    graph = same(net.graph(net.emit("abs", y)), SimplifyAlgebra())
    assert ops(graph) == ["tanh", *left, "abs"]


def _attrs(operator: str) -> OpAttrs:
    from tinycc_ml.ops import op

    return op(operator).attrs_type()


def test_a_neutral_number_with_an_activation_is_that() -> None:
    net = Net()
    x = net.emit("tanh", net.input(1, 4))
    y = net.emit("add", net.constant(0.0), x, attrs=AddAttrs(Activation.RELU))
    net.types[y] = net.types[x]
    assert ops(same(net.graph(y), SimplifyAlgebra())) == ["tanh", "relu"]


def test_a_neutral_number_that_broadcasts_stays() -> None:
    net = Net()
    y = net.emit("mul", net.input(1, 4), net.constant(np.ones((3, 4))), attrs=MulAttrs())
    assert reasons(net.graph(y), SimplifyAlgebra()) == []


@pytest.mark.parametrize(
    ("chain", "left"),
    [
        (["relu", "relu"], ["relu"]),
        (["abs", "abs", "abs"], ["abs"]),
        (["neg", "neg", "tanh"], ["tanh"]),
        (["neg", "neg", "neg"], ["neg"]),
        (["floor", "ceil"], ["floor", "ceil"]),
        (["tanh", "tanh"], ["tanh", "tanh"]),
    ],
)
def test_functions_in_a_row(chain: list[str], left: list[str]) -> None:
    net = Net()
    x = net.input(2, 3)
    for function in chain:
        x = net.emit(function, x)
    assert ops(same(net.graph(x), SimplifyAlgebra(), RemoveDeadNodes())) == left


@pytest.mark.parametrize(
    ("zero_point", "left"), [(-128, ["tanh", "quantize"]), (-127, ["tanh", "relu", "quantize"])]
)
def test_a_rectifier_before_quantization(zero_point: int, left: list[str]) -> None:
    net = Net()
    x = net.emit("relu", net.emit("tanh", net.input(2, 3)))
    y = net.emit("quantize", x, quant=QuantParams((0.0625,), (zero_point,)), dtype=DType.INT8)
    assert ops(same(net.graph(y), SimplifyAlgebra())) == left


@pytest.mark.parametrize(("scale", "is_left"), [(6 / 256, False), (6 / 254, True), (0.25, True)])
def test_relu6_before_quantization(scale: float, is_left: bool) -> None:
    net = Net()
    quant = QuantParams((float(np.float32(scale)),), (-128,))
    x = net.emit("relu6", net.emit("exp", net.input(2, 3)))
    graph = same(
        net.graph(net.emit("quantize", x, quant=quant, dtype=DType.INT8)), SimplifyAlgebra()
    )
    assert ("relu6" in ops(graph)) is is_left


def test_a_clamp_of_integers_to_all_they_can_be() -> None:
    for zero_point, left in ((-128, ["table", "relu"]), (-127, ["table", "relu", "relu"])):
        net = Net()
        x = net.input(2, 3, quant=QuantParams((0.0625,), (zero_point,)))
        x = net.emit("table", x, net.constant(bytes_(1, 256)))
        y = net.emit("relu", net.emit("relu", x), quant=OTHER_Q)
        assert ops(same(net.graph(y), SimplifyAlgebra())) == left


def test_reshapes_and_pads_in_a_row() -> None:
    net = Net()
    x = net.input(2, 3)
    x = net.emit("pad", x, attrs=PadAttrs((1, 0), (0, 2), 1.5))
    x = net.emit("pad", x, attrs=PadAttrs((1, 1), (0, 2), 1.5))
    x = net.emit("reshape", x, attrs=ReshapeAttrs((2, 16)))
    x = net.emit("reshape", x, attrs=ReshapeAttrs((32,)))
    assert ops(same(net.graph(x), SimplifyAlgebra())) == ["pad", "reshape"]


def test_pads_with_different_numbers_stay() -> None:
    net = Net()
    x = net.emit("pad", net.input(2, 3), attrs=PadAttrs((1, 0), (0, 2), 1.0))
    y = net.emit("pad", x, attrs=PadAttrs((1, 0), (0, 2), 2.0))
    assert reasons(net.graph(y), SimplifyAlgebra()) == ["n0 and n1 pad with different numbers"]


# Transposes


@given(st.sampled_from(list(permutations(range(3)))), st.sampled_from(list(permutations(range(3)))))
def test_transposes_in_a_row(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    net = Net()
    x = net.emit("transpose", net.input(2, 3, 4), attrs=TransposeAttrs(first))
    y = net.emit("transpose", x, attrs=TransposeAttrs(second))
    graph = same(net.graph(net.emit("tanh", y)), MoveTransposes())
    assert ops(graph).count("transpose") <= 1


def test_a_transpose_of_extents_of_one_is_a_reshape() -> None:
    net = Net()
    y = net.emit("transpose", net.input(1, 3, 1, 4), attrs=TransposeAttrs((1, 0, 3, 2)))
    assert ops(same(net.graph(y), MoveTransposes())) == ["reshape"]


@given(st.sampled_from([p for p in permutations(range(3)) if p != (0, 1, 2)]), st.booleans())
def test_transposes_sink_to_their_inverse(order: tuple[int, ...], quantized: bool) -> None:
    quant = Q if quantized else None
    net = Net()
    x, other = (
        net.emit("transpose", net.input(2, 3, 4, quant=quant), attrs=TransposeAttrs(order))
        for _ in range(2)
    )
    shape = net.types[x].shape
    c = net.constant(bytes_(1, *shape) if quantized else random(1, *shape), quant)
    y = net.emit("add", x, c, attrs=AddAttrs())
    y = net.emit("pad", y, attrs=PadAttrs((1, 0, 0), (0, 0, 2)))
    z = net.emit("pad", net.emit("relu", other), attrs=PadAttrs((1, 0, 0), (0, 0, 2)))
    y = net.emit("concatenation", y, z, attrs=ConcatenationAttrs(-1))
    back = tuple(order.index(i) for i in range(3))
    y = net.emit("transpose", y, attrs=TransposeAttrs(back))
    graph = same(net.graph(net.emit("relu", y)), MoveTransposes())
    assert "transpose" not in ops(graph)


def test_a_transpose_that_cancels_with_nothing_stays() -> None:
    net = Net()
    x = net.emit("transpose", net.input(2, 3, 4), attrs=TransposeAttrs((2, 0, 1)))
    assert reasons(net.graph(net.emit("tanh", x)), MoveTransposes()) == [
        "moved down it would cancel with nothing, and move as many bytes"
    ]


@pytest.mark.parametrize("quant", [None, Q])
def test_a_flattened_transpose_goes_into_the_weights(quant: QuantParams | None) -> None:
    net = Net()
    x = net.emit(
        "transpose", net.input(2, 3, 4, 5, quant=quant), attrs=TransposeAttrs((0, 3, 1, 2))
    )
    x = net.emit("reshape", x, attrs=ReshapeAttrs((2, 60)))
    if quant is None:
        w, b = net.constant(random(1, 7, 60)), net.constant(random(2, 7))
    else:
        w = net.constant(bytes_(1, 7, 60), QuantParams((0.0078125,), (0,)))
        b = net.constant(np.arange(7, dtype=np.int32))
    y = net.emit("fully_connected", x, w, b, attrs=FullyConnectedAttrs())
    graph = same(net.graph(y), MoveTransposes(), rounding=0.0 if quant else 1e-6)
    assert ops(graph) == ["reshape", "fully_connected"]


# Reductions


@given(
    st.sampled_from(["mean", "sum", "reduce_max", "reduce_min"]),
    st.booleans(),
    st.sets(st.integers(0, 3), min_size=1, max_size=2),
    st.integers(0, 1),
)
def test_reductions_of_reductions(operator: str, keep: bool, axes: set[int], second: int) -> None:
    net, kind = Net(), MeanAttrs if operator in ("mean", "sum") else ReduceExtremeAttrs
    x = net.emit(operator, net.input(2, 3, 4, 5), attrs=kind(tuple(sorted(axes)), keep))
    y = net.emit(operator, x, attrs=kind((second,), keep))
    rounding = 0.0 if operator.startswith("reduce") else 2e-6
    assert ops(same(net.graph(y), MergeReductions(), rounding=rounding)) == [operator]


def test_reductions_that_stay() -> None:
    for quant, keep, reason in (
        (Q, (True, True), "n0 rounds its result: together they would round once"),
        (None, (True, False), "n0 and n1 do not treat the dimensions that they reduce alike"),
    ):
        net = Net()
        x = net.emit("mean", net.input(1, 4, 5, 2, quant=quant), attrs=MeanAttrs((1,), keep[0]))
        y = net.emit("mean", x, attrs=MeanAttrs((2,), keep[1]))
        assert reasons(net.graph(y), MergeReductions()) == [reason]


def test_integers_without_rounding_are_reduced_at_once() -> None:
    net = Net()
    x = net.emit("reduce_max", net.input(2, 4, 5, quant=Q), attrs=ReduceExtremeAttrs((1,)))
    y = net.emit("reduce_max", x, attrs=ReduceExtremeAttrs((1,)))
    assert ops(same(net.graph(y), MergeReductions())) == ["reduce_max"]


# Tables


@st.composite
def _int8_functions(draw: st.DrawFn) -> Graph:
    """Elementwise functions of one int8 value, with forks that join again, and through floats."""
    net = Net()
    values = [net.emit("table", net.input(2, 5, quant=Q), net.constant(bytes_(0, 256)))]
    for i in range(draw(st.integers(1, 6))):
        x = draw(st.sampled_from(values[-2:]))
        quant = draw(st.sampled_from([Q, OTHER_Q]))
        kind = draw(st.sampled_from(["unary", "scalar", "pair", "float", "table"]))
        if kind == "unary":
            operator = draw(st.sampled_from(["relu", "hard_swish", "quantize", "exp", "abs"]))
            if operator == "abs":
                quant = net.types[x].quant
            values.append(net.emit(operator, x, quant=quant))
        elif kind == "scalar":
            operator = draw(st.sampled_from(["add", "mul", "sub"]))
            c = net.constant(bytes_(i, 1), Q)
            values.append(net.emit(operator, x, c, attrs=_attrs(operator), quant=quant))
        elif kind == "pair":
            other = draw(st.sampled_from(values))
            values.append(net.emit("mul", x, other, attrs=MulAttrs(), quant=quant))
        elif kind == "table":
            values.append(net.emit("table", x, net.constant(bytes_(i, 256)), quant=quant))
        else:
            real = net.emit("sin", net.emit("dequantize", x, dtype=DType.FLOAT32))
            values.append(net.emit("quantize", real, quant=quant, dtype=DType.INT8))
    return net.graph(values[-1])


@settings(max_examples=25)
@given(_int8_functions())
def test_functions_of_one_value_become_one_table(graph: Graph) -> None:
    result = same(graph, *SIMPLIFY)
    assert len(result.nodes) == 1


def test_a_value_that_others_read_stays() -> None:
    net = Net()
    x = net.emit("hard_swish", net.input(2, 5, quant=Q))
    graph = net.graph(x, net.emit("exp", x))
    assert reasons(graph, ComposeTables()) == ["what it reads is read by others too"]


def test_functions_of_two_values_stay() -> None:
    net = Net()
    x, y = (net.emit("relu", net.input(2, 5, quant=Q)) for _ in range(2))
    z = net.emit("add", x, net.emit("mul", x, y, attrs=MulAttrs()), attrs=AddAttrs())
    assert reasons(net.graph(z), ComposeTables()) == []
