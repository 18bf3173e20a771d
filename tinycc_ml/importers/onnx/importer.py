"""ONNX files to graphs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import GraphProto, ModelProto, TensorProto, TensorShapeProto, ValueInfoProto

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Graph, Node, Origin, TensorType
from tinycc_ml.importers.bindings import Bindings
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.names import graph_name
from tinycc_ml.importers.onnx.builder import Builder
from tinycc_ml.importers.onnx.integer_gru import with_integer_gru
from tinycc_ml.importers.onnx.qdq import use_integers
from tinycc_ml.importers.onnx.tensors import MAX_RANK, TensorReader, numpy_dtype, type_name
from tinycc_ml.importers.onnx.values import Const, Item, Sequence, Unknown, Value, identity
from tinycc_ml.importers.onnx.walk import STANDARD_DOMAINS, Scope, Walker
from tinycc_ml.importers.problems import Problems
from tinycc_ml.ops import bind, op
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.slice import SliceAttrs

_MAX_FILE_BYTES = 2**31 - 1
_LOWEST_OPSET = 6


def import_onnx(path: Path, bindings: Bindings | None = None) -> Graph:
    """The network of an .onnx file; external data are read from its folder.

    Raises:
        ModelFileError: If the file cannot be read, or is damaged.
        UnsupportedError: If it holds something that cannot be compiled; names all of it.
        DataError: If bindings do not fit the model.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ModelFileError(f"{one_line(path.name)}: the file is larger than 2 GB")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelFileError(f"{one_line(str(path))}: {reason}") from error
    return import_onnx_bytes(data, path.name, bindings, path.parent)


def import_onnx_bytes(
    data: bytes,
    file_name: str,
    bindings: Bindings | None = None,
    folder: Path | None = None,
) -> Graph:
    """The network of an .onnx file that has been read already.

    Values are called ``t<number>``, nodes ``n<number in the file>_<operator>``.

    Args:
        data: The file's content.
        file_name: Its name, for messages and the graph's name.
        bindings: Numbers for dimensions that the file leaves open.
        folder: Where external data lie; ``None`` allows none.

    Raises:
        ModelFileError: If the file is damaged.
        UnsupportedError: If it holds something that cannot be compiled; names all of it.
        DataError: If bindings do not fit the model.
    """
    name = one_line(file_name)
    try:
        model = ModelProto.FromString(data)
    except (DecodeError, ValueError) as error:
        raise ModelFileError(f"{name}: the file is no ONNX model, or is damaged") from error
    if not _has_only_text(model):
        raise ModelFileError(f"{name}: a name in it is no text; it is damaged")
    return _Importer(model, name, bindings or Bindings(), folder).graph(graph_name(file_name))


def _has_only_text(message: Message) -> bool:
    """Whether all strings are text: the library gives those that are not as bytes."""
    for field, value in message.ListFields():
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        items = [value] if isinstance(value, str | bytes | Message) else value
        if field.type == FieldDescriptor.TYPE_STRING:
            if not all(isinstance(item, str) for item in items):
                return False
        elif not all(map(_has_only_text, items)):
            return False
    return True


