"""Each pass: what it changes, what it leaves alone, and that no output changes by a bit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.samples import bias, everything, one_operator, weights
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import (
    Constant,
    Graph,
    Node,
    OpAttrs,
    Pass,
    QuantParams,
    Refusal,
    TensorType,
    run_passes,
)
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.ops import Activation, evaluate, integerize
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.transforms import SIMPLIFY, FoldConstants, RemoveDeadNodes, RemoveIdentities

_T = TensorType((1, 4), DType.INT8, QuantParams((0.5,), (3,)))
_C = Constant(np.array([[1, -2, 3, -4]], np.int8))
_SAME_SHAPE = ReshapeAttrs((1, 4))


def _relu(name: str, x: str, y: str) -> Node:
    return Node(name, "relu", (x,), (y,))


def _identity(name: str, x: str, y: str) -> Node:
    return Node(name, "reshape", (x,), (y,), _SAME_SHAPE)


def _graph(
    nodes: Sequence[Node],
    outputs: Sequence[str] = ("y",),
    constants: dict[str, Constant] | None = None,
    **types: TensorType,
) -> Graph:
    """One input, x; all values have the type `_T` but those given."""
    names = dict.fromkeys(name for node in nodes for name in (*node.inputs, *node.outputs))
    return Graph(
        "m",
        tuple(nodes),
        {**dict.fromkeys(("x", *names, *(constants or {})), _T), **types},
        constants or {},
        ("x",),
        tuple(outputs),
    )


def _run(graph: Graph, *passes: Pass) -> tuple[Graph, tuple[Refusal, ...]]:
    result, report = run_passes(graph, passes)
    return result, report.refusals


def _outputs(graph: Graph, seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    inputs = [
        rng.integers(-128, 128, graph.types[n].shape).astype(graph.types[n].dtype.numpy)
        for n in graph.inputs
    ]
    values = evaluate(integerize(graph), inputs)
    return [values[name].tobytes() for name in graph.outputs]


# Dead nodes


def test_dead_nodes_and_constants_disappear() -> None:
    live = Node("n1", "add", ("x", "c"), ("y",), AddAttrs())
    dead = [_relu("n0", "x", "a"), _relu("n2", "a", "b"), _relu("n3", "d", "e")]
    graph = _graph([dead[0], live, *dead[1:]], constants={"c": _C, "d": _C})
    expected = _graph([live], constants={"c": _C})
    assert _run(graph, RemoveDeadNodes()) == (expected, ())


def test_unused_constants_and_types_disappear() -> None:
    graph = _graph([_relu("n0", "x", "y")], constants={"c": _C}, ghost=_T)
    assert _run(graph, RemoveDeadNodes())[0] == _graph([_relu("n0", "x", "y")])


def test_unused_inputs_stay() -> None:
    graph = Graph("m", (_relu("n0", "x", "y"),), dict.fromkeys("xzy", _T), {}, ("x", "z"), ("y",))
    assert _run(graph, RemoveDeadNodes())[0] is graph


def test_a_node_with_one_needed_output_stays() -> None:
    graph = _graph([Node("n0", "split", ("x",), ("y", "z"))])
    assert _run(graph, RemoveDeadNodes())[0] is graph


# Constants


def test_constants_are_folded_through_chains() -> None:
    last = Node("n2", "add", ("x", "b"), ("y",), AddAttrs())
    graph = _graph([_relu("n0", "c", "a"), _relu("n1", "a", "b"), last], constants={"c": _C})
    folded, refusals = _run(graph, FoldConstants(), RemoveDeadNodes())
    assert folded.nodes == (last,)
    assert refusals == ()
    # Zero is 3 in this quantization.
    assert folded.constants == {"b": Constant(np.array([[3, 3, 3, 3]], np.int8))}
    assert _outputs(folded) == _outputs(graph)


def test_a_graph_without_constant_nodes_is_left_alone() -> None:
    graph = _graph([Node("n0", "add", ("x", "c"), ("y",), AddAttrs())], constants={"c": _C})
    assert _run(graph, FoldConstants())[0] is graph


def test_an_output_of_the_model_is_not_folded() -> None:
    graph = _graph([_relu("n0", "c", "y")], constants={"c": _C})
    folded, refusals = _run(graph, FoldConstants())
    assert folded is graph
    assert refusals == (Refusal("fold_constants", "n0", "its result is an output of the model"),)


def test_a_constant_that_would_grow_is_not_folded() -> None:
    pad = Node("n0", "pad", ("c",), ("big",), PadAttrs((0, 0), (1999, 0)))
    big = TensorType((2000, 4), DType.INT8, _T.quant)
    graph = _graph([pad, _relu("n1", "big", "y")], constants={"c": _C}, big=big, y=big)
    folded, refusals = _run(graph, FoldConstants())
    assert folded is graph
    reason = "its result takes 8000 bytes, its inputs take 4"
    assert refusals == (Refusal("fold_constants", "n0", reason),)
    folded, _ = _run(graph, FoldConstants(max_growth_bytes=8000))
    assert [node.name for node in folded.nodes] == ["n1"]
    assert folded.constants["big"].array.shape == (2000, 4)


# Identities


@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("reshape", _SAME_SHAPE),
        ("quantize", OpAttrs()),
        ("pad", PadAttrs((0, 0), (0, 0))),
        ("concatenation", ConcatenationAttrs(1, Activation.NONE)),
    ],
)
def test_identities_disappear(op: str, attrs: OpAttrs) -> None:
    graph = _graph(
        [_relu("n0", "x", "a"), Node("n1", op, ("a",), ("b",), attrs), _relu("n2", "b", "y")]
    )
    result, refusals = _run(graph, RemoveIdentities())
    assert result == _graph([_relu("n0", "x", "a"), _relu("n2", "a", "y")])
    assert refusals == ()
    assert _outputs(result) == _outputs(graph)


def test_what_changes_shape_type_or_bytes_stays() -> None:
    flat = TensorType((4,), DType.INT8, _T.quant)
    other = TensorType((1, 4), DType.INT8, QuantParams((0.25,), (3,)))
    for node, types in (
        (Node("n0", "reshape", ("x",), ("y",), ReshapeAttrs((4,))), {"y": flat}),
        (Node("n0", "reshape", ("x",), ("y",), _SAME_SHAPE), {"y": other}),
        (Node("n0", "quantize", ("x",), ("y",)), {"y": other}),
        (Node("n0", "concatenation", ("x", "x"), ("y",), ConcatenationAttrs(0)), {}),
        (Node("n0", "relu", ("x",), ("y",)), {}),
    ):
        graph = _graph([node], **types)
        assert _run(graph, RemoveIdentities()) == (graph, ())


def test_an_output_keeps_its_name() -> None:
    nodes = [
        _relu("n0", "x", "a"),
        _identity("n1", "a", "b"),
        _identity("n2", "b", "y"),
        _relu("n3", "a", "z"),
        _relu("n4", "b", "w"),
    ]
    graph = _graph(nodes, ("y", "z", "w"))
    result, refusals = _run(graph, RemoveIdentities())
    assert refusals == ()
    assert result == _graph(
        [_relu("n0", "x", "y"), _relu("n3", "y", "z"), _relu("n4", "y", "w")], ("y", "z", "w")
    )
    assert _outputs(result) == _outputs(graph)


@pytest.mark.parametrize(
    ("nodes", "outputs", "refused", "kept"),
    [
        ([_identity("n0", "x", "y")], ("y",), "n0", "x"),
        ([_identity("n0", "c", "y"), _relu("n1", "x", "z")], ("y", "z"), "n0", "c"),
        ([_relu("n0", "x", "y"), _identity("n1", "y", "z")], ("y", "z"), "n1", "y"),
    ],
)
def test_inputs_constants_and_outputs_are_not_handed_on_as_outputs(
    nodes: list[Node], outputs: tuple[str, ...], refused: str, kept: str
) -> None:
    graph = _graph(nodes, outputs, {"c": _C})
    result, refusals = _run(graph, RemoveIdentities())
    assert result is graph
    reason = f"it hands {kept} on as an output of the model"
    assert refusals == (Refusal("remove_identities", refused, reason),)


def test_the_second_of_two_equal_outputs_stays_a_copy() -> None:
    graph = _graph(
        [_relu("n0", "x", "a"), _identity("n1", "a", "y"), _identity("n2", "a", "z")], ("y", "z")
    )
    result, refusals = _run(graph, RemoveIdentities())
    assert result == _graph([_relu("n0", "x", "y"), _identity("n2", "y", "z")], ("y", "z"))
    assert [refusal.node for refusal in refusals] == ["n2"]
    assert _outputs(result) == _outputs(graph)


# All of them


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    """Chains and forks of identities, clamps and sums over an input and a constant."""
    values = ["x", "c"]
    nodes: list[Node] = []
    for i in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(["relu", "add", "identity", "identity"]))
        x, result = draw(st.sampled_from(values)), f"v{i}"
        if kind == "add":
            y = draw(st.sampled_from(values))
            nodes.append(Node(f"n{i}", "add", (x, y), (result,), AddAttrs()))
        else:
            nodes.append((_relu if kind == "relu" else _identity)(f"n{i}", x, result))
        values.append(result)
    outputs = draw(st.lists(st.sampled_from(values[2:]), min_size=1, max_size=4, unique=True))
    return _graph(nodes, outputs, {"c": _C})


@given(_graphs())
def test_passes_keep_every_output(graph: Graph) -> None:
    result, _ = _run(graph, *SIMPLIFY)
    assert (result.inputs, result.outputs) == (graph.inputs, graph.outputs)
    assert len(result.nodes) <= len(graph.nodes)
    assert _outputs(result) == _outputs(graph)
    for name in result.outputs:
        assert result.types[name] == graph.types[name]


@given(_graphs())
def test_passes_find_nothing_to_do_the_second_time(graph: Graph) -> None:
    once, _ = _run(graph, *SIMPLIFY)
    assert _run(once, *SIMPLIFY)[0] is once


def test_an_imported_model() -> None:
    """A convolution between a pad by nothing and a reshape that the output repeats."""
    b = ModelBuilder()
    x = b.input("x", (1, 4, 4, 2), "int8", 0.5, 0)
    nothing = b.constant("nothing", np.zeros((4, 2), np.int32))
    padded = b.tensor("padded", (1, 4, 4, 2), "int8", 0.5, 0)
    b.operator("PAD", [x, nothing], [padded])
    w = b.constant("w", weights(3, 4, 4, 2), 0.01, 0)
    c = b.constant("c", bias(3))
    y = b.tensor("y", (1, 1, 1, 3), "int8", 0.5, 0)
    b.operator("CONV_2D", [padded, w, c], [y], padding="VALID", stride_h=1, stride_w=1)
    flat, same = (b.tensor(name, (1, 3), "int8", 0.5, 0) for name in ("flat", "same"))
    b.operator("RESHAPE", [y], [flat])
    b.operator("RESHAPE", [flat], [same])
    b.output(same)
    graph = import_tflite_bytes(b.build(), "m.tflite")
    result, _ = _run(graph, *SIMPLIFY)
    assert [node.name for node in result.nodes] == ["n01_conv2d", "n02_reshape"]
    assert result.outputs == graph.outputs
    assert _outputs(result) == _outputs(graph)


def test_a_model_with_nothing_to_simplify_is_returned_as_it_is() -> None:
    graph = import_tflite_bytes(one_operator("RELU", [(1, 4)], (1, 4)).build(), "m.tflite")
    assert _run(graph, *SIMPLIFY)[0] is graph


def test_a_model_of_many_operators() -> None:
    graph = import_tflite_bytes(everything().build(), "m.tflite")
    result, _ = _run(graph, *SIMPLIFY)
    assert len(result.nodes) < len(graph.nodes)
    assert _outputs(result) == _outputs(graph)
