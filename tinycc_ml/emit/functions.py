"""The layer functions: signature, comment, body, and the calls of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycc_ml.emit.layout import Layout
from tinycc_ml.emit.text import block_comment, comment_safe, wrap
from tinycc_ml.graph import TensorType
from tinycc_ml.kernels import Call, Kernel
from tinycc_ml.loopir import Buffer, LoopKernel, Role, print_c_body
from tinycc_ml.schedule import format_schedule

#: The parameter that tells a function which turn of its loops to run.
_TURN = "turn"


@dataclass(frozen=True, slots=True)
class FunctionText:
    """A layer function in C, and whether it is copied to RAM."""

    comment: str
    signature: str
    body: str
    is_hot: bool


@dataclass(frozen=True, slots=True)
class CallText:
    """A call of a layer function in C, its trace hook, and which layer it computes."""

    layer: str
    text: str
    trace: str


def function_name(layout: Layout, index: int) -> str:
    """The name of a function: that of the first layer that calls it."""
    first = next(call for call in layout.program.calls if call.function == index)
    return f"{layout.program.name}_{first.layer}"


def function_text(layout: Layout, index: int) -> FunctionText:
    """The C of one function of the program."""
    kernel = layout.program.functions[index]
    calls = [call for call in layout.program.calls if call.function == index]
    overlaps = any(layout.overlaps_input(call) for call in calls)
    takes_rows = any(call.pushed for call in calls)
    loops = _one_row_at_a_time(kernel.loops) if takes_rows else kernel.loops
    turn = [f"int32_t {_TURN}"] if takes_rows else []
    signature = wrap(
        f"static void {function_name(layout, index)}(",
        [*turn, *(_parameter(buffer, overlaps) for buffer in kernel.loops.buffers)],
        ") {",
        declaration=True,
    )
    return FunctionText(
        _comment(layout, kernel, calls, overlaps),
        signature,
        print_c_body(loops, turn=_TURN if takes_rows else "").rstrip("\n"),
        index in layout.placement.functions,
    )


def _one_row_at_a_time(loops: LoopKernel) -> LoopKernel:
    """The kernel with an input of which only the current row is there."""
    buffers = (replace(b, ring_rows=1) if b.role is Role.INPUT else b for b in loops.buffers)
    return replace(loops, buffers=tuple(buffers))


def call_text(layout: Layout, position: int) -> CallText:
    """The C of one call of the program."""
    call = layout.program.calls[position]
    kernel = layout.program.functions[call.function]
    arguments = [
        layout.pointer(name, buffer.dtype.c_name, const=buffer.role in (Role.INPUT, Role.CONSTANT))
        for buffer, name in zip(kernel.loops.buffers, call.arguments, strict=True)
    ]
    if call.pushed:
        arguments = [_TURN, *arguments]
    indent = "    " if call.pushed else "  "
    output = call.outputs[0]
    size = layout.program.types[output].size_bytes
    data = layout.pointer(output, "void", const=True)
    return CallText(
        call.layer,
        wrap(f"{indent}{function_name(layout, call.function)}(", arguments, ");"),
        wrap("  TCML_LAYER_DONE(", [f"{position}U", data, f"{size}U"], ");"),
    )


def _parameter(buffer: Buffer, overlaps: bool) -> str:
    read_only = buffer.role in (Role.INPUT, Role.CONSTANT)
    qualifier = "const " if read_only else ""
    # One call with the output over an input is enough: all calls share the function. Scratch and
    # states are always apart.
    is_apart = buffer.role in (Role.SCRATCH, Role.STATE)
    is_alone = is_apart or (buffer.role is Role.OUTPUT and not overlaps)
    restrict = "TCML_RESTRICT " if is_alone else ""
    return f"{qualifier}{buffer.dtype.c_name} *{restrict}{buffer.name}"


def _comment(layout: Layout, kernel: Kernel, calls: list[Call], overlaps: bool) -> str:
    first, *others = calls
    if first.group:
        return _group_comment(layout, kernel, first, overlaps)
    types = dict(layout.program.types) | {
        name: TensorType(c.array.shape, layout.program.types[first.outputs[0]].dtype)
        for name, c in layout.program.constants.items()
        if name in first.inputs
    }
    shapes = " and ".join(_shape(types[name]) for name in first.inputs)
    results = " and ".join(_shape(types[name]) for name in first.outputs)
    weight = next((b for b in kernel.loops.buffers if b.name == "weight"), None)
    weights = f", weight {_dims(weight.shape)}" if weight else ""
    sentences = [
        f"{first.layer}: {shapes} -> {results}{weights}.",
        f"From {comment_safe(str(first.origin), 80)}.",
        f"Kernel {kernel.definition}, schedule: {format_schedule(kernel.schedule)}"
        + (f"; {first.macs:,} MACs." if first.macs else "."),
    ]
    kept = sum(b.elements * b.dtype.size_bytes for b in _states(kernel))
    if kept:
        sentences.append(f"Keeps {kept:,} bytes of state from one inference to the next.")
    if others:
        sentences.append(f"Also computes {', '.join(call.layer for call in others)}.")
    if overlaps:
        sentences.append("May write over its input, whose bytes it has read by then.")
    return block_comment(sentences)


def _states(kernel: Kernel) -> list[Buffer]:
    return [buffer for buffer in kernel.loops.buffers if buffer.role is Role.STATE]


def _group_comment(layout: Layout, kernel: Kernel, call: Call, overlaps: bool) -> str:
    """What a function of several layers does, and how its rows come and go."""
    types = layout.program.types
    shapes = " and ".join(_shape(types[name]) for name in call.inputs)
    rings = [b for b in kernel.loops.buffers if b.name.startswith("ring_")]
    layers = f"{len(call.group)} layers" if len(call.group) > 1 else "1 layer"
    sentences = [
        f"{layers}, row by row: {shapes} -> {_shape(types[call.outputs[0]])}; {call.macs:,} MACs.",
        *(
            f"- {each.layer} from {comment_safe(str(each.origin), 80)}, kernel {each.kernel}."
            for each in call.group
        ),
    ]
    if rings:
        sentences.append(
            "In each turn a layer computes its next row or rows, as soon as those exist that it "
            "reads. What lies between two layers is a ring: only as many rows are kept as are read "
            "again."
        )
    if call.pushed:
        sentences.append(
            "One call runs one turn. The row of the input that a turn takes is there only then."
        )
    if overlaps:
        sentences.append("May write over its input, whose bytes it has read by then.")
    return block_comment(sentences)


def _shape(type_: TensorType) -> str:
    return f"{_dims(type_.shape)} {type_.dtype.value}"


def _dims(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