class _Importer:
    def __init__(
        self, model: ModelProto, file: str, bindings: Bindings, folder: Path | None
    ) -> None:
        self.model = model
        self.file = file
        self.bindings = bindings
        self.reader = TensorReader(file, folder)
        self.problems = Problems(file)
        self.builder = Builder(Origin(file, 0, ""))
        self.scope = Scope(self._opsets())

    def graph(self, name: str) -> Graph:
        source = self.model.graph
        if not source.output or not source.node:
            raise ModelFileError(f"{self.file}: the model has no outputs, or no nodes")
        self._initializers(source)
        inputs = self._inputs(source)
        functions = {(f.domain, f.name): f for f in self.model.functions}
        walker = Walker(self.builder, self.reader, functions, self.problems)
        outputs = walker.walk(source.node, [value.name for value in source.output], self.scope)
        self.problems.raise_all()
        names = self._outputs(outputs, inputs)
        self.problems.raise_all()
        b = self.builder
        found = Graph(name, tuple(b.nodes), b.types, b.constants, tuple(inputs), tuple(names))
        graph = use_integers(with_integer_gru(found))
        self._check(graph)
        self.problems.raise_all()
        return graph

    def _opsets(self) -> dict[str, int]:
        opsets = {entry.domain: entry.version for entry in self.model.opset_import}
        version = next((opsets[d] for d in STANDARD_DOMAINS if d in opsets), None)
        if version is None:
            raise ModelFileError(f"{self.file}: it does not name the version of its operators")
        if version < _LOWEST_OPSET:
            raise UnsupportedError(
                f"{self.file}: operator set {version}; allowed from {_LOWEST_OPSET}; convert it "
                "with onnx.version_converter"
            )
        return opsets

    def _initializers(self, graph: GraphProto) -> None:
        for tensor in graph.initializer:
            self.scope.items[tensor.name] = self._initializer(tensor)
        if graph.sparse_initializer:
            self.problems.general("sparse tensors; allowed dense ones")

    def _initializer(self, tensor: TensorProto) -> Item:
        try:
            return self.reader.constant(tensor)
        except UnsupportedError as error:
            # Only a problem where it is used.
            if any(tensor.name in node.input for node in self.model.graph.node):
                self.problems.general(str(error))
            return Unknown()

    def _inputs(self, graph: GraphProto) -> list[str]:
        values = [value for value in graph.input if value.name not in self.scope.items]
        self._check_bindings(values)
        free: list[str] = []
        result: list[str] = []
        for value in values:
            type_ = self._input_type(value, free)
            if type_ is None:
                self.scope.items[value.name] = Unknown()
                continue
            try:
                name = self.builder.new_value(type_)
            except UnsupportedError as error:
                self.problems.general(f"input '{one_line(value.name, 60)}': {error}")
                self.scope.items[value.name] = Unknown()
                continue
            self.scope.items[value.name] = self.builder.wrap(name)
            result.append(name)
        if free:
            symbols = f"{self.file}: dimensions without a number: {', '.join(free)}"
            raise UnsupportedError(f"{symbols}; give them with --dim NAME=1 or --shape INPUT=1,...")
        return result

    def _check_bindings(self, values: list[ValueInfoProto]) -> None:
        names = {value.name for value in values}
        symbols = {d.dim_param for v in values for d in v.type.tensor_type.shape.dim}
        for what, given, known in (
            ("input", self.bindings.shapes, names),
            ("symbolic dimension", self.bindings.dims, symbols - {""}),
        ):
            for name in given:
                if name not in known:
                    listed = ", ".join(one_line(n, 60) for n in sorted(known)[:8]) or "none"
                    raise UnsupportedError(
                        f"{self.file}: no {what} is called '{one_line(name, 60)}'; "
                        f"there are: {listed}"
                    )

    def _input_type(self, value: ValueInfoProto, free: list[str]) -> TensorType | None:
        label = f"input '{one_line(value.name, 60)}'"
        if not value.type.HasField("tensor_type"):
            self.problems.general(f"{label} is no tensor")
            return None
        tensor = value.type.tensor_type
        dtype = numpy_dtype(tensor.elem_type)
        if dtype is None or dtype.name not in {d.value for d in DType}:
            allowed = ", ".join(d.value for d in DType)
            self.problems.general(f"{label} is {type_name(tensor.elem_type)}; allowed {allowed}")
            return None
        shape = self._shape(value.name, label, tensor.shape, free)
        return None if shape is None else TensorType(shape, DType(dtype.name))

    def _shape(
        self, name: str, label: str, shape: TensorShapeProto, free: list[str]
    ) -> tuple[int, ...] | None:
        given = self.bindings.shapes.get(name)
        dims = list(shape.dim)
        if len(dims) > MAX_RANK:
            raise ModelFileError(f"{self.file}: {label} has {len(dims)} dimensions")
        if given is not None and len(given) != len(dims):
            raise UnsupportedError(
                f"{self.file}: --shape gives {label} {len(given)} dimensions; it has {len(dims)}"
            )
        extents: list[int] = []
        for i, dim in enumerate(dims):
            fixed = dim.dim_value if dim.HasField("dim_value") else None
            if fixed is not None and fixed < 1:
                # Some exporters write 0 or -1 for "any".
                fixed = None
            extent = fixed if given is None else given[i]
            if fixed is not None and extent != fixed:
                raise UnsupportedError(
                    f"{self.file}: --shape gives dimension {i} of {label} {extent}; "
                    f"the model fixes it at {fixed}"
                )
            symbol = dim.dim_param
            if extent is None and symbol in self.bindings.dims:
                extent = self.bindings.dims[symbol]
            if extent is None:
                where = f"{label} dimension {i}"
                free.append(f"{one_line(symbol, 60)} ({where})" if symbol else where)
                continue
            extents.append(extent)
        return tuple(extents) if len(extents) == len(dims) else None

    def _outputs(self, items: list[Item], inputs: list[str]) -> list[str]:
        names: list[str] = []
        for position, item in enumerate(items):
            if isinstance(item, Unknown | Sequence):
                self.problems.general(f"output {position} is no tensor that can be read")
                continue
            if isinstance(item, Const):
                if not inputs:
                    self.problems.general(f"output {position} is a constant; allowed results")
                    continue
                try:
                    name = self._constant_output(item)
                except UnsupportedError as error:
                    self.problems.general(f"output {position}: {error}")
                    continue
            else:
                name = self._output(item)
            if name in inputs or name in names:
                # A value of its own: a copy.
                type_ = self.builder.types[name]
                attrs = ReshapeAttrs(type_.shape)
                name = self.builder.emit("reshape", [name], attrs, quant=type_.quant)
            names.append(name)
        return names

    def _constant_output(self, item: Const) -> str:
        """The value that a constant is copied to on every run: outputs lie in the arena."""
        name, shape = self.builder.plain(item), item.shape
        if name not in self.builder.constants:
            return name
        whole = SliceAttrs((0,) * len(shape), shape, (1,) * len(shape))
        return self.builder.emit("slice", [name], whole)

    def _output(self, item: Value) -> str:
        if item.is_unsigned:
            item = self.builder.as_unsigned(item)
        return self.builder.stored(item, identity(len(item.shape)))

    def _check(self, graph: Graph) -> None:
        for node, problem in _node_problems(graph):
            label = f"node {node.origin.index} '{one_line(node.origin.name, 60)}'"
            self.problems.at_node(node.op, label, problem)


def _node_problems(graph: Graph) -> Iterator[tuple[Node, str]]:
    for node in graph.nodes:
        problem = op(node.op).check(bind(graph, node))
        if problem is not None:
            yield node, problem
