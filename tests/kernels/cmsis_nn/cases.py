"""Layers drawn for the library's functions: those of the other kernels' tests, and pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from tests.kernels.dsp import cases
from tests.kernels.dsp.cases import Case
from tests.kernels.dsp.depthwise_cases import depthwise_constants, depthwise_workload
from tests.kernels.dsp.test_add import add_case
from tests.kernels.mve.cases import pool_case
from tests.kernels.mve.elementwise_cases import mul_case
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels import Kernel
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.cmsis_nn import CMSIS_NN
from tinycc_ml.kernels.cmsis_nn.base import Isa
from tinycc_ml.loopir import Argument, Buffer, CallIntrinsic, LoopKernel, Role, affine
from tinycc_ml.ops import Workload
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.window import Padding


class OneInput(KernelDef):
    """A kernel of two inputs with these one behind the other, as the batches have one."""

    def __init__(self, definition: KernelDef) -> None:
        self.inner = definition
        self.name, self.op, self.requires = definition.name, definition.op, definition.requires

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        return self.inner.accepts(workload, constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        kernel = self.inner.build(workload, constants)
        first, second, *others = kernel.loops.buffers
        x = Buffer("input", DType.INT8, (first.elements + second.elements,), Role.INPUT)
        (call,) = kernel.loops.body
        assert isinstance(call, CallIntrinsic)
        both = (Argument("input", (affine(0),)), Argument("input", (affine(first.elements),)))
        body = (replace(call, arguments=(*both, *call.arguments[2:])),)
        return replace(kernel, loops=LoopKernel(self.op, (x, *others), body))

    def cycles(self, workload: Workload) -> int:
        return self.inner.cycles(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        return self.inner.pack(workload, constants)


def depthwise_case(r: Random, scale: int = 1) -> Case:
    """Several filters per channel too, one input channel, and 3x3 kernels as networks have them."""
    kernel = r.choice([(3, 3), (3, 3), (1, 4), (r.randint(1, 4), r.randint(1, 4))])
    stride = (r.randint(1, 2), r.randint(1, 2))
    dilation = r.choice([(1, 1), (1, 1), (2, 1)])
    padding = Padding(*(r.randint(0, 1) for _ in range(4)))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = (spans[0] + r.randint(0, 3 * scale), spans[1] + r.randint(0, 3 * scale))
    channels, multiplier = r.choice([(8, 1), (1, 8), (1, 9), (r.randint(1, 20), r.randint(1, 2))])
    constants = depthwise_constants(r, kernel, channels * multiplier)
    numbers = cases.draw_numbers(r, r.choice([-128, 127, 0, 5]))
    attrs = DepthwiseConv2DAttrs(stride, dilation, padding)
    workload = depthwise_workload(size, channels, attrs, numbers, constants)
    return Case(cases.CONV, workload, constants, cases.int8_data(r, (1, *size, channels)))


def line_case(r: Random, scale: int = 1) -> Case:
    """A convolution along a line, for which the library has a function of its own."""
    case = cases.conv_case(r, scale)
    while (
        case.workload.operand("input").shape[1] != 1
        or case.workload.operand("weight").shape[1] != 1
    ):
        case = cases.conv_case(r, scale)
    return case


def _elementwise(draw: Callable[[Random, int], Case], r: Random, scale: int = 1) -> Case:
    case = draw(r, scale)
    while len({type_.shape for _, type_ in case.workload.inputs}) > 1:
        case = draw(r, scale)
    return case


def _definition(op: str, isa: Isa) -> KernelDef:
    (found,) = (d for d in CMSIS_NN if d.op == op and d.name.endswith(f"_{isa}"))
    return OneInput(found) if op in ("add", "mul") else found


_POOLS = {op: _definition(op, "c") for op in ("average_pool2d", "max_pool2d")}
FAMILIES: dict[str, Callable[[Random, int], Case]] = {
    "add": partial(_elementwise, add_case),
    "average_pool2d": partial(pool_case, _POOLS["average_pool2d"]),
    "conv2d": cases.conv_case,
    "depthwise": depthwise_case,
    "fully_connected": cases.dense_case,
    "line": line_case,
    "max_pool2d": partial(pool_case, _POOLS["max_pool2d"]),
    "mul": partial(_elementwise, mul_case),
}


def accepted(family: str, isa: Isa, count: int, seed: int, scale: int = 1) -> list[Case]:
    """Layers that the library's kernel for an instruction set takes."""
    found: list[Case] = []
    while len(found) < count:
        seed += 1
        case = FAMILIES[family](Random(seed), scale)
        case = replace(case, definition=_definition(case.workload.op, isa))
        if case.definition.accepts(case.workload, case.constants) is None:
            found.append(case)
    return found
