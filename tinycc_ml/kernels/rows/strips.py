"""A row of a convolution, computed in strips of columns, so that the scratch under it is small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW
from tinycc_ml.kernels.shape import KernelShape
from tinycc_ml.loopir import Affine, Buffer, For, Role, Stmt
from tinycc_ml.loopir.walk import defined_names, rename, substitute

Loops = tuple[tuple[Buffer, ...], tuple[Stmt, ...]]
#: Of a convolution in integers, or in float32.
Shape = TypeVar("Shape", bound=KernelShape)
#: From a convolution to its function: the parameters input, stream, output and scratch, and a body
#: whose last statement is the loop over rows; ``None`` where it cannot be computed so.
Make = Callable[[Shape], Loops | None]

#: For the calls of a strip's tiles, and for each row that is copied under it.
_CALL_CYCLES, _COPY_CYCLES = 80, 50


@dataclass(frozen=True, slots=True)
class Strip(Generic[Shape]):
    """Neighbouring output columns: a convolution of its own, on some columns of the image.

    Attributes:
        shape: Of that convolution.
        first_output: Its first column in the output.
        first_input: The first input column that it reads.
    """

    shape: Shape
    first_output: int
    first_input: int


def strips_of(shape: Shape, make: Make[Shape], limit_bytes: int) -> tuple[Strip[Shape], ...]:
    """A row cut into equal strips, as wide as a limit on the scratch allows.

    Args:
        shape: The convolution.
        make: Makes the function of a strip.
        limit_bytes: For the scratch. Strips are at least two columns wide, if the width is even.

    Returns:
        The strips; empty where a strip cannot be computed.
    """
    width = shape.out_size[1]
    for count in range(1, width + 1):
        if width % count == 0:
            strips = tuple(_strip(shape, i * width // count, width // count) for i in range(count))
            if any(make(strip.shape) is None for strip in strips):
                return ()
            smallest = count == width or width // count <= 2
            if smallest or _scratch_bytes(make(strips[0].shape)) <= limit_bytes:
                return strips
    return ()


def row_of_strips(
    shape: Shape, strips: tuple[Strip[Shape], ...], make: Make[Shape]
) -> tuple[tuple[Buffer, ...], tuple[Stmt, ...]]:
    """Parameters, and the statements that compute row ``oy`` strip by strip."""
    kernels = [_loops(strip, make) for strip in strips]
    x, stream, y, *scratch = kernels[0][0]
    image = (shape.in_size[0], shape.in_size[1] * shape.in_channels)
    result = (shape.out_size[0], shape.out_size[1] * shape.out_channels)
    buffers = (
        Buffer("input", x.dtype, image, Role.INPUT),
        stream,
        Buffer("output", y.dtype, result, Role.OUTPUT),
        *scratch,
    )
    return buffers, tuple(stmt for _, stmts in kernels for stmt in stmts)


def copying_cycles(shape: Shape, strips: Sequence[Strip[Shape]]) -> int:
    """Estimate for copying the rows under each strip, and for the calls of its tiles."""
    elements = sum(strip.shape.in_size[1] for strip in strips) * shape.in_channels
    calls = len(strips) * (_CALL_CYCLES + shape.kernel[0] * _COPY_CYCLES)
    return shape.out_size[0] * (calls + shape.kernel[0] * elements // 4)


def _strip(shape: Shape, first: int, columns: int) -> Strip[Shape]:
    start = first * shape.stride[1] - shape.padding[1]
    end = min(start + (columns - 1) * shape.stride[1] + shape.span(1), shape.in_size[1])
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


def _scratch_bytes(loops: Loops | None) -> int:
    buffers = loops[0] if loops else ()
    return sum(b.elements * b.dtype.size_bytes for b in buffers if b.role is Role.SCRATCH)


def _loops(strip: Strip[Shape], make: Make[Shape]) -> Loops:
    """Parameters, and the statements that compute a strip of row ``oy``."""
    made = make(strip.shape)
    assert made is not None  # that is how the strips were chosen
    (x, stream, y, *scratch), body = made
    *padding, loop = body
    assert isinstance(loop, For)  # over the rows
    row = (*padding, *substitute(loop.body, loop.variable, ROW))
    channels, outputs = strip.shape.in_channels, strip.shape.out_channels

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        if name == x.name:
            return name, (indices[0], indices[1] + strip.first_input * channels)
        if name == y.name:
            row_index, *rest = indices
            (element,) = rest if len(rest) == 1 else (rest[0] * outputs + rest[1],)
            return name, (row_index, element + strip.first_output * outputs)
        return name, indices

    row = redirect(row, to)
    if strip.first_output:
        suffix = f"_at{strip.first_output}"
        row = rename(row, {name: f"{name}{suffix}" for name in defined_names(row)})
    return (x, stream, y, *scratch), row
