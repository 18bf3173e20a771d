"""Row streaming: every group there is computes what its layers do, in rings as small as can be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes, extreme_inputs
from tests.kernels.rows.networks import rows
from tests.memplan.test_memplan_program import array, execute
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import EmitOptions
from tinycc_ml.errors import InternalError
from tinycc_ml.kernels import Kernel, Program
from tinycc_ml.kernels.rows import RowLayer, RowReads, rows_in_order, time_rows, with_groups
from tinycc_ml.loopir import verify_kernel
from tinycc_ml.memplan import MemoryPlan, check_plan, plan_program
from tinycc_ml.memplan.check_pushed import check_pushed
from tinycc_ml.memplan.check_rows import check_rows
from tinycc_ml.memplan.planner import plan_memory
from tinycc_ml.memplan.program_plan import program_step, values_in_arena
from tinycc_ml.memplan.segments import Segment, Segments
from tinycc_ml.memplan.stream import Streaming
from tinycc_ml.ops.evaluate import evaluate
from tinycc_ml.targets import features

MODELS = {
    "rows": lambda: rows(9, 4),
    "narrow": lambda: rows(5, 1),
    "tiles": lambda: rows(24, 8, 8),
    **NETWORKS,
}


@cache
def compiled(name: str, board: str) -> Compilation:
    return compile_bytes(MODELS[name](), name, board=board)


def groups(compilation: Compilation) -> list[Segment]:
    segments = Segments(
        compilation.program,
        compilation.integers,
        features(compilation.board),
        "arena",
        portable=False,
    )
    return [segment for segment in segments.all if segment.group]


def outputs(compilation: Compilation, program: Program, plan: MemoryPlan) -> None:
    """Runs the program in one flat array of the arena's size, and compares all that it writes."""
    inputs = extreme_inputs(compilation.manifest, 5)[-1]
    values = evaluate(compilation.integers, inputs)
    memory = np.full(plan.arena_bytes, 0xA5, np.uint8)
    for value, data in zip(program.inputs, inputs, strict=True):
        array(memory, plan.placement(value), program.types[value].dtype)[:] = data.reshape(-1)
    small = replace(compilation, program=program)
    for call in program.calls:
        execute(small, plan, memory, call)
        (output,) = call.outputs
        found = array(memory, plan.placement(output), program.types[output].dtype)
        assert found.tobytes() == values[output].tobytes(), call.layer


