"""Small networks, each of one shape that generated code has to get right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.importers.samples import everything
from tests.shared_data import REPOSITORY
from tests.tflite_builder import ModelBuilder

DIGITS = REPOSITORY / "examples" / "digits" / "digits.tflite"
Q: dict[str, Any] = {"scale": 0.25, "zero_point": 4}


def _weight(b: ModelBuilder, name: str, *shape: int, axis: int = 0) -> int:
    rng = np.random.default_rng(len(b.tensors))
    count = shape[axis]
    scales = (0.01 * (1 + rng.random(count))).tolist()
    array = rng.integers(-127, 128, shape).astype(np.int8)
    return b.constant(name, array, scales, [0] * count, axis=axis)


def _bias(b: ModelBuilder, name: str, count: int) -> int:
    rng = np.random.default_rng(len(b.tensors))
    return b.constant(name, rng.integers(-2000, 2000, count).astype(np.int32), 0.0025, 0)


def _conv(b: ModelBuilder, x: int, name: str, shape: tuple[int, ...], **options: Any) -> int:
    """A 3x3 SAME convolution with as many outputs as inputs."""
    channels = shape[-1]
    w = _weight(b, f"{name}_w", channels, 3, 3, channels)
    y = b.tensor(name, shape, "int8", **Q)
    b.operator(
        "CONV_2D",
        [x, w, _bias(b, f"{name}_b", channels)],
        [y],
        **{"padding": "SAME", "stride_h": 1, "stride_w": 1, **options},
    )
    return y


def several_ports() -> ModelBuilder:
    """Two inputs, three outputs; one output is also an input of a later layer."""
    b = ModelBuilder()
    x = b.input("x", (1, 4, 4, 2), "int8", **Q)
    y = b.input("y", (1, 4, 4, 2), "int8", scale=0.5, zero_point=-7)
    total = b.tensor("sum", (1, 4, 4, 2), "int8", scale=0.75, zero_point=1)
    b.operator("ADD", [x, y], [total])
    product = b.tensor("product", (1, 4, 4, 2), "int8", scale=0.9, zero_point=-20)
    b.operator("MUL", [total, x], [product])
    convolved = _conv(b, product, "convolved", (1, 4, 4, 2))
    b.output(convolved, total, product)
    return b


def reshape_only() -> ModelBuilder:
    """No layer at all: the output is the input."""
    b = ModelBuilder()
    x = b.input("x", (1, 4, 6), "int8", **Q)
    shape = b.constant("shape", np.array([1, 24], np.int32))
    y = b.tensor("y", (1, 24), "int8", **Q)
    b.operator("RESHAPE", [x, shape], [y], new_shape=[1, 24])
    b.output(y)
    return b


def reshaped_ends() -> ModelBuilder:
    """Views at both ends: of the input, and of the value that is the output."""
    b = ModelBuilder()
    x = b.input("x", (1, 32), "int8", **Q)
    image = b.tensor("image", (1, 4, 4, 2), "int8", **Q)
    b.operator("RESHAPE", [x], [image], new_shape=[1, 4, 4, 2])
    convolved = _conv(b, image, "convolved", (1, 4, 4, 2))
    y = b.tensor("y", (1, 32), "int8", **Q)
    b.operator("RESHAPE", [convolved], [y], new_shape=[1, 32])
    b.output(y)
    return b


def float_ends() -> ModelBuilder:
    """Floats in and out, int8 between."""
    b = ModelBuilder()
    x = b.input("x", (1, 5, 5, 1), "float32")
    q = b.tensor("q", (1, 5, 5, 1), "int8", **Q)
    b.operator("QUANTIZE", [x], [q])
    convolved = _conv(b, q, "convolved", (1, 5, 5, 1), activation="RELU6")
    y = b.tensor("y", (1, 5, 5, 1), "float32")
    b.operator("DEQUANTIZE", [convolved], [y])
    b.output(y)
    return b


def concatenated() -> ModelBuilder:
    """Three parts of different size along the channels."""
    b = ModelBuilder()
    x = b.input("x", (1, 3, 3, 2), "int8", **Q)
    first = _conv(b, x, "first", (1, 3, 3, 2))
    second = _conv(b, x, "second", (1, 3, 3, 2), activation="RELU")
    y = b.tensor("y", (1, 3, 3, 6), "int8", **Q)
    b.operator("CONCATENATION", [first, x, second], [y], axis=3)
    b.output(y)
    return b


def shared_functions() -> ModelBuilder:
    """Three layers of one workload, which share a function, and a constant operand."""
    b = ModelBuilder()
    x = b.input("x", (1, 6, 6, 2), "int8", **Q)
    for name in ("a", "b", "c"):
        x = _conv(b, x, name, (1, 6, 6, 2), activation="RELU")
    offsets = np.random.default_rng(1).integers(-128, 128, (1, 6, 6, 2)).astype(np.int8)
    c = b.constant("offsets", offsets, 0.5, 3)
    y = b.tensor("y", (1, 6, 6, 2), "int8", scale=0.6, zero_point=-1)
    b.operator("ADD", [x, c], [y])
    b.output(y)
    return b


def one_value_twice() -> ModelBuilder:
    """Two outputs that are one value, once of them under another shape."""
    b = ModelBuilder()
    x = b.input("x", (1, 4, 4, 2), "int8", **Q)
    convolved = _conv(b, x, "convolved", (1, 4, 4, 2))
    flat = b.tensor("flat", (1, 32), "int8", **Q)
    b.operator("RESHAPE", [convolved], [flat], new_shape=[1, 32])
    b.output(convolved, flat)
    return b


def hostile_names() -> ModelBuilder:
    """Names that would end a comment, continue a line or be trigraphs."""
    b = ModelBuilder()
    x = b.input("*/ #error x\n", (1, 4, 4, 1), "int8", **Q)
    w = b.constant("??/\n*/ int w;\\", np.ones((1, 3, 3, 1), np.int8), 0.02, 0)
    y = b.tensor('"*/\\\r\n??/ /* \u202e' + "long" * 100, (1, 4, 4, 1), "int8", **Q)
    b.operator("CONV_2D", [x, w, -1], [y], padding="SAME", stride_h=1, stride_w=1)
    b.output(y)
    return b


def float_layers() -> ModelBuilder:
    """A little of everything in float32; one constant is infinite."""
    b = ModelBuilder()
    rng = np.random.default_rng(1)

    def floats(name: str, *shape: int) -> int:
        return b.constant(name, rng.standard_normal(shape).astype(np.float32))

    x = b.input("x", (1, 6, 6, 2), "float32")
    convolved = b.tensor("convolved", (1, 6, 6, 3), "float32")
    weight, bias = floats("w", 3, 3, 3, 2), floats("b", 3)
    window = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    b.operator("CONV_2D", [x, weight, bias], [convolved], activation="RELU6", **window)
    pooled = b.tensor("pooled", (1, 3, 3, 3), "float32")
    options = window | {"stride_h": 2, "stride_w": 2, "filter_height": 3, "filter_width": 3}
    b.operator("AVERAGE_POOL_2D", [convolved], [pooled], **options)
    gates = b.tensor("gates", (1, 3, 3, 3), "float32")
    b.operator("LOGISTIC", [pooled], [gates])
    largest = b.tensor("largest", (1, 3, 3, 3), "float32")
    b.operator("MAX_POOL_2D", [convolved], [largest], **options)
    gated = b.tensor("gated", (1, 3, 3, 3), "float32")
    b.operator("MUL", [largest, gates], [gated])
    limited = b.tensor("limited", (1, 3, 3, 3), "float32")
    limits = b.constant("limits", np.array([np.inf, 0.5, -1.0], np.float32))
    b.operator("ADD", [gated, limits], [limited], activation="RELU_N1_TO_1")
    y = b.tensor("y", (1, 3, 3, 3), "float32")
    b.operator("SOFTMAX", [limited], [y], beta=0.5)
    b.output(y, gated)
    return b


def joined(dtype: str) -> ModelBuilder:
    """Two inputs of an element type one behind the other."""
    b = ModelBuilder()
    inputs = [b.input(f"x{i}", (1, 2 + i, 3), dtype) for i in range(2)]
    y = b.tensor("y", (1, 5, 3), dtype)
    b.operator("CONCATENATION", inputs, [y], axis=1)
    b.output(y)
    return b


def many_operators() -> ModelBuilder:
    """Moving, resampling, comparing and choosing, one after the other; outputs of several types."""
    b = ModelBuilder()

    def layer(builtin: str, inputs: list[int], shape: tuple[int, ...], **more: Any) -> int:
        quant = more.pop("quant", Q)
        dtype = more.pop("dtype", "int8")
        name = f"{builtin.lower()}{len(b.operators)}"
        y = b.tensor(name, shape, dtype, **quant)
        b.operator(builtin, inputs, [y], **more)
        return y

    def numbers(*values: int) -> int:
        return b.constant(f"numbers{len(b.tensors)}", np.array(values, np.int32))

    x = b.input("x", (1, 4, 6, 4), "int8", **Q)
    square = layer("DEPTH_TO_SPACE", [x], (1, 8, 12, 1), block_size=2)
    part = layer(
        "STRIDED_SLICE", [square, numbers(0, 7, 1, 0), numbers(1, 0, 11, 1), numbers(1, -2, 3, 1)],
        (1, 4, 4, 1),
    )  # fmt: skip
    turned = layer("TRANSPOSE", [part, numbers(0, 2, 1, 3)], (1, 4, 4, 1))
    smooth = layer(
        "RESIZE_BILINEAR", [turned, numbers(6, 5)], (1, 6, 5, 1), half_pixel_centers=True
    )
    coarse = layer("RESIZE_NEAREST_NEIGHBOR", [smooth, numbers(3, 7)], (1, 3, 7, 1))
    amounts = b.constant("amounts", np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))
    wide = layer("MIRROR_PAD", [coarse, amounts], (1, 4, 9, 1), mode=0)
    up = layer(
        "TRANSPOSE_CONV",
        [numbers(1, 8, 18, 2), _weight(b, "up_w", 2, 3, 3, 1), wide],
        (1, 8, 18, 2),
        padding="SAME",
        stride_h=2,
        stride_w=2,
    )
    leaky = layer("LEAKY_RELU", [up], (1, 8, 18, 2), alpha=-0.3)
    tanh = layer("TANH", [leaky], (1, 8, 18, 2), quant={"scale": 1 / 128, "zero_point": 0})
    difference = layer("SUB", [tanh, leaky], (1, 8, 18, 2), activation="RELU")
    squared = layer("SQUARED_DIFFERENCE", [difference, leaky], (1, 8, 18, 2))
    product = layer("BATCH_MATMUL", [squared, leaky], (1, 8, 18, 18), adj_y=True)
    highest = layer("REDUCE_MAX", [product, numbers(1, 3)], (1, 18), keep_dims=False)
    total = layer("SUM", [product, numbers(1, 3)], (1, 18), keep_dims=False)
    less = layer("LESS", [highest, total], (1, 18), dtype="bool", quant={})
    chosen = layer("SELECT_V2", [less, highest, total], (1, 18))
    place = layer("ARG_MAX", [chosen, numbers(1)], (1,), dtype="int32", quant={}, output_type=2)
    b.output(chosen, less, place)
    return b


def float_functions() -> ModelBuilder:
    """Every kind of float layer that is no convolution, and what chooses between their outputs."""
    b = ModelBuilder()

    def layer(builtin: str, inputs: list[int], shape: tuple[int, ...], **more: Any) -> int:
        dtype = more.pop("dtype", "float32")
        y = b.tensor(f"{builtin.lower()}{len(b.operators)}", shape, dtype)
        b.operator(builtin, inputs, [y], **more)
        return y

    shape = (1, 4, 3)
    x = b.input("x", shape, "float32")
    last = b.constant("last", np.array([2], np.int32))
    positive = layer("ABS", [x], shape)
    larger = layer("SQUARE", [layer("EXP", [layer("NEG", [positive], shape)], shape)], shape)
    roots = layer("RSQRT", [larger], shape)
    plain = ("SIN", "COS", "TANH", "ELU", "GELU", "HARD_SWISH", "ROUND", "FLOOR", "CEIL")
    values = [roots, *(layer(name, [x], shape) for name in plain)]
    values.append(layer("LEAKY_RELU", [x], shape, alpha=0.25))
    values.append(layer("DIV", [x, roots], shape, activation="RELU6"))
    values.append(layer("POW", [larger, x], shape))
    values.append(layer("FLOOR_MOD", [x, roots], shape))
    values.append(layer("LOG_SOFTMAX", [x], shape))
    values.append(layer("L2_NORMALIZATION", [x], shape))
    total = layer("ADD_N", values, shape)
    product = layer("BATCH_MATMUL", [total, x], (1, 4, 4), adj_y=True)
    sums = layer("SUM", [product, last], (1, 4), keep_dims=False)
    best = layer("REDUCE_MIN", [product, last], (1, 4), keep_dims=False)
    place = layer("ARG_MIN", [sums, b.constant("axis", np.array([1], np.int32))], (1,),
                  dtype="int32", output_type=2)  # fmt: skip
    less = layer("GREATER_EQUAL", [sums, best], (1, 4), dtype="bool")
    chosen = layer("SELECT_V2", [less, sums, best], (1, 4))
    whole = layer("CAST", [chosen], (1, 4), dtype="int32")
    b.output(chosen, place, whole)
    return b


def int4_weights() -> ModelBuilder:
    """Weights of 4 bits, also where a filter begins in the middle of a byte."""
    b = ModelBuilder()
    rng = np.random.default_rng(4)

    def layer(
        builtin: str, x: int, weight: tuple[int, ...], y: tuple[int, ...], **options: Any
    ) -> int:
        axis, count = (3, weight[3]) if builtin == "DEPTHWISE_CONV_2D" else (0, weight[0])
        # The library takes no scales per channel here, and wants the bias's to fit.
        scales = [0.01] if len(weight) == 2 else (0.1 * (1 + rng.random(count))).tolist()
        array = rng.integers(-8, 8, weight).astype(np.int8)
        w = b.constant(f"w{len(b.tensors)}", array, scales, [0] * len(scales), axis, is_int4=True)
        name = f"y{len(b.tensors)}"
        outputs = [b.tensor(name, y, "int8", **Q)]
        b.operator(builtin, [x, w, _bias(b, f"{name}_b", count)], outputs, **options)
        return outputs[0]

    strides = {"stride_h": 1, "stride_w": 1}
    x = b.input("x", (1, 5, 4, 3), "int8", **Q)
    x = layer("CONV_2D", x, (5, 3, 3, 3), (1, 5, 4, 5), padding="SAME", **strides)
    x = layer("DEPTHWISE_CONV_2D", x, (1, 3, 3, 5), (1, 5, 4, 5), padding="SAME",
              depth_multiplier=1, **strides)  # fmt: skip
    x = layer("CONV_2D", x, (4, 1, 1, 5), (1, 5, 4, 4), padding="VALID", **strides)
    b.output(layer("FULLY_CONNECTED", x, (3, 80), (1, 3), activation="RELU"))
    return b


#: Networks that all tests of generated C go through, by name.
NETWORKS: dict[str, Callable[[], bytes]] = {
    "digits": DIGITS.read_bytes,
    "everything": lambda: everything().build(),
    "several_ports": lambda: several_ports().build(),
    "reshape_only": lambda: reshape_only().build(),
    "reshaped_ends": lambda: reshaped_ends().build(),
    "float_ends": lambda: float_ends().build(),
    "concatenated": lambda: concatenated().build(),
    "shared_functions": lambda: shared_functions().build(),
    "one_value_twice": lambda: one_value_twice().build(),
    "many_operators": lambda: many_operators().build(),
    "int4_weights": lambda: int4_weights().build(),
    "hostile_names": lambda: hostile_names().build(),
}
