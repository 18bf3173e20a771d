"""Networks in uint8, as converters wrote them before int8: the same networks in int8.

``scale * (q - zero_point)`` stays what it is where 128 is taken from both. So do all sums, and all
results that are rounded to the nearest integer; where a kernel of TensorFlow Lite rounds halves
away from zero, or computes otherwise in uint8, the operator is refused. Weights of uint8 may have
any zero point: it is taken from them at once. What then is no int8 any more becomes int16, which
only portable kernels read.

Inputs and outputs of the model stay uint8, behind operators of their own.

Source: TensorFlow Lite ``reference_ops`` (uint8) beside ``reference_integer_ops`` (int8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tinycc_ml.importers.flatbuffer import INT8, INT32, Field
from tinycc_ml.importers.tflite_problems import TfliteProblems
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator, RawTensor
from tinycc_ml.importers.tflite_view import OperatorView

_UINT8, _INT16, _INT8 = 3, 7, 9
_OFFSET = 128
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_WEIGHT = 1
#: Operators of which one in uint8 makes a network one in uint8.
_COMPUTING = _WEIGHTED | {"ADD", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D", "SOFTMAX"}
#: ... and others whose results do not change.
_ALLOWED = _COMPUTING | {"CONCATENATION", "DEQUANTIZE", "PAD", "QUANTIZE", "RESHAPE"}
_SAME_PADDING = 0


def as_signed(model: RawModel) -> RawModel:
    """The network in int8; the same object where there is nothing to do.

    Raises:
        UnsupportedError: If an operator computes otherwise in uint8 than in int8; names all.
    """
    if not any(_computes(model, operator) for operator in model.operators):
        return model
    problems = TfliteProblems(model)
    for operator in model.operators:
        reason = _problem(model, operator)
        if reason is not None:
            problems.at_node(operator, reason)
    problems.raise_all()
    return _signed(model)


def _is_unsigned(tensor: RawTensor) -> bool:
    return tensor.type_code == _UINT8 and bool(tensor.quantization.scales)


def _touched(model: RawModel, operator: RawOperator) -> list[RawTensor]:
    numbers = (*operator.inputs, *operator.outputs)
    return [model.tensors[n] for n in numbers if n >= 0 and _is_unsigned(model.tensors[n])]


def _computes(model: RawModel, operator: RawOperator) -> bool:
    ends = (*operator.inputs[:1], *operator.outputs[:1])
    return operator.builtin in _COMPUTING and all(
        n >= 0 and _is_unsigned(model.tensors[n]) for n in ends
    )


def _problem(model: RawModel, operator: RawOperator) -> str | None:
    """Why an operator cannot be computed in int8 instead, or ``None``."""
    if not _touched(model, operator):
        return None
    if operator.builtin not in _ALLOWED:
        allowed = ", ".join(sorted(_ALLOWED))
        return f"computes otherwise in uint8 than in int8; allowed in uint8: {allowed}"
    if operator.builtin != "AVERAGE_POOL_2D":
        return None
    view = OperatorView(model, operator)
    height, width = (view.option(Field(n, "filter"), INT32) for n in (4, 3))
    if view.option(Field(0, "padding"), INT8) == _SAME_PADDING or height * width % 2 == 0:
        return (
            f"a mean in uint8 of {height}x{width} elements, or of fewer at a border, can be a "
            "half, which int8 rounds otherwise; allowed are odd numbers without padding"
        )
    return None


def _signed(model: RawModel) -> RawModel:
    """Tensors in int8; those that are the model's own get twins behind all others."""
    own = dict.fromkeys((*model.inputs, *model.outputs))
    outer = [n for n in own if _is_unsigned(model.tensors[n])]
    twins = {number: len(model.tensors) + i for i, number in enumerate(outer)}
    weights = _weights(model)
    tensors = [
        tensor if tensor.index in twins else _tensor(model, tensor, tensor.index in weights)
        for tensor in model.tensors
    ]
    for number, twin in twins.items():
        converted = _tensor(model, model.tensors[number], is_weight=False)
        tensors.append(replace(converted, index=twin))
    operators = [_redirected(operator, twins) for operator in model.operators]
    count = len(operators)
    inputs = [n for n in outer if n in model.inputs]
    first = [_quantize(count + i, n, twins[n]) for i, n in enumerate(inputs)]
    outputs = [n for n in outer if n not in model.inputs]
    last = [_quantize(count + len(first) + i, twins[n], n) for i, n in enumerate(outputs)]
    return replace(model, tensors=tuple(tensors), operators=(*first, *operators, *last))


def _weights(model: RawModel) -> set[int]:
    """The tensors that are weights and nothing else."""
    weights: set[int] = set()
    others: set[int] = set()
    for operator in model.operators:
        for position, number in enumerate(operator.inputs):
            is_weight = operator.builtin in _WEIGHTED and position == _WEIGHT
            (weights if is_weight else others).add(number)
    return weights - others


def _tensor(model: RawModel, tensor: RawTensor, is_weight: bool) -> RawTensor:
    if not _is_unsigned(tensor):
        return tensor
    model.file.charge(2 * len(tensor.data), str(tensor))
    data = np.frombuffer(tensor.data, np.uint8).astype(np.int16)
    quantization, code = tensor.quantization, _INT8
    zero_points = quantization.zero_points
    if is_weight and len(zero_points) == 1 and 0 <= zero_points[0] <= 255:
        data = data - np.int16(zero_points[0])
        zero_points = (0,)
        if data.size and (data.min() < -_OFFSET or data.max() >= _OFFSET):
            code = _INT16
    else:
        data = data - np.int16(_OFFSET)
        zero_points = tuple(zero_point - _OFFSET for zero_point in zero_points)
    stored = data.astype("<i2" if code == _INT16 else np.int8)
    return replace(
        tensor,
        type_code=code,
        quantization=replace(quantization, zero_points=zero_points),
        data=memoryview(stored.tobytes()),
    )


def _redirected(operator: RawOperator, twins: Mapping[int, int]) -> RawOperator:
    inputs, outputs = (
        tuple(twins.get(n, n) for n in numbers) for numbers in (operator.inputs, operator.outputs)
    )
    return replace(operator, inputs=inputs, outputs=outputs)


def _quantize(index: int, source: int, target: int) -> RawOperator:
    return RawOperator(index, "QUANTIZE", "", (source,), (target,), 0, None)
