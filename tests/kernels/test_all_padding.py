"""Layers of which outputs read nothing but padding: every kernel takes them or says why not.

ONNX's explicit padding allows them. TensorFlow Lite's does not, so that no other test draws them.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.kernels.dsp.cases import (
    Case,
    constant_types,
    draw_constants,
    draw_numbers,
    int8_data,
)
from tests.kernels.dsp.depthwise_cases import depthwise_constants, depthwise_workload
from tests.kernels.dsp.test_meaning import interpreted
from tests.kernels.fpu.cases import float_data, floats
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels import Kernel, KernelDef, candidates
from tinycc_ml.kernels.rows import RowKernel
from tinycc_ml.kernels.rows.choice import PORTABLE_ROWS
from tinycc_ml.kernels.rows.dsp import DSP_ROWS
from tinycc_ml.kernels.rows.fpu import FPU_ROWS
from tinycc_ml.kernels.rows.mve import MVE_ROWS
from tinycc_ml.ops import Access, Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.floats import FloatNumbers
from tinycc_ml.ops.window import Padding, window_output

FEATURES = frozenset({"thumb1", "thumb2", "umull", "dsp", "dual_issue", "fpu", "mve"})
OPS = ("conv2d", "depthwise_conv2d")
DTYPES = (DType.INT8, DType.FLOAT32)
#: Input, kernel, stride, padding.
LAYERS = {
    "nothing is read": ((1, 1), (1, 1), (5, 5), Padding(2, 2, 2, 2)),
    "nothing is read by large kernels": ((3, 3), (2, 2), (9, 9), Padding(3, 0, 3, 0)),
    "no column is read": ((4, 1), (1, 1), (1, 5), Padding(0, 0, 2, 2)),
    "no row is read": ((1, 4), (1, 1), (5, 1), Padding(2, 2, 0, 0)),
    "the last outputs read nothing": ((2, 2), (1, 1), (1, 1), Padding(0, 3, 0, 3)),
    "the first outputs read nothing": ((2, 2), (2, 2), (1, 1), Padding(4, 0, 4, 0)),
    "outputs around the others": ((1, 1), (1, 1), (1, 1), Padding(2, 2, 2, 2)),
    "around large kernels": ((3, 3), (3, 3), (1, 1), Padding(4, 4, 4, 4)),
    "only far outside": ((1, 1), (3, 3), (7, 7), Padding(4, 5, 4, 5)),
    "outputs between": ((3, 3), (3, 3), (3, 3), Padding(4, 5, 4, 5)),
}


class WholeOf(KernelDef):
    """A kernel for rows as one for whole layers."""

    def __init__(self, rows: RowKernel) -> None:
        self.rows, self.name, self.op, self.dtype = rows, rows.name, rows.op, rows.dtype

    def accepts(self, workload, constants):
        return self.rows.accepts(workload, constants)

    def build(self, workload, constants):
        loops = self.rows.build(workload, constants).kernel(self.op)
        return Kernel(self.name, (), loops, Access(1, ()))

    def cycles(self, workload):
        return self.rows.cycles(workload)

    def pack(self, workload, constants):
        return self.rows.pack(workload, constants)


def _kernels() -> dict[str, tuple[KernelDef, DType]]:
    found: dict[str, tuple[KernelDef, DType]] = {}
    for dtype in DTYPES:
        whole = [d for op in OPS for d in candidates(op, FEATURES, "auto", dtype)]
        rows = [*MVE_ROWS, *DSP_ROWS, *FPU_ROWS, *PORTABLE_ROWS]
        rows = [d for d in rows if d.op in OPS and d.dtype in (None, dtype)]
        for d in (*whole, *map(WholeOf, rows)):
            kind = "rows" if isinstance(d, WholeOf) else "whole"
            found[f"{d.name}-{kind}{getattr(d, 'block', '')}-{dtype.value}"] = d, dtype
    return found


KERNELS = _kernels()


def _case(layer: str, definition: KernelDef, dtype: DType, r: Random) -> Case:
    size, kernel, stride, padding = LAYERS[layer]
    filters = 8 if definition.op == "depthwise_conv2d" else 5
    channels = filters if definition.op == "depthwise_conv2d" else 3
    if dtype is DType.INT8:
        workload, constants = _int8(definition.op, layer, channels, filters, r)
        return Case(definition, workload, constants, int8_data(r, (1, *size, channels)))
    shape = (1, *kernel, filters) if channels == filters else (filters, *kernel, channels)
    out = window_output(size, kernel, stride, (1, 1), padding)
    constants = (Constant(float_data(r, shape)), Constant(float_data(r, (filters,))))
    attrs = Conv2DAttrs if definition.op == "conv2d" else DepthwiseConv2DAttrs
    workload = Workload(
        definition.op,
        attrs(stride, (1, 1), padding),
        FloatNumbers(0.0),
        (("input", floats((1, *size, channels))),),
        (("weight", floats(shape)), ("bias", floats((filters,)))),
        (("output", floats((1, *out, filters))),),
    )
    return Case(definition, workload, constants, float_data(r, (1, *size, channels)))


def _int8(op: str, layer: str, channels: int, filters: int, r: Random):
    size, kernel, stride, padding = LAYERS[layer]
    numbers = draw_numbers(r, 5)
    if op == "depthwise_conv2d":
        constants = depthwise_constants(r, kernel, filters)
        attrs = DepthwiseConv2DAttrs(stride, (1, 1), padding)
        return depthwise_workload(size, filters, attrs, numbers, constants), constants
    constants = draw_constants(r, (filters, *kernel, channels))
    out = window_output(size, kernel, stride, (1, 1), padding)
    workload = Workload(
        op,
        Conv2DAttrs(stride, (1, 1), padding),
        numbers,
        (("input", TensorType((1, *size, channels), DType.INT8)),),
        constant_types(constants),
        (("output", TensorType((1, *out, filters), DType.INT8)),),
    )
    return workload, constants


@pytest.mark.parametrize("kernel", KERNELS)
def test_right_or_refused(kernel):
    definition, dtype = KERNELS[kernel]
    for layer in LAYERS:
        for seed in range(3):
            case = _case(layer, definition, dtype, Random(seed))
            if definition.accepts(case.workload, case.constants) is not None:
                continue
            assert np.array_equal(interpreted(case), case.expected), layer
