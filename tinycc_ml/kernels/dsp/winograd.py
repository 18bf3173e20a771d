"""3x3 convolutions by Winograd's algorithm in exact integers.

F(4x4) takes a quarter of the multiplications and eight times the flash of the direct kernel's
weights, F(2x2) four ninths and 3.6 times.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.kernels.dsp.winograd_algorithm import F2, F4, Algorithm
from tinycc_ml.kernels.dsp.winograd_cost import winograd_cycles
from tinycc_ml.kernels.dsp.winograd_input_assembly import input_problem
from tinycc_ml.kernels.dsp.winograd_layout import Layout, layout_problem
from tinycc_ml.kernels.dsp.winograd_loops import winograd_loops
from tinycc_ml.kernels.dsp.winograd_packing import pack_products, packing_problem
from tinycc_ml.kernels.dsp.winograd_product_assembly import product_problem
from tinycc_ml.kernels.dsp.winograd_tile import FILTERS, TILES
from tinycc_ml.loopir import verify_kernel
from tinycc_ml.ops import Access, Whole, Window, Workload


class Winograd(KernelDef):
    """3x3 with stride 1: any size of a tile or more, any padding, any number of channels."""

    op = "conv2d"
    requires = frozenset({"dsp"})

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self.name = f"conv2d_s8_{algorithm.name}__dsp_{TILES}x{FILTERS}"  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        layout = self._layout(workload)
        problem = layout_problem(layout)
        if problem:
            return problem
        tile = layout.product_tile(TILES)
        problem = input_problem(layout.input_tile()) or product_problem(tile)
        if problem:
            return problem
        channels = _channels(layout, constants)
        if isinstance(channels, str):
            return channels
        return packing_problem(self.algorithm, channels, corrects_sign=tile.corrects_sign)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        layout = self._layout(workload)
        loops = verify_kernel(winograd_loops(self.op, layout))
        return Kernel(self.name, (), loops, _access(layout))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return winograd_cycles(self._layout(workload))

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layout = self._layout(workload)
        channels = _channels(layout, constants)
        assert not isinstance(channels, str)  # the layer is not refused
        return (Constant(pack_products(layout.product_tile(TILES), channels)),)

    def _layout(self, workload: Workload) -> Layout:
        return Layout(self.algorithm, ConvShape.of(workload))


def _channels(layout: Layout, constants: Sequence[Constant]) -> Channels | str:
    weight, *others = (constant.array for constant in constants)
    return fold_channels(layout.shape.numbers, weight.reshape(len(weight), -1), *others)


def _access(layout: Layout) -> Access:
    """Rows of tiles as steps where all are equal, each as if it were a pixel of all its rows."""
    s, m = layout.shape, layout.algorithm.outputs
    row = s.out_size[1] * s.out_channels
    if s.out_size[0] % m or s.out_size[0] == m:
        return Access(s.out_size[0] * row, (("input", Whole()),))
    window = Window(
        (*s.in_size, s.in_channels),
        1,
        (layout.algorithm.size, s.in_size[1]),
        (m, 1),
        (1, 1),
        (s.padding[0], 0),
    )
    return Access(m * row, (("input", window),), reads_first=True)


WINOGRAD: tuple[Winograd, ...] = (Winograd(F4), Winograd(F2))
