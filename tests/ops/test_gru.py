"""The int8 GRU: near the real one, its loop nest equal to its reference, and its state kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import seeds
from tests.ops_support import check_lowering
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Constant, Graph, Node, QuantParams, TensorType
from tinycc_ml.ops import bind, evaluate, integerize, op
from tinycc_ml.ops.gru import GruAttrs

X, HIDDEN = QuantParams((1 / 64,), (5,)), QuantParams((1 / 128,), (-3,))


def gru(
    seed: int,
    attrs: GruAttrs,
    steps: int = 4,
    batch: int = 1,
    width: int = 3,
    size: int = 5,
    spread: float = 1.0,
    *,
    rows: bool = False,
) -> tuple[Graph, dict[str, np.ndarray]]:
    """A graph of one layer, and the real numbers of its constants."""
    random = np.random.default_rng(seed)
    constants: dict[str, Constant] = {}
    real: dict[str, np.ndarray] = {}
    types = {
        "x": TensorType((batch, steps, width) if attrs.batch_first else (steps, batch, width),
                        DType.INT8, X),
        "h": TensorType((batch, size), DType.INT8, HIDDEN),
    }  # fmt: skip
    for name, columns, source in (("w", width, X), ("r", size, HIDDEN)):
        scales = spread / 127 * (0.5 + random.random(3 * size if rows else 1))
        quant = QuantParams(tuple(scales.tolist()), (0,) * len(scales), 0 if rows else None)
        array = random.integers(-127, 128, (3 * size, columns)).astype(np.int8)
        bias = random.integers(-2000, 2001, 3 * size).astype(np.int32)
        types[name] = TensorType(array.shape, DType.INT8, quant)
        types[f"{name}b"] = TensorType(bias.shape, DType.INT32)
        constants[name], constants[f"{name}b"] = Constant(array), Constant(bias)
        real[name] = array * scales.reshape(-1, 1)
        real[f"{name}b"] = bias * source.scale * scales
    inputs = ("x", "w", "r", "wb", "rb", "h")
    (shape,) = op("gru").infer(attrs, [types[name] for name in inputs])
    types["y"] = TensorType(shape, DType.INT8, HIDDEN)
    node = Node("n", "gru", inputs, ("y",), attrs)
    return Graph("g", (node,), types, constants, ("x", "h"), ("y",)), real


def expected(x: np.ndarray, h: np.ndarray, real: dict[str, np.ndarray], a: GruAttrs) -> np.ndarray:
    """The real function of real numbers."""
    outputs = []
    x = x.swapaxes(0, 1) if a.batch_first else x
    for step in x[::-1] if a.reverse else x:
        seen = np.split(step @ real["w"].T + real["wb"], 3, axis=1)
        kept = np.split(h @ real["r"].T + real["rb"], 3, axis=1)
        z, r = (1 / (1 + np.exp(-(seen[i] + kept[i]))) for i in (0, 1))
        h = (1 - z) * np.tanh(seen[2] + r * kept[2]) + z * h
        outputs.append(h)
    y = np.stack(outputs[::-1] if a.reverse else outputs)
    return y.swapaxes(0, 1) if a.batch_first else y


def inputs_of(graph: Graph, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(-128, 128, graph.types[n].shape).astype(np.int8) for n in graph.inputs]


def real_of(x: np.ndarray, quant: QuantParams) -> np.ndarray:
    return (x.astype(np.float64) - quant.zero_point) * quant.scale


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds, steps=st.integers(1, 6), batch=st.integers(1, 2), batch_first=st.booleans(),
    reverse=st.booleans(), rows=st.booleans(), spread=st.sampled_from([0.05, 0.3, 1.0]),
)  # fmt: skip
def test_near_the_real_function(seed, steps, batch, batch_first, reverse, rows, spread):
    attrs = GruAttrs(batch_first, reverse)
    graph, real = gru(seed, attrs, steps, batch, spread=spread, rows=rows)
    x, h = inputs_of(graph, seed)
    layers = integerize(graph)
    values = evaluate(layers, [x, h])
    y = real_of(values["y"], HIDDEN)
    wanted = expected(real_of(x, X), real_of(h, HIDDEN), real, attrs)
    # The output holds -0.98 ... 1.02.
    limited = np.clip(wanted, *(real_of(np.array(e), HIDDEN) for e in (-128, 127)))
    assert np.abs(y - limited).max() < 3 * HIDDEN.scale
    check_lowering(layers.layers[0], values)


def test_steps_smaller_than_one_of_int8_add_up():
    graph, _ = gru(1, GruAttrs(), 400, spread=1e-3)
    # The update gate is nearly closed: 1 - z is 1/400, and the candidate near 1.
    bias = np.concatenate([np.full(5, 6.0), np.zeros(5), np.full(5, 3.0)])
    scale = graph.types["w"].quant.scale * X.scale
    steps = np.rint(bias / scale).astype(np.int32)
    constants = {**graph.constants, "wb": Constant(steps), "rb": Constant(np.zeros(15, np.int32))}
    values = evaluate(
        integerize(replace(graph, constants=constants)),
        [np.full((400, 1, 3), X.zero_point, np.int8), np.full((1, 5), HIDDEN.zero_point, np.int8)],
    )
    y = real_of(values["y"], HIDDEN)[:, 0]
    assert np.abs(y[-1] - 0.62).max() < 0.02
    assert (np.diff(y, axis=0) >= 0).all()


def test_refusals():
    graph, _ = gru(0, GruAttrs())
    node = graph.nodes[0]

    def problem(name: str, type_: TensorType) -> str | None:
        changed = replace(graph, types={**graph.types, name: type_})
        return op("gru").check(bind(changed, node))

    assert "equal scales" in problem("y", replace(graph.types["y"], quant=X))
    assert "zero point 0" in problem("w", replace(graph.types["w"], quant=X))
    assert "must be constants" in op("gru").check(bind(replace(graph, constants={}), node))
    with pytest.raises(UnsupportedError, match="expected"):
        op("gru").infer(GruAttrs(True), [graph.types[n] for n in node.inputs])
