"""Real kernels in one flat array of exactly the arena's size, at their planned offsets."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes, extreme_inputs
from tinycc_ml.compiler import Compilation
from tinycc_ml.dtypes import DType
from tinycc_ml.kernels import Call
from tinycc_ml.loopir import Role
from tinycc_ml.loopir.interpreter import run_kernel
from tinycc_ml.memplan import MemoryPlan, Placement, plan_program
from tinycc_ml.memplan.program_plan import _may_alias
from tinycc_ml.ops.evaluate import evaluate

#: Portable kernels, and those with scratch.
BOARDS = ("host", "mps2-an386")


def array(memory: np.ndarray, place: Placement, dtype: DType) -> np.ndarray:
    return memory[place.offset_bytes : place.end_bytes].view(dtype.numpy)


def execute(compilation: Compilation, plan: MemoryPlan, memory: np.ndarray, call: Call) -> None:
    """Runs one call on arrays that share the memory."""
    program = compilation.program
    kernel = program.functions[call.function].loops
    names = (*call.inputs, *call.constants, *call.outputs, *(name for name, _ in call.scratch))
    arrays = {}
    for buffer, name in zip(kernel.buffers, names, strict=True):
        if name in program.constants:
            data = np.ascontiguousarray(program.constants[name].array)
        else:
            data = array(memory, plan.placement(name), buffer.dtype)
        arrays[buffer.name] = data.reshape(buffer.memory[0])
    run_kernel(kernel, arrays)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_layers_in_one_flat_array_compute_what_they_do_apart(name, board):
    compilation = compile_bytes(NETWORKS[name](), name, board=board)
    program = compilation.program
    plain = plan_program(program, "arena")
    plan = plan_program(program, "arena", overlap=True)
    assert plan.arena_bytes <= plain.arena_bytes
    assert plain.shared == ()
    inputs = extreme_inputs(compilation.manifest, 5)[-1]
    values = evaluate(compilation.integers, inputs)
    memory = np.full(plan.arena_bytes, 0xA5, np.uint8)
    for value, data in zip(program.inputs, inputs, strict=True):
        array(memory, plan.placement(value), program.types[value].dtype)[:] = data.reshape(-1)
    for call in program.calls:
        execute(compilation, plan, memory, call)
        for output in call.outputs:
            found = array(memory, plan.placement(output), program.types[output].dtype)
            assert found.tobytes() == values[output].tobytes(), call.layer
    for output in program.outputs:
        found = array(memory, plan.placement(output), program.types[output].dtype)
        assert found.tobytes() == values[output].tobytes()


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_no_kernel_reads_what_it_has_overwritten(name, board):
    """At every distance that counts as safe, by the trace of the kernel."""
    compilation = compile_bytes(NETWORKS[name](), name, board=board)
    program = compilation.program
    for shared in plan_program(program, "arena", overlap=True).shared:
        (call,) = (c for c in program.calls if shared.written in c.outputs)
        times = traced(compilation, call, shared.dying)
        least, pixel, end = shared.least_bytes, shared.pixel_bytes, len(times[0])
        for distance in range(-(-least // pixel) * pixel, end, pixel):
            assert not reads_what_was_written(*times, distance), call.layer
        assert not reads_what_was_written(*times, shared.distance_bytes), call.layer


def traced(compilation: Compilation, call: Call, dying: str) -> tuple[np.ndarray, np.ndarray]:
    """When each byte of the output is first written, and each of an input last read."""
    program = compilation.program
    kernel = program.functions[call.function].loops
    sources = dict(program.aliases)
    names = (*call.inputs, *call.constants, *call.outputs, *(n for n, _ in call.scratch))
    parameters, arrays = {}, {}
    for buffer, name in zip(kernel.buffers, names, strict=True):
        constant = program.constants.get(name)
        data = np.zeros(buffer.elements, buffer.dtype.numpy) if constant is None else constant.array
        arrays[buffer.name] = np.ascontiguousarray(data).reshape(buffer.memory[0])
        while name in sources:
            name = sources[name]  # noqa: PLW2901
        is_output = buffer.role is Role.OUTPUT
        if is_output or (buffer.role is Role.INPUT and name == dying):
            parameters[buffer.name] = (is_output, buffer.dtype.size_bytes)
    events: list[tuple[str, str, int]] = []
    run_kernel(kernel, arrays, trace=lambda *event: events.append(event))
    written = np.full(program.types[call.outputs[0]].size_bytes, len(events))
    read = np.full(program.types[dying].size_bytes, -1)
    for time, (_, parameter, index) in enumerate(events):
        if parameter in parameters:
            is_output, size = parameters[parameter]
            place = slice(index * size, (index + 1) * size)
            if is_output:
                written[place] = np.minimum(written[place], time)
            else:
                read[place] = time
    return written, read


def reads_what_was_written(written: np.ndarray, read: np.ndarray, distance_bytes: int) -> bool:
    """Whether a byte of the input, so far above the output, is read after it was overwritten."""
    low, high = max(0, distance_bytes), min(len(written), distance_bytes + len(read))
    if low >= high:
        return False
    late = read[low - distance_bytes : high - distance_bytes] > written[low:high]
    return bool(late.any())


def test_io_outside_the_arena_never_overlaps():
    compilation = compile_bytes(NETWORKS["everything"](), "everything")
    plan = plan_program(compilation.program, "external", overlap=True)
    ports = {*compilation.program.inputs, *compilation.program.outputs}
    assert plan.shared
    assert ports.isdisjoint(name for s in plan.shared for name in (s.written, s.dying))


def test_only_bytes_may_be_seen_as_another_type():
    assert _may_alias(DType.INT8, DType.FLOAT32)
    assert _may_alias(DType.FLOAT32, DType.UINT8)
    assert _may_alias(DType.FLOAT32, DType.FLOAT32)
    assert not _may_alias(DType.FLOAT32, DType.INT32)
    assert not _may_alias(DType.INT16, DType.INT32)
