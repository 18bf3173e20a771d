"""Walks the nodes of a file in the order of execution, and keeps what each name stands for.

Functions and branches of `If` are walked in an environment of their own, so that nothing in them
has to be renamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto

from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Array, Origin
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.onnx.builder import Builder
from tinycc_ml.importers.onnx.call import Call, node_label
from tinycc_ml.importers.onnx.flow import live_nodes
from tinycc_ml.importers.onnx.fold import FOLDS, fold
from tinycc_ml.importers.onnx.rows import ROWS, Row
from tinycc_ml.importers.onnx.rows_extension import extension_row
from tinycc_ml.importers.onnx.tensors import TensorReader
from tinycc_ml.importers.onnx.values import Const, Item, Unknown
from tinycc_ml.importers.problems import Problems

STANDARD_DOMAINS = ("", "ai.onnx")
_MAX_DEPTH = 16
_MAX_STEPS = 200_000
#: Of constants computed while reading, altogether.
_MAX_FOLDED_BYTES = 1 << 28


@dataclass(frozen=True)
class Scope:
    """What names stand for; a branch of `If` sees those around it too.

    Attributes:
        opsets: Version of each domain's operator set.
        items: What names stand for.
        outer: Around a branch; ``None`` for the graph and for functions.
        attributes: What a function's references to attributes stand for.
        depth: How many branches and functions are around.
    """

    opsets: Mapping[str, int]
    items: dict[str, Item] = field(default_factory=dict)
    outer: Scope | None = None
    attributes: Mapping[str, AttributeProto] = field(default_factory=dict)
    depth: int = 0

    def find(self, name: str) -> Item | None:
        """What a name stands for; ``None`` where nothing of that name has been computed."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.items:
                return scope.items[name]
            scope = scope.outer
        return None


