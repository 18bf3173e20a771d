"""conv3d against a sum over shifted inputs, and against the two-dimensional convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import data, seeds
from tests.ops_support import ACTIVATIONS, check_lowering
from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Constant, Graph, Node, OpAttrs, QuantParams, TensorType
from tinycc_ml.ops import Activation, LayerGraph, Padding, evaluate, integerize, op
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.conv3d import Conv3DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs

TYPES = {"int8": ("int8", "int32"), "int16": ("int8", "int64"), "float32": ("float32", "float32")}


def quant(scale: float, zero_point: int = 0) -> QuantParams:
    return QuantParams((float(np.float32(scale)),), (zero_point,))


def quants(dtype: DType, taps: int) -> tuple[QuantParams | None, ...]:
    """Of input, weight and output; such that outputs fill their range."""
    if not dtype.is_integer:
        return None, None, None
    zero = 3 if dtype is DType.INT8 else 0
    spread = 0.3 * taps**0.5 * (64 if dtype is DType.INT8 else 80)
    return quant(0.5, zero), quant(0.25), quant(0.125 * spread, -zero)


def layers(
    name: str, attrs: OpAttrs, x: np.ndarray, w: np.ndarray, bias: np.ndarray, channels: int
) -> LayerGraph:
    """One convolution."""
    dtype = from_numpy(x.dtype)
    of_x, of_w, of_y = quants(dtype, w.size // channels)
    types = {
        "x": TensorType(x.shape, dtype, of_x),
        "w": TensorType(w.shape, from_numpy(w.dtype), of_w),
        "b": TensorType(bias.shape, from_numpy(bias.dtype)),
    }
    (shape,) = op(name).infer(attrs, tuple(types.values()))
    types["y"] = TensorType(shape, dtype, of_y)
    node = Node("n", name, ("x", "w", "b"), ("y",), attrs)
    constants = {"w": Constant(w), "b": Constant(bias)}
    return integerize(Graph("g", (node,), types, constants, ("x",), ("y",)))


def arrays(seed: int, dtype: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Input, weight and bias."""
    random, (weights, sums) = np.random.default_rng(seed), TYPES[dtype]
    if dtype == "float32":
        return [random.normal(size=shape).astype(np.float32) for shape in shapes]
    x, w = data(seed, shapes[0], dtype), data(seed + 1, shapes[1], weights)
    return [x, np.maximum(w, -127), random.integers(-3000, 3000, shapes[2]).astype(sums)]


def expected(x: np.ndarray, w: np.ndarray, bias: np.ndarray, a: Conv3DAttrs) -> np.ndarray:
    """Sums of products, tap after tap, of numbers without a zero point."""
    padded = np.pad(x, ((0, 0), *zip(a.before, a.after, strict=True), (0, 0)))
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[1:4], a.dilation, strict=True)]
    ends = [e - s + 1 for e, s in zip(padded.shape[1:4], spans, strict=True)]
    parts = []
    for x_part, w_part in zip(
        np.split(padded, a.groups, -1), np.split(w, a.groups, 0), strict=True
    ):
        total: Any = 0
        for tap in np.ndindex(*w.shape[1:4]):
            z, y, x_ = (
                slice(t * d, t * d + e, s)
                for t, d, e, s in zip(tap, a.dilation, ends, a.stride, strict=True)
            )
            total = total + x_part[:, z, y, x_] @ w_part[:, tap[0], tap[1], tap[2]].T
        parts.append(total)
    return np.concatenate(parts, -1) + bias


@dataclass(frozen=True)
class Drawn:
    attrs: Conv3DAttrs
    x: tuple[int, ...]
    w: tuple[int, ...]


@st.composite
def cases(draw: st.DrawFn) -> Drawn:
    def triple(low: int, high: int) -> tuple[int, int, int]:
        return tuple(draw(st.integers(low, high)) for _ in range(3))

    kernel, dilation = triple(1, 3), triple(1, 2)
    before, after = triple(0, 2), triple(0, 2)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    room = triple(0, 3)
    size = [max(1, s + r - b) for s, r, b in zip(spans, room, before, strict=True)]
    groups = draw(st.integers(1, 3))
    inner, outer = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    activation = Activation(draw(st.sampled_from(ACTIVATIONS)).lower())
    attrs = Conv3DAttrs(triple(1, 3), dilation, before, after, groups, activation)
    return Drawn(
        attrs,
        (draw(st.integers(1, 2)), *size, inner * groups),
        (outer * groups, *kernel, inner),
    )


