"""Elementwise operators: they take their operands' order of dimensions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call, as_scalar
from tinycc_ml.importers.onnx.rows_shape import common_order, run_time
from tinycc_ml.importers.onnx.tensors import numpy_dtype, type_name
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.real_functions import GeluAttrs, SlopeAttrs

#: Powers that are functions of their own.
_POWERS: dict[float, str] = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}

Translate = Callable[[Call], list[Item]]


def unary(operator: str, attrs: OpAttrs | None = None) -> Translate:
    """A row for an operator with one input and an output of its shape and type."""

    def translate(call: Call) -> list[Item]:
        x = run_time(call)
        return [call.emit(operator, [call.builder.stored(x, x.order)], x.order, attrs)]

    return translate


def binary(operator: str, attrs: OpAttrs | None = None, dtype: DType | None = None) -> Translate:
    """A row for an operator with two inputs that are broadcast.

    Args:
        operator: Ours.
        attrs: Its attributes.
        dtype: The output's element type, where it is not that of the inputs.
    """

    def translate(call: Call) -> list[Item]:
        names, order = broadcast_operands(call, call.items())
        return [call.emit(operator, names, order, attrs, dtype)]

    return translate


def broadcast_operands(call: Call, items: list[Const | Value]) -> tuple[list[str], tuple[int, ...]]:
    """Operands of one rank, all stored in the same order, and that order."""
    rank = max(len(item.shape) for item in items)
    items = [_with_rank(call, item, rank) for item in items]
    # Of operands of that size, the order of the largest is kept.
    largest = max(np.prod(item.shape) for item in items)
    large = [item for item in items if np.prod(item.shape) == largest]
    order = common_order(large if any(isinstance(x, Value) for x in large) else items, rank)
    return [call.builder.stored(item, order) for item in items], order


def _with_rank(call: Call, item: Const | Value, rank: int) -> Const | Value:
    missing = rank - len(item.shape)
    if not missing:
        return item
    shape = (1,) * missing + item.shape
    if isinstance(item, Value):
        return call.builder.reshaped(item, shape)
    scaling = item.scaling
    if scaling is not None and scaling.axis is not None:
        return Const(item.numbers.reshape(shape))
    return Const(item.array.reshape(shape), scaling)


def sloped(
    operator: str, alpha: tuple[str, float], beta: tuple[str, float] = ("", 0.0)
) -> Translate:
    """A row for a function of one operand with one or two parameters.

    Args:
        operator: Ours.
        alpha: Name and default of the attribute that is our `alpha`.
        beta: ... of that which is our `beta`; none by default.
    """

    def translate(call: Call) -> list[Item]:
        first = _float32(call.attr_float(*alpha))
        second = _float32(call.attr_float(*beta)) if beta[0] else 0.0
        return unary(operator, SlopeAttrs(first, second))(call)

    return translate


def _float32(number: float) -> float:
    return float(np.float32(number))


def clip(call: Call) -> list[Item]:
    """Clip; bounds that an activation has become that one, which layers can take in."""
    if call.dtype().is_integer:
        return [_clipped_integers(call)]
    most = float(np.finfo(np.float32).max)
    if call.opset < 11:
        bounds = [call.attr_float("min", -most), call.attr_float("max", most)]
    else:
        bounds = [
            default if call.optional(i) is None else as_scalar(call.constant(i, what))
            for i, what, default in ((1, "min", -most), (2, "max", most))
        ]
    low, high = map(_float32, bounds)
    if low == 0 and (high == 6 or high >= most):
        return unary("relu6" if high == 6 else "relu")(call)
    return unary("clip", SlopeAttrs(low, high))(call)


def _clipped_integers(call: Call) -> Const | Value:
    x: Const | Value = call.item(0)
    for position, operator in ((1, "maximum"), (2, "minimum")):
        if call.optional(position) is not None:
            x = applied(call, operator, OpAttrs(), x, call.item(position))
    return x


def gelu(call: Call) -> list[Item]:
    """Gelu, exact or by tanh."""
    return unary("gelu", GeluAttrs(call.attr_text("approximate", "none") == "tanh"))(call)


def swish(call: Call) -> list[Item]:
    """Swish: ``x * sigmoid(alpha * x)``."""
    x = run_time(call)
    alpha = Const(np.array(call.attr_float("alpha", 1.0), np.float32))
    inner = x if alpha.array == 1 else applied(call, "mul", MulAttrs(), x, alpha)
    return [applied(call, "mul", MulAttrs(), x, function(call, "logistic", inner))]


def swiglu(call: Call) -> list[Item]:
    """SwiGLU: Swish of the one input, times the other."""
    (gate,) = swish(call)
    assert isinstance(gate, Value)  # swish computes
    return [applied(call, "mul", MulAttrs(), gate, call.item(1))]


def mish(call: Call) -> list[Item]:
    """Mish: ``x * tanh(softplus(x))``."""
    x = run_time(call)
    gate = function(call, "tanh", function(call, "softplus", x))
    return [applied(call, "mul", MulAttrs(), x, gate)]


def prelu(call: Call) -> list[Item]:
    """PRelu: ``max(x, 0) - slope * max(-x, 0)``; one of both is 0, so nothing is rounded twice."""
    x, slope = run_time(call), call.item(1)
    if call.opset < 7 and prod(slope.shape) > 1 and isinstance(slope, Const):
        # Before slopes were broadcast, there was one for each channel.
        per_channel = (x.shape[1] if len(x.shape) > 1 else 0, *(1 for _ in x.shape[2:]))
        if prod(slope.shape) != per_channel[0]:
            raise call.damaged(f"{prod(slope.shape)} slopes for an input of {list(x.shape)}")
        slope = Const(slope.numbers.reshape(per_channel))
    below = function(call, "relu", function(call, "neg", x))
    scaled = applied(call, "mul", MulAttrs(), below, slope)
    return [applied(call, "sub", SubAttrs(), function(call, "relu", x), scaled)]


def function(call: Call, operator: str, x: Value, attrs: OpAttrs | None = None) -> Value:
    """A function of one operand, element by element."""
    return call.emit(operator, [call.builder.stored(x, x.order)], x.order, attrs)


def integers(operator: str, otherwise: Translate | None = None) -> Translate:
    """A row for an operator that has another meaning in integers, or only that.

    Args:
        operator: Ours, of two integers.
        otherwise: The row for real numbers.
    """

    def translate(call: Call) -> list[Item]:
        if otherwise is not None and not call.dtype().is_integer:
            return otherwise(call)
        return [applied(call, operator, OpAttrs(), call.item(0), call.item(1))]

    return translate


def bitwise_not(call: Call) -> list[Item]:
    """BitwiseNot: all bits exchanged."""
    dtype = call.dtype()
    if not dtype.is_integer:
        raise UnsupportedError(f"{dtype.value}; allowed integers")
    ones = Const(np.array(-1 if dtype.min else dtype.max, dtype.numpy))
    return [applied(call, "bit_xor", OpAttrs(), call.item(0), ones)]


def bit_shift(call: Call) -> list[Item]:
    """BitShift; shifts by more than there are bits leave none but the sign."""
    direction = call.attr_text("direction")
    if direction not in ("LEFT", "RIGHT"):
        raise call.damaged(f"direction {direction}")
    return integers("shift_left" if direction == "LEFT" else "shift_right")(call)


def sub(call: Call) -> list[Item]:
    """Sub; a constant is subtracted by adding its negative, which is exact."""
    x, y = call.item(0), call.item(1)
    if isinstance(y, Const) and y.scaling is None and y.array.dtype == np.float32:
        return [applied(call, "add", AddAttrs(), x, Const(-y.array))]
    return [applied(call, "sub", SubAttrs(), x, y)]


def div(call: Call) -> list[Item]:
    """Div of floats: a product with reciprocals."""
    y = call.item(1)
    if call.dtype(1) is not DType.FLOAT32:
        raise UnsupportedError(f"{call.dtype(1).value}; allowed float32")
    if isinstance(y, Value):
        return [applied(call, "mul", MulAttrs(), call.item(0), function(call, "reciprocal", y))]
    with np.errstate(divide="ignore"):
        reciprocal = Const((1 / y.numbers.astype(np.float64)).astype(np.float32))
    return [applied(call, "mul", MulAttrs(), call.item(0), reciprocal)]


def pow_(call: Call) -> list[Item]:
    """Pow; squares and roots have operators of their own."""
    y = call.item(1)
    if isinstance(y, Const) and y.numbers.size == 1 and call.dtype() is DType.FLOAT32:
        exponent = float(y.numbers.reshape(-1)[0])
        if exponent in _POWERS and len(y.shape) <= len(call.item(0).shape):
            return [function(call, _POWERS[exponent], run_time(call))]
        y = Const(y.numbers.astype(np.float32))
    return [applied(call, "pow", OpAttrs(), call.item(0), y)]


def folded(operator: str) -> Translate:
    """A row for an operator with any number of operands, taken from left to right."""

    def translate(call: Call) -> list[Item]:
        first, *rest = call.items()
        if not rest:
            return [first]
        total = first
        for item in rest:
            total = applied(call, operator, OpAttrs(), total, item)
        return [total]

    return translate


def where(call: Call) -> list[Item]:
    """Where."""
    names, order = broadcast_operands(call, call.items())
    return [call.emit("select", names, order, dtype=call.dtype(1))]


def chosen(
    call: Call, condition: Const | Value, first: Const | Value, second: Const | Value
) -> Value:
    """``first`` where the condition is true, else ``second``; both float32."""
    names, order = broadcast_operands(call, [condition, first, second])
    return call.emit("select", names, order, dtype=DType.FLOAT32)


def cast(call: Call) -> list[Item]:
    """Cast to an element type of ours."""
    code = call.attr_int("to")
    dtype = numpy_dtype(code)
    if dtype is None or dtype.name not in {d.value for d in DType}:
        raise UnsupportedError(f"to {type_name(code)}; allowed {', '.join(d.value for d in DType)}")
    x = run_time(call)
    if call.dtype() is DType(dtype.name):
        return [x]
    name = call.builder.stored(x, x.order)
    return [call.emit("cast", [name], x.order, dtype=DType(dtype.name))]


def mod(call: Call) -> list[Item]:
    """Mod, with the sign of the dividend or of the divisor."""
    operator = "fmod" if call.attr_int("fmod", 0) else "floor_mod"
    if call.dtype().is_integer:
        operator = "integer_fmod" if operator == "fmod" else "integer_mod"
    return [applied(call, operator, OpAttrs(), call.item(0), call.item(1))]


def sum_(call: Call) -> list[Item]:
    """Sum of any number of operands, from left to right."""
    return [_total(call)]


def mean_(call: Call) -> list[Item]:
    """Mean of any number of operands."""
    share = Const(np.array(1 / len(call.inputs), np.float32))
    return [applied(call, "mul", MulAttrs(), _total(call), share)]


def _total(call: Call) -> Const | Value:
    first, *rest = call.items()
    total = first
    for item in rest:
        total = applied(call, "add", AddAttrs(), total, item)
    return total


def batch_normalization(call: Call) -> list[Item]:
    """BatchNormalization at inference: a factor and a summand for each channel."""
    if call.attr_int("training_mode", 0) or len([n for n in call.node.output if n]) > 1:
        raise UnsupportedError("training_mode; allowed inference")
    x = run_time(call)
    if len(x.shape) < 2:
        raise call.damaged(f"input of shape {list(x.shape)}")
    numbers = [
        call.constant(i, what).astype(np.float64)
        for i, what in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))
    ]
    if any(array.shape != (x.shape[1],) for array in numbers):
        raise call.damaged(f"parameters that are not those of {x.shape[1]} channels")
    scale, bias, mean, variance = numbers
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(variance + call.attr_float("epsilon", 1e-5))
    per_channel = (1, x.shape[1], *(1 for _ in x.shape[2:]))
    product, summand = (
        Const(array.astype(np.float32).reshape(per_channel))
        for array in (factor, bias - mean * factor)
    )
    scaled = applied(call, "mul", MulAttrs(), x, product)
    return [applied(call, "add", AddAttrs(), scaled, summand)]


def applied(
    call: Call, operator: str, attrs: OpAttrs, first: Const | Value, second: Const | Value
) -> Value:
    """An operator with two operands, and its broadcast result."""
    names, order = broadcast_operands(call, [first, second])
    return call.emit(operator, names, order, attrs)


add = binary("add", AddAttrs())
mul = binary("mul", MulAttrs())
