"""Singular value decomposition filter: a layer with a memory of its last inputs.

Each filter ``f`` reduces the input to one number and keeps the last ``M`` of them; a unit sums up
the convolutions over time of its ``rank`` filters:

    state[b, f] = (state[b, f, 1:], sum(input[b, i] * weight_feature[f, i]))
    output[b, u] = act(bias[u] + sum(weight_time[f, m] * state[b, f, m]))
        with f = u * rank ... u * rank + rank - 1

Source: TensorFlow Lite SVDF; integers as in TensorFlow Lite Micro's ``EvalIntegerSvdfReference``,
which computes both scales in float32. The sums over time are int32 and wrap there, if they are too
large; so they do here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Expr, Local, LoopKernel, Stmt, Var, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import (
    FloatNumbers,
    float_numbers,
    float_problem,
    is_float,
    limit,
    limited,
    running_product,
    running_sum,
)
from tinycc_ml.ops.int8_checks import (
    INT8_MAX,
    INT8_MIN,
    int8_problem,
    sum_bounds,
    sum_problem,
)
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.registry import register

_ALLOWED = (Activation.NONE, Activation.RELU)


@dataclass(frozen=True, slots=True)
class SvdfAttrs(OpAttrs):
    """`rank`: how many filters make up a unit."""

    rank: int = 1
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class SvdfNumbers(Numbers):
    """The literals.

    Attributes:
        feature: Multiplier and shift from the input's sums to the state.
        time: Multiplier and shift from the sums over time to the output.
        output_zero_point: Added at the end.
    """

    feature: tuple[int, int]
    time: tuple[int, int]
    output_zero_point: int


@register
class Svdf(OpDef):
    """See the module's docstring.

    Inputs: input (B, I), weight_feature (F, I), weight_time (F, M), bias (U,), state (B, F * M).
    Outputs: (B, U), the next state.
    """

    name = "svdf"
    attrs_type = SvdfAttrs
    summary = "filters with a memory of earlier inputs (of int8: int16 or int8 state)"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        rank = cast(SvdfAttrs, attrs).rank
        x, feature, time, bias, state = (t.shape for t in inputs)
        fits = len(x) == len(feature) == len(time) == 2 and x[1] == feature[1]
        if not fits or time[0] != feature[0] or feature[0] % rank:
            raise UnsupportedError(
                f"input {x}, weights {feature} and {time}, rank {rank}: expected (B, I), (F, I) "
                "and (F, M), with F a multiple of the rank"
            )
        units = feature[0] // rank
        if bias != (units,) or state != (x[0], feature[0] * time[1]):
            raise UnsupportedError(
                f"bias {bias} and state {state}; expected {(units,)} and "
                f"{(x[0], feature[0] * time[1])}"
            )
        return ((x[0], units), state)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound) or _constants_problem(bound)
        return (
            _type_problem(bound)
            or _activation_problem(bound)
            or integers_problem(self.integerize, bound)
            or _sum_problem(bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        state = ("state", 4, 1)
        if is_float(bound):
            roles = enumerate(("weight_feature", "weight_time", "bias"), 1)
            return Integers(
                float_numbers(cast(SvdfAttrs, bound.attrs).activation),
                (("input", 0),),
                tuple((role, _constant(bound, position)) for position, role in roles),
                (state,),
            )
        y, weight_time = bound.outputs[0].quant, bound.constants[2]
        assert y and weight_time  # checked by check
        return Integers(
            SvdfNumbers(_feature_scale(bound), _time_scale(bound), y.zero_point),
            (("input", 0),),
            (
                ("weight_feature", _constant(bound, 1)),
                ("feature_bias", Constant(wrap_int32(_feature_bias(bound)).astype(np.int32))),
                ("weight_time", weight_time),
                ("bias", _constant(bound, 3)),
            ),
            (state,),
        )

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            return _float_reference(workload.numbers, operands)
        n, weight_time = cast(SvdfNumbers, workload.numbers), operands["weight_time"]
        dtype = workload.operand("state").dtype
        batch, (filters, memory) = len(operands["input"]), weight_time.shape
        sums = operands["input"].astype(np.int64) @ operands["weight_feature"].T.astype(np.int64)
        sums += operands["feature_bias"]
        newest = np.clip(multiply_by_quantized_multiplier(sums, *n.feature), dtype.min, dtype.max)
        state = operands["state"].reshape(batch, filters, memory).astype(np.int64)
        state = np.concatenate([state[:, :, 1:], newest[:, :, np.newaxis]], axis=2)
        by_filter = (state * weight_time).sum(axis=2)
        by_unit = by_filter.reshape(batch, len(operands["bias"]), -1).sum(axis=2)
        acc = wrap_int32(by_unit + operands["bias"])
        y = multiply_by_quantized_multiplier(acc, *n.time) + n.output_zero_point
        state_type = workload.operand("state")
        return (
            np.clip(y, INT8_MIN, INT8_MAX).astype(np.int8),
            state.reshape(state_type.shape).astype(dtype.numpy),
        )

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        batch = workload.operand("output").shape[0]
        weights = workload.operand("weight_feature").elements
        return batch * (weights + workload.operand("weight_time").elements)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return Access(workload.operand("output").elements, (("input", Whole()),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            return _lower_float(workload.numbers, workload)
        n = cast(SvdfNumbers, workload.numbers)
        buffers = buffers_of(workload)
        x, feature, feature_bias, time, bias, y, state = buffers
        filters, memory = time.shape
        state = replace(state, shape=(x.shape[0], filters, memory))
        units = y.shape[1]
        f = affine("unit") * (filters // units) + affine("part")
        limits = state.dtype.min, state.dtype.max
        product = b.mul(b.load(x, "batch", "i"), b.load(feature, f, "i"))
        scaled = b.call("requantize", Var("sum"), *n.feature)
        aged = b.store(state, ["batch", f, "age"], b.load(state, "batch", f, affine("age") + 1))
        weighed = b.mul(b.load(time, f, "m"), b.load(state, "batch", f, "m"))
        by_filter: tuple[Stmt, ...] = (
            *(b.nest([("age", memory - 1)], aged) if memory > 1 else ()),
            Local("sum", DType.INT32, b.load(feature_bias, f)),
            *b.nest([("i", x.shape[1])], Accumulate("sum", product)),
            b.store(state, ["batch", f, memory - 1], b.clamp(scaled, *limits)),
            *b.nest([("m", memory)], Accumulate("acc", _modulo(weighed))),
        )
        result = b.call("requantize", b.call("as_signed", Var("acc")), *n.time)
        body = b.nest(
            [("batch", x.shape[0]), ("unit", units)],
            Local("acc", DType.UINT32, _modulo(b.load(bias, "unit"))),
            *b.nest([("part", filters // units)], *by_filter),
            b.store(
                y,
                ("batch", "unit"),
                b.clamp(b.add(result, n.output_zero_point), INT8_MIN, INT8_MAX),
            ),
        )
        return LoopKernel(self.name, (*buffers[:-1], state), body)


def _float_reference(n: FloatNumbers, operands: Mapping[str, Array]) -> tuple[Array, ...]:
    x, weight_time, bias = (operands[role] for role in ("input", "weight_time", "bias"))
    newest = running_product(x, operands["weight_feature"])
    state = operands["state"].reshape(len(x), *weight_time.shape)
    state = np.concatenate([state[:, :, 1:], newest[:, :, np.newaxis]], axis=2)
    parts = running_sum(state * weight_time).reshape(len(x), len(bias), -1)
    start = np.broadcast_to(bias[:, np.newaxis], (len(x), len(bias), 1))
    acc = np.add.accumulate(np.concatenate([start, parts], axis=2), axis=2)[:, :, -1]
    return limit(acc, n), state.reshape(operands["state"].shape)


def _lower_float(n: FloatNumbers, workload: Workload) -> LoopKernel:
    buffers = buffers_of(workload)
    x, feature, time, bias, y, state = buffers
    (batch, units), (filters, memory) = y.shape, time.shape
    state = replace(state, shape=(batch, filters, memory))
    f = affine("unit") * (filters // units) + affine("part")
    aged = b.store(state, ["batch", f, "age"], b.load(state, "batch", f, affine("age") + 1))
    product = b.mul(b.load(x, "batch", "i"), b.load(feature, f, "i"))
    weighed = b.mul(b.load(time, f, "m"), b.load(state, "batch", f, "m"))
    by_filter: tuple[Stmt, ...] = (
        *(b.nest([("age", memory - 1)], aged) if memory > 1 else ()),
        Local("newest", DType.FLOAT32, b.number(0.0)),
        *b.nest([("i", x.shape[1])], Accumulate("newest", product)),
        b.store(state, ["batch", f, memory - 1], Var("newest")),
        Local("total", DType.FLOAT32, b.number(0.0)),
        *b.nest([("m", memory)], Accumulate("total", weighed)),
        Accumulate("acc", Var("total")),
    )
    body = b.nest(
        [("batch", batch), ("unit", units)],
        Local("acc", DType.FLOAT32, b.load(bias, "unit")),
        *b.nest([("part", filters // units)], *by_filter),
        b.store(y, ("batch", "unit"), limited(Var("acc"), n)),
    )
    return LoopKernel("svdf", (*buffers[:-1], state), body)


def _modulo(value: Expr) -> Expr:
    return b.call("modulo_2_32", value)


def _type_problem(bound: BoundNode) -> str | None:
    x, feature, time, bias, state = bound.inputs
    problem = int8_problem("input", x) or int8_problem("output", bound.outputs[0])
    if problem:
        return problem
    if state.dtype not in (DType.INT8, DType.INT16) or time.dtype is not state.dtype:
        return (
            f"weight_time is {time.dtype.value} and the state {state.dtype.value}; allowed int16 "
            "or int8 for both"
        )
    if feature.dtype is not DType.INT8 or bias.dtype is not DType.INT32:
        return f"weights {feature.dtype.value}, bias {bias.dtype.value}; allowed int8 and int32"
    problem = _constants_problem(bound)
    if problem:
        return problem
    for role, type_ in (("weight_feature", feature), ("weight_time", time), ("state", state)):
        quant = type_.quant
        if quant is None or len(quant.scales) != 1 or quant.zero_point != 0:
            return f"{role} is {type_}; it must have one scale and zero point 0"
    return None


def _constants_problem(bound: BoundNode) -> str | None:
    if any(constant is None for constant in bound.constants[1:4]):
        return "weights or bias are computed at run time; they must be constants"
    return None


def _activation_problem(bound: BoundNode) -> str | None:
    activation, y = cast(SvdfAttrs, bound.attrs).activation, bound.outputs[0].quant
    assert y  # checked by _type_problem
    if activation not in _ALLOWED:
        return (
            f"fused activation {activation.value}; allowed {', '.join(a.value for a in _ALLOWED)}"
        )
    # The library's integers know no activation: it takes the limit of int8 for it.
    if activation is Activation.RELU and y.zero_point != INT8_MIN:
        return f"fused activation relu with output zero point {y.zero_point}; allowed {INT8_MIN}"
    return None


def _sum_problem(bound: BoundNode) -> str | None:
    w = _constant(bound, 1).array.astype(np.int64)
    shift = np.full(len(w), _feature_scale(bound)[1])
    return sum_problem(*sum_bounds(w, 1, _feature_bias(bound)), shift, 0)


def _constant(bound: BoundNode, index: int) -> Constant:
    constant = bound.constants[index]
    assert constant  # checked by _type_problem
    return constant


def _feature_bias(bound: BoundNode) -> Array:
    """What the input's zero point adds to each filter's sum: (F,), int64."""
    x = bound.inputs[0].quant
    assert x  # checked by _type_problem
    folded: Array = -x.zero_point * _constant(bound, 1).array.astype(np.int64).sum(axis=1)
    return folded


def _scales(bound: BoundNode) -> tuple[np.float32, ...]:
    """Of input, weight_feature, weight_time, state, output."""
    types = (*(bound.inputs[i] for i in (0, 1, 2, 4)), bound.outputs[0])
    return tuple(np.float32(type_.quant.scale) for type_ in types if type_.quant)


def _feature_scale(bound: BoundNode) -> tuple[int, int]:
    x, feature, _, state, _ = _scales(bound)
    return quantize_multiplier(float(x * feature / state))


def _time_scale(bound: BoundNode) -> tuple[int, int]:
    _, _, time, state, y = _scales(bound)
    multiplier, shift = quantize_multiplier(float(state * time / y))
    if multiplier and shift > -1:
        raise UnsupportedError(
            f"the output's scale is so small that sums over time are multiplied by 2**{shift - 1} "
            "or more; allowed is less than a half"
        )
    return multiplier, shift
