"""Where every value of the program lives in the generated C."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinycc_ml.graph import TensorType
from tinycc_ml.kernels import Call, Program
from tinycc_ml.memplan import Io, MemoryPlan, external_values, storage_root
from tinycc_ml.memplan import Placement as ArenaPlace
from tinycc_ml.placement import Placement

_ALL_IN_FLASH = Placement()


@dataclass(frozen=True, slots=True)
class Port:
    """A model input or output as a parameter of ``run``.

    Attributes:
        parameter: Its C parameter name: ``input``, or ``input0`` where there are several.
        macro: The prefix of its macros: ``KWS_INPUT_0``.
        value: The name of the graph's value.
        type: Shape, dtype and quantization.
        c_type: Element type in C.
    """

    parameter: str
    macro: str
    value: str
    type: TensorType
    c_type: str


def array_suffix(memory: str) -> str:
    """What the names of a memory's array end in: ``_sram1_sram2`` for ``SRAM1+SRAM2``."""
    return "_" + re.sub(r"[^a-z0-9]+", "_", memory.lower())


@dataclass(frozen=True, slots=True)
class Layout:
    """C expressions for values.

    Attributes:
        program: The program.
        plan: Offsets of what lies in the arena and in the state area.
        io: Where inputs and outputs live.
        inputs: The model's inputs.
        outputs: The model's outputs.
        placement: What is copied from flash to RAM at start-up.
    """

    program: Program
    plan: MemoryPlan
    io: Io
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    placement: Placement = _ALL_IN_FLASH

    def offset_macro(self, name: str) -> str:
        """The macro that holds the offset of a value or scratch in the arena or state area."""
        return f"{self.program.name}_{name}_offset".upper()

    def overlaps_input(self, call: Call) -> bool:
        """Whether a call writes over bytes that it reads."""
        written = {entry.written for entry in self.plan.shared}
        return not written.isdisjoint(call.outputs)

    def parameter_of(self, name: str) -> str | None:
        """The parameter of ``run`` that holds a value; ``None`` when the arena does."""
        root = storage_root(self.program, name)
        if self.io == "rows" and root in self.program.inputs:
            return "row"  # of `push_row`
        if root not in external_values(self.program, self.io) or self._state(root) is not None:
            return None
        # An output is written through the output's pointer even where it shares storage with
        # another output; inputs are only read.
        for port in (*self.inputs, *self.outputs):
            if storage_root(self.program, port.value) == root:
                return port.parameter
        return None

    def _state(self, root: str) -> str | None:
        """The state that lies where a value lies, if it is in the state area."""
        for place in self.plan.states:
            if root in (place.value, place.renewed):
                return place.value
        return None

    def pointer(self, name: str, c_type: str, *, const: bool) -> str:
        """An expression of type ``const c_type *`` or ``c_type *`` for a value's first element."""
        if name in self.program.constants:
            return f"{self.program.name}_{name}"
        parameter = self.parameter_of(name)
        if parameter is not None:
            return parameter
        qualifier = "const " if const else ""
        state = self._state(storage_root(self.program, name))
        if state is not None:
            return f"({qualifier}{c_type} *)(state + {self.offset_macro(state)})"
        return f"({qualifier}{c_type} *)({self.address(name)})"

    def array_of(self, name: str) -> str:
        """The pointer to the array of the arena that holds a value or scratch."""
        region = self.plan.region_of(name)
        return f"arena{array_suffix(region.name)}" if region else "arena"

    def address(self, name: str) -> str:
        """An expression for the first byte of what lies in the arena."""
        return f"{self.array_of(name)} + {self.offset_macro(name)}"

    def offset_in_array(self, place: ArenaPlace) -> int:
        """Where something lies in its array."""
        region = self.plan.region_of(place.name)
        return place.offset_bytes - (region.start_bytes if region else 0)


def make_layout(
    program: Program,
    plan: MemoryPlan,
    io: Io,
    types: dict[str, TensorType],
    placement: Placement = _ALL_IN_FLASH,
) -> Layout:
    """The layout of a program.

    Args:
        program: What is emitted.
        plan: Its memory plan.
        io: Where inputs and outputs live.
        types: Types with quantization of the model's inputs and outputs.
        placement: What does not stay in flash; by default everything does.
    """
    return Layout(
        program,
        plan,
        io,
        _ports(program.name, "input", program.inputs, types),
        _ports(program.name, "output", program.outputs, types),
        placement,
    )


def _ports(
    model: str, kind: str, names: tuple[str, ...], types: dict[str, TensorType]
) -> tuple[Port, ...]:
    return tuple(
        Port(
            kind if len(names) == 1 else f"{kind}{i}",
            f"{model}_{kind}_{i}".upper(),
            name,
            types[name],
            types[name].dtype.c_name,
        )
        for i, name in enumerate(names)
    )
