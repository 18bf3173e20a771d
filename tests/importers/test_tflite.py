"""Types, quantization, data flow, names, and the one error that lists all problems."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.importers.samples import bias, one_operator, weights
from tests.tflite_builder import ModelBuilder
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, TinyccError, UnsupportedError
from tinycc_ml.graph import Graph, Origin, QuantParams, TensorType, verify_graph
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.importers.names import graph_name


def _graph(b: ModelBuilder, file_name: str = "m.tflite") -> Graph:
    return verify_graph(import_tflite_bytes(b.build(), file_name))


def _error(b: ModelBuilder, kind: type[TinyccError]) -> str:
    with pytest.raises(TinyccError) as error:
        import_tflite_bytes(b.build(), "m.tflite")
    assert type(error.value) is kind
    text = str(error.value)
    assert text.startswith("m.tflite: ") and text.isprintable()
    return text.removeprefix("m.tflite: ")


def _relu(**changes: Any) -> ModelBuilder:
    """A model of one RELU, with some fields of its input (`in_...`) or output changed."""
    b = one_operator("RELU", [(1, 4)], (1, 4))
    for name, value in changes.items():
        tensor = b.tensors[0] if name.startswith("in_") else b.tensors[1]
        setattr(tensor, name.removeprefix("in_").removeprefix("out_"), value)
    return b


def _conv(weight_scales: Any, bias_scales: Any, axis: int, bias_axis: int = 0) -> ModelBuilder:
    b = ModelBuilder()
    x = b.input("x", (1, 4, 4, 2), "int8", 0.5, -3)
    zeros = [0] * np.size(weight_scales)
    w = b.constant("w", weights(3, 1, 1, 2), weight_scales, zeros, axis)
    c = b.constant("b", bias(3), bias_scales, [0] * np.size(bias_scales), bias_axis)
    y = b.tensor("y", (1, 4, 4, 3), "int8", 0.5, 4)
    b.operator("CONV_2D", [x, w, c], [y], stride_h=1, stride_w=1)
    b.output(y)
    return b


def test_types_names_and_origins() -> None:
    graph = _graph(_relu(out_name="a/Relu;b"), "My Net-2.v1.tflite")
    activation = TensorType((1, 4), DType.INT8, QuantParams((0.5,), (-3,)))
    assert graph.types == {"t0": activation, "t1": activation}
    assert graph.name == "my_net_2_v1"
    assert graph.nodes[0].origin == Origin("My Net-2.v1.tflite", 0, "a/Relu;b")
    assert graph == _graph(_relu(out_name="a/Relu;b"), "My Net-2.v1.tflite")


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("kws_ref_model.tflite", "kws_ref_model"),
        ("ResNet-50.INT8.tflite", "resnet_50_int8"),
        ("7up.tflite", "model_7up"),
        ("__x__.tflite", "x"),
        ("ü.tflite", "model"),
        ("", "model"),
        ("a" * 200 + ".tflite", "a" * 48),
        ("a\nb\0.tflite", "a_b"),
    ],
)
def test_graph_names_are_c_identifiers(file_name: str, name: str) -> None:
    assert graph_name(file_name) == name
    assert _graph(_relu(), file_name).name == name


def test_tensors_without_names() -> None:
    b = _relu(in_name=None, out_name=None)
    assert _graph(b).nodes[0].origin.name == ""
    b.tensors[1].shape = (1, 5)
    assert _error(b, ModelFileError).startswith("node 0: its output")


def test_quantization_per_channel_and_per_tensor() -> None:
    graph = _graph(_conv([0.5, 0.25, 0.125], [0.25, 0.125, 0.0625], axis=0, bias_axis=3))
    assert graph.types["t1"].quant == QuantParams((0.5, 0.25, 0.125), (0, 0, 0), 0)
    # The converter writes the weight's axis into the bias, which has one dimension.
    assert graph.types["t2"].quant == QuantParams((0.25, 0.125, 0.0625), (0, 0, 0), 0)
    graph = _graph(_conv(0.5, 0.25, axis=7, bias_axis=-2))
    assert graph.types["t1"].quant == QuantParams((0.5,), (0,))


def test_tensors_without_quantization() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 4), "float32", 0.5, 3)
    y = b.tensor("y", (1, 4), "int8", 0.5, 3)
    b.operator("QUANTIZE", [x], [y])
    b.output(y)
    assert _graph(b).types["t0"].quant is None


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (_relu(in_zero_points=(1, 2)), "1 scales, but 2 zero points"),
        (_relu(in_zero_points=()), "1 scales, but 0 zero points"),
        (_relu(in_scales=(0.0,)), "a scale is not a positive number"),
        (_relu(in_scales=(-1.0,)), "a scale is not a positive number"),
        (_relu(in_scales=(float("nan"),)), "a scale is not a positive number"),
        (_relu(in_scales=(float("inf"),)), "a scale is not a positive number"),
        (_relu(in_zero_points=(128,)), "a zero point is not in the range of int8"),
        (_relu(in_zero_points=(-(2**63),)), "a zero point is not in the range of int8"),
        (_relu(in_scales=(1.0,) * 3, in_zero_points=(0,) * 3), "3 scales for 1 channels"),
        (_relu(in_scales=(1.0,) * 4, in_zero_points=(0,) * 4, in_axis=2), "axis 2 of 2"),
        (_relu(in_scales=(1.0,) * 4, in_zero_points=(0,) * 4, in_axis=-1), "axis -1 of 2"),
        (_relu(in_shape=(-5, 4)), "shape [-5, 4]"),
    ],
)
def test_quantization_and_shapes_that_contradict_themselves(model: ModelBuilder, what: str) -> None:
    text = _error(model, ModelFileError)
    assert text.startswith("tensor 0 'in0': ")
    assert what in text


def test_the_batch_may_be_left_open_in_the_signature() -> None:
    assert _graph(_relu(in_shape_signature=(-1, 4))).types["t0"].shape == (1, 4)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (_relu(in_shape=(-1, 4)), "tensor 0 'in0' has the dynamic shape [-1, 4]; convert"),
        (_relu(in_shape=(0, 4)), "tensor 0 'in0' has the dynamic shape [0, 4]; convert"),
        (_relu(in_dtype="float16"), "tensor 0 'in0' is float16; allowed bool, int8"),
        (_relu(in_dtype="string"), "tensor 0 'in0' is string"),
        (_relu(in_is_variable=True), "tensor 0 'in0' keeps its value between inferences"),
        (_relu(in_shape=(2**31 - 1, 3)), f"{3 * (2**31 - 1)} bytes; allowed {2**31 - 1}"),
        (_relu(in_shape=(2**31 - 1,) * 8), "tensor 0 'in0' has shape"),
        (_relu(in_dtype="uint8", in_zero_points=(3,)), "input is uint8; allowed int8"),
    ],
)
def test_tensors_that_are_not_supported(model: ModelBuilder, what: str) -> None:
    assert what in _error(model, UnsupportedError)


def test_scalars() -> None:
    assert _graph(one_operator("RELU", [()], ())).types["t0"].shape == ()


@pytest.mark.parametrize("count", [5, 7])
def test_data_of_another_size_than_its_shape(count: int) -> None:
    b = one_operator("ADD", [(1, 6), weights(1, 6)], (1, 6))
    b.buffers[1] = bytes(count)
    text = _error(b, ModelFileError)
    assert text == f"tensor 1 'c1': {count} bytes of data for shape [1, 6], which takes 6"


def _no_inputs(b: ModelBuilder) -> None:
    b.inputs = []


def _written_twice(b: ModelBuilder) -> None:
    b.operators.append(b.operators[0])


def _input_written(b: ModelBuilder) -> None:
    b.operators[0].outputs = (0,)


def _input_twice(b: ModelBuilder) -> None:
    b.inputs = [0, 0]


def _input_with_data(b: ModelBuilder) -> None:
    b.buffers.append(bytes(4))
    b.tensors[0].buffer = 1


def _not_written(b: ModelBuilder) -> None:
    b.operators.clear()


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_no_inputs, "node 0 'out': reads tensor 0 'in0', which nothing has written before"),
        (_written_twice, "node 1 'out': writes tensor 1 'out', which has a value already"),
        (_input_written, "node 0 'in0': writes tensor 0 'in0', which has a value already"),
        (_input_twice, "tensor 0 'in0': listed twice among the model's inputs"),
        (_input_with_data, "tensor 0 'in0': an input of the model, but has data"),
        (_not_written, "tensor 1 'out': an output that nothing writes"),
    ],
)
def test_data_flow_that_contradicts_itself(
    damage: Callable[[ModelBuilder], None], what: str
) -> None:
    b = one_operator("RELU", [(1, 4)], (1, 4))
    damage(b)
    assert _error(b, ModelFileError) == what


def test_outputs_that_are_no_results() -> None:
    b = one_operator("ADD", [(1, 6), weights(1, 6)], (1, 6))
    b.outputs = [2, 0, 1, 2]
    assert _error(b, UnsupportedError) == (
        "output 1 (tensor 0 'in0') is an input of the model; "
        "output 2 (tensor 1 'c1') is no result of the model; "
        "output 3 (tensor 2 'out') is listed twice"
    )


def test_models_without_inputs_or_outputs() -> None:
    b = _relu()
    b.outputs = []
    assert _error(b, UnsupportedError) == "the model has no outputs"
    b = one_operator("ADD", [weights(1, 6), weights(1, 6)], (1, 6))
    assert _error(b, UnsupportedError) == "the model has no inputs"


def test_nodes_that_no_output_needs_are_not_imported() -> None:
    b = _relu()
    z = b.tensor("z", (1, 4), "float16")
    b.operator("GELU", [0], [z])
    assert [node.name for node in _graph(b).nodes] == ["n00_relu"]


def test_further_subgraphs_are_ignored_until_an_operator_uses_them() -> None:
    b = _relu()
    b.extra_subgraphs = 2
    assert len(_graph(b).nodes) == 1
    z = b.tensor("z", (1, 4), "int8", 0.5, -3)
    b.operator("WHILE", [1], [z], cond_subgraph_index=1, body_subgraph_index=2)
    b.outputs = [z]
    assert _error(b, UnsupportedError).startswith("1 operator is not supported: WHILE (node 1 'z')")


def _many_problems() -> ModelBuilder:
    b = ModelBuilder()
    x = b.input("x", (1, 4), "int8", 0.5, 0)

    def add(builtin: str, name: str, dtype: str = "int8", **options: Any) -> None:
        y = b.tensor(name, (1, 4), dtype, 0.5, 0)
        b.operator(builtin, [x], [y], **options)
        b.output(y)

    add("BUCKETIZE", "x1")
    add("RELU", "fine")
    add("WHERE", "x3")
    add("BUCKETIZE", "x4")
    add("CUSTOM", "x5", custom_code="Foo")
    add("RELU6", "x6", "int16")
    add("RELU6", "x7", "int16")
    return b


def test_one_error_lists_all_problems() -> None:
    with pytest.raises(UnsupportedError) as error:
        import_tflite_bytes(_many_problems().build(), "kws.tflite")
    assert str(error.value) == (
        "kws.tflite: 3 operators are not supported: BUCKETIZE (node 0 'x1', node 3 'x4'), "
        "WHERE (node 2 'x3'), Custom 'Foo' (node 4 'x5'); `tinycc-ml ops` lists what is; "
        "RELU6 (node 5 'x6', node 6 'x7'): output is int16; allowed int8"
    )
    assert error.value.details.count("\n") == 1


def test_many_nodes_with_one_problem_make_one_sentence() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 4), "int32")
    for i in range(6):
        y = b.tensor(f"y{i}", (1, 4), "int32")
        b.operator("RELU", [x], [y])
        x = y
    b.output(x)
    with pytest.raises(UnsupportedError) as error:
        import_tflite_bytes(b.build(), "m.tflite")
    assert str(error.value) == (
        "m.tflite: RELU (node 0 'y0', node 1 'y1', node 2 'y2', node 3 'y3' and 2 more): "
        "input is int32; allowed int8"
    )
    assert "node 5 'y5'" in error.value.details


def test_names_from_the_file_stay_on_one_line() -> None:
    b = one_operator("BUCKETIZE", [(1, 4)], (1, 4))
    b.tensors[1].name = "a\nb\x1b[31m\u202e" + "x" * 500
    text = _error(b, UnsupportedError)
    assert "(node 0 'a?b?[31m?xxx" in text
    assert len(text) < 200


def test_shared_weights_cannot_make_a_small_file_expensive() -> None:
    """Thousands of layers that share one large weight: a real file would hold as many weights."""
    b = ModelBuilder()
    x = b.input("x", (1, 400), "int8", 0.5, 0)
    w = b.constant("w", weights(400, 400), 0.01, 0)
    for i in range(2000):
        y = b.tensor(f"y{i}", (1, 400), "int8", 0.5, 0)
        b.operator("FULLY_CONNECTED", [x, w, -1], [y])
        x = y
    b.output(x)
    start = time.process_time()
    assert "too many times" in _error(b, ModelFileError)
    assert time.process_time() - start < 5


def test_an_unrolled_network_may_share_its_weights() -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 64), "int8", 0.5, 0)
    w = b.constant("w", weights(64, 64), 0.01, 0)
    for i in range(100):
        y = b.tensor(f"y{i}", (1, 64), "int8", 0.5, 0)
        b.operator("FULLY_CONNECTED", [x, w, -1], [y])
        x = y
    b.output(x)
    assert len(_graph(b).nodes) == 100
