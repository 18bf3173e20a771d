"""Row kernels for any core, made from the operators' own loop nests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.portable import PORTABLE
from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops, row_buffer, row_index
from tinycc_ml.kernels.rows.one_row import CYCLES_PER_ROW, OneRow, is_image, rows_problem
from tinycc_ml.kernels.rows.timing import RowReads
from tinycc_ml.loopir import Affine, Buffer, For, Stmt
from tinycc_ml.loopir.walk import Body, substitute
from tinycc_ml.ops import Window, Workload, op
from tinycc_ml.ops.concatenation import ConcatenationAttrs


class WindowRows(RowKernel):
    """Operators whose output rows each read a window of input rows."""

    dtype = None
    odd_weight = True

    def __init__(self, name: str) -> None:
        self.op = name  # type: ignore[misc]
        self.name = f"{name}__c"  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        pattern = op(self.op).access(workload).inputs[0][1]
        has_rows = isinstance(pattern, Window) and is_image(workload.operand("input"))
        return None if has_rows else "the layer has no rows"

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        kernel = op(self.op).lower(workload)
        rows = {role: workload.operand(role).shape[1] for role in ("input", "output")}
        loop = _row_loop(kernel.body, rows["output"])
        row = substitute(loop.body, loop.variable, ROW)
        return RowLoops(
            _row_buffers(kernel.buffers, rows),
            rows["output"],
            (("input", window_reads(workload)),),
            _by_rows(row, kernel.buffers, rows),
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        rows = workload.operand("output").shape[1]
        return PORTABLE[self.op].cycles(workload) + CYCLES_PER_ROW * rows


class ElementwiseRows(OneRow):
    """Operators whose output rows each read the same row of every input."""

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        types = [type_ for _, type_ in (*workload.inputs, *workload.outputs)]
        if isinstance(workload.attrs, ConcatenationAttrs):
            is_joined = all(map(is_image, types)) and workload.attrs.axis % 4 <= 1
            return "rows are joined, not columns" if is_joined else rows_problem(workload)
        if len({type_.shape for type_ in types}) > 1:
            return "an input is broadcast"
        return super().accepts(workload, constants)


def window_reads(workload: Workload) -> RowReads:
    """Which input rows an output row reads; for layers whose access is a window."""
    window = cast(Window, op(workload.op).access(workload).inputs[0][1])
    span = (window.kernel[0] - 1) * window.dilation[0] + 1
    # A single row has no next one: without a stride its layers run at one rate.
    stride = window.stride[0] if workload.operand("output").shape[1] > 1 else 1
    return RowReads(stride, window.padding[0], span)


def _row_loop(body: Body, rows: int) -> For:
    """The loop over rows; a loop over images around it has one turn, and is dropped."""
    (loop,) = body
    assert isinstance(loop, For)  # that is how the operators are lowered
    if loop.extent == rows:
        return loop
    return _row_loop(substitute(loop.body, loop.variable, 0), rows)


def _row_buffers(buffers: Sequence[Buffer], rows: Mapping[str, int]) -> tuple[Buffer, ...]:
    return tuple(row_buffer(b, rows[b.name]) if b.name in rows else b for b in buffers)


def _by_rows(
    body: Sequence[Stmt], buffers: Sequence[Buffer], rows: Mapping[str, int]
) -> tuple[Stmt, ...]:
    """Statements on tensors as statements on their rows."""
    tensors = {buffer.name: buffer for buffer in buffers}

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        if name not in rows:
            return name, indices
        return name, row_index(tensors[name], rows[name], indices)

    return redirect(tuple(body), to)


PORTABLE_WINDOWS = tuple(
    WindowRows(name)
    for name in ("conv2d", "depthwise_conv2d", "average_pool2d", "max_pool2d", "pad")
)
PORTABLE_ELEMENTWISE = tuple(
    ElementwiseRows(PORTABLE[name])
    for name in (
        "add",
        "mul",
        "relu",
        "relu6",
        "logistic",
        "quantize",
        "dequantize",
        "concatenation",
    )
)
