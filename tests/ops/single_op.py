"""One operator, run by TensorFlow Lite Micro, by its reference, and by its interpreted loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops_support import check_lowering
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, Graph, Node, OpAttrs, QuantParams, TensorType
from tinycc_ml.ops import Layer, LayerGraph, bind, evaluate, integerize, op

PROBABILITY = (1 / 256, -128)


def f32(x: float) -> float:
    return float(np.float32(x))


def tensor(
    shape: Sequence[int], quant: tuple[float, int] | None = None, dtype: str = "int8"
) -> TensorType:
    params = None if quant is None else QuantParams((f32(quant[0]),), (quant[1],))
    return TensorType(tuple(shape), DType(dtype), params)


@dataclass
class Case:
    """`constants` maps input positions to data that is part of the model."""

    builtin: str
    name: str
    inputs: Sequence[TensorType]
    output: TensorType
    attrs: OpAttrs = field(default_factory=OpAttrs)
    options: dict[str, Any] = field(default_factory=dict)
    constants: dict[int, np.ndarray] = field(default_factory=dict)

    def graph(self) -> Graph:
        names = [f"x{i}" for i in range(len(self.inputs))]
        return Graph(
            "g",
            (Node("n", self.name, tuple(names), ("y",), self.attrs),),
            {**dict(zip(names, self.inputs, strict=True)), "y": self.output},
            {names[i]: Constant(array) for i, array in self.constants.items()},
            tuple(n for i, n in enumerate(names) if i not in self.constants),
            ("y",),
        )

    def problem(self) -> str | None:
        graph = self.graph()
        return op(self.name).check(bind(graph, graph.nodes[0]))

    def integers(self) -> LayerGraph:
        assert self.problem() is None
        assert op(self.name).infer(self.attrs, self.inputs) == (self.output.shape,)
        return integerize(self.graph())

    def layer(self) -> Layer:
        return self.integers().layers[0]

    def model(self) -> bytes:
        b = ModelBuilder()

        def quant(type_: TensorType) -> tuple[Any, ...]:
            q = type_.quant
            return () if q is None else (q.scale, q.zero_point)

        tensors = [
            b.constant(f"x{i}", self.constants[i], *quant(type_))
            if i in self.constants
            else b.input(f"x{i}", type_.shape, type_.dtype.value, *quant(type_))
            for i, type_ in enumerate(self.inputs)
        ]
        y = b.tensor("y", self.output.shape, self.output.dtype.value, *quant(self.output))
        b.operator(self.builtin, tensors, [y], **self.options)
        b.output(y)
        return b.build()

    def tflm(self, *arrays: np.ndarray) -> np.ndarray:
        return run_tflm(self.model(), arrays)[0]

    def reference(self, *arrays: np.ndarray) -> np.ndarray:
        return evaluate(self.integers(), arrays)["y"]

    def assert_exact(self, *arrays: np.ndarray) -> None:
        """TFLM, reference and loops give the same bytes; the loops keep their access order."""
        graph = self.integers()
        values = evaluate(graph, arrays)
        assert_same(values["y"], self.tflm(*arrays))
        check_lowering(graph.layers[0], values)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    # Bytes, so that -0.0 and 0.0 differ.
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes(), (found, expected)


def data(seed: int, shape: Sequence[int], dtype: str = "int8") -> np.ndarray:
    """Uniform integers with many extremes among them."""
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max + 1, tuple(shape))
    extreme = rng.choice([limits.min, limits.min + 1, limits.max], tuple(shape))
    return np.where(rng.random(tuple(shape)) < 0.2, extreme, x).astype(dtype)


def scales(low: float = -10, high: float = 4) -> st.SearchStrategy[float]:
    """float32 scales over many magnitudes, powers of two among them."""
    exponents = st.floats(low, high) | st.integers(int(low), int(high)).map(float)
    return exponents.map(lambda e: f32(2.0**e))


zero_points = st.integers(-128, 127) | st.sampled_from([-128, 0, 127])
quants = st.tuples(scales(), zero_points)
seeds = st.integers(0, 2**32 - 1)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
ALL_INT8 = np.arange(-128, 128).astype(np.int8)
