"""A program: the network as calls of kernels on named buffers, before it has addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinycc_ml.graph import Constant, Origin, State, TensorType
from tinycc_ml.kernels.base import Kernel


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kernel that was not taken for a layer, and why."""

    layer: str
    kernel: str
    reason: str


@dataclass(frozen=True, slots=True)
class GroupedLayer:
    """A layer that a call computes together with others, row by row.

    Attributes:
        layer: Name of the layer.
        op: The operator's name.
        kernel: Name of the row kernel.
        constants: Names of its constants.
        macs: Multiply-accumulates.
        origin: The layer's place in the model file.
    """

    layer: str
    op: str
    kernel: str
    constants: tuple[str, ...]
    macs: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class PushedRows:
    """How a group gets an input of which there is only one row at a time.

    The group's function is called once for each turn of its loops, which are numbered through.

    Attributes:
        rows: Rows of the input.
        first_turn: The turn that takes row 0; turn ``first_turn + r`` takes row ``r``.
        turns: All turns; behind the last row come those that finish what is in the rings.
    """

    rows: int
    first_turn: int
    turns: int


@dataclass(frozen=True, slots=True)
class Call:
    """One layer, or a group of layers: a function applied to values and constants.

    Attributes:
        layer: Name of the layer, unique in the program.
        op: The operator's name.
        function: Index into :attr:`Program.functions`.
        inputs: Names of the values (or constants) read, in parameter order.
        constants: Names of the constants, in parameter order.
        outputs: Names of the values written, in parameter order.
        scratch: (name, size in bytes) of each scratch buffer, in parameter order.
        macs: Multiply-accumulates.
        origin: The layer's place in the model file; of a group that of its last layer.
        group: The layers, where there are several.
        held: Names of the scratch that holds activations: the rings and sums of a group.
        cycles: Estimated, to compare plans by.
        states: (value, what becomes of it) of each state that is updated in place, in parameter
            order.
        pushed: How the group's input comes, where the application pushes it row by row.
    """

    layer: str
    op: str
    function: int
    inputs: tuple[str, ...]
    constants: tuple[str, ...]
    outputs: tuple[str, ...]
    scratch: tuple[tuple[str, int], ...]
    macs: int
    origin: Origin
    group: tuple[GroupedLayer, ...] = ()
    held: frozenset[str] = frozenset()
    cycles: int = 0
    states: tuple[tuple[str, str], ...] = ()
    pushed: PushedRows | None = None

    @property
    def scratch_bytes(self) -> int:
        """Size of the scratch that holds no activations."""
        return sum(size for name, size in self.scratch if name not in self.held)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of what is passed to the function, in parameter order."""
        states, scratch = ([name for name, _ in pairs] for pairs in (self.states, self.scratch))
        return (*self.inputs, *self.constants, *self.outputs, *states, *scratch)


@dataclass(frozen=True, slots=True)
class Program:
    """Functions and the calls of them, in execution order.

    Attributes:
        name: Prefix of all generated names.
        functions: The distinct kernels; layers with equal workloads share one.
        calls: The layers in execution order.
        types: The type of every value that a call touches, inputs and outputs.
        constants: The data in flash, by name, in order of first use.
        aliases: (view, source) pairs: values that are the same bytes under another shape.
        inputs: The model's inputs, in its order.
        outputs: The model's outputs, in its order.
        refusals: Kernels not taken.
        code_bytes_estimate: Roughly what the functions take of the flash; a build tells exactly.
        states: What outlives an inference.
    """

    name: str
    functions: tuple[Kernel, ...]
    calls: tuple[Call, ...]
    types: Mapping[str, TensorType]
    constants: Mapping[str, Constant]
    aliases: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    code_bytes_estimate: int
    states: tuple[State, ...] = ()

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants."""
        return sum(constant.array.nbytes for constant in self.constants.values())

    @property
    def cycles(self) -> int:
        """Estimated cycles of one inference."""
        return sum(call.cycles for call in self.calls)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(call.macs for call in self.calls)
