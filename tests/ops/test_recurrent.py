"""ONNX's recurrent layers: against ONNX Runtime, and loop nests against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx import import_onnx_bytes
from tinycc_ml.loopir import Role, run_kernel, verify_kernel
from tinycc_ml.ops import LayerGraph, evaluate, integerize, op

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEPS, BATCH, WIDTH, SIZE = 3, 2, 4, 5
CASES: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}),
    ("RNN", {"activations": ["Relu"], "direction": "reverse"}),
    ("RNN", {"activations": ["Sigmoid"] * 2, "direction": "bidirectional", "clip": 0.3}),
    ("GRU", {}),
    ("GRU", {"direction": "bidirectional", "linear_before_reset": 1}),
    ("GRU", {"direction": "reverse", "clip": 0.5}),
    ("LSTM", {}),
    ("LSTM", {"direction": "bidirectional", "peepholes": True}),
    ("LSTM", {"direction": "reverse", "clip": 0.4, "peepholes": True}),
]


def name(case: Any) -> str:
    return "-".join([case[0], *map(str, case[1].values())]) if isinstance(case, tuple) else ""


def model(kind: str, options: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> bytes:
    """All operands are inputs of the model; absent ones have no shape."""
    order = ["x", "w", "r", "b", "", "h", "c", "p"][: 6 if kind != "LSTM" else 8]
    names = [n if n in shapes else "" for n in order]
    outputs = ["y", "yh", "yc"][: 3 if kind == "LSTM" else 2]
    attributes = {k: v for k, v in options.items() if k != "peepholes"}
    node = helper.make_node(kind, names, outputs, hidden_size=SIZE, **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
    )
    opset = helper.make_opsetid("", 14)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def shapes_of(kind: str, options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    d = 2 if options.get("direction") == "bidirectional" else 1
    rows = GATES[kind] * SIZE
    shapes = {
        "x": (STEPS, BATCH, WIDTH),
        "w": (d, rows, WIDTH),
        "r": (d, rows, SIZE),
        "b": (d, 2 * rows),
        "h": (d, BATCH, SIZE),
    }
    if kind == "LSTM":
        shapes["c"] = shapes["h"]
    return shapes | ({"p": (d, 3 * SIZE)} if options.get("peepholes") else {})


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {n: rng.uniform(-1, 1, shape).astype(np.float32) for n, shape in shapes.items()}


def check_loops(graph: LayerGraph, values: dict[str, np.ndarray]) -> None:
    """The loop nest gives the reference's bytes."""
    (layer,) = graph.layers
    kernel = verify_kernel(op(layer.workload.op).lower(layer.workload))
    arrays = dict(
        zip(
            (b.name for b in kernel.buffers),
            [values[n].copy() for n in layer.inputs]
            + [np.full(values[n].shape, 99, np.float32) for n in layer.outputs],
            strict=False,
        )
    )
    for buffer in kernel.buffers:
        if buffer.role is Role.SCRATCH:
            arrays[buffer.name] = np.full(buffer.shape, 99, np.float32)
    run_kernel(kernel, arrays)
    for number, value in enumerate(layer.outputs):
        np.testing.assert_array_equal(arrays[f"output{number}"], values[value])


@pytest.mark.parametrize("case", CASES, ids=name)
def test_near_onnx_runtime(case):
    runtime = pytest.importorskip("onnxruntime")
    kind, options = case
    shapes = shapes_of(kind, options)
    data, inputs = model(kind, options, shapes), drawn(shapes)
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    graph = integerize(import_onnx_bytes(data, "case.onnx"))
    values = evaluate(graph, list(inputs.values()))
    for value, expected in zip(graph.outputs, session.run(None, inputs), strict=True):
        np.testing.assert_allclose(values[value], expected, rtol=0, atol=2e-6)
    check_loops(graph, values)


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
def test_batch_first_is_the_same_under_other_axes(kind):
    """ONNX Runtime does not know this layout."""
    options = {"direction": "bidirectional"}
    shapes = shapes_of(kind, options)
    inputs = drawn(shapes)
    plain = integerize(import_onnx_bytes(model(kind, options, shapes), "case.onnx"))
    expected = evaluate(plain, list(inputs.values()))
    turned = {n: x.swapaxes(0, 1).copy() if n in "xhc" else x for n, x in inputs.items()}
    data = model(kind, {**options, "layout": 1}, {n: x.shape for n, x in turned.items()})
    graph = integerize(import_onnx_bytes(data, "case.onnx"))
    values = evaluate(graph, list(turned.values()))
    whole, *states = (expected[value] for value in plain.outputs)
    np.testing.assert_array_equal(values[graph.outputs[0]], whole.transpose(2, 0, 1, 3))
    for value, state in zip(graph.outputs[1:], states, strict=True):
        np.testing.assert_array_equal(values[value], state.swapaxes(0, 1))
    check_loops(graph, values)


def test_absent_operands_are_zero():
    shapes = shapes_of("GRU", {})
    few = {n: shapes[n] for n in ("x", "w", "r")}
    inputs = drawn(shapes)
    inputs["b"][:] = inputs["h"][:] = 0
    results = []
    for given in (shapes, few):
        graph = integerize(import_onnx_bytes(model("GRU", {}, given), "case.onnx"))
        values = evaluate(graph, [inputs[n] for n in given])
        results.append([values[value] for value in graph.outputs])
    np.testing.assert_equal(*results)


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("LSTM", {"input_forget": 1}, "coupled input and forget gates"),
        ("LSTM", {"activations": ["Relu", "Tanh", "Tanh"]}, "activations Relu, Tanh, Tanh"),
        ("RNN", {"activations": ["Softsign"]}, "activations Softsign"),
    ],
)
def test_what_is_refused(kind, options, reason):
    with pytest.raises(UnsupportedError, match=reason):
        import_onnx_bytes(model(kind, options, shapes_of(kind, options)), "case.onnx")
