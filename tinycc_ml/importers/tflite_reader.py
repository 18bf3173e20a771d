"""The parts of a .tflite file that matter here, with every offset and index checked.

What is checked here is whether the file holds together; whether we can compile what it says is the
business of the modules that use this one. Fields that no step needs are not read.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tflite.BuiltinOperator import BuiltinOperator

from tinycc_ml.errors import ModelFileError
from tinycc_ml.importers.flatbuffer import (
    BOOL,
    INT8,
    INT32,
    UINT8,
    UINT32,
    UINT64,
    Field,
    FlatFile,
    Table,
    one_line,
)

IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_MAX_RANK = 8
CUSTOM = "CUSTOM"
_CALL_ONCE = "CALL_ONCE"

_OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(BuiltinOperator).items() if not name.startswith("_")
}


@dataclass(frozen=True, slots=True)
class RawQuantization:
    """The quantization of a tensor as the file states it; empty where there is none."""

    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis: int = 0


@dataclass(frozen=True, slots=True)
class RawTensor:
    """A tensor of the file.

    Attributes:
        index: Its number in the file.
        name: Its name in the file, on one line; may be empty.
        shape: As in the file: may hold -1 or other nonsense.
        type_code: The schema's ``TensorType``, maybe unknown.
        quantization: As in the file.
        data: The bytes of a constant; empty for all others.
        is_variable: Whether it keeps its value from one inference to the next.
        is_sparse: Whether `data` is in a sparse format.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type_code: int
    quantization: RawQuantization
    data: memoryview
    is_variable: bool
    is_sparse: bool

    def __str__(self) -> str:
        return f"tensor {self.index} '{self.name}'" if self.name else f"tensor {self.index}"


@dataclass(frozen=True, slots=True)
class RawOperator:
    """An operator of the file; every tensor number is valid, -1 stands for an absent input."""

    index: int
    builtin: str
    custom_code: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options_type: int
    options: Table | None
    custom_options: bytes = b""

    @property
    def kind(self) -> str:
        """The operator's name in messages."""
        return f"Custom '{self.custom_code}'" if self.builtin == CUSTOM else self.builtin


@dataclass(frozen=True, slots=True)
class RawModel:
    """A subgraph of the file, the first one; others belong to control-flow operators.

    Attributes:
        once: The subgraphs that CALL_ONCE operators run before the first inference.
    """

    file: FlatFile
    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    once: tuple[RawModel, ...] = ()


def read_tflite(data: bytes, file_name: str) -> RawModel:
    """Reads a .tflite file.

    Raises:
        ModelFileError: If it is none, or if it is damaged.
    """
    file = FlatFile(data, one_line(file_name))
    if data[4:8] != IDENTIFIER:
        what = "the file is empty" if not data else "not a TensorFlow Lite model"
        raise ModelFileError(f"{file.name}: {what} (no 'TFL3' at offset 4)")
    model = file.root("model")
    version = model.number(Field(0, "version"), UINT32)
    if version != _SCHEMA_VERSION:
        raise model.damaged(f"schema version {version}; allowed {_SCHEMA_VERSION}")
    opcodes = tuple(_opcode(t) for t in model.tables(Field(1, "operator_codes"), "operator code"))
    subgraphs = model.tables(Field(2, "subgraphs"), "subgraph")
    buffers = tuple(_buffer(t) for t in model.tables(Field(4, "buffers"), "buffer"))
    if not subgraphs:
        raise model.damaged("it holds no subgraph")
    first = _subgraph(file, subgraphs[0], opcodes, buffers)
    once: list[RawModel] = []
    for operator in first.operators:
        if operator.builtin == _CALL_ONCE and operator.options is not None:
            index = operator.options.number(Field(0, "init_subgraph_index"), INT32)
            if not 0 < index < len(subgraphs):
                raise model.damaged(f"CALL_ONCE of subgraph {index} of {len(subgraphs)}")
            once.append(_subgraph(file, subgraphs[index], opcodes, buffers))
    return replace(first, once=tuple(once))


