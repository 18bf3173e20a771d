"""QuantizeLinear, DequantizeLinear, and integer operators as what they are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, QuantParams
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_convolution import conv
from tinycc_ml.importers.onnx.rows_matrix import matmul
from tinycc_ml.importers.onnx.tensors import numpy_dtype, type_name
from tinycc_ml.importers.onnx.values import Const, Item, Scaling, Value

_UINT8_OFFSET = 128


def _scaling(
    call: Call, rank: int, scale: int, zero_point: int
) -> tuple[Scaling, np.dtype[np.generic]]:
    """Scale and zero point at these positions, and the integer type that they imply."""
    scales = call.constant(scale, "scale")
    zeros = np.zeros(scales.shape, np.uint8)
    if call.optional(zero_point) is not None:
        zeros = call.constant(zero_point, "zero point")
    if call.attr_int("block_size", 0):
        raise UnsupportedError("scales per block; allowed per tensor or per channel")
    if scales.dtype != np.float32 or zeros.dtype.kind not in "iu":
        raise UnsupportedError(
            f"scale {scales.dtype} with zero point {zeros.dtype}; allowed float32"
        )
    if scales.ndim > 1 or zeros.size not in (1, scales.size):
        raise call.damaged(f"scale {list(scales.shape)} with zero point {list(zeros.shape)}")
    if not (np.isfinite(scales).all() and (scales > 0).all()):
        raise call.damaged("a scale is not a positive number")
    dtype = zeros.dtype
    if scales.size == 1:
        wide = zeros.reshape(-1)[:1].astype(np.int64)
        return Scaling(scales.reshape(()), wide.reshape(()), None), dtype
    axis = call.axis(call.attr_int("axis", 1), rank)
    zeros = np.broadcast_to(zeros.reshape(-1), scales.shape).astype(np.int64)
    return Scaling(scales, zeros, axis), dtype


def _check_channels(call: Call, scaling: Scaling, shape: tuple[int, ...]) -> None:
    if scaling.axis is not None and scaling.scales.size != shape[scaling.axis]:
        raise call.damaged(f"{scaling.scales.size} scales for shape {list(shape)}")


def quantize_linear(call: Call) -> list[Item]:
    """QuantizeLinear; a constant is quantized at once."""
    return [_quantized(call, call.item(0), 1, 2)]


def _quantized(call: Call, x: Const | Value, scale: int, zero_point: int) -> Item:
    scaling, dtype = _scaling(call, len(x.shape), scale, zero_point)
    _check_channels(call, scaling, x.shape)
    zeros = call.optional(zero_point)
    is_int4 = isinstance(zeros, Const) and zeros.is_int4
    if call.has_attr("output_dtype") and zeros is None:
        code = call.attr_int("output_dtype")
        found = numpy_dtype(code)
        if found is None or found.kind not in "iu":
            raise UnsupportedError(f"to {type_name(code)}; allowed integers of 8 bits and more")
        dtype = found
    if is_int4:
        raise UnsupportedError("to integers of 4 bits; allowed are constants that have them")
    if isinstance(x, Const):
        return Const(_round(x.numbers, scaling, dtype))
    if scaling.axis is not None:
        raise UnsupportedError("an activation quantized per channel; allowed per tensor")
    is_unsigned = dtype == np.uint8
    if dtype not in (np.uint8, np.int8, np.int16):
        raise UnsupportedError(f"an activation of {dtype}; allowed uint8, int8, int16")
    offset = _UINT8_OFFSET if is_unsigned else 0
    quant = QuantParams((float(scaling.scales),), (int(scaling.zero_points) - offset,))
    name = call.builder.emit(
        "quantize",
        [call.builder.stored(x, x.order)],
        dtype=DType.INT8 if is_unsigned else DType(dtype.name),
        quant=quant,
    )
    return Value(name, x.shape, x.order, is_unsigned)


def _round(numbers: Array, scaling: Scaling, dtype: np.dtype[np.generic]) -> Array:
    shape = [1] * numbers.ndim
    if scaling.axis is not None:
        shape[scaling.axis] = -1
    limits = np.iinfo(dtype.name)
    with np.errstate(over="ignore", invalid="ignore"):
        quotient = numbers.astype(np.float32) / scaling.scales.reshape(shape)
        rounded = np.rint(np.nan_to_num(quotient, posinf=1e9, neginf=-1e9)).astype(np.float64)
    result: Array = np.clip(
        rounded + scaling.zero_points.reshape(shape), limits.min, limits.max
    ).astype(dtype)
    return result


def dequantize_linear(call: Call) -> list[Item]:
    """DequantizeLinear; a constant stays in integers."""
    return [_dequantized(call, 0, 1, 2)]


def _dequantized(call: Call, position: int, scale: int, zero_point: int) -> Const | Value:
    x = call.item(position)
    scaling, _ = _scaling(call, len(x.shape), scale, zero_point)
    _check_channels(call, scaling, x.shape)
    if isinstance(x, Const):
        if x.array.dtype.kind not in "iu" or x.scaling is not None:
            raise call.damaged(f"its input is {x.array.dtype}; allowed integers")
        return Const(x.array, replace(scaling, is_int4=x.is_int4))
    if scaling.axis is not None:
        raise UnsupportedError("an activation quantized per channel; allowed per tensor")
    name = _with_quant(call, x, scaling)
    return Value(call.builder.emit("dequantize", [name], dtype=DType.FLOAT32), x.shape, x.order)


def _with_quant(call: Call, x: Value, scaling: Scaling) -> str:
    """An integer value as one that knows these scale and zero point."""
    builder = call.builder
    type_ = builder.types[x.name]
    offset = _UINT8_OFFSET if x.is_unsigned else 0
    quant = QuantParams((float(scaling.scales),), (int(scaling.zero_points) - offset,))
    if not type_.dtype.is_integer:
        raise call.damaged(f"its input is {type_.dtype.value}; allowed integers")
    if type_.quant is None and not any(x.name in node.outputs for node in builder.nodes):
        builder.types[x.name] = type_ = replace(type_, quant=quant)
    if type_.quant != quant:
        raise UnsupportedError(f"input quantized as {type_.quant} is read as {quant}")
    if type_.dtype is not DType.UINT8:
        return x.name
    signed = QuantParams(quant.scales, (quant.zero_point - _UINT8_OFFSET,))
    return builder.emit("quantize", [x.name], dtype=DType.INT8, quant=signed)


def qlinear_conv(call: Call) -> list[Item]:
    """QLinearConv: Conv between DequantizeLinear and QuantizeLinear."""
    x, w = _dequantized(call, 0, 1, 2), _weight(call, 3, 4, 5)
    inputs: list[Item | None] = [x, w]
    bias = call.optional(8)
    if bias is not None:
        if isinstance(bias, Value) or not isinstance(w, Const) or w.scaling is None:
            raise UnsupportedError("weight or bias computed at run time; allowed constants")
        scales = call.constant(1, "scale").reshape(()) * w.scaling.scales
        axis = 0 if w.scaling.axis is not None else None
        inputs.append(Const(bias.array, Scaling(scales, np.zeros_like(scales, np.int64), axis)))
    (result,) = conv(replace(call, inputs=tuple(inputs)))
    assert isinstance(result, Value)
    return [_quantized(call, result, 6, 7)]


def qlinear_matmul(call: Call) -> list[Item]:
    """QLinearMatMul: MatMul between DequantizeLinear and QuantizeLinear."""
    inputs = (_dequantized(call, 0, 1, 2), _dequantized(call, 3, 4, 5))
    (result,) = matmul(replace(call, inputs=inputs))
    assert isinstance(result, Value)
    return [_quantized(call, result, 6, 7)]


def _weight(call: Call, position: int, scale: int, zero_point: int) -> Const | Value:
    """A weight OIHW, whose scales run along its first dimension."""
    w = _dequantized(call, position, scale, zero_point) if _is_scalar(call, scale) else None
    if w is not None:
        return w
    item = call.item(position)
    if isinstance(item, Value):
        raise UnsupportedError("weight computed at run time; allowed constants")
    scales = call.constant(scale, "scale").reshape(-1)
    zeros = call.constant(zero_point, "zero point").reshape(-1).astype(np.int64)
    if scales.size != item.shape[0] or zeros.size not in (1, scales.size):
        raise call.damaged(f"{scales.size} scales for {list(item.shape)}")
    zeros = np.broadcast_to(zeros, scales.shape)
    return Const(item.array, Scaling(scales, zeros, 0, item.is_int4))


def _is_scalar(call: Call, scale: int) -> bool:
    return call.constant(scale, "scale").size == 1
