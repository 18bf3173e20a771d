"""The kernels with their output over their input, as close as their access order allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tests.kernels.dsp.cases import CONV, Case, conv_case, dense_case
from tests.kernels.dsp.depthwise_cases import (
    PLANES,
    depthwise_case,
    depthwise_constants,
    depthwise_workload,
)
from tinycc_ml.kernels import Kernel
from tinycc_ml.kernels.dsp.conv_columns import Flat, Gathered
from tinycc_ml.kernels.dsp.conv_rows import Rows
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.loopir import Role, run_kernel
from tinycc_ml.memplan import OrderedRead, WriteOrder, safe_distance_bytes
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.window import Padding

PLAIN = ConvNumbers(0, 0, -128, 127)


def orders(case: Case, kernel: Kernel) -> tuple[WriteOrder, OrderedRead]:
    """The promise as memory planning has it; distances are in elements."""
    access = kernel.access
    ((role, pattern),) = access.inputs
    turns, rest = divmod(case.workload.operand("output").elements, access.step_elements)
    assert (role, rest) == ("input", 0)
    read = OrderedRead("input", pattern, 1)
    order = WriteOrder(
        turns, access.step_elements, (read,), access.reads_first, access.pixel_elements
    )
    return order, read


def legal_distances(case: Case, kernel: Kernel) -> set[int]:
    """Those closest to each other and to a few larger ones; all less than disjoint."""
    order, read = orders(case, kernel)
    low, high = -case.x.size, case.workload.operand("output").elements
    least = max(safe_distance_bytes(order, read), low)
    found = {least, least + 1, least + 7, 0} - set(range(low, least))
    if order.pixel_bytes:
        pixel = order.pixel_bytes
        first = safe_distance_bytes(replace(order, reads_first=True), read)
        first = -(-max(first, low) // pixel) * pixel
        multiples = {pixel * (d // pixel) for d in (low, low // 2, 0, high // 2, high)}
        found |= {d for d in multiples | {first, first + pixel} if d >= first}
    return {distance for distance in found if low < distance < high}


def shared_run(case: Case, kernel: Kernel, distance: int) -> np.ndarray:
    """The output with the input so far above it in one array."""
    elements = case.workload.operand("output").elements
    memory = np.full(elements + 2 * case.x.size + abs(distance), 85, case.x.dtype)
    start = max(0, -distance)
    source = memory[start + distance :][: case.x.size]
    target = memory[start:][:elements]
    source[:] = case.x.reshape(-1)
    packed = iter(case.definition.pack(case.workload, case.constants))
    arrays = {}
    for buffer in kernel.loops.buffers:
        if buffer.role is Role.CONSTANT:
            arrays[buffer.name] = next(packed).array
        elif buffer.role is Role.SCRATCH:
            arrays[buffer.name] = np.full(buffer.shape, 85, buffer.dtype.numpy)
        else:
            data = source if buffer.role is Role.INPUT else target
            arrays[buffer.name] = data.reshape(buffer.shape)
    run_kernel(kernel.loops, arrays)
    return target.reshape(case.expected.shape)


def check(case: Case) -> int:
    """Runs the case at its legal distances; how many there were."""
    if case.definition.accepts(case.workload, case.constants) is not None:
        return 0
    kernel = case.definition.build(case.workload, case.constants)
    distances = legal_distances(case, kernel)
    for distance in distances:
        found = shared_run(case, kernel, distance)
        assert np.array_equal(found, case.expected), (case.workload, distance)
    return len(distances)


DRAWS = {"conv": conv_case, "dense": dense_case, "depthwise": depthwise_case}


@pytest.mark.parametrize("kind", DRAWS)
def test_drawn_layers(kind):
    counts = Counter(check(DRAWS[kind](Random(seed))) > 0 for seed in range(24))
    assert counts[True] > 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWS)
def test_a_thousand_layers_each(kind):
    for seed in range(1000):
        check(DRAWS[kind](Random(seed)))


@pytest.mark.parametrize("way", [Flat, Rows, Gathered])
def test_every_way_to_make_columns_is_drawn(way):
    shapes = (ConvShape.of(conv_case(Random(seed)).workload) for seed in range(24))
    assert any(isinstance(CONV.columns(shape), way) for shape in shapes)


def planes(size: tuple[int, int], channels: int, stride: int = 1, *, pad: int = 1) -> Case:
    """A 3x3 layer."""
    r = Random(1)
    constants = depthwise_constants(r, (3, 3), channels)
    attrs = DepthwiseConv2DAttrs((stride, stride), (1, 1), Padding(pad, pad, pad, pad))
    workload = depthwise_workload(size, channels, attrs, PLAIN, constants)
    x = np.random.default_rng(1).integers(-128, 128, (1, *size, channels)).astype(np.int8)
    return Case(PLANES, workload, constants, x)


@pytest.mark.parametrize(
    ("case", "steps", "pixel", "plain", "whole_pixels"),
    [
        # One block: everything is read before it is overwritten if channels meet themselves.
        (planes((6, 5), 8), 1, 8, 240, -240),
        (planes((6, 5), 8, pad=0), 1, 8, 96, -240),
        # The last four of six channels are computed with two that were written before.
        (planes((6, 5), 6), 1, 0, 180, None),
        # Blocks of rows: each leaves the last row of its input to the next one.
        (planes((40, 60), 4), 8, 4, 6 * 240, 240),
        (planes((80, 60), 4, 2), 20, 4, 2 * 120, 2 * 120 - 3 * 240),
        # 41 rows are not cut into equal blocks.
        (planes((41, 60), 4), 1, 0, 41 * 240, None),
    ],
)
def test_depthwise_promises(case, steps, pixel, plain, whole_pixels):
    kernel = PLANES.build(case.workload, case.constants)
    order, read = orders(case, kernel)
    assert (order.turns, order.pixel_bytes) == (steps, pixel)
    assert safe_distance_bytes(order, read) == plain
    if whole_pixels is not None:
        least = safe_distance_bytes(replace(order, reads_first=True), read)
        assert max(least, -case.x.size) == whole_pixels
    if PLANES.accepts(case.workload, case.constants) is None:
        check(case)


def test_a_pixel_that_is_promised_and_not_kept_is_noticed():
    case = planes((6, 5), 6)
    kernel = PLANES.build(case.workload, case.constants)
    assert PLANES.accepts(case.workload, case.constants) is None
    assert not np.array_equal(shared_run(case, kernel, 0), case.expected)
