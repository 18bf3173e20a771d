"""Networks in uint8 are the same networks in int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.projects import build_host, compile_bytes
from tests.ops_support import check_lowering, layer_graph, run_ours
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import TinyccError, UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.importers.tflite_reader import read_tflite
from tinycc_ml.importers.tflite_unsigned import as_signed
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.evaluate import evaluate


class Network:
    """Writes a network in uint8, or the same one in int8."""

    def __init__(self, dtype: str) -> None:
        self.b, self.dtype = ModelBuilder(), dtype
        self.offset = 128 if dtype == "int8" else 0
        self.rng = np.random.default_rng(8)

    def input(self, shape: tuple[int, ...], scale: float, zero_point: int) -> int:
        return self.b.input("x", shape, self.dtype, scale, zero_point - self.offset)

    def weight(self, shape: tuple[int, ...], zero_point: int = 128) -> int:
        array = self.rng.integers(1, 256, shape) - self.offset
        return self.b.constant("w", array.astype(self.dtype), 0.02, zero_point - self.offset)

    def bias(self, count: int, scale: float) -> int:
        array = self.rng.integers(-500, 500, count).astype(np.int32)
        return self.b.constant("b", array, float(np.float32(scale) * np.float32(0.02)), 0)

    def layer(
        self,
        builtin: str,
        inputs: list[int],
        shape: tuple[int, ...],
        quant: tuple[float, int],
        **options: object,
    ) -> int:
        y = self.b.tensor(builtin, shape, self.dtype, quant[0], quant[1] - self.offset)
        self.b.operator(builtin, inputs, [y], **options)
        return y

    def build(self, *outputs: int) -> bytes:
        self.b.output(*outputs)
        return self.b.build()


def small(dtype: str) -> bytes:
    """Every operator but for means; one output is read by later layers."""
    n = Network(dtype)
    strides = {"stride_h": 1, "stride_w": 1}
    x = n.input((1, 5, 5, 3), 0.05, 120)
    y = n.layer("CONV_2D", [x, n.weight((4, 3, 3, 3)), n.bias(4, 0.05)], (1, 5, 5, 4), (0.1, 99),
                padding="SAME", activation="RELU6", **strides)  # fmt: skip
    z = n.layer("DEPTHWISE_CONV_2D", [y, n.weight((1, 3, 3, 4)), n.bias(4, 0.1)], (1, 5, 5, 4),
                (0.2, 140), padding="SAME", depth_multiplier=1, **strides)  # fmt: skip
    z = n.layer("ADD", [y, z], (1, 5, 5, 4), (0.15, 130))
    z = n.layer("MUL", [y, z], (1, 5, 5, 4), (0.3, 100))
    z = n.layer("MAX_POOL_2D", [z], (1, 3, 3, 4), (0.3, 100), padding="VALID", filter_width=3,
                filter_height=3, **strides)  # fmt: skip
    z = n.layer("RESHAPE", [z], (1, 36), (0.3, 100))
    z = n.layer("FULLY_CONNECTED", [z, n.weight((5, 36)), n.bias(5, 0.3)], (1, 5), (0.4, 128))
    return n.build(n.layer("SOFTMAX", [z], (1, 5), (1 / 256, 0), beta=1.0), y)


def test_results_are_those_of_the_network_in_int8() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        x = rng.integers(0, 256, (1, 5, 5, 3)).astype(np.uint8)
        found = run_ours(small("uint8"), [x])
        expected = run_tflm(small("int8"), [(x.astype(np.int16) - 128).astype(np.int8)])
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == np.uint8
            np.testing.assert_array_equal(ours.astype(np.int16) - 128, theirs)


def mean(builtin: str, dtype: str, size: int, padding: str = "VALID") -> bytes:
    n = Network(dtype)
    x, extent = n.input((1, 6, 6, 2), 0.05, 7), 6 // size if padding == "VALID" else 6
    sizes = {"filter_width": size, "filter_height": size}
    strides = {"stride_h": size, "stride_w": size}
    if padding == "SAME":
        strides = {"stride_h": 1, "stride_w": 1}
    shape = (1, extent, extent, 2)
    return n.build(n.layer(builtin, [x], shape, (0.05, 7), padding=padding, **sizes, **strides))


def test_means_of_odd_numbers() -> None:
    x = np.random.default_rng(2).integers(0, 256, (1, 6, 6, 2)).astype(np.uint8)
    (found,) = run_ours(mean("AVERAGE_POOL_2D", "uint8", 3), [x])
    sums = x.reshape(1, 2, 3, 2, 3, 2).astype(np.int64).sum(axis=(2, 4))
    np.testing.assert_array_equal(found, (sums + 4) // 9)


def matrix(zero_point: int, low: int = 0, high: int = 255) -> tuple[bytes, np.ndarray]:
    n = Network("uint8")
    x, weight = n.input((2, 7), 0.05, 120), np.random.default_rng(3).integers(low, high + 1, (4, 7))
    weight.reshape(-1)[:2] = low, high
    w = n.b.constant("w", weight.astype(np.uint8), 0.02, zero_point)
    y = n.layer("FULLY_CONNECTED", [x, w], (2, 4), (0.11, 61))
    return n.build(y), weight


@pytest.mark.parametrize(
    ("zero_point", "low", "high", "dtype"),
    [
        (128, 0, 255, DType.INT8),
        (127, 0, 254, DType.INT8),
        (127, 0, 255, DType.INT16),
        (129, 0, 255, DType.INT16),
        (0, 0, 255, DType.INT16),
        (255, 0, 255, DType.INT16),
        (0, 0, 127, DType.INT8),
        (200, 80, 255, DType.INT8),
    ],
)
def test_weights_of_any_zero_point(zero_point: int, low: int, high: int, dtype: DType) -> None:
    data, weight = matrix(zero_point, low, high)
    x = np.random.default_rng(zero_point).integers(0, 256, (2, 7)).astype(np.uint8)
    graph = layer_graph(data)
    values = evaluate(graph, [x])
    # As TensorFlow Lite's reference computes in uint8.
    sums = (x.astype(np.int64) - 120) @ (weight - zero_point).T
    scales = [float(np.float32(s)) for s in (0.05, 0.02, 0.11)]
    factor = quantize_multiplier(scales[0] * scales[1] / scales[2])
    expected = np.clip(multiply_by_quantized_multiplier(sums, *factor) + 61, 0, 255)
    np.testing.assert_array_equal(values[graph.outputs[0]], expected)
    layer = next(layer for layer in graph.layers if layer.workload.op == "fully_connected")
    assert layer.workload.operand("weight").dtype is dtype
    check_lowering(layer, values)


def test_generated_c_computes_the_same(tmp_path: Path) -> None:
    models = {"small": small("uint8"), "wide": matrix(100)[0]}
    built = build_host([compile_bytes(data, name) for name, data in models.items()], tmp_path)
    for model, data in zip(built, models.values(), strict=True):
        shape = tuple(model.manifest.inputs[0].shape)
        x = np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)
        for found, expected in zip(model.run([x]), run_ours(data, [x]), strict=True):
            np.testing.assert_array_equal(found.reshape(-1), expected.reshape(-1))


def test_wide_weights_go_to_portable_kernels() -> None:
    compilation = compile_bytes(matrix(100)[0], "wide", board="nucleo-f746")
    kernels = {layer.op: layer.kernel for layer in compilation.manifest.layers}
    assert kernels["fully_connected"] == "fully_connected__c"


def test_all_that_rounds_otherwise_is_refused_at_once() -> None:
    n = Network("uint8")
    x = n.input((1, 4, 4, 2), 0.05, 7)
    y = n.layer("LOGISTIC", [x], (1, 4, 4, 2), (1 / 256, 0))
    sizes = {"filter_width": 2, "filter_height": 2, "stride_h": 2, "stride_w": 2}
    z = n.layer("AVERAGE_POOL_2D", [y], (1, 2, 2, 2), (1 / 256, 0), padding="VALID", **sizes)
    with pytest.raises(UnsupportedError) as caught:
        import_tflite_bytes(n.build(z), "m.tflite")
    assert "computes otherwise in uint8 than in int8" in str(caught.value)
    assert "a mean in uint8 of 2x2 elements" in str(caught.value)


def test_means_at_a_border_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="a mean in uint8 of 3x3 elements"):
        import_tflite_bytes(mean("AVERAGE_POOL_2D", "uint8", 3, "SAME"), "m.tflite")


def test_uint8_at_the_ends_of_an_int8_network_is_left_alone() -> None:
    b = ModelBuilder()
    x, y = b.input("x", (1, 4), "uint8", 0.5, 120), b.tensor("y", (1, 4), "int8", 0.5, -8)
    b.operator("QUANTIZE", [x], [y])
    b.output(y)
    model = read_tflite(b.build(), "m.tflite")
    assert as_signed(model) is model


def test_damage() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 4), "uint8", 0.5, 120)
    w = b.constant("w", np.ones((2, 4), np.uint8), 0.25, 300)
    y = b.tensor("y", (1, 2), "uint8", 0.5, 0)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    b.output(y)
    with pytest.raises(TinyccError, match="a zero point is not in the range"):
        import_tflite_bytes(b.build(), "m.tflite")
