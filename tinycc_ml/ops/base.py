"""What an operator definition says.

One file per operator holds one subclass of :class:`OpDef`. After the graph has been simplified and
quantized, :func:`tinycc_ml.ops.integerize` asks each operator for its *numbers* (literals: zero
points, clamps, shifts) and its constant operands (weights, folded bias, multipliers, tables). From
there on no quantized layer has a real scale any more. Layers that compute in float32 keep their
numbers as they are; the type of a workload's numbers tells which meaning it has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, Node, OpAttrs, Origin, State, TensorType
from tinycc_ml.loopir import Buffer, LoopKernel, Role
from tinycc_ml.ops.access import Access


@dataclass(frozen=True, slots=True)
class BoundNode:
    """A node with its types, and the values of those inputs that are constant."""

    node: Node
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    constants: tuple[Constant | None, ...]

    @property
    def attrs(self) -> OpAttrs:
        """The node's attributes."""
        return self.node.attrs


@dataclass(frozen=True, slots=True)
class Numbers:
    """Base of the operators' literals; an operator without any uses it as it is."""


@dataclass(frozen=True, slots=True)
class Integers:
    """What :meth:`OpDef.integerize` returns; of float layers the numbers are real.

    Attributes:
        numbers: The literals.
        constants: (role, array) of the constant operands, replacing the node's own constants.
        inputs: (role, index of the node's input) of the inputs that stay operands. An input that
            is a constant of the graph may be listed here: its data is then passed as it is.
        states: (role, index of the node's input, index of its output) of what the operator updates
            in place: the input is a state's value and the output what becomes of it.
    """

    numbers: Numbers
    inputs: tuple[tuple[str, int], ...]
    constants: tuple[tuple[str, Constant], ...] = ()
    states: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """What a layer computes, without its data: layers with equal workloads share one function."""

    op: str
    attrs: OpAttrs
    numbers: Numbers
    inputs: tuple[tuple[str, TensorType], ...]
    constants: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    states: tuple[tuple[str, TensorType], ...] = ()

    @property
    def dtype(self) -> DType:
        """The element type of the first input; constants and outputs may have others."""
        return self.inputs[0][1].dtype

    @property
    def has_odd_weight(self) -> bool:
        """Whether the weight has elements of 4 bits, or of more bits than the activations."""
        types = dict(self.constants)
        odd = (DType.INT4, DType.INT16)
        return "weight" in types and types["weight"].dtype in odd

    def operand(self, role: str) -> TensorType:
        """The type of the operand of that role."""
        return dict(self.inputs + self.constants + self.outputs + self.states)[role]


def buffers_of(workload: Workload) -> tuple[Buffer, ...]:
    """The parameters of a layer function: inputs, constants, outputs, states."""
    groups = (
        (workload.inputs, Role.INPUT),
        (workload.constants, Role.CONSTANT),
        (workload.outputs, Role.OUTPUT),
        (workload.states, Role.STATE),
    )
    return tuple(
        Buffer(role, type_.dtype, type_.shape, kind)
        for operands, kind in groups
        for role, type_ in operands
    )


@dataclass(frozen=True, slots=True)
class Layer:
    """A node of the integer graph: a workload and what it is applied to.

    Attributes:
        states: (value, what becomes of it) of each state of the workload; `inputs` and `outputs` do
            not list them.
    """

    name: str
    workload: Workload
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: tuple[Constant, ...]
    origin: Origin
    macs: int = 0
    states: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """The network in integers: what kernels are selected for."""

    name: str
    layers: tuple[Layer, ...]
    types: Mapping[str, TensorType]
    constants: Mapping[str, Constant]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit of an operator: `text` is the sentence in the docs and in the refusal."""

    text: str


class OpDef(ABC):
    """The meaning of an operator. Subclasses are stateless; one instance each is registered."""

    name: ClassVar[str]
    attrs_type: ClassVar[type[OpAttrs]] = OpAttrs
    #: One sentence, for `tinycc-ml ops` and the docs.
    summary: ClassVar[str]
    #: Element types of the main input that are supported: shown by `tinycc-ml ops`.
    dtypes: ClassVar[tuple[str, ...]] = ("int8",)
    #: Where the output is the input's bytes under another type; no code is emitted for it.
    is_view: ClassVar[bool] = False
    #: Whether each output element depends on nothing but the input elements at its place, inputs
    #: broadcast: such layers can be fused, and of one int8 operand they are a table.
    is_elementwise: ClassVar[bool] = False

    @abstractmethod
    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs.

        Raises:
            UnsupportedError: If shapes or attributes do not fit together.
        """

    def check(self, bound: BoundNode) -> str | None:
        """Why this node cannot be compiled, as one sentence; ``None`` when it can.

        Looks at dtypes, quantization and attribute values; shapes are :meth:`infer`'s business.
        """
        return None

    @abstractmethod
    def integerize(self, bound: BoundNode) -> Integers:
        """The node in integers, with TensorFlow Lite Micro's rounding of every real number.

        A node that computes in float32 is left alone: its numbers and constants are the model's.
        """

    @abstractmethod
    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """Computes the outputs in NumPy; the oracle of all kernels.

        Of integers bit-exactly. Of floats in float32, one operation after the other as TensorFlow
        Lite Micro and :meth:`lower` do; kernels that sum up in another order, or multiply and add
        in one step, are compared with it within a tolerance.

        Args:
            workload: What to compute.
            operands: Inputs, constants and states by role; none may be written to.

        Returns:
            The outputs, then what becomes of the states.
        """

    def macs(self, workload: Workload) -> int:
        """Multiply-accumulates; 0 for operators that are not counted in them."""
        return 0

    @abstractmethod
    def access(self, workload: Workload) -> Access:
        """In which order :meth:`lower` reads and writes: the memory planner's promise."""

    @abstractmethod
    def lower(self, workload: Workload) -> LoopKernel:
        """The portable implementation as a plain loop nest."""
