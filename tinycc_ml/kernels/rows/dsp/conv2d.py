"""Convolutions whose columns are windows of a buffer of input rows.

The rows under an output row are widened into the buffer, which all layers of a group share. It
would be the largest scratch of a group, so that a row is cut into strips of columns, and the buffer
holds the rows under one strip. Input columns between two strips are widened twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv_rows import Rows
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.layer import pack_layer, refusal
from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops, row_buffer
from tinycc_ml.kernels.rows.one_row import is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.loopir import Affine, Buffer, For, Role, Stmt
from tinycc_ml.loopir.walk import defined_names, rename, substitute
from tinycc_ml.ops import Workload

#: Strips are as wide as this allows.
_SCRATCH_LIMIT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Strip:
    """Neighbouring output columns: a convolution of its own, on some columns of the image.

    Attributes:
        shape: Of that convolution.
        first_output: Its first column in the output.
        first_input: The first input column that it reads.
    """

    shape: ConvShape
    first_output: int
    first_input: int


class Conv2DRowsDsp(RowKernel):
    """Any kernel size, stride and padding, without horizontal dilation."""

    name = "conv2d_s8_rows__dsp_2x4"
    op = "conv2d"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not is_image(workload.operand("input")):
            return "the layer has no rows"
        shape = ConvShape.of(workload)
        strips = strips_of(shape)
        if not strips:
            return "columns are no windows of rows"
        return refusal(shape.numbers, Rows(strips[0].shape).tile(2), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        strips = strips_of(ConvShape.of(workload))
        kernels = [_loops(strip) for strip in strips]
        _, stream, _, scratch = kernels[0][0]
        x, y = (workload.operand(role).shape for role in ("input", "output"))
        buffers = (
            row_buffer(Buffer("input", kernels[0][0][0].dtype, x, Role.INPUT), x[1]),
            stream,
            row_buffer(Buffer("output", kernels[0][0][2].dtype, y, Role.OUTPUT), y[1]),
            scratch,
        )
        body = tuple(stmt for _, stmts in kernels for stmt in stmts)
        return RowLoops(
            buffers,
            y[1],
            (("input", window_reads(workload)),),
            body,
            # All input rows are in the buffer before the first output is stored.
            reads_first=len(strips) == 1,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return Conv2DDsp().cycles(workload) * 103 // 100

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        rows = Rows(strips_of(ConvShape.of(workload))[0].shape)
        numbers, tile = rows.shape.numbers, rows.tile(2)
        return (pack_layer(numbers, tile, constants, rows.run, planar=rows.planar),)


def strips_of(shape: ConvShape) -> tuple[Strip, ...]:
    """A row cut into equal strips; empty where columns are no windows of rows."""
    width = shape.out_size[1]
    for count in range(1, width + 1):
        if width % count == 0:
            strips = tuple(_strip(shape, i * width // count, width // count) for i in range(count))
            if not all(Rows.takes(strip.shape) for strip in strips):
                return ()
            smallest = count == width or width // count <= 2
            if smallest or _scratch_bytes(strips[0]) <= _SCRATCH_LIMIT_BYTES:
                return strips
    return ()


def _strip(shape: ConvShape, first: int, columns: int) -> Strip:
    start = first * shape.stride[1] - shape.padding[1]
    end = min(start + (columns - 1) * shape.stride[1] + shape.kernel[1], shape.in_size[1])
    first_input = max(start, 0)
    return Strip(
        replace(
            shape,
            in_size=(shape.in_size[0], end - first_input),
            out_size=(shape.out_size[0], columns),
            padding=(shape.padding[0], first_input - start),
        ),
        first,
        first_input,
    )


def _scratch_bytes(strip: Strip) -> int:
    rows = Rows(strip.shape).kernel()[0][-1]
    return rows.elements * rows.dtype.size_bytes


def _loops(strip: Strip) -> tuple[tuple[Buffer, ...], tuple[Stmt, ...]]:
    """Parameters, and the statements that compute a strip of row ``oy``."""
    (x, stream, y, scratch), body = Rows(strip.shape).kernel()
    *padding, loop = body
    assert isinstance(loop, For)  # over the rows
    row = (*padding, *substitute(loop.body, loop.variable, ROW))
    channels, outputs = strip.shape.in_channels, strip.shape.out_channels

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        if name == x.name:
            return name, (indices[0], indices[1] + strip.first_input * channels)
        if name == y.name:
            column = indices[1] + strip.first_output
            return name, (indices[0], column * outputs + indices[2])
        return name, indices

    row = redirect(row, to)
    if strip.first_output:
        suffix = f"_at{strip.first_output}"
        row = rename(row, {name: f"{name}{suffix}" for name in defined_names(row)})
    return (x, stream, y, scratch), row
