"""Products of matrices: Gemm and MatMul; constant matrices are weights."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.batch_matmul import BatchMatMulAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs


def gemm(call: Call) -> list[Item]:
    """Gemm with a constant matrix: ``alpha * A' * B' + beta * C``."""
    a, b = call.item(0), call.item(1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.damaged(f"matrices of shapes {list(a.shape)} and {list(b.shape)}")
    if isinstance(b, Value):
        return _general_gemm(call, a, b)
    order = (1, 0) if call.attr_int("transA", 0) else (0, 1)
    x = call.builder.stored(a, order)
    weight = _times(
        b if call.attr_int("transB", 0) else b.transposed((1, 0)), call.attr_float("alpha", 1.0)
    )
    columns = weight.shape[0]
    addend, beta = call.optional(2), call.attr_float("beta", 1.0)
    bias, rest = _gemm_bias(addend, beta, columns)
    inputs = [x, call.builder.number(weight), call.builder.number(bias)]
    result = call.emit("fully_connected", inputs, attrs=FullyConnectedAttrs())
    if rest is None:
        return [result]
    if beta != 1.0:
        raise UnsupportedError(f"beta {beta:g} with a matrix C; allowed 1")
    return [call.emit("add", [result.name, call.builder.plain(rest)], attrs=AddAttrs())]


def _general_gemm(call: Call, a: Const | Value, b: Value) -> list[Item]:
    """Gemm whose second matrix is computed at run time."""
    attrs = BatchMatMulAttrs(bool(call.attr_int("transA", 0)), bool(call.attr_int("transB", 0)))
    left, right = call.builder.plain(a), call.builder.plain(b)
    addend, beta = call.optional(2), call.attr_float("beta", 1.0)
    if call.attr_float("alpha", 1.0) != 1.0 or (addend is not None and beta != 1.0):
        raise UnsupportedError("alpha or beta with matrices computed at run time; allowed 1")
    product = call.emit("batch_matmul", [left, right], attrs=attrs)
    if addend is None:
        return [product]
    return [call.emit("add", [product.name, call.builder.plain(addend)], attrs=AddAttrs())]


def _gemm_bias(
    addend: Const | Value | None, beta: float, columns: int
) -> tuple[Const, Const | Value | None]:
    """What of C is a bias, and what has to be added."""
    zeros = Const(np.zeros(columns, np.float32))
    if addend is None or beta == 0:
        return zeros, None
    is_bias = isinstance(addend, Const) and prod(addend.shape[:-1]) == 1
    if not is_bias or not isinstance(addend, Const):
        return zeros, addend
    if addend.shape == (columns,):
        return _times(addend, beta), None
    row = addend.numbers.reshape(-1)
    if row.size not in (1, columns):
        return zeros, addend
    return Const(np.float32(beta) * np.broadcast_to(row, (columns,)).astype(np.float32)), None


def _times(c: Const, factor: float) -> Const:
    if factor == 1.0:
        return c
    if c.scaling is None:
        return Const((c.array * np.float32(factor)).astype(c.array.dtype))
    if factor <= 0:
        return Const(c.numbers * np.float32(factor))
    s = c.scaling
    return Const(c.array, replace(s, scales=s.scales * np.float32(factor)))


def matmul(call: Call) -> list[Item]:
    """MatMul; a constant matrix on the right is a weight."""
    a, b = call.item(0), call.item(1)
    if min(len(a.shape), len(b.shape)) < 1:
        raise call.damaged("an operand is a scalar")
    if isinstance(b, Value) or len(b.shape) != 2 or isinstance(a, Const):
        return [_product(call, a, b)]
    if a.shape[-1] != b.shape[0]:
        raise call.damaged(f"operands of shapes {list(a.shape)} and {list(b.shape)}")
    weight = b.transposed((1, 0))
    bias = call.builder.constant(np.zeros(weight.shape[0], np.float32))
    inputs = [call.builder.plain(a), call.builder.number(weight), bias]
    return [call.emit("fully_connected", inputs, attrs=FullyConnectedAttrs(keep_dims=True))]


def _product(call: Call, a: Const | Value, b: Const | Value) -> Value:
    """A product of matrices of which none is a weight; vectors are rows and columns."""
    left, right = call.builder.plain(a), call.builder.plain(b)
    if len(a.shape) == 1:
        left = call.builder.view(left, (1, *a.shape))
    if len(b.shape) == 1:
        right = call.builder.view(right, (*b.shape, 1))
    result = call.emit("batch_matmul", [left, right], attrs=BatchMatMulAttrs())
    shape = list(result.shape)
    if len(b.shape) == 1:
        del shape[-1]
    if len(a.shape) == 1:
        del shape[-1 if len(b.shape) == 1 else -2]
    return call.builder.reshaped(result, tuple(shape))