class Walker:
    """Imports nodes one by one.

    Args:
        builder: Where nodes go.
        reader: Reads tensors.
        functions: The file's own, by domain and name.
        problems: Where everything unsupported is noted.
    """

    def __init__(
        self,
        builder: Builder,
        reader: TensorReader,
        functions: Mapping[tuple[str, str], FunctionProto],
        problems: Problems,
    ) -> None:
        self._builder = builder
        self._reader = reader
        self._functions = functions
        self._problems = problems
        self._steps = 0
        self._folded_bytes = 0
        #: Of the node of the main graph that is being walked: that is what messages name.
        self._label = ""
        self._index = 0

    def walk(self, nodes: Sequence[NodeProto], outputs: Sequence[str], scope: Scope) -> list[Item]:
        """Imports what the outputs depend on.

        Returns:
            What the outputs stand for.

        Raises:
            ModelFileError: If the nodes are damaged, or an output does not exist.
        """
        for index, node in live_nodes(nodes, outputs, self._reader.file):
            if scope.depth == 0:
                self._index, self._label = index, node_label(index, node)
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise UnsupportedError(f"{self._reader.file}: more than {_MAX_STEPS} nodes")
            self._node(node, scope)
        return [self._found(name, scope, "an output") for name in outputs]

    def _found(self, name: str, scope: Scope, reader: str) -> Item:
        item = scope.find(name)
        if item is None:
            raise ModelFileError(
                f"{self._reader.file}: {reader} is '{one_line(name, 60)}', which nothing computes"
            )
        return item

    def _node(self, node: NodeProto, scope: Scope) -> None:
        inputs = tuple(
            self._found(name, scope, f"an input of {self._label}") if name else None
            for name in node.input
        )
        kind = _kind(node)
        results: list[Item] = []
        try:
            results = self._results(node, kind, inputs, scope)
        except UnsupportedError as error:
            self._problems.at_node(kind, self._label, str(error))
        for position, name in enumerate(node.output):
            if not name:
                continue
            if results and position >= len(results):
                sentence = f"its output {position} is used; allowed {len(results)} outputs"
                self._problems.at_node(kind, self._label, sentence)
            scope.items[name] = results[position] if position < len(results) else Unknown()

    def _results(
        self, node: NodeProto, kind: str, inputs: tuple[Item | None, ...], scope: Scope
    ) -> list[Item]:
        """What the outputs stand for; nothing where that is unknown."""
        function = self._functions.get((node.domain, node.op_type))
        row = ROWS.get(kind) or extension_row(kind)
        is_if = kind == "If"
        if function is None and row is None and not is_if and not self._folds(kind, inputs):
            self._problems.unknown_operator(kind, self._label)
            return []
        if any(isinstance(item, Unknown) for item in inputs):
            return []
        attributes = self._attributes(node, scope)
        if function is not None:
            return self._call(function, inputs, attributes, scope)
        self._builder.origin = Origin(
            self._reader.file, self._index, one_line(node.name or next(iter(node.output), ""))
        )
        call = Call(
            node,
            self._label,
            _opset(scope.opsets, node.domain),
            inputs,
            attributes,
            self._reader,
            self._builder,
        )
        if is_if:
            return self._if(call, scope)
        return self._translated(call, row)

    def _folds(self, kind: str, inputs: tuple[Item | None, ...]) -> bool:
        return kind in FOLDS and all(isinstance(item, Const | Unknown) for item in inputs)

    def _translated(self, call: Call, row: Row | None) -> list[Item]:
        arrays = [item.numbers for item in call.inputs if isinstance(item, Const)]
        if arrays and len(arrays) == len(call.inputs) and not _keeps_integers(call):
            results = fold(call, arrays)
            if results is not None:
                self._charge(results)
                return [Const(array) for array in results]
        if row is None:
            raise UnsupportedError("inputs computed at run time; allowed constants")
        count = len(call.inputs)
        if count < row.min_inputs or (row.max_inputs is not None and count > row.max_inputs):
            raise call.damaged(f"{call.node.op_type} with {count} inputs")
        return row.translate(call)

    def _charge(self, results: list[Array]) -> None:
        self._folded_bytes += sum(array.nbytes for array in results)
        if self._folded_bytes > _MAX_FOLDED_BYTES:
            raise ModelFileError(
                f"{self._reader.file}: {self._label}: constants of more than "
                f"{_MAX_FOLDED_BYTES} bytes are computed"
            )

    def _attributes(self, node: NodeProto, scope: Scope) -> dict[str, AttributeProto]:
        found: dict[str, AttributeProto] = {}
        for attribute in node.attribute:
            if not attribute.ref_attr_name:
                found[attribute.name] = attribute
            elif attribute.ref_attr_name in scope.attributes:
                found[attribute.name] = scope.attributes[attribute.ref_attr_name]
        return found

    def _call(
        self,
        function: FunctionProto,
        inputs: tuple[Item | None, ...],
        attributes: dict[str, AttributeProto],
        scope: Scope,
    ) -> list[Item]:
        self._check_depth(scope)
        if len(inputs) > len(function.input):
            raise ModelFileError(
                f"{self._reader.file}: {self._label}: {len(inputs)} inputs for function "
                f"'{one_line(function.name, 60)}', which has {len(function.input)}"
            )
        defaults = {attribute.name: attribute for attribute in function.attribute_proto}
        inner = Scope(
            {entry.domain: entry.version for entry in function.opset_import},
            {n: i for n, i in zip(function.input, inputs, strict=False) if i is not None},
            attributes=defaults | attributes,
            depth=scope.depth + 1,
        )
        return self.walk(function.node, list(function.output), inner)

    def _if(self, call: Call, scope: Scope) -> list[Item]:
        self._check_depth(scope)
        condition = call.constant(0, "condition")
        if condition.size != 1:
            raise call.damaged(f"condition of shape {list(condition.shape)}")
        name = "then_branch" if bool(condition.reshape(-1)[0]) else "else_branch"
        branch = call.attributes.get(name)
        if branch is None or branch.type != AttributeProto.GRAPH:
            raise call.damaged(f"{name} is absent")
        return self.branch(branch.g, scope)

    def branch(self, graph: GraphProto, scope: Scope) -> list[Item]:
        """Walks a subgraph."""
        inner = Scope(
            scope.opsets,
            {t.name: self._reader.constant(t) for t in graph.initializer},
            scope,
            scope.attributes,
            scope.depth + 1,
        )
        return self.walk(graph.node, [value.name for value in graph.output], inner)

    def _check_depth(self, scope: Scope) -> None:
        if scope.depth >= _MAX_DEPTH:
            raise ModelFileError(
                f"{self._reader.file}: {self._label}: functions and branches are nested more than "
                f"{_MAX_DEPTH} deep"
            )


def _kind(node: NodeProto) -> str:
    """The operator, with its domain where that is not ONNX's own."""
    name = one_line(node.op_type, 60)
    if node.domain in STANDARD_DOMAINS:
        return name
    return f"{one_line(node.domain, 60)}.{name}"


def _opset(opsets: Mapping[str, int], domain: str) -> int:
    if domain in STANDARD_DOMAINS:
        return next((opsets[name] for name in STANDARD_DOMAINS if name in opsets), 1)
    return opsets.get(domain, 1)


def _keeps_integers(call: Call) -> bool:
    """Whether constants are weights in integers, which must stay so."""
    return any(isinstance(item, Const) and item.scaling is not None for item in call.inputs)
