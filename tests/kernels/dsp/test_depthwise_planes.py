"""Depthwise layers in loop IR, with the intrinsics' meanings, against the reference."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import Case, int8_data
from tests.kernels.dsp.depthwise_cases import (
    PLANES,
    depthwise_case,
    depthwise_constants,
    depthwise_workload,
)
from tests.kernels.dsp.test_meaning import check, interpreted
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.depthwise_planes_layout import VERTICAL, layout_of
from tinycc_ml.kernels.dsp.depthwise_planes_operands import MultiplyAccumulate, with_loads
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.window import Padding, same_padding

RELU = ConvNumbers(-128, -128, -128, 127)
#: (size, channels, kernel, stride, VALID) of the layers of KWS, VWW and str_ww.
LAYERS = {
    "kws": ((25, 5), 64, (3, 3), 1, False),
    **{f"vww_{n}": ((n, n), 384 // n, (3, 3), 1, False) for n in (48, 24, 12, 6)},
    **{f"vww_{n}_s2": ((n, n), 768 // n, (3, 3), 2, False) for n in (48, 24, 12, 6)},
    "vww_3": ((3, 3), 256, (3, 3), 1, False),
    **{f"str_ww_{k}": ((n, 1), 128, (k, 1), 1, True) for n, k in ((30, 3), (28, 5), (24, 10))},
}


def layer(name: str, draw: int = 0) -> Case:
    """One of the layers with drawn data."""
    size, channels, kernel, stride, is_valid = LAYERS[name]
    r = Random(draw)
    constants = depthwise_constants(r, kernel, channels)
    padding = Padding() if is_valid else same_padding(size, kernel, (stride, stride))
    attrs = DepthwiseConv2DAttrs((stride, stride), (1, 1), padding)
    workload = depthwise_workload(size, channels, attrs, RELU, constants)
    return Case(PLANES, workload, constants, int8_data(r, (1, *size, channels)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_drawn_layers(seed):
    check(depthwise_case(Random(seed)))


@pytest.mark.parametrize("name", ["kws", "vww_6", "vww_6_s2", "vww_3", "str_ww_5"])
def test_layers_of_models(name):
    case = next(
        case
        for case in (layer(name, draw) for draw in range(50))
        if PLANES.accepts(case.workload, case.constants) is None
    )
    assert np.array_equal(interpreted(case), case.expected)


def test_nearly_all_drawn_layers_are_taken():
    cases = [depthwise_case(Random(seed)) for seed in range(200)]
    refused = [PLANES.accepts(c.workload, c.constants) for c in cases]
    assert sum(reason is not None for reason in refused) < 30


@pytest.mark.parametrize("name", LAYERS)
def test_planes_stay_small(name):
    """16 bytes for each two elements of a line that are computed at a time."""
    kernel = PLANES.build(layer(name).workload, layer(name).constants)
    assert kernel.scratch_bytes == layout_of(ConvShape.of(layer(name).workload)).plane_bytes
    assert kernel.scratch_bytes <= 4096


def test_lines_run_along_the_better_axis():
    assert layout_of(ConvShape.of(layer("kws").workload)).along == VERTICAL
    assert layout_of(ConvShape.of(layer("vww_48").workload)).block_lines == 8


def reason(size, channels, filters, attrs, shift=-8):
    """Why a 3x3 layer is refused."""
    constants = (*depthwise_constants(Random(4), (3, 3), filters)[:2],)
    scales = (np.full(filters, 1 << 30, np.int32), np.full(filters, shift, np.int8))
    constants += tuple(Constant(scale) for scale in scales)
    workload = depthwise_workload(size, channels, attrs, RELU, constants)
    return PLANES.accepts(workload, constants)


def test_refusals():
    plain = DepthwiseConv2DAttrs()
    assert reason((9, 9), 4, 4, plain) is None
    assert reason((9, 9), 3, 3, plain) == "3 channels; allowed 4 or more"
    assert reason((9, 9), 4, 8, plain) == "2 filters per channel; allowed 1"
    assert "dilation 2x2" in reason((9, 9), 4, 4, replace(plain, dilation=(2, 2)))
    assert "left" in reason((9, 9), 4, 4, plain, shift=1)
    assert "bytes apart" in reason((9, 400), 4, 4, plain)
    padded = replace(plain, stride=(1, 2), padding=Padding(0, 0, 3, 0))
    assert "nothing but padding" in reason((9, 1), 4, 4, padded)


def test_loads_stand_together_and_nothing_is_loaded_twice():
    steps = [
        MultiplyAccumulate("smlad", "r6", "r9", "[r12, #0]", "r0"),
        MultiplyAccumulate("smlad", "r6", "r6", "[r12, #16]", "[r0, #4]"),
        MultiplyAccumulate("smlad", "r7", "r7", "[r12, #0]", "[r0, #4]"),
    ]
    assert list(with_loads(steps, ["r10", "r11", "r1"])) == [
        "ldr r10, [r12, #0]",
        "ldr r11, [r12, #16]",
        "ldr r1, [r0, #4]",
        "smlad r6, r10, r0, r9",
        "smlad r6, r11, r1, r6",
        "smlad r7, r10, r1, r7",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_twenty_thousand_layers(part):
    for seed in range(2500 * part, 2500 * (part + 1)):
        check(depthwise_case(Random(seed)))
