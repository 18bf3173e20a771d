"""The reader against the accessors of the ``tflite`` package, and against damaged files."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import tflite

from tests.importers.samples import everything, one_operator
from tests.shared_data import REPOSITORY, SHARED
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import ModelFileError, TinyccError
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.importers.tflite_reader import RawTensor, read_tflite

_MODELS = sorted(SHARED.glob("data/models*/*.tflite"))
_EXAMPLE = REPOSITORY / "examples" / "digits" / "digits.tflite"


def _numpy(value: object) -> tuple[float, ...]:
    return tuple(value.tolist()) if isinstance(value, np.ndarray) else ()


def _same_tensor(ours: RawTensor, model: tflite.Model, theirs: tflite.Tensor) -> None:
    assert ours.name.encode() == (theirs.Name() or b"")[: len(ours.name)] or len(ours.name) == 160
    assert ours.shape == _numpy(theirs.ShapeAsNumpy())
    assert ours.type_code == theirs.Type()
    assert ours.is_variable == theirs.IsVariable()
    assert bytes(ours.data) == bytes(_numpy(model.Buffers(theirs.Buffer()).DataAsNumpy()))
    quantization = theirs.Quantization()
    if quantization is not None:
        assert ours.quantization.scales == _numpy(quantization.ScaleAsNumpy())
        assert ours.quantization.zero_points == _numpy(quantization.ZeroPointAsNumpy())
        assert ours.quantization.axis == quantization.QuantizedDimension()


@pytest.mark.parametrize("path", [_EXAMPLE, *_MODELS], ids=lambda p: p.name)
def test_reads_what_the_generated_accessors_read(path: Path) -> None:
    data = path.read_bytes()
    ours, theirs = read_tflite(data, path.name), tflite.Model.GetRootAs(data, 0)
    graph = theirs.Subgraphs(0)
    assert ours.inputs == _numpy(graph.InputsAsNumpy())
    assert ours.outputs == _numpy(graph.OutputsAsNumpy())
    assert len(ours.tensors) == graph.TensorsLength()
    assert len(ours.operators) == graph.OperatorsLength()
    for tensor in ours.tensors:
        _same_tensor(tensor, theirs, graph.Tensors(tensor.index))
    for operator in ours.operators:
        other = graph.Operators(operator.index)
        code = theirs.OperatorCodes(other.OpcodeIndex())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        assert getattr(tflite.BuiltinOperator, operator.builtin) == number
        assert operator.inputs == _numpy(other.InputsAsNumpy())
        assert operator.outputs == _numpy(other.OutputsAsNumpy())
        assert operator.options_type == other.BuiltinOptionsType()


def test_operator_codes_of_old_and_new_schemas() -> None:
    def kinds(**options: bool) -> list[str]:
        b = ModelBuilder(**options)
        x = b.input("x", (1, 4))
        y = b.tensor("y", (1, 4))
        b.operator("LOGISTIC", [x], [y])
        if not options:
            b.operator("GELU", [x], [b.tensor("z", (1, 4))])
        b.operator("CUSTOM", [x], [b.tensor("c", (1, 4))], custom_code="My\nOp")
        b.output(y)
        return [operator.kind for operator in read_tflite(b.build(), "m").operators]

    assert kinds(old_schema=True) == ["LOGISTIC", "Custom 'My?Op'"]
    assert kinds() == ["LOGISTIC", "GELU", "Custom 'My?Op'"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"\x1c\0\0\0", "not a TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL2" + b"\0" * 64, "not a TensorFlow Lite model"),
        (b"\x1c\0\0\0TFL3", "model: "),
        (b"TFL3TFL3TFL3TFL3", "model: "),
        (b"\0\0\0\0TFL3" + b"\xff" * 64, "model: "),
    ],
)
def test_files_that_are_no_models(data: bytes, what: str) -> None:
    with pytest.raises(ModelFileError, match=r"^m\.tflite: ") as error:
        import_tflite_bytes(data, "m.tflite")
    assert what in str(error.value)


@pytest.mark.parametrize("data", [everything().build(), _EXAMPLE.read_bytes()], ids=["all", "ours"])
def test_every_beginning_of_a_file_is_refused(data: bytes) -> None:
    step = max(1, len(data) // 1500)
    for size in range(0, len(data), step):
        with pytest.raises(TinyccError, match=r"^m\.tflite: "):
            import_tflite_bytes(data[:size], "m.tflite")


def test_an_unknown_schema_version() -> None:
    data = bytearray(one_operator("RELU", [(1, 4)], (1, 4)).build())
    table = tflite.Model.GetRootAs(bytes(data), 0)._tab
    data[table.Pos + table.Offset(4)] = 9
    with pytest.raises(ModelFileError, match="schema version 9; allowed 3"):
        read_tflite(bytes(data), "m")


def _damage(**changes: object) -> bytes:
    b = one_operator("RELU", [(1, 4)], (1, 4))
    for name, value in changes.items():
        setattr(b, name, value)
    return b.build()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_damage(inputs=[2]), "subgraph 0: inputs name tensor 2 of 2"),
        (_damage(inputs=[-1]), "subgraph 0: inputs name tensor -1 of 2"),
        (_damage(outputs=[1 << 30]), f"subgraph 0: outputs name tensor {1 << 30} of 2"),
        (_damage(opcodes=[]), "node 0: operator code 0 of 0"),
        (_damage(buffers=[]), "tensor 0: buffer 0 of 0"),
    ],
)
def test_numbers_out_of_range(data: bytes, message: str) -> None:
    with pytest.raises(ModelFileError) as error:
        read_tflite(data, "m.tflite")
    assert str(error.value) == f"m.tflite: {message}"


@pytest.mark.parametrize(("inputs", "outputs"), [((5,), (1,)), ((-2,), (1,)), ((0,), (-1,))])
def test_tensor_numbers_of_operators(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
    b = one_operator("RELU", [(1, 4)], (1, 4))
    b.operators[0].inputs, b.operators[0].outputs = inputs, outputs
    with pytest.raises(ModelFileError, match=r"node 0: (in|out)puts name tensor -?\d of 2"):
        read_tflite(b.build(), "m")


def test_too_many_dimensions() -> None:
    with pytest.raises(ModelFileError, match="tensor 0: 9 dimensions; at most 8"):
        read_tflite(one_operator("RELU", [(1,) * 9], (1,) * 9).build(), "m")


def _appended(offset: int, size: int, payload: bytes) -> bytes:
    """A model whose second buffer lies behind the FlatBuffer, as those of more than 2 GB do."""
    b = flatbuffers.Builder(0)
    buffers = []
    for at, count in ((0, 0), (offset, size)):
        tflite.BufferStart(b)
        tflite.BufferAddOffset(b, at)
        tflite.BufferAddSize(b, count)
        buffers.append(tflite.BufferEnd(b))
    tflite.TensorStart(b)
    tflite.TensorAddBuffer(b, 1)
    tensor = tflite.TensorEnd(b)

    def tables(offsets: list[int]) -> int:
        b.StartVector(4, len(offsets), 4)
        for one in reversed(offsets):
            b.PrependUOffsetTRelative(one)
        return b.EndVector()

    tensors = tables([tensor])
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors)
    graphs = tables([tflite.SubGraphEnd(b)])
    vector = tables(buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, vector)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output()) + payload


def test_data_behind_the_flatbuffer() -> None:
    size = len(_appended(1000, 4, b""))
    data = _appended(size, 4, b"abcd")
    assert bytes(read_tflite(data, "m").tensors[0].data) == b"abcd"
    for offset, count in ((size, 5), (2**63, 4), (size, 2**64 - 1), (2**64 - 1, 2)):
        with pytest.raises(ModelFileError, match="buffer 1: data lies outside the file"):
            read_tflite(_appended(offset, count, b"abcd"), "m")