@pytest.mark.parametrize(
    ("name", "board", "every"),
    [
        ("rows", "host", 4),
        ("narrow", "mps2-an386", 4),
        ("rows", "mps2-an386", 3),
        ("rows", "mps3-an547", 3),
        ("tiles", "mps2-an386", 9),
        pytest.param("rows", "host", 1, marks=pytest.mark.slow),
        pytest.param("rows", "mps2-an386", 1, marks=pytest.mark.slow),
        pytest.param("tiles", "mps2-an386", 1, marks=pytest.mark.slow),
        pytest.param("digits", "mps2-an386", 1, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_group_computes_what_its_layers_do(name, board, every):
    compilation = compiled(name, board)
    found = groups(compilation)[::-every]
    assert len(found) > 3
    for segment in found:
        program = with_groups(compilation.program, [segment.group])
        outputs(compilation, program, plan_program(program, "arena", overlap=True))


@pytest.mark.parametrize("name", ["rows", "digits", "shared_functions", "reshape_only"])
def test_the_smallest_program_computes_the_same(name):
    compilation = compiled(name, "mps2-an386")
    streamed = Streaming(
        compilation.program,
        compilation.integers,
        features(compilation.board),
        "arena",
        portable=False,
    ).smallest()
    whole = plan_program(compilation.program, "arena", overlap=True)
    assert streamed.plan.arena_bytes <= whole.arena_bytes
    outputs(compilation, streamed.program, streamed.plan)


def test_the_search_sees_the_plan_that_is_made():
    """A segment's step has the sizes and the order of the kernel that is built for it."""
    compilation = compiled("rows", "mps2-an386")
    program, inside = compilation.program, values_in_arena(compilation.program, "arena")
    for segment in groups(compilation):
        fused = with_groups(program, [segment.group])
        call = next(c for c in fused.calls if c.group)
        step = program_step(fused, call, inside, overlap=True)
        assert sorted(s.size_bytes for s in step.scratch) == sorted(
            s.size_bytes for s in segment.step.scratch
        )
        assert step.order == segment.step.order
        assert call.cycles == segment.cycles


def test_groups_of_all_kinds_of_blocks_are_offered():
    segments = groups(compiled("tiles", "mps2-an386"))
    blocks = {tuple(choice.kernel.block for choice in s.group) for s in segments}
    assert {1, 2, 4} <= {max(group) for group in blocks}
    # Different numbers of turns, the slower layer before the faster one and behind it.
    assert any(set(group) == {1, 4} for group in blocks)
    used = {choice.kernel.name for s in segments for choice in s.group}
    assert {"conv2d_s8_f4_rows__dsp_2x4", "depthwise_conv2d_s8_rows__dsp_4x4"} <= used


def fused(name: str, layers: int, board: str = "host", block: int = 1) -> Kernel:
    """The kernel of a group with so many layers, of which one at least has blocks of that size."""
    compilation = compiled(name, board)
    segment = next(
        s
        for s in groups(compilation)
        if len(s.group) == layers and block in {choice.kernel.block for choice in s.group}
    )
    program = with_groups(compilation.program, [segment.group])
    return next(program.functions[c.function] for c in program.calls if c.group)


def test_a_ring_one_row_too_short_is_caught():
    kernel = fused("rows", 6)
    check_rows("group", kernel)
    rings = [b for b in kernel.loops.buffers if b.ring_rows]
    caught = 0
    for ring in rings:
        if ring.ring_rows == 1:
            continue
        shorter = replace(ring, ring_rows=ring.ring_rows - 1)
        buffers = tuple(shorter if b is ring else b for b in kernel.loops.buffers)
        with pytest.raises(InternalError, match="should hold row"):
            check_rows("group", replace(kernel, loops=replace(kernel.loops, buffers=buffers)))
        caught += 1
    assert caught >= 3


def test_a_pushed_row_that_is_not_there_is_caught():
    compilation = compile_bytes(MODELS["rows"](), "rows", EmitOptions("static", "rows"))
    call = compilation.program.calls[0]
    kernel, pushed = compilation.program.functions[call.function], call.pushed
    assert pushed is not None and pushed.rows == 9
    check_pushed("group", kernel, pushed)
    for wrong in (
        replace(pushed, first_turn=pushed.first_turn + 1),
        replace(pushed, turns=pushed.turns + 1),
        replace(pushed, rows=pushed.rows + 1),
    ):
        with pytest.raises(InternalError, match="memory check: group"):
            check_pushed("group", kernel, wrong)
    # Without the receiver's ring, windows would be read from rows that have passed by.
    unpushed = compiled("rows", "host")
    segment = next(s for s in groups(unpushed) if len(s.group) == 2)
    program = with_groups(unpushed.program, [segment.group])
    whole = next(program.functions[c.function] for c in program.calls if c.group)
    with pytest.raises(InternalError, match="reads row"):
        check_pushed("group", whole, replace(pushed, turns=whole.loops.body[0].extent))


def test_a_ring_of_pushed_rows_one_row_too_short_is_caught():
    compilation = compile_bytes(MODELS["rows"](), "rows", EmitOptions("static", "rows"))
    call = compilation.program.calls[0]
    kernel = compilation.program.functions[call.function]
    ring = kernel.loops.buffer("ring_pushed")
    shorter = replace(ring, ring_rows=(ring.ring_rows or 0) - 1)
    buffers = tuple(shorter if b is ring else b for b in kernel.loops.buffers)
    check_rows("group", kernel)
    with pytest.raises(InternalError, match="should hold row"):
        check_rows("group", replace(kernel, loops=replace(kernel.loops, buffers=buffers)))


def test_a_ring_one_block_too_short_is_caught():
    kernel = fused("tiles", 6, "mps2-an386", 4)
    check_rows("group", kernel)
    rings = [b for b in kernel.loops.buffers if b.ring_rows and b.ring_rows % 4 == 0]
    caught = 0
    for ring in rings:
        if ring.ring_rows == 4:
            continue
        shorter = replace(ring, ring_rows=ring.ring_rows - 4)
        buffers = tuple(shorter if b is ring else b for b in kernel.loops.buffers)
        with pytest.raises(InternalError, match="should hold row"):
            check_rows("group", replace(kernel, loops=replace(kernel.loops, buffers=buffers)))
        caught += 1
    assert caught


def test_a_block_over_the_end_of_a_ring_is_caught():
    """Twice: what writes or reads a block at once needs a height that is a multiple of it."""
    kernel = fused("tiles", 6, "mps2-an386", 4)
    ring = next(b for b in kernel.loops.buffers if b.ring_rows and 4 < b.ring_rows < b.shape[0])
    higher = replace(ring, ring_rows=ring.ring_rows + 1)
    buffers = tuple(higher if b is ring else b for b in kernel.loops.buffers)
    loops = replace(kernel.loops, buffers=buffers)
    with pytest.raises(InternalError, match="over the end of the ring"):
        check_rows("group", replace(kernel, loops=loops))
    with pytest.raises(InternalError, match="the window runs over"):
        verify_kernel(loops)


def test_a_promise_of_reads_that_come_later_is_caught():
    kernel = fused("rows", 2)
    ((role, pattern),) = kernel.access.inputs
    spans = list(pattern.spans)
    spans[1] = (spans[1][0] + 1, spans[1][1])
    wrong = replace(kernel.access, inputs=((role, replace(pattern, spans=tuple(spans))),))
    with pytest.raises(InternalError, match="should read"):
        check_rows("group", replace(kernel, access=wrong))


def test_a_promise_to_read_first_is_checked():
    compilation = compiled("rows", "host")
    one = next(s.group[0] for s in groups(compilation) if len(s.group) == 1)
    program = with_groups(
        compilation.program,
        [(replace(one, loops=one.kernel.build(one.layer.workload, one.layer.constants)),)],
    )
    kernel = next(program.functions[c.function] for c in program.calls if c.group)
    check_rows("alone", kernel)
    with pytest.raises(InternalError, match="interleave"):
        check_rows("alone", replace(kernel, access=replace(kernel.access, reads_first=True)))


def test_a_distance_one_byte_too_small_is_caught():
    """A group's output over its input: the exact distance of rows passes, one byte less not."""
    compilation = compiled("rows", "host")
    segment = next(s for s in groups(compilation) if len(s.group) == 2)
    program = with_groups(compilation.program, [segment.group])
    inside = values_in_arena(program, "arena")
    call = next(c for c in program.calls if c.group)
    step = replace(program_step(program, call, inside, overlap=True), scratch=())
    sizes = {n: program.types[n].size_bytes for n in (*call.inputs, *call.outputs)}
    plan = plan_memory([step], sizes, inputs=call.inputs, outputs=call.outputs)
    (shared,) = plan.shared
    assert shared.distance_bytes == shared.least_bytes > 0
    from tinycc_ml.memplan import Execution

    execution = Execution((step,), sizes, call.inputs, call.outputs)
    check_plan(execution, plan)
    moved = tuple(
        replace(p, offset_bytes=p.offset_bytes - 1) if p.name == shared.dying else p
        for p in plan.placements
    )
    with pytest.raises(InternalError, match="should hold"):
        check_plan(execution, replace(plan, placements=moved))


@st.composite
def chains(draw: st.DrawFn) -> tuple[RowLayer, ...]:
    """Layers one after another, some with an earlier value of the same rows joined in."""
    height = draw(st.integers(4, 24))
    values = [("v0", height)]
    layers: list[RowLayer] = []

    def add(name: str, output: str, rows_out: int, reads: dict[str, RowReads]) -> None:
        block = draw(st.sampled_from([n for n in (1, 1, 2, 3, 4) if rows_out % n == 0]))
        together = draw(st.sampled_from([1, block]))
        by_turn = tuple(
            (value, replace(r.of_block(block), together=together if r == RowReads() else 1))
            for value, r in reads.items()
        )
        layers.append(RowLayer(name, by_turn, output, rows_out // block, 8, block))
        values.append((output, rows_out))

    for index in range(draw(st.integers(1, 6))):
        name, rows_in = values[-1]
        stride = draw(st.sampled_from([1, 1, 2, 3]))
        span = draw(st.integers(1, 4))
        padding = draw(st.integers(0, span - 1))
        rows_out = -(-rows_in // stride)
        output = f"v{index + 1}"
        add(f"l{index}", output, rows_out, {name: RowReads(stride, padding, span)})
        same = [v for v, rows_ in values[:-1] if rows_ == rows_out and v != name]
        if same and draw(st.booleans()):
            add(f"j{index}", f"{output}_j", rows_out, {same[-1]: RowReads(), output: RowReads()})
    return tuple(layers)


@settings(max_examples=200)
@given(chains())
def test_rings_hold_the_rows_that_are_read_again(layers):
    timing = time_rows(layers)
    if isinstance(timing, str):
        return
    order = list(rows_in_order(layers, timing))
    written = {layer.output: layer for layer in layers}
    rows_of = {layer.output: layer.turns * layer.block for layer in layers}
    slots: dict[tuple[str, int], int] = {}
    for index, turn in order:
        layer = layers[index]
        for value, reads in layer.reads:
            if value not in timing.ring_rows:
                continue
            kept = timing.ring_rows[value]
            start = turn * reads.stride - reads.padding
            for needed in range(max(start, 0), min(start + reads.span, rows_of[value])):
                assert slots.get((value, needed % kept)) == needed
            assert start % kept + reads.together <= kept or reads.together == 1
        kept = timing.ring_rows.get(layer.output, rows_of[layer.output])
        first = turn * layer.block
        assert first % kept + layer.block <= kept
        for row in range(first, first + layer.block):
            slots[layer.output, row % kept] = row
    for value, kept in timing.ring_rows.items():
        assert kept <= rows_of[value]
        assert kept == rows_of[value] or kept % written[value].block == 0
    assert [turn for index, turn in order if index == len(layers) - 1] == list(
        range(layers[-1].turns)
    )
