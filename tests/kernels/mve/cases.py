"""The layers of the DSP kernels' tests for the vector kernels, with more weights of -128."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random
from typing import cast

import numpy as np

from tests.kernels.dsp import cases
from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.depthwise_cases import depthwise_case as planes_case
from tests.kernels.dsp.test_add import add_case as table_case
from tests.kernels.dsp.test_add import all_pairs as table_pairs
from tests.kernels.dsp.test_add import one_input
from tests.kernels.mve.elementwise_cases import mean_case, mul_case
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.mve.add import AddMve
from tinycc_ml.kernels.mve.conv2d import Conv2DMve
from tinycc_ml.kernels.mve.depthwise import DepthwiseMve
from tinycc_ml.kernels.mve.fully_connected import FullyConnectedMve
from tinycc_ml.kernels.mve.pooling import AveragePool2DMve, MaxPool2DMve
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers
from tinycc_ml.ops.rescaling import RescaledNumbers
from tinycc_ml.ops.window import Padding, window_output

CONV, DENSE, DEPTHWISE = Conv2DMve(), FullyConnectedMve(), DepthwiseMve()


def _with(definition: KernelDef, case: Case, r: Random) -> Case:
    weight, *others = case.constants
    if r.random() < 0.3:
        rng = np.random.default_rng(r.getrandbits(32))
        # Depthwise kernels refuse two neighbours of -128.
        share = r.choice([0.05, 0.5, 1.0]) if definition is not DEPTHWISE else 0.02
        extreme = rng.random(weight.array.shape) < share
        weight = Constant(np.where(extreme, np.int8(-128), weight.array))
    return replace(case, definition=definition, constants=(weight, *others))


def dense_case(r: Random, scale: int = 1) -> Case:
    """A fully connected layer."""
    return _with(DENSE, cases.dense_case(r, scale), r)


def conv_case(r: Random, scale: int = 1) -> Case:
    """A convolution."""
    return _with(CONV, cases.conv_case(r, scale), r)


def wide_case(r: Random, scale: int = 1) -> Case:
    """A convolution of few pixels and many channels: every loop of the tile, all far addresses."""
    kernel = r.choice([(1, 1), (1, 1), (2, 1), (1, 3), (2, 2), (3, 3)])
    padding = Padding(*(r.randint(0, 1) for _ in range(4))) if r.random() < 0.5 else Padding()
    size = (kernel[0] + r.randint(0, 1), kernel[1] + r.randint(0, 3))
    # By number of vectors: below and above what is unrolled, multiples and none.
    in_c = r.choice([64, 96, 128, 130, 144, 160, 288, 300, 352, r.randint(20, 130 * scale)])
    out_c = r.choice([4, 5, 8, 126, 128, 130, r.randint(1, 60 * scale)])
    if kernel[0] * kernel[1] * in_c * out_c > 20_000:
        out_c = r.randint(1, 6)
    if r.random() < 0.5:
        # Few vectors, but from rows that lie far apart.
        kernel, in_c, out_c = (
            (r.randint(2, 4), r.randint(1, 2)),
            r.choice([7, 8, 13, 16]),
            r.randint(1, 9),
        )
        size = (kernel[0] + r.randint(0, 1), r.randint(10, 24))
    stride = (1, r.randint(1, 2))
    out = window_output(size, kernel, stride, (1, 1), padding)
    constants = cases.draw_constants(r, (out_c, *kernel, in_c))
    numbers = cases.draw_numbers(r, 0 if padding.is_empty else r.choice([-128, 127, 5]))
    workload = Workload(
        "conv2d",
        Conv2DAttrs(stride, (1, 1), padding),
        numbers,
        (("input", TensorType((1, *size, in_c), DType.INT8)),),
        cases.constant_types(constants),
        (("output", TensorType((1, *out, out_c), DType.INT8)),),
    )
    x = cases.int8_data(r, (1, *size, in_c))
    return _with(CONV, Case(CONV, workload, constants, x), r)


def depthwise_case(r: Random, scale: int = 1) -> Case:
    """A depthwise layer with one filter per channel."""
    return _with(DEPTHWISE, planes_case(r, scale), r)


class OneInput(AddMve):
    """The kernel with its inputs one behind the other, as the batches have one."""

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        return one_input(super().build(workload, constants))


def add_case(r: Random, scale: int = 1) -> Case:
    """An addition, with and without an activation."""
    case = table_case(r, scale)
    numbers = cast(RescaledNumbers, case.workload.numbers)
    low = r.choice([-128, -128, numbers.output.offset, r.randint(-128, 127)])
    numbers = replace(numbers, output_min=low, output_max=r.choice([127, r.randint(low, 127)]))
    return replace(case, definition=OneInput(), workload=replace(case.workload, numbers=numbers))


def all_pairs_case(r: Random) -> Case:
    """Every value added to every value."""
    return replace(table_pairs(r), definition=OneInput())


def pool_case(definition: KernelDef, r: Random, scale: int = 1) -> Case:
    """Pooling with any number of channels."""
    kernel = (r.randint(1, 4 * scale), r.randint(1, 4 * scale))
    size = (kernel[0] + r.randint(0, 3), kernel[1] + r.choice([0, r.randint(0, 3)]))
    around = Padding()
    if r.random() < 0.5:
        # No window may hold nothing but padding.
        height, width = (k // 2 for k in kernel)
        top, bottom, left, right = (r.randint(0, most) for most in (height, height, width, width))
        around = Padding(top, bottom, left, right)
    attrs = Pool2DAttrs(kernel, (r.randint(1, 3), r.randint(1, 3)), around)
    channels = r.choice([8, 16, r.randint(1, 20 * scale), 130])
    out = window_output(size, kernel, attrs.stride, (1, 1), around)
    low = r.choice([-128, -128, r.randint(-128, 127)])
    workload = Workload(
        definition.op,
        attrs,
        PoolNumbers(low, r.choice([127, r.randint(low, 127)])),
        (("input", TensorType((1, *size, channels), DType.INT8)),),
        (),
        (("output", TensorType((1, *out, channels), DType.INT8)),),
    )
    return Case(definition, workload, (), cases.int8_data(r, (1, *size, channels)))


FAMILIES: dict[str, Callable[[Random, int], Case]] = {
    "add": add_case,
    "average_pool2d": partial(pool_case, AveragePool2DMve()),
    "conv2d": conv_case,
    "depthwise": depthwise_case,
    "fully_connected": dense_case,
    "max_pool2d": partial(pool_case, MaxPool2DMve()),
    "mean": mean_case,
    "mul": mul_case,
}


#: Too large for the interpreter.
EMULATED = {**FAMILIES, "wide": wide_case}


def accepted(family: str, count: int, seed: int, scale: int) -> list[Case]:
    """Cases that the kernel takes."""
    found: list[Case] = []
    while len(found) < count:
        seed += 1
        case = EMULATED[family](Random(seed), scale)
        if case.definition.accepts(case.workload, case.constants) is None:
            found.append(case)
    return found
