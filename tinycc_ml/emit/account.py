"""Step 10: the account of a project: memory, kernels and refusals per layer."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml import __version__
from tinycc_ml.emit.arrays import arena_arrays, sections_of
from tinycc_ml.emit.functions import function_name
from tinycc_ml.emit.layout import Layout, Port
from tinycc_ml.emit.manifest import (
    ArenaEntry,
    LayerEntry,
    Manifest,
    RefusalEntry,
    StateEntry,
    TensorEntry,
)
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.sections import fragment_name
from tinycc_ml.graph import Refusal
from tinycc_ml.memplan import plan_method, scratch_at_fullest
from tinycc_ml.schedule import format_schedule


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a project comes from and what it is for."""

    model_file: str
    model_sha256: str
    board: str
    core: str


def account(
    layout: Layout,
    provenance: Provenance,
    options: EmitOptions,
    pass_refusals: tuple[Refusal, ...],
) -> Manifest:
    """The manifest of a project."""
    program, plan, placement = layout.program, layout.plan, layout.placement
    name = program.name
    refusals = (
        *(RefusalEntry(r.node, r.rule, r.reason) for r in pass_refusals),
        *(RefusalEntry(r.layer, r.kernel, r.reason) for r in program.refusals),
    )
    return Manifest(
        tool_version=__version__,
        name=name,
        model_file=provenance.model_file,
        model_sha256=provenance.model_sha256,
        board=provenance.board,
        core=provenance.core,
        arena=options.arena,
        io=options.io,
        files=_files(layout, options),
        inputs=tuple(_tensor(port) for port in layout.inputs),
        outputs=tuple(_tensor(port) for port in layout.outputs),
        plan_method=plan_method(program, plan),
        arena_bytes=plan.arena_bytes,
        scratch_bytes=max((call.scratch_bytes for call in program.calls), default=0),
        lower_bound_bytes=plan.lower_bound_bytes,
        gap_bytes=plan.gap_bytes,
        arena_alignment=plan.alignment,
        states=_states(layout),
        state_bytes=plan.state_bytes,
        state_alignment=plan.state_alignment,
        weight_bytes=program.weight_bytes,
        macs=program.macs,
        layers=_layers(layout),
        refusals=refusals,
        hot_functions=tuple(function_name(layout, i) for i in sorted(placement.functions)),
        hot_weights=tuple(f"{name}_{c}" for c in program.constants if c in placement.constants),
        hot_weight_bytes=placement.constant_bytes,
        code_memory=placement.code_memory,
        arena_memory=placement.arena_memory,
        activation_bytes=plan.arena_bytes - scratch_at_fullest(program, plan),
        input_rows=next((call.pushed.rows for call in program.calls if call.pushed), 0),
        shared_arena=options.shared,
        arenas=_arenas(layout, options),
    )


def _arenas(layout: Layout, options: EmitOptions) -> tuple[ArenaEntry, ...]:
    """The arrays, where the arena is not one."""
    if not layout.plan.regions:
        return ()
    return tuple(
        ArenaEntry(array.local, array.memory, array.size_bytes, layout.plan.alignment)
        for array in arena_arrays(layout, options)
    )


def _files(layout: Layout, options: EmitOptions) -> tuple[str, ...]:
    """The C files, and the model's own linker fragment where there is one."""
    name = layout.program.name
    sections = () if options.shared else sections_of(layout, options)
    fragment = (fragment_name(name),) if sections else ()
    return (f"{name}.h", f"{name}.c", f"{name}_weights.h", f"{name}_weights.c", *fragment)


def _tensor(port: Port) -> TensorEntry:
    quant = port.type.quant
    return TensorEntry(
        port.parameter,
        port.value,
        port.type.shape,
        port.type.dtype.value,
        port.type.size_bytes,
        quant.scale if quant else None,
        quant.zero_point if quant else None,
    )


def _states(layout: Layout) -> tuple[StateEntry, ...]:
    types = layout.program.types
    return tuple(
        StateEntry(p.value, type_.shape, type_.dtype.value, p.size_bytes, p.offset_bytes)
        for p in layout.plan.states
        for type_ in (types[p.value],)
    )


def _layers(layout: Layout) -> tuple[LayerEntry, ...]:
    program = layout.program
    entries: list[LayerEntry] = []
    for call in program.calls:
        kernel = program.functions[call.function]
        entries.append(
            LayerEntry(
                name=call.layer,
                op=call.op,
                origin=call.origin.name,
                origin_index=call.origin.index,
                kernel=kernel.definition,
                schedule=format_schedule(kernel.schedule),
                function=function_name(layout, call.function),
                output=call.outputs[0],
                input_shapes=tuple(
                    program.types[n].shape for n in call.inputs if n in program.types
                ),
                output_shapes=tuple(program.types[n].shape for n in call.outputs),
                macs=call.macs,
                weight_bytes=sum(program.constants[n].array.nbytes for n in call.constants),
                scratch_bytes=call.scratch_bytes,
                group=tuple(each.layer for each in call.group),
            )
        )
    return tuple(entries)
