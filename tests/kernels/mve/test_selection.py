"""Which kernel a layer gets on a core with vectors, and the C around it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tests.c_compilers import COMPILERS, run_tool
from tests.end_to_end.golden import MODELS, compiled
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes, write_files
from tests.kernels.dsp.test_selection import STYLE, graph
from tests.kernels.mve.cases import CONV, DEPTHWISE, EMULATED, accepted, conv_case
from tinycc_ml.graph import Constant
from tinycc_ml.kernels import select
from tinycc_ml.loopir import required_intrinsics
from tinycc_ml.targets import features, load_board

BOARD = "mps3-an547"


KINDS = {"add", "average_pool2d", "conv2d", "depthwise_conv2d", "fully_connected", "mean"}


@pytest.mark.parametrize("model", MODELS)
def test_the_estimates_prefer_vectors(model):
    layers = compiled(model, BOARD).manifest.layers
    chosen = {layer.kernel for layer in layers if layer.op in KINDS}
    assert chosen
    assert all("__mve_" in kernel for kernel in chosen), chosen


def test_cores_without_vectors_get_none():
    core = features(load_board(BOARD))
    (case,) = accepted("fully_connected", 1, seed=20, scale=3)
    kernels = [select(graph(case), f).functions[0].definition for f in (core, core - {"mve"})]
    assert kernels == ["fully_connected_s8__mve_1x8", "fully_connected_s8__dsp_1x8"]


def test_shifts_to_the_left_are_refused():
    case = conv_case(Random(1), 1)
    weight, bias, multiplier, shift = case.constants
    left = Constant(np.full_like(shift.array, 1))
    reason = CONV.accepts(case.workload, (weight, bias, multiplier, left))
    assert reason == "channel 0 is shifted left by 1; allowed are right shifts"


def test_sums_that_need_more_than_31_bits_are_refused():
    (case,) = accepted("conv2d", 1, seed=20, scale=1)
    weight, bias, multiplier, shift = case.constants
    constants = (weight, Constant(np.full_like(bias.array, (1 << 31) - 1)))
    one = Constant(np.full_like(multiplier.array, 1 << 30))
    small = Constant(np.full_like(shift.array, -31))
    weights = Constant(np.full_like(weight.array, 127))
    numbers = replace(case.workload.numbers, output_min=-128, output_zero_point=-128)
    workload = replace(case.workload, numbers=replace(numbers, output_max=127))
    assert CONV.accepts(workload, (weights, constants[1], one, small)) == "sums can exceed int32"


def test_two_neighbouring_taps_of_minus_128_are_refused():
    case = next(
        case
        for case in accepted("depthwise", 20, seed=20, scale=1)
        if case.constants[0].array.shape[1:3] == (3, 3)
    )
    weight, *others = case.constants
    array = weight.array.copy()
    array[0, 0, 0, 2] = array[0, 0, 1, 2] = -128
    spread = [
        Constant(np.full_like(c.array, v)) for c, v in zip(others, (0, 1 << 30, -7), strict=True)
    ]
    reason = DEPTHWISE.accepts(case.workload, (Constant(array), *spread))
    assert reason == "two neighbouring taps of channel 2 are both -128"


@pytest.mark.parametrize("family", EMULATED)
def test_equal_names_are_equal_tiles(family):
    cases = accepted(family, 150, seed=20_000, scale=1)
    kernels = [case.definition.build(case.workload, case.constants).loops for case in cases]
    intrinsics = {i for kernel in kernels for i in required_intrinsics(kernel)}
    assert len(intrinsics) == len({i.name for i in intrinsics})


@pytest.mark.parametrize("name", ["digits", "everything"])
def test_generated_text_is_formatted_and_free_of_warnings(name, tmp_path):
    compilation = compile_bytes(NETWORKS[name](), name, board=BOARD)
    sources = write_files(compilation, tmp_path)
    if shutil.which("clang-format"):
        for source in sources:
            run_tool(
                ["clang-format", "--dry-run", "-Werror", f"--style=file:{STYLE}", source], tmp_path
            )
    for compiler in ("gcc-c99", "clang-c11", "g++", "cortex-m55-c99", "cortex-m55-c++"):
        if shutil.which(COMPILERS[compiler][0]) is None:
            continue
        for source in sources:
            run_tool([*COMPILERS[compiler], "-O1", "-c", source, "-o", "out.o"], tmp_path)
