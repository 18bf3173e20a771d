"""What files hold besides layers: shapes that are computed, functions, external data, nonsense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.importers.onnx.builder import Qdq, imported, model, node, ops
from tinycc_ml.errors import DataError, ModelFileError, UnsupportedError
from tinycc_ml.importers import import_model, parse_bindings
from tinycc_ml.importers.onnx import import_onnx_bytes
from tinycc_ml.ops import evaluate, integerize


def _quantized(shape: list[int | str | None], opset: int = 17) -> bytes:
    """x -> Q -> DQ -> Reshape to a matrix by computed shape -> DQ."""
    q = Qdq(opset=opset)
    x = q.both("x", 0.05, 3)
    extents = q.add("Shape", [x])
    first = q.add("Gather", [extents, q.constant(np.array(0))])
    batch = q.add("Unsqueeze", [first, q.constant(np.array([0]))])
    wanted = q.add("Concat", [batch, q.constant(np.array([-1]))], axis=0)
    return q.build({"x": shape}, [q.add("Reshape", [x, wanted])])  # type: ignore[arg-type]


def test_shape_arithmetic_disappears() -> None:
    graph = imported(_quantized([2, 3, 4]))
    assert ops(graph) == ["quantize", "reshape", "dequantize"]
    assert graph.types[graph.outputs[0]].shape == (2, 12)


@pytest.mark.parametrize(
    ("shapes", "dims"), [(["x=2,3,4"], []), ([], ["N=2", "W=4"]), (["x=2x3x4"], ["N=2"])]
)
def test_symbolic_dimensions(shapes: list[str], dims: list[str]) -> None:
    graph = imported(_quantized(["N", 3, "W"]), parse_bindings(shapes, dims))
    assert graph.types[graph.inputs[0]].shape == (2, 3, 4)


def test_free_dimensions_are_named() -> None:
    with pytest.raises(UnsupportedError) as error:
        imported(_quantized(["N", 3, None]))
    assert str(error.value) == (
        "m.onnx: dimensions without a number: N (input 'x' dimension 0), input 'x' dimension 2; "
        "give them with --dim NAME=1 or --shape INPUT=1,..."
    )


@pytest.mark.parametrize(
    ("shapes", "dims", "message"),
    [
        (["y=1,2"], [], "no input is called 'y'; there are: x"),
        (["x=1,2"], [], "--shape gives input 'x' 2 dimensions; it has 3"),
        (["x=1,2,2"], [], "--shape gives dimension 1 of input 'x' 2; the model fixes it at 3"),
        ([], ["M=1"], "no symbolic dimension is called 'M'; there are: N"),
    ],
)
def test_bindings_that_do_not_fit(shapes: list[str], dims: list[str], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        imported(_quantized(["N", 3, 2]), parse_bindings(shapes, dims))


@pytest.mark.parametrize("text", ["x", "x=", "=1", "x=0", "x=-1", "x=1,,2", "x=99999999999"])
def test_bindings_that_are_none(text: str) -> None:
    with pytest.raises(DataError, match=r"as in --shape|allowed are 1"):
        parse_bindings([text], [])
    with pytest.raises(DataError):
        parse_bindings([], [text])


def test_a_function_and_a_constant_condition() -> None:
    function = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["b"],
        [
            helper.make_node("Constant", [], ["s"], value_float=0.5),
            helper.make_node("QuantizeLinear", ["a", "s"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s"], ["d"]),
            helper.make_node("Transpose", ["d"], ["b"]),
        ],
        [helper.make_opsetid("", 17)],
    )
    function.node[3].attribute.append(onnx.AttributeProto(name="perm", ref_attr_name="order"))
    function.node[3].attribute[0].type = onnx.AttributeProto.INTS
    function.attribute.append("order")
    taken, left = (
        helper.make_graph(
            [node(op, ["v"], [f"{op}_out"])],
            op,
            [],
            [helper.make_tensor_value_info(f"{op}_out", TensorProto.FLOAT, None)],
        )
        for op in ("Identity", "NoSuchOperator")
    )
    nodes = [
        node("Twice", ["x"], ["v"], domain="mine", order=[1, 0]),
        node("If", ["yes"], ["y"], then_branch=taken, else_branch=left),
    ]
    data = model(
        nodes,
        {"x": [1, 5]},
        ["y"],
        {"yes": np.array(True)},
        functions=[function],
        opsets=[helper.make_opsetid("mine", 1)],
    )
    graph = imported(data)
    assert ops(graph) == ["quantize", "reshape", "dequantize"]
    x = np.arange(5, dtype=np.float32).reshape(1, 5)
    assert evaluate(integerize(graph), [x])[graph.outputs[0]].tolist() == x.T.tolist()


def test_all_that_is_unsupported_is_reported_at_once() -> None:
    nodes = [node(f"Strange{i}", ["x"], [f"s{i}"], name=f"first{i}") for i in range(20)]
    nodes += [node("Bad", [f"s{i}"], [f"t{i}"], domain="odd", name=f"next{i}") for i in range(20)]
    nodes += [node("Softmax", ["x"], ["u"], name="float_one")]
    nodes += [node("Tile", ["x", "x"], ["v"], name="tiled")]
    outputs = [*(f"t{i}" for i in range(20)), "u", "v"]
    data = model(nodes, {"x": [1, 5]}, outputs)
    with pytest.raises(UnsupportedError) as error:
        imported(data)
    text = str(error.value)
    assert text.startswith("m.onnx: 21 operators are not supported: Strange0 (node 0 'first0')")
    assert all(f"'first{i}'" in text and f"'next{i}'" in text for i in range(20))
    assert "Tile (node 41 'tiled'): repeats computed at run time; allowed constants" in text
    assert "\n" not in text


def _external(location: str, **entries: str) -> bytes:
    tensor = TensorProto(name="w", data_type=TensorProto.INT8, dims=[3, 4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    q = Qdq()
    q.nodes.append(node("DequantizeLinear", ["w", q.constant(np.float32(0.1))], ["wd"]))
    y = q.both(q.add("Gemm", [q.both("x", 0.05, 0), "wd"], transB=1), 0.1, 0)
    made = onnx.ModelProto.FromString(q.build({"x": [1, 4]}, [y]))
    made.graph.initializer.append(tensor)
    return bytes(made.SerializeToString())


def test_weights_in_an_external_file(tmp_path: Path) -> None:
    weight = np.arange(12, dtype=np.int8).reshape(3, 4)
    (tmp_path / "w.bin").write_bytes(b"1234" + weight.tobytes())
    path = tmp_path / "m.onnx"
    path.write_bytes(_external("w.bin", offset="4", length="12"))
    graph = import_model(path)
    (found,) = (c.array for c in graph.constants.values() if c.array.dtype == np.int8)
    assert found.tolist() == weight.tolist()


@pytest.mark.parametrize(
    ("location", "entries", "message"),
    [
        ("../w.bin", {}, "outside the model's folder"),
        ("/etc/passwd", {}, "outside the model's folder"),
        ("link.bin", {}, "outside the model's folder"),
        ("a\\w.bin", {}, "no relative path"),
        ("C:w.bin", {}, "no relative path"),
        ("", {}, "no relative path"),
        ("none.bin", {}, "No such file"),
        ("short.bin", {}, "is too short"),
        ("short.bin", {"length": "4"}, "4 bytes of external data; its shape takes 12"),
        ("short.bin", {"offset": "-1"}, "external data at '-1'"),
        (".", {}, "is no file"),
    ],
)
def test_external_files_that_are_wrong(
    tmp_path: Path, location: str, entries: dict[str, str], message: str
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(100))
    (folder / "short.bin").write_bytes(bytes(5))
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    path = folder / "m.onnx"
    path.write_bytes(_external(location, **entries))
    with pytest.raises(ModelFileError) as error:
        import_model(path)
    assert str(error.value).startswith("m.onnx: tensor 'w': ") and message in str(error.value)
    with pytest.raises(ModelFileError, match="the model is no file"):
        import_onnx_bytes(path.read_bytes(), "m.onnx")


def _cycle() -> bytes:
    return model([node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"])], {"x": [1]}, ["b"])


def _twice() -> bytes:
    return model([node("Relu", ["x"], ["a"]), node("Relu", ["x"], ["a"])], {"x": [1]}, ["a"])


def _missing() -> bytes:
    return model([node("Relu", ["nowhere"], ["a"])], {"x": [1]}, ["a"])


def _large(count: int) -> bytes:
    nodes = [
        node("Constant", [], ["shape"], value_ints=[count, 1000]),
        node("ConstantOfShape", ["shape"], ["a"]),
        node("Add", ["a", "x"], ["y"]),
    ]
    return model(nodes, {"x": [1]}, ["y"])


def _recursive() -> bytes:
    function = helper.make_function(
        "mine", "F", ["a"], ["b"], [node("F", ["a"], ["b"], domain="mine")], []
    )
    nodes = [node("F", ["x"], ["y"], domain="mine")]
    return model(
        nodes, {"x": [1]}, ["y"], functions=[function], opsets=[helper.make_opsetid("mine", 1)]
    )


def _lying() -> bytes:
    made = onnx.ModelProto.FromString(_missing())
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "nowhere")
    tensor.dims[0] = 1 << 28
    made.graph.initializer.append(tensor)
    return bytes(made.SerializeToString())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_cycle(), "node 0 depends on its own result"),
        (_twice(), "'a' is computed twice"),
        (_missing(), "an input of node 0 'a' is 'nowhere', which nothing computes"),
        (_large(10**12), "a constant of 1000000000000000 elements; allowed"),
        (_large(-5), "shape \\[-5, 1000\\]"),
        (_recursive(), "nested more than 16 deep"),
        (_lying(), "12 bytes of data for shape"),
        (model([], {"x": [1]}, ["x"]), "no outputs, or no nodes"),
        (model([node("Relu", ["x"], ["y"])], {"x": [2**31, 8]}, ["y"]), "bytes; allowed 1"),
        (model([node("Relu", ["x"], ["y"])], {"x": [1]}, ["y"], opset=5), "operator set 5"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nonsense_is_refused(data: bytes, message: str) -> None:
    with pytest.raises((ModelFileError, UnsupportedError), match=message) as error:
        imported(data)
    assert str(error.value).startswith("m.onnx: ")


@pytest.mark.parametrize("opset", [7, 10, 13, 21, 28])
def test_operator_sets(opset: int) -> None:
    nodes = [node("Identity", ["x"], ["a"]), node("Flatten", ["a"], ["y"])]
    graph = imported(model(nodes, {"x": [2, 3, 4]}, ["y"], opset=opset))
    assert ops(graph) == ["reshape"]
