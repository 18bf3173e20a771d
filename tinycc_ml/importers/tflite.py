"""TensorFlow Lite files to graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.graph import Array, Constant, Graph, Node, OpAttrs, Origin, State, TensorType
from tinycc_ml.importers.flatbuffer import one_line
from tinycc_ml.importers.names import graph_name
from tinycc_ml.importers.tflite_batches import image_by_image
from tinycc_ml.importers.tflite_extension import extension_row
from tinycc_ml.importers.tflite_flow import check_flow, is_constant, live_operators, operands
from tinycc_ml.importers.tflite_ops import ROWS
from tinycc_ml.importers.tflite_problems import TfliteProblems
from tinycc_ml.importers.tflite_reader import RawModel, RawOperator, RawTensor, read_tflite
from tinycc_ml.importers.tflite_row import Part, Row
from tinycc_ml.importers.tflite_tensors import constant, tensor_type
from tinycc_ml.importers.tflite_unsigned import as_signed
from tinycc_ml.importers.tflite_variables import (
    ASSIGN,
    HANDLE,
    OPERATORS,
    READ,
    Variable,
    handles,
    initial_values,
    variable_of,
)
from tinycc_ml.importers.tflite_view import OperatorView, output_name
from tinycc_ml.ops import BoundNode, op, packed_problem

_MAX_FILE_BYTES = 2**31
_ABSENT = -1
_BIAS = 2
_USES_PER_READ = 16


def import_tflite(path: Path) -> Graph:
    """The network of a .tflite file.

    Raises:
        ModelFileError: If the file cannot be read, or is damaged.
        UnsupportedError: If it holds something that cannot be compiled; names all of it.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ModelFileError(f"{one_line(path.name)}: the file is larger than 2 GB")
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelFileError(f"{one_line(str(path))}: {reason}") from error
    return import_tflite_bytes(data, path.name)


def import_tflite_bytes(data: bytes, file_name: str) -> Graph:
    """The network of a .tflite file that has been read already.

    Values are called ``t<number of the tensor in the file>``, nodes ``n<number>_<operator>``.

    Raises:
        ModelFileError: If the file is damaged.
        UnsupportedError: If it holds something that cannot be compiled; names all of it.
    """
    model = read_tflite(data, file_name)
    check_flow(model)
    model = as_signed(model)
    return _Importer(model).graph(graph_name(file_name))


def value_name(tensor: int) -> str:
    """The graph's name of a tensor of the file."""
    return f"t{tensor}"


