"""Draws small networks in which channels are constant, dead, or only look like it.

Filters, and columns and taps of filters, are zero now and then; biases make constants that are the
zero point and others that are not; values are read by several layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.tflite_builder import ModelBuilder
from tinycc_ml.graph import Graph
from tinycc_ml.importers import import_tflite_bytes

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """A .tflite file and what is imported from it."""

    data: bytes

    @property
    def graph(self) -> Graph:
        return import_tflite_bytes(self.data, "m.tflite")


@dataclass
class Value:
    tensor: int
    shape: Shape
    scale: float
    zero_point: int


@dataclass
class Drawer:
    """A network under construction; `values` are those that layers may read."""

    draw: st.DrawFn
    rng: np.random.Generator
    b: ModelBuilder = field(default_factory=ModelBuilder)
    values: list[Value] = field(default_factory=list)

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def output(self, shape: Shape, like: Value | None = None) -> Value:
        """A new value; its quantization is that of another one, or drawn."""
        scale = like.scale if like else self.pick(0.25, 0.5, float(np.float32(0.3)))
        zero_point = like.zero_point if like else self.pick(-128, -128, 0, -7, 127)
        tensor = self.b.tensor(f"v{len(self.b.tensors)}", shape, "int8", scale, zero_point)
        self.values.append(Value(tensor, shape, scale, zero_point))
        return self.values[-1]

    def weights(self, x: Value, shape: Shape, out_axis: int, in_axis: int | None) -> list[int]:
        """Weights with zeros, per-channel scales, and biases."""
        w = self.rng.integers(-127, 128, shape)
        w *= self.rng.random(shape) < self.pick(1.0, 0.5)
        filters = np.moveaxis(w, out_axis, 0)
        filters[self.rng.random(len(filters)) < self.pick(0.0, 0.5, 0.8)] = 0
        if in_axis is not None:
            columns = np.moveaxis(w, in_axis, 0)
            columns[self.rng.random(len(columns)) < self.pick(0.0, 0.4)] = 0
        count = len(filters)
        # The largest decide alone: such channels are saturated, with weights and all.
        size = self.pick(0, 500, 5000, 5000, 1 << 21)
        bias = self.rng.integers(-size, size + 1, count).astype(np.int32)
        bias[self.rng.random(count) < 0.2] = 0
        scales = (self.pick(0.004, 0.02) * self.rng.choice([1.0, 0.7, 2.0], count)).tolist()
        weight = self.b.constant(None, w.astype(np.int8), scales, [0] * count, axis=out_axis)
        bias_scales = [np.float32(x.scale * scale) for scale in scales]
        return [weight, self.b.constant(None, bias, bias_scales, [0] * count)]

    def layer(self, kind: str, x: Value) -> None:
        getattr(self, f"_{kind}")(x)

    def _window(self, x: Value, channels: int, kernel: Sequence[int]) -> tuple[Shape, dict]:
        stride = [self.pick(1, 1, 2), self.pick(1, 1, 2)]
        fits = all(k <= size for k, size in zip(kernel, x.shape[1:3], strict=True))
        padding = self.pick("SAME", "SAME", "VALID") if fits else "SAME"
        taken = [0, 0] if padding == "SAME" else [k - 1 for k in kernel]
        sizes = [-(-(n - t) // s) for n, t, s in zip(x.shape[1:3], taken, stride, strict=True)]
        options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
        return (1, *sizes, channels), options

    def _kernel(self) -> tuple[int, int]:
        return self.pick((1, 1), (3, 3), (2, 2), (1, 3), (3, 2))

    def _conv(self, x: Value, kernel: tuple[int, int] | None = None) -> None:
        kh, kw = kernel or self._kernel()
        channels = self.pick(1, 3, 4, 6, 9)
        shape, options = self._window(x, channels, (kh, kw))
        operands = self.weights(x, (channels, kh, kw, x.shape[3]), 0, 3)
        activation = self.pick("NONE", "NONE", "RELU", "RELU6")
        y = self.output(shape)
        self.b.operator(
            "CONV_2D", [x.tensor, *operands], [y.tensor], activation=activation, **options
        )

    def _pointwise(self, x: Value) -> None:
        self._conv(x, (1, 1))

    def _separable(self, x: Value) -> None:
        """Where constant channels are found most: before a layer that pads, and after it."""
        self._conv(x, (1, 1))
        getattr(self, self.pick("_depthwise", "_conv"))(self.values[-1], (3, 3))
        self._conv(self.values[-1], (1, 1))

    def _depthwise(self, x: Value, kernel: tuple[int, int] | None = None) -> None:
        kh, kw = kernel or self._kernel()
        filters = self.pick(1, 3, 6) if x.shape[3] == 1 else self.pick(1, 1, 1, 1, 2)
        channels = x.shape[3] * filters
        shape, options = self._window(x, channels, (kh, kw))
        operands = self.weights(x, (1, kh, kw, channels), 3, None)
        options |= {
            "depth_multiplier": filters,
            "activation": self.pick("NONE", "NONE", "RELU", "RELU6"),
        }
        y = self.output(shape)
        self.b.operator("DEPTHWISE_CONV_2D", [x.tensor, *operands], [y.tensor], **options)

    def _pool(self, x: Value) -> None:
        kernel = self._kernel()
        shape, options = self._window(x, x.shape[3], kernel)
        options |= {"filter_height": kernel[0], "filter_width": kernel[1]}
        builtin = self.pick("AVERAGE_POOL_2D", "MAX_POOL_2D")
        activation = self.pick("NONE", "RELU")
        y = self.output(shape, x)
        self.b.operator(builtin, [x.tensor], [y.tensor], activation=activation, **options)

    def _relu(self, x: Value) -> None:
        builtin = self.pick("RELU", "RELU6")
        y = self.output(x.shape, x if builtin == "RELU6" else None)
        self.b.operator(builtin, [x.tensor], [y.tensor])

    def _pad(self, x: Value) -> None:
        amounts = np.array([[0, 0], [1, 0], [0, 1], [0, self.pick(0, 0, 0, 1)]], np.int32)
        paddings = self.b.constant(None, amounts)
        shape = tuple(int(n) for n in np.array(x.shape) + amounts.sum(axis=1))
        self.b.operator("PAD", [x.tensor, paddings], [self.output(shape, x).tensor])

    def _add(self, x: Value) -> None:
        """Of two values of one shape, or of a value and a constant; the latter may broadcast."""
        others = [value.tensor for value in self.values if value.shape == x.shape]
        shape = self.pick(x.shape, x.shape[3:], (1,))
        array = self.rng.integers(-128, 128, shape).astype(np.int8)
        if self.pick(True, True, False):
            other = self.pick(*others)
        else:
            other = self.b.constant(None, array, 0.25, self.pick(0, 5))
        builtin = self.pick("ADD", "ADD", "ADD", "MUL")
        y = self.output(x.shape)
        self.b.operator(
            builtin, [x.tensor, other], [y.tensor], activation=self.pick("NONE", "RELU")
        )

    def tail(self, x: Value) -> Value:
        """Nothing, a mean over height and width, or a fully connected layer, perhaps flattened."""
        kind = self.pick("none", "mean", "dense", "flat", "mean+dense")
        if "mean" in kind:
            axes = self.b.constant(None, np.array([1, 2], np.int32))
            self.b.operator(
                "MEAN", [x.tensor, axes], [self.output((1, x.shape[3])).tensor], keep_dims=False
            )
            x = self.values[-1]
        if kind == "flat":
            y = self.output((1, int(np.prod(x.shape))), x)
            self.b.operator("RESHAPE", [x.tensor], [y.tensor])
            x = y
        if kind in ("dense", "flat", "mean+dense"):
            columns = int(np.prod(x.shape))
            operands = self.weights(x, (3, columns), 0, 1)
            self.b.operator("FULLY_CONNECTED", [x.tensor, *operands], [self.output((1, 3)).tensor])
        return self.values[-1]


KINDS = ("separable", "separable", "conv", "conv", "pointwise", "depthwise")
KINDS += ("pool", "relu", "pad", "add")


@st.composite
def networks(draw: st.DrawFn, max_layers: int = 4) -> Network:
    """Layers that read the last value mostly, an earlier one sometimes; one or two outputs."""
    d = Drawer(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    shape = (1, d.pick(3, 4, 5, 1), d.pick(3, 2, 4, 1), d.pick(1, 2, 4))
    zero_point = d.pick(-128, 0, 3)
    d.values.append(Value(d.b.input("x", shape, "int8", 0.5, zero_point), shape, 0.5, zero_point))
    for _ in range(draw(st.integers(1, max_layers))):
        source = -1 if d.pick(True, True, True, False) else d.pick(*range(len(d.values)))
        d.layer(d.pick(*KINDS), d.values[source])
    inner = list(d.values[1:])
    d.b.output(d.tail(d.values[-1]).tensor)
    if d.pick(False, False, False, True):
        extra = d.pick(*inner).tensor
        if extra not in d.b.outputs:
            d.b.output(extra)
    return Network(d.b.build())


def inputs_for(graph: Graph, seed: int = 0) -> list[np.ndarray]:
    """Inputs that reach far: lowest, highest, random, made of limits, constant."""
    rng = np.random.default_rng(seed)
    shape = graph.types[graph.inputs[0]].shape
    arrays = [np.full(shape, -128), np.full(shape, 127), rng.integers(-128, 128, shape)]
    arrays += [rng.choice([-128, 127], shape), np.full(shape, int(rng.integers(-128, 128)))]
    return [array.astype(np.int8) for array in arrays]
