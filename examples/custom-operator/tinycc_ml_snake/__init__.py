"""The activation Snake, ``y = x + sin(alpha * x)**2 / alpha``, as an operator of tinycc-ml.

In float32 it is computed in C; of int8 it is a table of 256 results, so that no float is left in a
quantized model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops import Access, BoundNode, Elementwise, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.extension import Extension, c_body


@dataclass(frozen=True, slots=True)
class SnakeAttrs(OpAttrs):
    """The frequency."""

    alpha: float = 1.0


class Snake(OpDef):
    """Input: any shape, float32 or int8. Output: the same shape; its quantization may differ."""

    name = "snake"
    attrs_type = SnakeAttrs
    summary = "x + sin(alpha * x)^2 / alpha"
    dtypes = ("int8", "float32")
    # Each output depends on the input at its place only: fused and tabulated like our own.
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """The shapes of the outputs."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """Why a node cannot be compiled, as a sentence that the user of a model reads."""
        x, y = bound.inputs[0], bound.outputs[0]
        if x.dtype is not y.dtype or x.dtype not in (DType.INT8, DType.FLOAT32):
            return f"{x.dtype.value} to {y.dtype.value}; allowed are int8 and float32, both alike"
        if x.dtype is DType.INT8 and (x.quant is None or y.quant is None):
            return "int8 without quantization parameters"
        return None

    def integerize(self, bound: BoundNode) -> Integers:
        """After this there is no scale any more: int8 becomes a table, a constant operand."""
        if bound.inputs[0].dtype is DType.FLOAT32:
            return Integers(Numbers(), (("input", 0),))
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        real = (np.arange(-128, 128) - x.zero_point) * x.scale
        steps = np.rint(_snake(real, cast(SnakeAttrs, bound.attrs).alpha) / y.scale) + y.zero_point
        table = Constant(np.clip(steps, -128, 127).astype(np.int8))
        return Integers(Numbers(), (("input", 0),), (("table", table),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """The outputs in NumPy: what the C is compared with, integers byte by byte."""
        x, alpha = operands["input"], cast(SnakeAttrs, workload.attrs).alpha
        if "table" in operands:
            return (operands["table"][x.astype(np.int64) + 128],)
        return (_snake(x.astype(np.float64), alpha).astype(np.float32),)

    def access(self, workload: Workload) -> Access:
        """Each step reads an element, then writes one: the output may take the input's place."""
        return Access(1, (("input", Elementwise(1)),), reads_first=True)

    def lower(self, workload: Workload) -> LoopKernel:
        """The body of the layer's function; operands are called by their roles."""
        elements = workload.operand("output").elements
        if workload.dtype is DType.INT8:
            return c_body(
                workload,
                f"""
                for (int32_t i = 0; i < {elements}; ++i) {{
                  output[i] = table[input[i] + 128];
                }}
                """,
            )
        alpha = f"{np.float32(cast(SnakeAttrs, workload.attrs).alpha):.9e}F"
        return c_body(
            workload,
            f"""
            const float alpha = {alpha};
            for (int32_t i = 0; i < {elements}; ++i) {{
              const float x = input[i];
              const float s = sinf(alpha * x);
              output[i] = x + s * s / alpha;
            }}
            """,
            "math.h",
        )


def _snake(x: Array, alpha: float) -> Array:
    y: Array = x + np.sin(alpha * x) ** 2 / alpha
    return y


def _attrs(alpha: object) -> SnakeAttrs:
    if not isinstance(alpha, float) or not 0 < alpha < 1e6:
        raise UnsupportedError(f"alpha {alpha}; allowed are positive numbers below 1e6")
    return SnakeAttrs(alpha)


def _from_onnx(given: Mapping[str, object]) -> SnakeAttrs:
    return _attrs(given.get("alpha", 1.0))


def _from_tflite(given: bytes) -> SnakeAttrs:
    # What the custom options hold is the converter's business: here one float32, or nothing.
    return _attrs(float(np.frombuffer(given, "<f4", 1)[0]) if given else 1.0)


EXTENSION = Extension(
    Snake,
    tflite="Snake",
    onnx="com.example.Snake",
    tflite_attrs=_from_tflite,
    onnx_attrs=_from_onnx,
)