@settings(max_examples=25)
@given(case=cases(), seed=seeds)
def test_float(case, seed):
    x, w, bias = arrays(seed, "float32", case.x, case.w, (case.w[0],))
    graph = layers("conv3d", case.attrs, x, w, bias, case.w[0])
    values = evaluate(graph, [x])
    low, high = case.attrs.activation.bounds
    wanted = np.clip(expected(x, w, bias, case.attrs), low, high)
    np.testing.assert_allclose(values["y"], wanted, rtol=1e-4, atol=1e-5)
    check_lowering(graph.layers[0], values)


@settings(max_examples=25)
@given(case=cases(), seed=seeds, dtype=st.sampled_from(["int8", "int16"]))
def test_integers_of_one_image_in_depth_are_those_of_the_convolutions_of_two(case, seed, dtype):
    a = case.attrs
    x, w, bias = arrays(seed, dtype, (1, 1, *case.x[2:]), (case.w[0], 1, *case.w[2:]), (case.w[0],))
    flat = Conv3DAttrs(
        (1, *a.stride[1:]),
        (1, *a.dilation[1:]),
        (0, *a.before[1:]),
        (0, *a.after[1:]),
        a.groups,
        a.activation,
    )
    graph = layers("conv3d", flat, x, w, bias, case.w[0])
    values = evaluate(graph, [x])
    around = Padding(a.before[1], a.after[1], a.before[2], a.after[2])
    window = a.stride[1:], a.dilation[1:], around, a.activation
    if a.groups == 1:
        two = layers("conv2d", Conv2DAttrs(*window), x[:, 0], w[:, 0], bias, case.w[0])
    elif case.w[-1] == 1:
        weight = w[:, 0, :, :, 0].transpose(1, 2, 0)[None]
        attrs = DepthwiseConv2DAttrs(*window)
        two = layers("depthwise_conv2d", attrs, x[:, 0], weight, bias, case.w[0])
    else:
        return
    np.testing.assert_array_equal(values["y"][:, 0], evaluate(two, [x[:, 0]])["y"])
    check_lowering(graph.layers[0], values)


@settings(max_examples=15)
@given(case=cases(), seed=seeds, dtype=st.sampled_from(["int8", "int16"]))
def test_integers(case, seed, dtype):
    x, w, bias = arrays(seed, dtype, case.x, case.w, (case.w[0],))
    graph = layers("conv3d", case.attrs, x, w, bias, case.w[0])
    values = evaluate(graph, [x])
    of_x, _, of_y = quants(DType(dtype), w.size // len(w))
    sums = expected(x.astype(np.float64) - of_x.zero_point, w.astype(np.float64), bias, case.attrs)
    low, high = case.attrs.activation.bounds
    real = np.clip(sums * 0.125, low, high) / of_y.scale + of_y.zero_point
    limits = np.iinfo(dtype)
    assert np.abs(values["y"] - np.clip(real, limits.min, limits.max)).max() <= 1
    check_lowering(graph.layers[0], values)


def test_shapes_that_do_not_fit():
    x, w, bias = arrays(0, "float32", (1, 2, 3, 4, 4), (2, 1, 1, 1, 2), (2,))
    for attrs, match in (
        (Conv3DAttrs(), "of one of 1 groups"),
        (Conv3DAttrs(groups=2, stride=(0, 1, 1)), "stride"),
        (Conv3DAttrs(groups=2, before=(-1, 0, 0)), "do not fit"),
    ):
        with pytest.raises(UnsupportedError, match=match):
            layers("conv3d", attrs, x, w, bias, 2)
    w = np.ones((2, 3, 1, 1, 2), np.float32)
    with pytest.raises(UnsupportedError, match="do not fit"):
        layers("conv3d", Conv3DAttrs(groups=2, dilation=(2, 1, 1)), x, w, bias, 2)
