"""Weights of 4 bits in ONNX files, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.importers.onnx.builder import Qdq, imported, node, ops
from tests.importers.onnx.test_qdq import compare
from tinycc_ml.compiler import compile_model
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import TinyccError, UnsupportedError
from tinycc_ml.targets import load_board

_RNG = np.random.default_rng(4)
_OPSET = 21


class Model(Qdq):
    """A model with weights of 4 bits, `unsigned` around 8, `listed` in the file as numbers."""

    def __init__(self, *, unsigned: bool = False, listed: bool = False) -> None:
        super().__init__(np.int8, _OPSET)
        self.unsigned = unsigned
        self.listed = listed
        self.packed: dict[str, TensorProto] = {}

    def int4(self, array: np.ndarray, *, raw: bytes | None = None) -> str:
        name = self.constant(np.zeros(1, np.float32))
        halves = np.append(array.reshape(-1), [0] * (array.size % 2)).astype(np.uint8) % 16
        data = raw if raw is not None else (halves[::2] + 16 * halves[1::2]).tobytes()
        kind = TensorProto.UINT4 if self.unsigned else TensorProto.INT4
        tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
        if self.listed:
            tensor.int32_data.extend(data)
        else:
            tensor.raw_data = data
        self.packed[name] = tensor
        return name

    def small(self, shape: Sequence[int], axis: int = 0, **more: int) -> str:
        """A dequantized weight of that shape, each scale for an index of that axis."""
        offset = 8 if self.unsigned else 0
        array = _RNG.integers(-8, 8, shape)
        array.reshape(-1)[:2] = [-8, 7]
        scales = _RNG.uniform(0.02, 0.1, shape[axis]).astype(np.float32)
        w, zeros = self.int4(array + offset), self.int4(np.full(shape[axis], offset))
        inputs = [w, self.constant(scales), zeros]
        self.nodes.append(node("DequantizeLinear", inputs, [f"{w}_dq"], axis=axis, **more))
        return f"{w}_dq"

    def build(self, inputs: dict[str, list[int]], outputs: list[str]) -> bytes:
        made = onnx.load_from_string(super().build(inputs, outputs))
        made.ir_version = 10
        for tensor in made.graph.initializer:
            if tensor.name in self.packed:
                tensor.CopyFrom(self.packed[tensor.name])
        return bytes(made.SerializeToString())


def _float(*shape: int) -> np.ndarray:
    return _RNG.normal(0, 1, shape).astype(np.float32)


def _network(q: Model) -> bytes:
    """A convolution, a depthwise one, and a matrix product."""
    x = q.add("Transpose", [q.both("x0", 0.03, 5)], perm=[0, 3, 1, 2])
    y = q.both(q.add("Conv", [x, q.small((6, 3, 3, 3))], pads=[1, 1, 1, 1]), 0.05, 3)
    y = q.both(q.add("Conv", [y, q.small((6, 1, 3, 3))], group=6), 0.05, 0)
    y = q.both(q.add("GlobalAveragePool", [y]), 0.02, -10)
    y = q.both(q.add("Reshape", [y, q.constant(np.array([1, 6]))]), 0.02, -10)
    y = q.both(q.add("MatMul", [y, q.small((6, 5), axis=1)]), 0.02, 1)
    return q.build({"x0": [1, 4, 5, 3]}, [y])


def _packed(data: bytes) -> list[int]:
    """Elements of each constant of 4 bits."""
    graph = imported(data)
    return sorted(t.elements for n, t in graph.types.items() if t.dtype is DType.INT4)


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_weights_stay_packed(unsigned: bool, listed: bool) -> None:
    data = _network(Model(unsigned=unsigned, listed=listed))
    assert _packed(data) == [30, 54, 162]
    # Each layer may differ by a step, which the next ones multiply.
    compare(data, ops(imported(data)), 0.06, _float(1, 4, 5, 3))


def test_flash_holds_half_of_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(_network(Model()))
    layers = compile_model(path, load_board("host")).manifest.layers
    # Bias, multiplier and shift take 9 bytes for each channel.
    found = {layer.op: layer.weight_bytes for layer in layers if layer.weight_bytes}
    expected = {"conv2d": 81 + 54, "depthwise_conv2d": 27 + 54, "fully_connected": 15 + 45}
    assert {name: found[name] for name in expected} == expected


def test_a_table_of_4_bits_becomes_int8() -> None:
    q = Model()
    w = q.int4(_RNG.integers(-8, 8, (3, 4)))
    q.nodes.append(node("DequantizeLinear", [w, q.constant(np.array(0.1, np.float32))], ["w"]))
    y = q.both(q.add("Add", ["w", q.both("x0", 0.02, 1)]), 0.03, 2)
    data = q.build({"x0": [3, 4]}, [y])
    assert _packed(data) == []
    compare(data, ops(imported(data)), 0.03, _float(3, 4))


def _blocks() -> bytes:
    q = Model()
    w = q.int4(_RNG.integers(-8, 8, (4, 8)))
    inputs = [w, q.constant(np.full((4, 2), 0.1, np.float32))]
    q.nodes.append(node("DequantizeLinear", inputs, ["w"], axis=1, block_size=4))
    y = q.both(q.add("Gemm", [q.both("x0", 0.03, 5), "w"], transB=1), 0.02, 1)
    return q.build({"x0": [1, 8]}, [y])


def _activation(**attributes: int) -> bytes:
    q = Model()
    zero = [] if attributes else [q.int4(np.zeros(1, np.int64)[0])]
    scale = q.constant(np.array(0.1, np.float32))
    q.nodes.append(node("QuantizeLinear", ["x0", scale, *zero], ["q"], **attributes))
    q.nodes.append(node("DequantizeLinear", ["q", scale, *zero], ["y"]))
    return q.build({"x0": [1, 8]}, ["y"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_blocks(), "scales per block; allowed per tensor or per channel"),
        (_activation(), "to integers of 4 bits"),
        (_activation(output_dtype=TensorProto.INT4), "to int4; allowed integers of 8 bits"),
    ],
)
def test_refusals(data: bytes, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        imported(data)


@pytest.mark.parametrize("size", [0, 3, 5])
def test_another_number_of_bytes_is_damage(size: int) -> None:
    q = Model()
    w = q.int4(np.zeros((2, 4)), raw=bytes(size))
    inputs = [w, q.constant(np.array(0.1, np.float32))]
    q.nodes.append(node("DequantizeLinear", inputs, ["w"]))
    y = q.both(q.add("Gemm", [q.both("x0", 0.03, 5), "w"], transB=1), 0.02, 1)
    with pytest.raises(TinyccError, match="which takes 4"):
        imported(q.build({"x0": [1, 4]}, [y]))


def test_numbers_that_are_no_bytes_are_damage() -> None:
    q = Model(listed=True)
    y = q.both(q.add("MatMul", [q.both("x0", 0.02, 0), q.small((2, 2), axis=1)]), 0.02, 1)
    data = onnx.load_from_string(q.build({"x0": [1, 2]}, [y]))
    tensor = next(t for t in data.graph.initializer if t.data_type == TensorProto.INT4)
    tensor.int32_data[0] = 300
    with pytest.raises(TinyccError, match="numbers for 2 bytes"):
        imported(data.SerializeToString())
