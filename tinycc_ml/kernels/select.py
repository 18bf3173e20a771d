"""Step 6: a kernel for every layer, and the program that results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.candidate import Candidate
from tinycc_ml.kernels.choice import choose
from tinycc_ml.kernels.cmsis_nn import CMSIS_NN
from tinycc_ml.kernels.dsp import DSP, DUAL_ISSUE
from tinycc_ml.kernels.fpu import FPU
from tinycc_ml.kernels.mve import MVE
from tinycc_ml.kernels.portable import portable_kernel
from tinycc_ml.kernels.program import Call, Program, Refusal
from tinycc_ml.kernels.swar import SWAR
from tinycc_ml.loopir import Role
from tinycc_ml.ops import Layer, LayerGraph, op

#: ``auto``: the fastest kernels that fit; ``portable``: plain C for any core; ``cmsis-nn``: calls
#: of that library where it has the operator, else plain C.
KernelChoice = Literal["auto", "portable", "cmsis-nn"]
#: By instruction set, preferred first.
_SPECIAL: dict[KernelChoice, tuple[KernelDef, ...]] = {
    "auto": (*MVE, *DUAL_ISSUE, *DSP, *SWAR, *FPU),
    "portable": (),
    "cmsis-nn": CMSIS_NN,
}


def candidates(
    op_name: str,
    features: frozenset[str],
    choice: KernelChoice = "auto",
    dtype: DType = DType.INT8,
    *,
    odd_weight: bool = False,
) -> tuple[KernelDef, ...]:
    """The kernels for an operator on a core, preferred first.

    Args:
        op_name: The operator.
        features: What the core can do; kernels that need more are left out.
        choice: Which kernels to consider.
        dtype: The element type of the layer's first input.
        odd_weight: Whether the layer's weight has elements that are no bytes.
    """
    able = (d for d in _SPECIAL[choice] if d.op == op_name and d.requires <= features)
    fitting = (d for d in able if d.dtype in (None, dtype) and d.odd_weight is odd_weight)
    return (*fitting, portable_kernel(op_name))


def select(
    graph: LayerGraph,
    features: frozenset[str],
    choice: KernelChoice = "auto",
    flash_limit: int | None = None,
    *,
    small: bool = False,
) -> Program:
    """Chooses a kernel for each layer: the fastest ones that fit the flash together.

    Args:
        graph: The network in integers.
        features: What the core can do.
        choice: Which kernels to consider.
        flash_limit: Bytes for code (estimated) and constants; ``None`` for no limit. Where even the
            smallest kernels exceed it, they are chosen all the same; see ``check_fits``.
        small: Whether small kernels are preferred, where they are not much slower.

    Raises:
        UnsupportedError: If no kernel takes a layer.
    """
    selection = _Selection(graph)
    computed = [layer for layer in graph.layers if not op(layer.workload.op).is_view]
    offers = [
        selection.offers(
            layer,
            candidates(
                layer.workload.op,
                features,
                choice,
                layer.workload.dtype,
                odd_weight=layer.workload.has_odd_weight,
            ),
        )
        for layer in computed
    ]
    if choice == "cmsis-nn":
        # Whoever asks for the library wants it, whatever the estimates say.
        offers = [offer[:1] for offer in offers]
    choices = choose(offers, flash_limit, small=small)
    chosen = dict(zip((layer.name for layer in computed), choices, strict=True))
    for layer in graph.layers:
        selection.add(layer, chosen.get(layer.name))
    return selection.program()


class _Selection:
    """Collects functions, calls and constants, each function and each array once."""

    def __init__(self, graph: LayerGraph) -> None:
        self._graph = graph
        self._functions: dict[Kernel, int] = {}
        self._calls: list[Call] = []
        self._constants: dict[str, Constant] = {}
        self._constant_names: dict[tuple[str, int], str] = {}
        self._aliases: list[tuple[str, str]] = []
        self._refusals: list[Refusal] = []
        self._code: dict[object, int] = {}

    def offers(self, layer: Layer, definitions: Sequence[KernelDef]) -> tuple[Candidate, ...]:
        """What takes the layer; at least one candidate."""
        found: list[Candidate] = []
        reasons: list[str] = []
        for definition in definitions:
            reason = definition.accepts(layer.workload, layer.constants)
            if reason is None:
                found.append(Candidate(definition, layer))
            else:
                self._refusals.append(Refusal(layer.name, definition.name, reason))
                reasons.append(f"{definition.name}: {reason}")
        if not found:
            raise UnsupportedError(
                f"{layer.origin}: no kernel takes this {layer.workload.op}: {'; '.join(reasons)}"
            )
        return tuple(found)

    def add(self, layer: Layer, candidate: Candidate | None) -> None:
        """Takes a layer into the program; a view has no candidate."""
        if candidate is None:
            self._aliases.append((layer.outputs[0], layer.inputs[0]))
            return
        kernel, packed = candidate.kernel, candidate.packed
        self._code.update(candidate.code)
        constant_parameters = [b for b in kernel.loops.buffers if b.role is Role.CONSTANT]
        scratch = [b for b in kernel.loops.buffers if b.role is Role.SCRATCH]
        self._calls.append(
            Call(
                layer.name,
                layer.workload.op,
                self._functions.setdefault(kernel, len(self._functions)),
                tuple(self._value(name, layer) for name in layer.inputs),
                tuple(
                    self._constant(f"{layer.name}_{buffer.name}", constant)
                    for buffer, constant in zip(constant_parameters, packed, strict=True)
                ),
                layer.outputs,
                tuple((f"{layer.name}_{b.name}", b.elements * b.dtype.size_bytes) for b in scratch),
                layer.macs,
                layer.origin,
                cycles=candidate.cycles,
                states=layer.states,
            )
        )

    def _value(self, name: str, layer: Layer) -> str:
        """An input of a layer: a value, or a constant of the graph, which goes to flash."""
        constant = self._graph.constants.get(name)
        return name if constant is None else self._constant(f"{layer.name}_{name}", constant)

    def _constant(self, name: str, constant: Constant) -> str:
        key = (constant.digest, constant.array.nbytes)
        known = self._constant_names.setdefault(key, name)
        self._constants[known] = constant
        return known

    def program(self) -> Program:
        """The finished program."""
        graph = self._graph
        for state in graph.states:
            if len(set(state.initial.array.tobytes())) > 1:  # others are filled with one byte
                self._constant(f"{state.value}_initial", state.initial)
        used = {name for call in self._calls for name in (*call.inputs, *call.outputs)}
        used |= {name for pair in self._aliases for name in pair}
        used |= {*graph.inputs, *graph.outputs}
        used |= {name for state in graph.states for name in (state.value, state.next)}
        return Program(
            graph.name,
            tuple(self._functions),
            tuple(self._calls),
            {n: t for n, t in graph.types.items() if n in used and n not in graph.constants},
            self._constants,
            tuple(self._aliases),
            graph.inputs,
            graph.outputs,
            tuple(self._refusals),
            sum(self._code.values()),
            graph.states,
        )
