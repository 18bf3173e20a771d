"""Means over a whole image, row by row: rows are added to int32 sums, one for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.portable import PORTABLE
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import is_image
from tinycc_ml.kernels.rows.timing import RowReads
from tinycc_ml.loopir import Buffer, Expr, Literal, Local, Role, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload
from tinycc_ml.ops.average_pool2d import mean_of_sum as pooled
from tinycc_ml.ops.mean import MeanAttrs, MeanNumbers, mean_of_sum
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers


class _SumRows(RowKernel):
    """What the two share."""

    def start(self, workload: Workload) -> int:
        """What a sum starts with."""
        raise NotImplementedError

    def finish(self, workload: Workload) -> Expr:
        """The output for the local ``acc``, a sum."""
        raise NotImplementedError

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        _, rows, width, channels = workload.operand("input").shape
        x = Buffer("input", DType.INT8, (rows, width * channels), Role.INPUT)
        y = Buffer("output", DType.INT8, (1, channels), Role.OUTPUT)
        sums = Buffer("sums", DType.INT32, (channels,), Role.SCRATCH)
        element = b.load(x, ROW, affine("ix") * channels + "ic")
        added = b.store(sums, ("ic",), b.add(b.load(sums, "ic"), element))
        return RowLoops(
            (x, y, sums),
            rows,
            (("input", RowReads()),),
            b.nest([("ix", width), ("ic", channels)], added),
            b.nest([("c", channels)], b.store(sums, ("c",), Literal(self.start(workload)))),
            b.nest(
                [("oc", channels)],
                Local("acc", DType.INT32, b.load(sums, "oc")),
                b.store(y, (0, "oc"), self.finish(workload)),
            ),
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return PORTABLE[self.op].cycles(workload) + 4 * outputs(workload)


class MeanRows(_SumRows):
    """Means over height and width."""

    name = "mean__c"
    op = "mean"

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        axes = cast(MeanAttrs, workload.attrs).axes
        if not is_image(workload.operand("input")) or axes != (1, 2):
            return f"mean over the axes {axes}; allowed are height and width of an image"
        return None

    def start(self, workload: Workload) -> int:
        """See the base class."""
        return cast(MeanNumbers, workload.numbers).offset

    def finish(self, workload: Workload) -> Expr:
        """See the base class."""
        return mean_of_sum(cast(MeanNumbers, workload.numbers))


class GlobalAveragePoolRows(_SumRows):
    """Average pooling whose window is the whole image."""

    name = "average_pool2d_global__c"
    op = "average_pool2d"

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        a, x = cast(Pool2DAttrs, workload.attrs), workload.operand("input")
        if not is_image(x) or a.kernel != x.shape[1:3] or not a.padding.is_empty:
            return "the window is not the whole image"
        return None

    def start(self, workload: Workload) -> int:
        """See the base class."""
        return 0

    def finish(self, workload: Workload) -> Expr:
        """See the base class."""
        a, n = cast(Pool2DAttrs, workload.attrs), cast(PoolNumbers, workload.numbers)
        mean = pooled(a.kernel[0] * a.kernel[1])
        return b.clamp(mean, n.output_min, n.output_max)


PORTABLE_SUMS: tuple[RowKernel, ...] = (MeanRows(), GlobalAveragePoolRows())
