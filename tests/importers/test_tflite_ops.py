"""Each row of the operator table: names, attributes, operands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.samples import bias, everything, one_operator, weights
from tinycc_ml.errors import ModelFileError, TinyccError, UnsupportedError
from tinycc_ml.graph import Node, OpAttrs, verify_graph
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.importers.tflite_ops import ROWS
from tinycc_ml.ops import Activation, Padding, all_ops
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs

_CONV = {"stride_h": 1, "stride_w": 1}
_POOL = {**_CONV, "filter_height": 2, "filter_width": 2}
_PROBABILITY = {"out_scale": 1 / 256, "out_zero_point": -128}


def _node(*model: Any, **options: Any) -> Node:
    graph = verify_graph(import_tflite_bytes(one_operator(*model, **options).build(), "m.tflite"))
    (node,) = graph.nodes
    assert node.outputs == graph.outputs
    return node


def _refusal(*model: Any, kind: type[TinyccError] = ModelFileError, **options: Any) -> str:
    with pytest.raises(kind) as error:
        import_tflite_bytes(one_operator(*model, **options).build(), "m.tflite")
    text = str(error.value)
    assert text.startswith("m.tflite: ") and text.isprintable()
    return text.removeprefix("m.tflite: ")


def test_every_row_names_an_operator_that_exists() -> None:
    known = {definition.name for definition in all_ops()}
    assert {row.op for row in ROWS.values() if row.op} <= known


def test_all_operators_in_one_model() -> None:
    graph = verify_graph(import_tflite_bytes(everything().build(), "m.tflite"))
    assert len({node.op for node in graph.nodes}) == 17
    assert [node.name for node in graph.nodes][:3] == ["n00_quantize", "n01_pad", "n02_conv2d"]
    assert (graph.inputs, graph.outputs) == (("t0", "t1"), ("t24", "t25"))


_UNARY = [(1, 4)], (1, 4)
_MAPS = [(1, 5, 5, 2)]


@pytest.mark.parametrize(
    ("model", "options", "op", "attrs"),
    [
        (
            ("CONV_2D", [(1, 9, 9, 2), weights(3, 3, 2, 2), bias(3)], (1, 5, 9, 3)),
            {"padding": "SAME", "stride_h": 2, "stride_w": 1, "activation": "RELU6"},
            "conv2d",
            Conv2DAttrs((2, 1), (1, 1), Padding(1, 1, 0, 1), Activation.RELU6),
        ),
        (
            ("CONV_2D", [(1, 9, 9, 2), weights(3, 3, 2, 2), bias(3)], (1, 3, 8, 3)),
            {"padding": "VALID", **_CONV, "dilation_h_factor": 3},
            "conv2d",
            Conv2DAttrs((1, 1), (3, 1), Padding(), Activation.NONE),
        ),
        (
            ("DEPTHWISE_CONV_2D", [(1, 5, 4, 2), weights(1, 3, 2, 4), bias(4)], (1, 5, 4, 4)),
            {"padding": "SAME", **_CONV, "depth_multiplier": 2, "activation": "RELU_N1_TO_1"}
            | {"dilation_h_factor": 2, "dilation_w_factor": 1},
            "depthwise_conv2d",
            DepthwiseConv2DAttrs((1, 1), (2, 1), Padding(2, 2, 0, 1), Activation.RELU_N1_TO_1),
        ),
        (
            ("FULLY_CONNECTED", [(1, 2, 3), weights(5, 6), bias(5)], (1, 5)),
            {"activation": "RELU"},
            "fully_connected",
            FullyConnectedAttrs(Activation.RELU, keep_dims=False),
        ),
        (
            ("FULLY_CONNECTED", [(1, 2, 6), weights(5, 6), bias(5)], (1, 2, 5)),
            {"keep_num_dims": True},
            "fully_connected",
            FullyConnectedAttrs(Activation.NONE, keep_dims=True),
        ),
        (
            ("ADD", [(1, 2, 3), (1, 2, 3)], (1, 2, 3)),
            {"activation": "RELU"},
            "add",
            AddAttrs(Activation.RELU),
        ),
        (("MUL", [(1, 2, 3), (1, 1, 3)], (1, 2, 3)), {}, "mul", MulAttrs(Activation.NONE)),
        (
            ("AVERAGE_POOL_2D", _MAPS, (1, 3, 4, 2)),
            {
                "padding": "VALID",
                "stride_h": 1,
                "stride_w": 1,
                "filter_height": 3,
                "filter_width": 2,
            },
            "average_pool2d",
            Pool2DAttrs((3, 2), (1, 1), Padding(), Activation.NONE),
        ),
        (
            ("MAX_POOL_2D", _MAPS, (1, 3, 2, 2)),
            {"padding": "SAME", "stride_h": 2, "stride_w": 3, "filter_height": 2, "filter_width": 2}
            | {"activation": "RELU6"},
            "max_pool2d",
            Pool2DAttrs((2, 2), (2, 3), Padding(0, 1, 0, 0), Activation.RELU6),
        ),
        (
            ("MEAN", [*_MAPS, np.array([-2, 1], np.int32)], (1, 1, 1, 2)),
            {"keep_dims": True},
            "mean",
            MeanAttrs((1, 2), keep_dims=True),
        ),
        (("MEAN", [*_MAPS, np.array(3, np.int32)], (1, 5, 5)), {}, "mean", MeanAttrs((3,))),
        (
            ("PAD", [(1, 4), np.array([[0, 0], [2, 1]], np.int64)], (1, 7)),
            {},
            "pad",
            PadAttrs((0, 2), (0, 1)),
        ),
        (
            ("RESHAPE", [(1, 2, 3), np.array([-1, 3], np.int32)], (2, 3)),
            {},
            "reshape",
            ReshapeAttrs((2, 3)),
        ),
        (("RESHAPE", [(1, 2, 3)], (6,)), {"new_shape": [6]}, "reshape", ReshapeAttrs((6,))),
        (("SOFTMAX", *_UNARY), {"beta": 2.0, **_PROBABILITY}, "softmax", SoftmaxAttrs(2.0)),
        (
            ("CONCATENATION", [(1, 2), (1, 3)], (1, 5)),
            {"axis": -1},
            "concatenation",
            ConcatenationAttrs(1),
        ),
        (("LOGISTIC", *_UNARY), _PROBABILITY, "logistic", OpAttrs()),
        (("RELU", *_UNARY), {}, "relu", OpAttrs()),
        (("RELU6", *_UNARY), {}, "relu6", OpAttrs()),
        (("QUANTIZE", *_UNARY), {"in_dtype": "float32"}, "quantize", OpAttrs()),
        (
            ("DEQUANTIZE", *_UNARY),
            {"out_dtype": "float32", "out_scale": None},
            "dequantize",
            OpAttrs(),
        ),
    ],
)
def test_attributes(model: Any, options: dict[str, Any], op: str, attrs: OpAttrs) -> None:
    node = _node(*model, **options)
    assert (node.op, node.attrs) == (op, attrs)
    assert node.name == f"n00_{op}"


def test_parameters_are_no_operands() -> None:
    assert _node("MEAN", [*_MAPS, np.array([1], np.int32)], (1, 5, 2)).inputs == ("t0",)
    assert _node("PAD", [(4,), np.array([[1, 1]], np.int32)], (6,)).inputs == ("t0",)
    assert _node("RESHAPE", [(4,), np.array([2, 2], np.int32)], (2, 2)).inputs == ("t0",)


def test_a_reshape_needs_no_constant_shape() -> None:
    """Keras computes it from the batch at run time, with operators that are not needed then."""
    b = one_operator("LOGISTIC", [(2, 3)], (2, 3), **_PROBABILITY)
    shape, flat = b.tensor("shape", (2,), "int32"), b.tensor("flat", (6,), "int8", 1 / 256, -128)
    b.operator("SHAPE", [0], [shape])
    b.operator("RESHAPE", [1, shape], [flat])
    b.outputs = [flat]
    graph = import_tflite_bytes(b.build(), "m.tflite")
    assert [node.name for node in graph.nodes] == ["n00_logistic", "n02_reshape"]
    assert graph.nodes[1].inputs == ("t1",)


_X = (1, 5, 5, 2)
_W, _V = weights(3, 2, 2, 2), weights(1, 2, 2, 2)


@pytest.mark.parametrize(
    ("model", "options", "what"),
    [
        (("CONV_2D", [_X, _W, bias(3)], (1, 4, 4, 3)), {"stride_w": 1}, "stride_h is 0"),
        (
            ("CONV_2D", [_X, _W, bias(3)], (1, 4, 4, 3)),
            {**_CONV, "dilation_w_factor": -1},
            "dilation_w_factor is -1",
        ),
        (("CONV_2D", [_X, _W, bias(3)], (1, 4, 4, 3)), {**_CONV, "padding": 7}, "padding number 7"),
        (
            ("CONV_2D", [_X, _W, bias(3)], (1, 4, 4, 3)),
            {**_CONV, "padding": "VALID", "fused_activation_function": 77},
            "fused activation number 77",
        ),
        (
            ("CONV_2D", [_X, _W, bias(3)], (1, 4, 3, 3)),
            {**_CONV, "padding": "VALID"},
            "its output should have shape 1x4x4x3, but the file says 1x4x3x3",
        ),
        (("CONV_2D", [_X, weights(3, 4), bias(3)], (1, 4, 4, 3)), _CONV, "expected 4 dimensions"),
        (("CONV_2D", [_X], (1, 4, 4, 3)), _CONV, "CONV_2D with 1 inputs"),
        (("CONV_2D", [_X, None, bias(3)], (1, 4, 4, 3)), _CONV, "input 1 is absent"),
        (
            ("DEPTHWISE_CONV_2D", [_X, _V, bias(2)], (1, 4, 4, 2)),
            {**_CONV, "depth_multiplier": 2},
            "depth_multiplier 2 with 2 inputs and 2 outputs",
        ),
        (
            ("CONV_2D", [_X, _W, bias(3)], (1, 4, 4, 3)),
            {"options_type": "Pool2DOptions", **_CONV},
            "CONV_2D with the options of another operator",
        ),
        (("FULLY_CONNECTED", [(1, 4), weights(4)], (1, 4)), {}, "expected 2 dimensions"),
        (("ADD", [(1, 4)], (1, 4)), {}, "ADD with 1 inputs"),
        (("ADD", [(1, 4), None], (1, 4)), {}, "input 1 is absent"),
        (("RELU", [(1, 4), (1, 4)], (1, 4)), {}, "RELU with 2 inputs"),
        (("MAX_POOL_2D", [_X], (1, 4, 4, 2)), _CONV, "filter_height is 0"),
        (("MAX_POOL_2D", [(5, 5)], (5, 5)), _POOL, "expected 4 dimensions"),
        (("MEAN", [_X, np.array([4], np.int32)], _X), {}, "axis 4 of 4"),
        (("MEAN", [_X, np.array([1], np.float32)], _X), {}, "axes (tensor 1 'c1') of type float32"),
        (("PAD", [(4,), np.array([[1]], np.int32)], (5,)), {}, "paddings [1] for 1 dimensions"),
        (("PAD", [(4,), np.array([[-1, 0]], np.int32)], (3,)), {}, "paddings [-1, 0]"),
        (
            ("RESHAPE", [(4,), np.array([4, 1], np.int32)], (2, 2)),
            {},
            "new shape [4, 1], but the output is [2, 2]",
        ),
        (("SOFTMAX", *_UNARY), {"beta": float("nan"), **_PROBABILITY}, "beta is nan"),
        (("SOFTMAX", *_UNARY), _PROBABILITY, "beta is 0.0"),
        (("CONCATENATION", [(1, 2), (1, 3)], (1, 5)), {"axis": 2}, "axis 2 of 2"),
        (("CONCATENATION", [], (1, 5)), {"axis": 0}, "CONCATENATION with 0 inputs"),
    ],
)
def test_contradictions_are_damage(model: Any, options: dict[str, Any], what: str) -> None:
    text = _refusal(*model, **options)
    assert text.startswith("node 0 'out': ")
    assert what in text


@pytest.mark.parametrize(
    ("model", "options", "what"),
    [
        (
            ("ADD", [(1, 4), (1, 4)], (1, 4)),
            {"activation": "TANH"},
            "fused activation TANH; allowed",
        ),
        (("MEAN", [_X, (1,)], (1, 5, 2)), {}, "axes (tensor 1 'in1') computed at run time"),
        (("PAD", [(4,), (1, 2)], (6,)), {}, "paddings (tensor 1 'in1') computed at run time"),
        (
            ("FULLY_CONNECTED", [(1, 4), weights(3, 4)], (1, 3)),
            {"weights_format": 1},
            "shuffled weights",
        ),
        (("FULLY_CONNECTED", [(1, 4), (3, 4), None], (1, 3)), {}, "weight computed at run time"),
        (
            ("CONV_2D", [(65, 5, 5, 2), _W, bias(3)], (65, 4, 4, 3)),
            {**_CONV, "padding": "VALID"},
            "batch 65; allowed up to 64",
        ),
    ],
)
def test_what_is_not_supported(model: Any, options: dict[str, Any], what: str) -> None:
    text = _refusal(*model, kind=UnsupportedError, **options)
    assert f"{model[0]} (node 0 'out'): " in text
    assert what in text


@pytest.mark.parametrize("absent", [[], [None]], ids=["missing", "-1"])
@pytest.mark.parametrize(
    ("builtin", "x", "weight", "output", "options"),
    [
        ("CONV_2D", _X, _W, (1, 4, 4, 3), {**_CONV, "padding": "VALID"}),
        ("DEPTHWISE_CONV_2D", _X, _V, (1, 4, 4, 2), {**_CONV, "padding": "VALID"}),
        ("FULLY_CONNECTED", (1, 4), weights(3, 4), (1, 3), {}),
    ],
)
def test_an_absent_bias_is_zero(
    absent: list[None], builtin: str, x: Any, weight: Any, output: Any, options: dict[str, Any]
) -> None:
    b = one_operator(builtin, [x, weight, *absent], output, **options)
    graph = verify_graph(import_tflite_bytes(b.build(), "m.tflite"))
    name = graph.nodes[0].inputs[2]
    assert name == "t2_bias"
    assert graph.constants[name].array.tolist() == [0] * output[-1]
    assert graph.constants[name].array.dtype == np.int32


_SIZE, _STRIDE = st.integers(1, 12), st.integers(1, 4)


@given(
    size=st.tuples(_SIZE, _SIZE),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(_STRIDE, _STRIDE),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_same_padding_gives_tensorflows_output_size(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    height, width = (-(-n // s) for n, s in zip(size, stride, strict=True))
    node = _node(
        "CONV_2D",
        [(1, *size, 1), weights(2, *kernel, 1), bias(2)],
        (1, height, width, 2),
        padding="SAME",
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=dilation[0],
        dilation_w_factor=dilation[1],
    )
    assert isinstance(node.attrs, Conv2DAttrs)
    assert (node.attrs.stride, node.attrs.dilation) == (stride, dilation)
    padding = node.attrs.padding
    assert 0 <= padding.bottom - padding.top <= 1
    assert 0 <= padding.right - padding.left <= 1


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4
    )
)
def test_pad_amounts(dimensions: list[tuple[int, int, int]]) -> None:
    amounts = np.array([d[1:] for d in dimensions], np.int32)
    shape = tuple(size for size, _, _ in dimensions)
    node = _node("PAD", [shape, amounts], tuple(map(sum, dimensions)))
    assert node.attrs == PadAttrs(tuple(d[1] for d in dimensions), tuple(d[2] for d in dimensions))