def _subgraph(
    file: FlatFile,
    graph: Table,
    opcodes: tuple[tuple[str, str], ...],
    buffers: tuple[memoryview, ...],
) -> RawModel:
    tensors = tuple(
        _tensor(i, table, buffers)
        for i, table in enumerate(graph.tables(Field(0, "tensors"), "tensor"))
    )
    operators = tuple(
        _operator(i, table, opcodes, len(tensors))
        for i, table in enumerate(graph.tables(Field(3, "operators"), "node"))
    )
    return RawModel(
        file,
        tensors,
        operators,
        _tensor_numbers(graph, Field(1, "inputs"), len(tensors)),
        _tensor_numbers(graph, Field(2, "outputs"), len(tensors)),
    )


def _opcode(table: Table) -> tuple[str, str]:
    # Before schema 3a the code was one byte; since then 127 there means "see the wide field".
    code = max(
        table.number(Field(0, "deprecated_builtin_code"), INT8),
        table.number(Field(3, "builtin_code"), INT32),
    )
    name = _OPERATOR_NAMES.get(code, f"operator number {code}")
    return name, table.text(Field(1, "custom_code")) if name == CUSTOM else ""


def _buffer(table: Table) -> memoryview:
    offset = table.number(Field(1, "offset"), UINT64)
    if offset <= 1:  # 1 is the converter's placeholder
        return table.data(Field(0, "data"))
    # In models of more than 2 GB the data lies behind the FlatBuffer.
    size = table.number(Field(2, "size"), UINT64)
    table.file.require(offset, size, table.label, "data")
    return memoryview(table.file.data)[offset : offset + size]


def _tensor(index: int, table: Table, buffers: tuple[memoryview, ...]) -> RawTensor:
    shape = table.integers(Field(0, "shape"))
    if len(shape) > _MAX_RANK:
        raise table.damaged(f"{len(shape)} dimensions; at most {_MAX_RANK}")
    buffer = table.number(Field(2, "buffer"), UINT32)
    if buffer >= len(buffers):
        raise table.damaged(f"buffer {buffer} of {len(buffers)}")
    quantization = table.table(Field(4, "quantization"), table.label)
    return RawTensor(
        index,
        table.text(Field(3, "name")),
        shape,
        table.number(Field(1, "type"), INT8),
        _quantization(quantization) if quantization else RawQuantization(),
        buffers[buffer],
        table.number(Field(5, "is_variable"), BOOL, False),
        table.table(Field(6, "sparsity"), table.label) is not None,
    )


def _quantization(table: Table) -> RawQuantization:
    return RawQuantization(
        tuple(table.array(Field(2, "scale"), "<f4").tolist()),
        table.integers(Field(3, "zero_point"), "<i8"),
        table.number(Field(6, "quantized_dimension"), INT32),
    )


def _operator(
    index: int, table: Table, opcodes: tuple[tuple[str, str], ...], tensor_count: int
) -> RawOperator:
    opcode = table.number(Field(0, "opcode_index"), UINT32)
    if opcode >= len(opcodes):
        raise table.damaged(f"operator code {opcode} of {len(opcodes)}")
    builtin, custom_code = opcodes[opcode]
    return RawOperator(
        index,
        builtin,
        custom_code,
        _tensor_numbers(table, Field(1, "inputs"), tensor_count, absent=-1),
        _tensor_numbers(table, Field(2, "outputs"), tensor_count),
        table.number(Field(3, "builtin_options_type"), UINT8),
        table.table(Field(4, "builtin_options"), f"{table.label} options"),
        bytes(table.data(Field(5, "custom_options"))) if builtin == CUSTOM else b"",
    )


def _tensor_numbers(
    table: Table, field: Field, tensor_count: int, *, absent: int = 0
) -> tuple[int, ...]:
    numbers = table.integers(field)
    for number in numbers:
        if not absent <= number < tensor_count:
            raise table.damaged(f"{field.name} name tensor {number} of {tensor_count}")
    return numbers
