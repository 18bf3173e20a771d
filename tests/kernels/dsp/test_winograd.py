"""Winograd layers in loop IR, with the intrinsics' meanings, against the reference."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.test_meaning import check, interpreted
from tests.kernels.dsp.winograd_cases import KERNELS, layer, winograd_case, winograd_workload
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.requantize import Channels
from tinycc_ml.kernels.dsp.winograd_layout import Layout, Run
from tinycc_ml.kernels.dsp.winograd_packing import packing_problem
from tinycc_ml.loopir import Role, required_intrinsics, run_kernel, verify_kernel
from tinycc_ml.ops import Whole, lowest_read
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.window import Padding

RELU = ConvNumbers(-128, -128, -128, 127)
SIGNED = ConvNumbers(3, -5, -128, 127)
#: size, channels and numbers of layers as in ResNet-8, smaller images.
LAYERS = {
    "first": ((8, 8), (3, 4), SIGNED),
    "relu": ((8, 8), (16, 4), RELU),
    "signed": ((4, 8), (16, 8), SIGNED),
    "looped": ((4, 4), (36, 4), RELU),
    "odd": ((5, 11), (6, 3), SIGNED),
}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(KERNELS)))
def test_drawn_layers(seed, name):
    check(winograd_case(name, Random(seed)))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("which", LAYERS)
def test_layers_of_models(name, which):
    case = layer(name, *LAYERS[which])
    assert case.definition.accepts(case.workload, case.constants) is None
    assert np.array_equal(interpreted(case), case.expected)
    kernel = case.definition.build(case.workload, case.constants).loops
    for intrinsic in required_intrinsics(kernel):
        verify_kernel(intrinsic.meaning)


@pytest.mark.parametrize("name", KERNELS)
def test_nearly_all_drawn_layers_are_taken(name):
    cases = [winograd_case(name, Random(seed)) for seed in range(100)]
    refused = [c.definition.accepts(c.workload, c.constants) for c in cases]
    assert sum(reason is not None for reason in refused) < 15


def changed(case: Case, index: int, **edits: object) -> Case:
    """With another packed stream: the word at an index is one higher."""
    words = case.definition.pack(case.workload, case.constants)[0].array.copy()
    words[index] += 1

    class Faulty(type(case.definition)):  # type: ignore[misc]
        def pack(self, workload, constants):
            return (Constant(words),)

    return replace(case, definition=Faulty(case.definition.algorithm))


@pytest.mark.parametrize("name", KERNELS)
def test_a_fault_in_the_stream_is_seen(name):
    """In a weight, the biases of corners, the bias, the multiplier or the exponent."""
    case = layer(name, (4, 4), (4, 4), SIGNED)
    kernel = KERNELS[name]
    (stream,) = kernel.pack(case.workload, case.constants)
    tile = Layout(kernel.algorithm, ConvShape.of(case.workload)).product_tile(2)
    faults = dict.fromkeys((0, tile.weight_words - 1), 1 << 24)
    biases = len(kernel.algorithm.corners()) + 1
    faults |= {tile.weight_words + i: 1 << 18 for i in range(biases)}
    faults |= {tile.weight_words + biases: 1 << 28, tile.weight_words + biases + 2: -2}
    for index, fault in faults.items():
        words = stream.array.copy()
        words[index] += fault
        assert not np.array_equal(interpreted(case, (Constant(words),)), case.expected), index


def reason(name: str, **edits: Any) -> str | None:
    """Why a 6x6 layer of 4 channels is refused that differs in something."""
    case = layer(name, (6, 6), (4, 4), RELU)
    weight, bias, multiplier, shift = (c.array.copy() for c in case.constants)
    bias[1] = edits.pop("bias", bias[1])
    shift[1] = edits.pop("shift", shift[1])
    kernel, size = edits.pop("kernel", (3, 3)), edits.pop("size", (6, 6))
    weight = np.resize(weight, (4, *kernel, edits.pop("channels", 4)))
    constants = tuple(Constant(a) for a in (weight, bias, multiplier, shift))
    attrs = replace(Conv2DAttrs((1, 1), (1, 1), Padding(1, 1, 1, 1)), **edits)
    workload = winograd_workload(size, weight.shape[3], attrs, RELU, constants)
    return case.definition.accepts(workload, constants)


def test_refusals():
    for name in KERNELS:
        assert reason(name) is None
        assert reason(name, kernel=(1, 3)) == "kernel 1x3; allowed 3x3"
        assert reason(name, stride=(2, 1)) == "stride 2x1; allowed 1x1"
        assert reason(name, dilation=(1, 2)) == "dilation 1x2; allowed 1x1"
        assert "left" in reason(name, shift=1)
    assert "leave no room" in reason("f4", channels=100, shift=-20)
    assert reason("f4", padding=Padding(0, 0, 0, 0)) is None
    assert (
        reason("f2", size=(2, 3), padding=Padding(0, 1, 1, 0)) == "output 1x2; allowed 2x2 or more"
    )
    assert reason("f4", channels=204) is None
    assert reason("f4", channels=205) == "208 channels; allowed up to 204"


def one_channel(**edits: int) -> Channels:
    """A channel with plain numbers, or others."""
    numbers = {"bias": 0, "low": -1000, "high": 1000, "multiplier": 1 << 30}
    numbers |= {"rounding": 1 << 8, "exponent": 9, **edits}
    columns = {name: np.array([number], np.int64) for name, number in numbers.items()}
    return Channels(np.zeros((1, 36), np.int64), **columns)


@pytest.mark.parametrize("name", KERNELS)
def test_sums_have_as_many_bits_as_the_scale_leaves(name):
    algorithm = KERNELS[name].algorithm
    limit = 1 << 31 - algorithm.scale_bits

    def problem(**edits: int) -> str | None:
        return packing_problem(algorithm, one_channel(**edits), corrects_sign=True)

    assert problem(low=-limit, high=limit - 1) is None
    for wide in ({"low": -limit - 1}, {"high": limit}):
        assert f"{32 - algorithm.scale_bits} bits" in problem(**wide)
    room = (1 << 31) // (1 << algorithm.scale_bits - 1) - 1000
    assert problem(rounding=room) is None and problem(rounding=-room) is None
    for far in (room + 1000, -room - 1001):
        assert "leave no room" in problem(rounding=far)


@pytest.mark.parametrize(
    ("width", "blocks"),
    [
        (4, [Run(0, 4, 1, 1)]),
        (6, [Run(0, 4, 1, 2)]),
        (8, [Run(0, 8, 1, 2)]),
        (11, [Run(0, 8, 1, 2), Run(7, 4, 1, 1)]),
        (14, [Run(0, 8, 1, 2), Run(6, 4, 1, 2)]),
        (24, [Run(0, 8, 3, 2)]),
    ],
)
def test_tiles_of_a_row(width, blocks):
    case = layer("f4", (4, width), (1, 1), RELU)
    layout = Layout(case.definition.algorithm, ConvShape.of(case.workload))
    assert list(layout.blocks()) == blocks
    assert layout.tile_distance == min(4, width - 4)


def accesses(case: Case) -> list[tuple[str, str, int]]:
    """(kind, buffer, element) of every access in order."""
    kernel = case.definition.build(case.workload, case.constants).loops
    packed = iter(case.definition.pack(case.workload, case.constants))
    arrays = {
        b.name: next(packed).array if b.role is Role.CONSTANT else np.zeros(b.shape, b.dtype.numpy)
        for b in kernel.buffers
    }
    found: list[tuple[str, str, int]] = []
    run_kernel(kernel, arrays, trace=lambda *access: found.append(access))
    return found


@pytest.mark.parametrize(("height", "in_steps"), [(12, True), (10, False), (4, False)])
def test_access_is_as_promised(height, in_steps):
    case = layer("f4", (height, 6), (4, 3), RELU)
    access = case.definition.build(case.workload, case.constants).access
    ((_, pattern),) = access.inputs
    assert isinstance(pattern, Whole) != in_steps
    steps, rest = divmod(case.workload.operand("output").elements, access.step_elements)
    assert rest == 0 and access.reads_first == in_steps
    step = -1
    for kind, buffer, element in accesses(case):
        if buffer == "output" and kind == "write":
            assert step <= element // access.step_elements <= step + 1
            step = element // access.step_elements
        elif buffer == "input":
            # A row of tiles reads all its inputs before it writes anything.
            assert element >= lowest_read(pattern, step + 1, steps) or not in_steps


@pytest.mark.parametrize("channels", [(3, 16), (16, 16), (64, 64)])
def test_estimates_rank_the_kernels(channels):
    case = layer("f4", (16, 16), channels, RELU)
    cycles = {name: kernel.cycles(case.workload) for name, kernel in KERNELS.items()}
    direct = Conv2DDsp().cycles(case.workload)
    assert cycles["f4"] < direct and cycles["f4"] < cycles["f2"]
    assert (cycles["f2"] < direct) == (channels[0] > 3)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(16))
@pytest.mark.parametrize("name", KERNELS)
def test_twenty_thousand_layers_each(name, part):
    for seed in range(1250 * part, 1250 * (part + 1)):
        check(winograd_case(name, Random(seed)))


def test_every_value_of_the_input_is_copied():
    """All 256 bytes, at an address that is no multiple of a word."""
    case = layer("f2", (4, 64), (1, 1), RELU)
    values = np.arange(-128, 128).astype(np.int8).reshape(1, 4, 64, 1)
    case = replace(case, x=values)
    assert np.array_equal(interpreted(case), case.expected)
