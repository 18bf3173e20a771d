"""Draws small networks over all operators, valid by construction, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.tflite_builder import ModelBuilder

Shape = tuple[int, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

_ACTIVATIONS = st.sampled_from(["NONE", "RELU", "RELU6"])
_MOST_ELEMENTS = 400


@dataclass(frozen=True)
class Value:
    """An int8 tensor of the network."""

    number: int
    shape: Shape
    scale: float
    zero_point: int


@dataclass
class Network:
    """A network under construction; layers read any value that there is."""

    draw: Draw
    b: ModelBuilder = field(default_factory=ModelBuilder)
    values: list[Value] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def quant(self) -> tuple[float, int]:
        exponent = self.draw(st.integers(-6, 1))
        mantissa = self.draw(st.sampled_from([1.0, 1.1, 1.3, 1.5, 1.7, 1.999]))
        scale = float(np.float32(mantissa * 2.0**exponent))
        return scale, self.draw(st.sampled_from([-128, -127, -10, -1, 0, 3, 64, 127]))

    def new(self, shape: Shape, like: Value | None = None) -> Value:
        scale, zero_point = (like.scale, like.zero_point) if like else self.quant()
        return self.fixed(shape, scale, zero_point)

    def fixed(self, shape: Shape, scale: float, zero_point: int) -> Value:
        name = f"value_{len(self.b.tensors)}"
        number = self.b.tensor(name, shape, "int8", scale, zero_point)
        return Value(number, shape, scale, zero_point)

    def input(self, shape: Shape) -> Value:
        scale, zero_point = self.quant()
        number = self.b.input(f"input_{len(self.b.inputs)}", shape, "int8", scale, zero_point)
        value = Value(number, shape, scale, zero_point)
        self.values.append(value)
        return value

    def pick(self, accept: Callable[[Value], bool] = lambda v: True) -> Value | None:
        found = [v for v in self.values if accept(v)]
        # Late ones are more interesting: they make chains.
        return found[-1 - min(self.draw(st.integers(0, 3)), len(found) - 1)] if found else None

    def add(self, builtin: str, inputs: list[int], output: Value, **options: Any) -> None:
        self.b.operator(builtin, inputs, [output.number], **options)
        self.used.update(inputs)
        self.values.append(output)

    def weight(
        self, shape: Shape, axis: int, taps: int, x: Value, y: Value, *, optional_bias: bool = True
    ) -> tuple[int, int]:
        """Weight and bias whose scales give outputs in the range of the output."""
        count = shape[axis]
        per_channel = self.draw(st.booleans())
        spread = 1 + (self.rng.random(count if per_channel else 1) * 3)
        gain = self.draw(st.sampled_from([0.02, 0.3, 1.0, 4.0]))
        scales = (gain * y.scale / (x.scale * 64 * np.sqrt(taps)) * spread).astype(np.float32)
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        w = self.b.constant(
            f"w{len(self.b.tensors)}", data, scales.tolist(), [0] * len(scales), axis
        )
        if not optional_bias or self.draw(st.sampled_from([True, True, False])):
            limit = self.draw(st.sampled_from([10, 3000, 100_000]))
            bias = self.rng.integers(-limit, limit, count).astype(np.int32)
            bias_scales = (scales * np.float32(x.scale)).tolist()
            return w, self.b.constant(
                f"b{len(self.b.tensors)}", bias, bias_scales, [0] * len(scales), 0
            )
        return w, -1


def _out(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    if padding == "SAME":
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


@dataclass(frozen=True)
class _Window:
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    out: tuple[int, int]


def _window(n: Network, x: Value, *, dilated: bool) -> _Window | None:
    draw = n.draw
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = (
        draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (2, 2)])) if dilated else (1, 1)
    )
    if dilation != (1, 1):
        stride = (1, 1)
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    out = tuple(
        _out(s, k, t, d, padding)
        for s, k, t, d in zip(x.shape[1:3], kernel, stride, dilation, strict=True)
    )
    return None if min(out) < 1 else _Window(kernel, stride, dilation, padding, out)


def _is_image(v: Value) -> bool:
    return len(v.shape) == 4 and v.shape[0] == 1


def _conv(n: Network) -> bool:
    x = n.pick(_is_image)
    w = x and _window(n, x, dilated=True)
    if not x or not w:
        return False
    channels = n.draw(st.integers(1, 5))
    y = n.new((1, *w.out, channels))
    taps = w.kernel[0] * w.kernel[1] * x.shape[3]
    weight, bias = n.weight((channels, *w.kernel, x.shape[3]), 0, taps, x, y)
    options = _window_options(n, w)
    n.add("CONV_2D", [x.number, weight, bias], y, **options)
    return True


def _window_options(n: Network, w: _Window) -> dict[str, Any]:
    return {
        "padding": w.padding,
        "stride_h": w.stride[0],
        "stride_w": w.stride[1],
        "dilation_h_factor": w.dilation[0],
        "dilation_w_factor": w.dilation[1],
        "activation": n.draw(_ACTIVATIONS),
    }


def _depthwise(n: Network) -> bool:
    x = n.pick(_is_image)
    w = x and _window(n, x, dilated=True)
    if not x or not w:
        return False
    multiplier = n.draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels = x.shape[3] * multiplier
    y = n.new((1, *w.out, channels))
    # Without a bias this operator crashes TensorFlow Lite Micro.
    taps = w.kernel[0] * w.kernel[1]
    weight, bias = n.weight((1, *w.kernel, channels), 3, taps, x, y, optional_bias=False)
    options = _window_options(n, w)
    n.add("DEPTHWISE_CONV_2D", [x.number, weight, bias], y, depth_multiplier=multiplier, **options)
    return True


def _dense(n: Network) -> bool:
    x = n.pick(lambda v: len(v.shape) == 2)
    if not x:
        return False
    units = n.draw(st.integers(1, 12))
    y = n.new((x.shape[0], units))
    weight, bias = n.weight((units, x.shape[1]), 0, x.shape[1], x, y)
    n.add("FULLY_CONNECTED", [x.number, weight, bias], y, activation=n.draw(_ACTIVATIONS))
    return True


def _binary(builtin: str) -> Callable[[Network], bool]:
    def layer(n: Network) -> bool:
        x = n.pick()
        assert x
        other = n.draw(st.sampled_from(["value", "value", "constant", "scalar", "itself"]))
        if other == "value":
            second = n.pick(lambda v: v.shape == x.shape)
            number = second.number if second else x.number
        elif other == "itself":
            number = x.number
        else:
            shape = x.shape if other == "constant" else (1,) * len(x.shape)
            data = n.rng.integers(-128, 128, shape).astype(np.int8)
            scale, zero_point = n.quant()
            number = n.b.constant(f"c{len(n.b.tensors)}", data, scale, zero_point)
        operands = [x.number, number]
        if n.draw(st.booleans()):
            operands.reverse()
        n.add(builtin, operands, n.new(x.shape), activation=n.draw(_ACTIVATIONS))
        return True

    return layer


def _pool(builtin: str) -> Callable[[Network], bool]:
    def layer(n: Network) -> bool:
        x = n.pick(_is_image)
        w = x and _window(n, x, dilated=False)
        if not x or not w:
            return False
        y = n.new((1, *w.out, x.shape[3]), like=x)
        options = _window_options(n, w)
        del options["dilation_h_factor"], options["dilation_w_factor"]
        sizes = {"filter_height": w.kernel[0], "filter_width": w.kernel[1]}
        n.add(builtin, [x.number], y, **sizes, **options)
        return True

    return layer


def _mean(n: Network) -> bool:
    x = n.pick(_is_image)
    if not x:
        return False
    keep = n.draw(st.booleans())
    axes = n.b.constant(f"axes{len(n.b.tensors)}", np.array([1, 2], np.int32))
    y = n.new((1, 1, 1, x.shape[3]) if keep else (1, x.shape[3]))
    n.add("MEAN", [x.number, axes], y, keep_dims=keep)
    return True


def _pad(n: Network) -> bool:
    x = n.pick(_is_image)
    if not x:
        return False
    amounts = [(0, 0), *(n.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in range(3))]
    paddings = n.b.constant(f"pad{len(n.b.tensors)}", np.array(amounts, np.int32))
    shape = tuple(s + a + z for s, (a, z) in zip(x.shape, amounts, strict=True))
    if np.prod(shape) > _MOST_ELEMENTS:
        return False
    n.add("PAD", [x.number, paddings], n.new(shape, like=x))
    return True


def _reshape(n: Network) -> bool:
    x = n.pick()
    assert x
    size = int(np.prod(x.shape))
    shapes = [(1, size), (1, 1, size)]
    shapes += [(1, d, size // d, 1) for d in (2, 3) if size % d == 0]
    shapes += [(1, 2, size // 4, 2)] if size % 4 == 0 else []
    shape = n.draw(st.sampled_from(shapes))
    new = n.b.constant(f"shape{len(n.b.tensors)}", np.array(shape, np.int32))
    n.add("RESHAPE", [x.number, new], n.new(shape, like=x), new_shape=list(shape))
    return True


def _fixed_range(builtin: str, **options: Any) -> Callable[[Network], bool]:
    def layer(n: Network) -> bool:
        x = n.pick()
        assert x
        n.add(builtin, [x.number], n.fixed(x.shape, 1 / 256, -128), **options)
        return True

    return layer


def _unary(builtin: str) -> Callable[[Network], bool]:
    def layer(n: Network) -> bool:
        x = n.pick()
        assert x
        n.add(builtin, [x.number], n.new(x.shape))
        return True

    return layer


def _concatenation(n: Network) -> bool:
    x = n.pick()
    assert x
    axis = n.draw(st.integers(1, len(x.shape) - 1)) if len(x.shape) > 1 else 0

    def fits(v: Value) -> bool:
        same = v.shape[:axis] + v.shape[axis + 1 :] == x.shape[:axis] + x.shape[axis + 1 :]
        return same and (v.scale, v.zero_point) == (x.scale, x.zero_point)

    parts = [x, *(n.pick(lambda v: len(v.shape) == len(x.shape) and fits(v)) for _ in range(2))]
    chosen = [p for p in parts if p]
    total = sum(p.shape[axis] for p in chosen)
    shape = (*x.shape[:axis], total, *x.shape[axis + 1 :])
    if np.prod(shape) > _MOST_ELEMENTS:
        return False
    sign = n.draw(st.booleans())
    n.add(
        "CONCATENATION",
        [p.number for p in chosen],
        n.new(shape, like=x),
        axis=axis - len(shape) if sign else axis,
    )
    return True


#: How each operator gets into a network.
LAYERS: dict[str, Callable[[Network], bool]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "ADD": _binary("ADD"),
    "MUL": _binary("MUL"),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": _mean,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "SOFTMAX": _fixed_range("SOFTMAX", beta=1.0),
    "LOGISTIC": _fixed_range("LOGISTIC"),
    "RELU": _unary("RELU"),
    "RELU6": _unary("RELU6"),
    "QUANTIZE": _unary("QUANTIZE"),
    "CONCATENATION": _concatenation,
}


@st.composite
def networks(draw: Draw, must_have: str) -> bytes:
    """A model of one to six layers, the first of a certain kind where that is possible."""
    n = Network(draw)
    n.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    flat = must_have == "FULLY_CONNECTED"
    image = draw(st.tuples(st.just(1), st.integers(1, 7), st.integers(1, 7), st.integers(1, 5)))
    n.input((1, draw(st.integers(1, 40))) if flat else image)
    if draw(st.booleans()):
        n.input(n.values[0].shape)
    LAYERS[must_have](n) or _unary("RELU")(n)
    for _ in range(draw(st.integers(0, 5))):
        LAYERS[draw(st.sampled_from(sorted(LAYERS)))](n)
    _use_inputs(n)
    ends = [v for v in n.values if v.number not in n.used and v.number not in n.b.inputs]
    if draw(st.booleans()) and len(n.values) > len(ends) + len(n.b.inputs):
        # An output that later layers read as well.
        ends.append(next(v for v in n.values if v.number in n.used - {*n.b.inputs}))
    for end in ends:
        if draw(st.sampled_from([False, False, True])):
            real = n.b.tensor(f"real_{end.number}", end.shape, "float32")
            n.b.operator("DEQUANTIZE", [end.number], [real])
            n.b.output(real)
        else:
            n.b.output(end.number)
    return n.b.build()


def _use_inputs(n: Network) -> None:
    """An input that no layer reads would be no input of TensorFlow Lite Micro's."""
    for number in n.b.inputs:
        if number not in n.used:
            value = next(v for v in n.values if v.number == number)
            n.add("RELU", [number], n.new(value.shape))