class _Importer:
    """Translates operators one by one, and keeps what they need of types and constants."""

    def __init__(self, model: RawModel) -> None:
        self.model = model
        self.problems = TfliteProblems(model)
        self.types: dict[str, TensorType] = {}
        self.constants: dict[str, Constant] = {}
        self.nodes: list[Node] = []
        self.states: list[State] = []
        #: What variables hold at this point, and which values stand for tensors read from them.
        self.held: dict[Variable, str] = {}
        self.read_as: dict[int, str] = {}
        self.handles = handles(model)
        self.initial: dict[Variable, RawTensor] | None = None
        #: The variables of states, by the value that an inference begins with.
        self.variables: dict[str, Variable] = {}

    def graph(self, name: str) -> Graph:
        self._interface()
        for operator in live_operators(self.model):
            row = ROWS.get(operator.builtin) or extension_row(operator)
            if row is None and operator.builtin not in OPERATORS:
                self.problems.unknown_operator(operator)
                continue
            try:
                if row is None:
                    self._variable(operator)
                else:
                    self._node(OperatorView(self.model, operator), row)
            except UnsupportedError as error:
                self.problems.at_node(operator, str(error))
        self._keep()
        self.problems.raise_all()
        return Graph(
            name,
            tuple(self.nodes),
            self.types,
            self.constants,
            tuple(map(value_name, self.model.inputs)),
            tuple(map(value_name, self.model.outputs)),
            tuple(self.states),
        )

    def _interface(self) -> None:
        inputs, outputs = self.model.inputs, self.model.outputs
        if not inputs or not outputs:
            self.problems.general(f"the model has no {'outputs' if inputs else 'inputs'}")
        for number in inputs:
            self._input(number)
        for position, number in enumerate(outputs):
            tensor = self.model.tensors[number]
            if number in inputs:
                self.problems.general(f"output {position} ({tensor}) is an input of the model")
            elif is_constant(tensor) or tensor.is_variable:
                self.problems.general(f"output {position} ({tensor}) is no result of the model")
            elif number in outputs[:position]:
                self.problems.general(f"output {position} ({tensor}) is listed twice")

    def _input(self, number: int) -> None:
        try:
            self._value(number)
        except UnsupportedError as error:
            self.problems.general(str(error))

    def _value(self, number: int) -> str:
        """The name of a tensor, once its type, and its value if it is constant, are noted."""
        name, tensor, file = value_name(number), self.model.tensors[number], self.model.file
        if number in self.read_as:
            return self.read_as[number]
        if tensor.is_variable:
            raise UnsupportedError(
                f"{tensor} keeps its value between inferences; allowed in states"
            )
        type_ = self.types.get(name)
        if type_ is None:
            type_ = tensor_type(tensor, file)
            if len(tensor.data):
                self.constants[name] = constant(tensor, type_, file)
            self.types[name] = type_
        # Checks of operators look at all scales and sum up weights: that is paid for each time,
        # at a price at which an unrolled recurrent network can share its weights 200 times.
        scales = len(type_.quant.scales) if type_.quant else 0
        file.charge(4 * scales + len(tensor.data) // _USES_PER_READ, str(tensor))
        return name

    def _state(self, number: int) -> State:
        """A variable of the file; after a reset it is as TensorFlow Lite Micro resets it."""
        name, tensor, file = value_name(number), self.model.tensors[number], self.model.file
        if not tensor.is_variable:
            raise UnsupportedError(f"the state {tensor} is no variable")
        if len(tensor.data):
            raise UnsupportedError(f"the state {tensor} has a value at first; allowed none")
        if name in self.types:
            raise UnsupportedError(f"the state {tensor} belongs to another operator too")
        type_ = tensor_type(tensor, file)
        file.charge(type_.size_bytes, str(tensor))
        state = State(name, f"{name}_next", _at_rest(type_))
        self.types[state.value] = self.types[state.next] = type_
        return state

    def _variable(self, operator: RawOperator) -> None:
        """Reads or assigns a variable: it has no node of its own."""
        if operator.builtin == HANDLE:
            return
        variable = variable_of(operator, self.handles)
        if operator.builtin == ASSIGN and len(operator.inputs) == 2:
            self.held[variable] = self._value(operator.inputs[1])
        elif operator.builtin == READ and len(operator.outputs) == 1:
            (number,) = operator.outputs
            if variable in self.held:
                self.read_as[number] = self.held[variable]
                return
            self.held[variable] = name = self._value(number)
            if self.initial is None:
                self.initial = initial_values(self.model)
            initial = self.initial.get(variable)
            value = _at_rest(self.types[name])
            if initial is not None:
                value = constant(initial, self.types[name], self.model.file)
            self.states.append(State(name, f"{name}_next", value))
            self.variables[name] = variable
        else:
            raise UnsupportedError("another number of inputs or outputs than usual")

    def _keep(self) -> None:
        """At the end, what variables hold goes to where their states lie."""
        for number in self.model.outputs:
            if number in self.read_as or value_name(number) in self.variables:
                tensor = self.model.tensors[number]
                self.problems.general(f"an output ({tensor}) is what a variable holds")
        for state in tuple(self.states):
            variable = self.variables.get(state.value)
            if variable is None:
                continue
            held, type_ = self.held[variable], self.types[state.value]
            if held == state.value:  # never assigned
                self.states.remove(state)
                self.constants[held] = state.initial
            elif self.types[held] != type_:
                self.problems.general(
                    f"variable '{one_line(variable.shared_name)}' is read as {type_} and assigned "
                    f"{self.types[held]}; they must be alike"
                )
            else:
                self.types[state.next] = type_
                origin = Origin(self.model.file.name, 0, one_line(variable.shared_name))
                name = f"assign_{state.value}"
                node = Node(name, "assign", (held,), (state.next,), OpAttrs(), origin)
                self.nodes.append(node)

    def _node(self, view: OperatorView, row: Row) -> None:
        operator = view.operator
        _check_form(view, row)
        if row.constant is not None:
            self._constant(view, row.constant)
            return
        if row.parts is not None:
            self._parts(view, row.parts(view))
            return
        attrs = row.attrs(view)
        states = [self._state(operator.inputs[position]) for position in row.states]
        inputs = [
            self._value(number)
            for position, number in enumerate(operands(operator))
            if number != _ABSENT and position not in row.states
        ]
        inputs += [state.value for state in states]
        if row.bias_axis is not None and len(inputs) == 2:
            inputs.append(self._zero_bias(operator, inputs, row.bias_axis))
        outputs = tuple(self._value(number) for number in operator.outputs)
        if row.op == "dequantize" and self._is_dequantized(inputs[0], outputs[0]):
            return
        name = self._op_name(row, inputs)
        self._add(
            view,
            Node(
                f"n{operator.index:02d}_{name}",
                name,
                tuple(inputs),
                (*outputs, *(state.next for state in states)),
                attrs,
                self._origin(operator),
            ),
        )
        self.states += states

    def _constant(self, view: OperatorView, value: Callable[[OperatorView], Array]) -> None:
        """An output that the file does not hold, but determines."""
        name = self._value(view.operator.outputs[0])
        type_ = self.types[name]
        # Before it is made: a small file may ask for gigabytes.
        self.model.file.charge(type_.size_bytes, name)
        array = value(view)
        if array.shape != type_.shape or array.dtype != type_.dtype.numpy:
            raise view.damaged(f"its output should be {array.dtype}{list(array.shape)}")
        if view.operator.outputs[0] in self.model.outputs:
            raise UnsupportedError("its output is a constant, and so no result of the model")
        self.constants[name] = Constant(array)

    def _parts(self, view: OperatorView, parts: tuple[Part, ...]) -> None:
        """Nodes that together are one operator of the file."""
        operator = view.operator
        values = [self._value(number) for number in operands(operator)]
        between: list[str] = []
        for number, part in enumerate(parts):
            inputs = tuple(values[i] if i >= 0 else between[~i] for i in part.inputs)
            if part.output is None:
                between.append(f"{value_name(operator.outputs[0])}_{number}")
                types = [self.types[name] for name in inputs]
                (shape,) = op(part.op).infer(part.attrs, types)
                self.types[between[-1]] = replace(types[0], shape=shape)
            else:
                between.append(self._value(operator.outputs[part.output]))
            suffix = f"_{number}" if len(parts) > 1 else ""
            name = f"n{operator.index:02d}_{part.op}{suffix}"
            origin = self._origin(operator)
            self._add(view, Node(name, part.op, inputs, (between[-1],), part.attrs, origin))

    def _origin(self, operator: RawOperator) -> Origin:
        name = output_name(self.model, operator)
        return Origin(self.model.file.name, operator.index, name)

    def _add(self, view: OperatorView, node: Node) -> None:
        for each in image_by_image(node, self.types):
            self._check_node(view, each)
            self.nodes.append(each)

    def _op_name(self, row: Row, inputs: Sequence[str]) -> str:
        """The row's operator, or that for weights of another type than the activations."""
        if row.hybrid and len(inputs) > 1:
            x, weight = (self.types[name].dtype for name in inputs[:2])
            if (x, weight) == (DType.FLOAT32, DType.INT8):
                return row.hybrid
        return row.op

    def _is_dequantized(self, source: str, target: str) -> bool:
        """Whether a constant is real already: the file had it in halves, and converts it here."""
        constant_, type_ = self.constants.get(source), self.types[source]
        if constant_ is None or type_ != self.types[target] or type_.dtype is not DType.FLOAT32:
            return False
        if target in map(value_name, self.model.outputs):
            return False
        self.constants[target] = constant_
        return True

    def _zero_bias(self, operator: RawOperator, inputs: Sequence[str], axis: int) -> str:
        x, weight = inputs
        if weight not in self.constants:
            raise UnsupportedError("weight computed at run time; allowed constants")
        name, channels = f"{value_name(operator.outputs[0])}_bias", self.types[weight].shape[axis]
        self.model.file.charge(4 * channels, name)
        # Of the type that a bias has in the file.
        dtype = DType.FLOAT32 if self.types[x].dtype is DType.FLOAT32 else DType.INT32
        self.types[name] = TensorType((channels,), dtype)
        self.constants[name] = Constant(np.zeros(channels, dtype.numpy))
        return name

    def _check_node(self, view: OperatorView, node: Node) -> None:
        definition = op(node.op)
        declared = tuple(self.types[name].shape for name in node.outputs)
        inferred = definition.infer(node.attrs, [self.types[name] for name in node.inputs])
        if inferred != declared:
            raise view.damaged(
                f"its output should have shape {_shapes(inferred)}, "
                f"but the file says {_shapes(declared)}"
            )
        bound = BoundNode(
            node,
            tuple(self.types[name] for name in node.inputs),
            tuple(self.types[name] for name in node.outputs),
            tuple(self.constants.get(name) for name in node.inputs),
        )
        problem = packed_problem(bound) or definition.check(bound)
        if problem is not None:
            raise UnsupportedError(problem)


def _check_form(view: OperatorView, row: Row) -> None:
    operator, count = view.operator, len(view.operator.inputs)
    if count < row.min_inputs or (row.max_inputs is not None and count > row.max_inputs):
        raise view.damaged(f"{operator.builtin} with {count} inputs")
    if len(operator.outputs) != 1 and row.parts is None:
        raise view.damaged(f"{operator.builtin} with {len(operator.outputs)} outputs")
    for position, number in enumerate(operands(operator)):
        is_bias = row.bias_axis is not None and position == _BIAS
        if number == _ABSENT and not is_bias and position not in row.optional:
            raise view.damaged(f"input {position} is absent")
    has_options = operator.options is not None and operator.options_type != 0
    if has_options and row.options_type not in (0, operator.options_type):
        raise view.damaged(f"{operator.builtin} with the options of another operator")


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join("x".join(map(str, shape)) or "scalar" for shape in shapes)


def _at_rest(type_: TensorType) -> Constant:
    """What TensorFlow Lite Micro resets a variable to: real zeros."""
    is_int8 = type_.dtype is DType.INT8 and type_.quant is not None
    rest = type_.quant.zero_point if is_int8 and type_.quant else 0
    return Constant(np.full(type_.shape, rest, type_.dtype.numpy))
