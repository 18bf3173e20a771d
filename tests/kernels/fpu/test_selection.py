"""Which layers and cores get the float32 kernels."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.kernels.fpu.cases import KERNELS, conv_case, depthwise_case, taken
from tinycc_ml.dtypes import DType
from tinycc_ml.kernels import candidates
from tinycc_ml.ops.floats import FloatNumbers
from tinycc_ml.targets import features, list_boards, load_board


@pytest.mark.parametrize("board", [b.name for b in list_boards()])
def test_cores_with_a_floating_point_unit(board):
    target = load_board(board)
    names = [d.name for d in candidates("conv2d", features(target), dtype=DType.FLOAT32)]
    has_unit = target.fpu != "none" and target.core.startswith("cortex-m")
    assert names == [*(["conv2d_f32__fpu_2x8"] if has_unit else []), "conv2d__c"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("limits", "reason"),
    [((-1.0, 1.0), "limits -1.0 and 1.0"), ((0.0, 0.0), "limits"), ((None, 1.0), "limits")],
)
def test_other_activations_are_refused(kernel, limits, reason):
    (case,) = taken(kernel, 1, 5)
    workload = replace(case.workload, numbers=FloatNumbers(*limits))
    assert reason in (case.definition.accepts(workload, case.constants) or "")


def refusal(case, attrs):
    workload = replace(case.workload, attrs=replace(case.workload.attrs, **attrs))
    return case.definition.accepts(workload, case.constants) or ""


def test_dilation_along_a_row_is_refused():
    drawn = (conv_case(Random(seed)) for seed in range(40))
    case = next(case for case in drawn if dict(case.workload.constants)["weight"].shape[2] > 1)
    assert "dilation 2 along a row" in refusal(case, {"dilation": (1, 2)})


def test_several_filters_per_channel_are_refused():
    case = depthwise_case(Random(2))
    ((name, y),) = case.workload.outputs
    twice = replace(y, shape=(*y.shape[:3], 2 * y.shape[3]))
    workload = replace(case.workload, outputs=((name, twice),))
    assert "2 filters per channel" in (case.definition.accepts(workload, case.constants) or "")
