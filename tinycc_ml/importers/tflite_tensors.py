"""Tensors of a .tflite file as types and constants."""

from __future__ import annotations

import math

import numpy as np

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, QuantParams, TensorType
from tinycc_ml.importers.flatbuffer import FlatFile
from tinycc_ml.importers.tflite_reader import RawTensor
from tinycc_ml.numerics import unpack_int4

#: No microcontroller holds more, and sizes stay below 2**31 in all later arithmetic.
MAX_TENSOR_BYTES = 2**31 - 1

_DTYPES: dict[int, DType] = {
    0: DType.FLOAT32,
    2: DType.INT32,
    3: DType.UINT8,
    4: DType.INT64,
    6: DType.BOOL,
    7: DType.INT16,
    9: DType.INT8,
    15: DType.UINT32,
    17: DType.INT4,
}
#: Halves to which files shrink float weights; they are float32 from here on, which is exact.
_FLOAT16 = 1
_OTHER_TYPES: dict[int, str] = {
    1: "float16",
    5: "string",
    8: "complex64",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    16: "uint16",
}


def static_shape(tensor: RawTensor, file: FlatFile) -> tuple[int, ...]:
    """The shape, once it is known to be one.

    TensorFlow Lite Micro uses ``shape`` and ignores ``shape_signature``, where Keras leaves the
    batch open (-1); so do we.

    Raises:
        UnsupportedError: If a dimension is left open.
        ModelFileError: If a dimension is nonsense.
    """
    if -1 in tensor.shape or 0 in tensor.shape:
        raise UnsupportedError(
            f"{tensor} has the dynamic shape {list(tensor.shape)}; "
            "convert the model with a fixed batch of 1 and fixed sizes"
        )
    if any(extent < 0 for extent in tensor.shape):
        raise file.damaged(str(tensor), f"shape {list(tensor.shape)}")
    return tensor.shape


def tensor_type(tensor: RawTensor, file: FlatFile) -> TensorType:
    """The type of a tensor.

    Raises:
        UnsupportedError: If it is dynamic, sparse, huge, or of an unknown element type.
        ModelFileError: If shape or quantization contradict themselves.
    """
    dtype = _DTYPES.get(tensor.type_code)
    if tensor.type_code == _FLOAT16 and len(tensor.data):
        dtype = DType.FLOAT32
    if dtype is DType.INT4 and not len(tensor.data):
        raise UnsupportedError(f"{tensor} is int4; allowed in constant weights")
    if dtype is None:
        name = _OTHER_TYPES.get(tensor.type_code, f"element type number {tensor.type_code}")
        allowed = ", ".join(d.value for d in VALUE_TYPES)
        raise UnsupportedError(f"{tensor} is {name}; allowed {allowed}")
    if tensor.is_sparse:
        raise UnsupportedError(f"{tensor} is stored sparsely")
    shape = static_shape(tensor, file)
    size_bytes = TensorType(shape, dtype).size_bytes
    if size_bytes > MAX_TENSOR_BYTES:
        raise UnsupportedError(
            f"{tensor} has shape {list(shape)}: {size_bytes} bytes; allowed {MAX_TENSOR_BYTES}"
        )
    return TensorType(shape, dtype, _quant(tensor, shape, dtype, file))


def _quant(
    tensor: RawTensor, shape: tuple[int, ...], dtype: DType, file: FlatFile
) -> QuantParams | None:
    scales, zero_points = tensor.quantization.scales, tensor.quantization.zero_points
    if not scales or not dtype.is_integer:
        return None
    where = str(tensor)
    if len(zero_points) != len(scales):
        raise file.damaged(where, f"{len(scales)} scales, but {len(zero_points)} zero points")
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise file.damaged(where, "a scale is not a positive number")
    if min(zero_points) < dtype.min or max(zero_points) > dtype.max:
        raise file.damaged(where, f"a zero point is not in the range of {dtype.value}")
    if len(scales) == 1:
        return QuantParams(scales, zero_points)
    # The converter writes the weight's axis into the bias too, which has one dimension only.
    axis = 0 if len(shape) == 1 else tensor.quantization.axis
    if not 0 <= axis < len(shape):
        raise file.damaged(where, f"quantized along axis {axis} of {len(shape)}")
    if len(scales) != shape[axis]:
        raise file.damaged(where, f"{len(scales)} scales for {shape[axis]} channels")
    return QuantParams(scales, zero_points, axis)


def constant_array(tensor: RawTensor, type_: TensorType, file: FlatFile) -> Array:
    """The data of a constant tensor; not copied, but for halves and integers of 4 bits.

    Raises:
        ModelFileError: If there are too few or too many bytes for the shape.
    """
    is_half = tensor.type_code == _FLOAT16
    size_bytes = type_.elements * 2 if is_half else type_.size_bytes
    if len(tensor.data) != size_bytes:
        raise file.damaged(
            str(tensor),
            f"{len(tensor.data)} bytes of data for shape {list(type_.shape)}, "
            f"which takes {size_bytes}",
        )
    # What arrays of it take, now and in later steps.
    file.charge(type_.elements * type_.dtype.size_bytes, str(tensor))
    if type_.dtype is DType.INT4:
        return unpack_int4(np.frombuffer(tensor.data, np.uint8), type_.shape)
    if is_half:
        return np.frombuffer(tensor.data, "<f2").reshape(type_.shape).astype(np.float32)
    if type_.dtype is DType.BOOL:
        # Any byte but 0 and 1 would be an invalid bool.
        truth: Array = np.frombuffer(tensor.data, np.uint8).reshape(type_.shape) != 0
        return truth
    little_endian = type_.dtype.numpy.newbyteorder("<")
    return np.frombuffer(tensor.data, little_endian).reshape(type_.shape)


def constant(tensor: RawTensor, type_: TensorType, file: FlatFile) -> Constant:
    """The data of a constant tensor.

    Raises:
        ModelFileError: If there are too few or too many bytes for the shape.
    """
    return Constant(constant_array(tensor, type_, file))
