"""Copying bytes by vectors: rows into a buffer, and pieces of rows into columns."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.mve.gemm_tile import LANES
from tinycc_ml.loopir import Affine, Buffer, Intrinsic, LoopKernel, Role, affine
from tinycc_ml.loopir import build as b

#: Vectors in a turn of the loop that copies.
_UNROLL = 4
#: Offsets of vector loads and stores of bytes; offsets of ADD.
_VECTOR_OFFSET, _ADD_LIMIT = 127, 4095
#: So many pieces of a column have code of their own.
PIECES_LIMIT = 128


def copy_intrinsic(elements: int) -> Intrinsic:
    """Copies a number of bytes, which may lie at any address; parameters are input, output."""
    name = f"copy_s8__mve_{elements}"
    x = Buffer("input", DType.INT8, (elements,), Role.INPUT)
    y = Buffer("output", DType.INT8, (elements,), Role.OUTPUT)
    copy = b.store(y, ("i",), b.load(x, "i"))
    meaning = LoopKernel(name, (x, y), b.nest([("i", elements)], copy))
    comment = (f"Copies {elements} bytes.", "r0: input; r1: output.")
    return Intrinsic(name, meaning, "mve", _copy_text(elements), comment)


def _copy_text(elements: int) -> tuple[str, ...]:
    vectors, rest = divmod(elements, LANES)
    turns, left = divmod(vectors, _UNROLL)
    lines = ["push {r4, lr}"]
    if turns > 1:
        lines += [f"movw r2, #{turns}", "dls lr, r2", "1:", *_copies(_UNROLL), "le lr, 1b"]
    else:
        left = vectors
    lines += _copies(left)
    if rest:
        lines += [f"mov r2, #{rest}", "vctp.8 r2", "vpstt"]
        lines += ["vldrbt.8 q0, [r0]", "vstrbt.8 q0, [r1]"]
    lines += ["pop {r4, pc}"]
    return tuple(line if line.endswith(":") else f"  {line}" for line in lines)


def _copies(vectors: int) -> list[str]:
    pairs = (
        (f"vldrb.8 q{i % 2}, [r0], #16", f"vstrb.8 q{i % 2}, [r1], #16") for i in range(vectors)
    )
    return [line for pair in pairs for line in pair]


@dataclass(frozen=True, slots=True)
class Gather:
    """Columns of a row of pixels from pieces of a buffer of rows; counts are in elements.

    Whole vectors are copied. What is too much is overwritten by the next piece, or lies behind
    the last column: both buffers have some room.

    Attributes:
        pixels: Columns.
        pixel_step: Distance between two pixels in a row.
        rows: Rows of the kernel.
        row_stride: Distance between rows.
        taps: Pieces of a kernel row.
        tap_stride: Distance between these.
        piece: Elements of a piece.
        column: Distance between columns; at least the elements of all pieces.
    """

    pixels: int
    pixel_step: int
    rows: int
    row_stride: int
    taps: int
    tap_stride: int
    piece: int
    column: int

    @property
    def name(self) -> str:
        """Distinct for distinct gathers."""
        taps = f"t{self.taps}x{self.tap_stride}_" if self.taps > 1 else ""
        return (
            f"gather_s8__mve_{self.rows}x{self.piece}_r{self.row_stride}_{taps}"
            f"p{self.pixel_step}_n{self.pixels}_c{self.column}"
        )

    @property
    def vectors(self) -> list[tuple[int, int]]:
        """Where each vector of a column comes from and goes to, in ascending order."""
        return [
            (
                row * self.row_stride + tap * self.tap_stride + start,
                (row * self.taps + tap) * self.piece + start,
            )
            for row in range(self.rows)
            for tap in range(self.taps)
            for start in range(0, self.piece, LANES)
        ]

    @property
    def row_elements(self) -> int:
        """From the first element that is read to the last, inclusive."""
        return (self.pixels - 1) * self.pixel_step + self.vectors[-1][0] + LANES

    @property
    def column_elements(self) -> int:
        """From the first element that is written to the last, inclusive."""
        return (self.pixels - 1) * self.column + self.vectors[-1][1] + LANES


def gather_intrinsic(gather: Gather) -> Intrinsic:
    """The columns of a row; parameters are rows, columns."""
    g = gather
    rows = Buffer("rows", DType.INT8, (g.row_elements,), Role.INPUT)
    columns = Buffer("columns", DType.INT8, (g.column_elements,), Role.OUTPUT)
    source = affine("row") * g.row_stride + affine("tap") * g.tap_stride + affine("i")
    target: Affine = (affine("row") * g.taps + affine("tap")) * g.piece + affine("i")
    copy = b.store(
        columns,
        (affine("pixel") * g.column + target,),
        b.load(rows, affine("pixel") * g.pixel_step + source),
    )
    loops = [("pixel", g.pixels), ("row", g.rows), ("tap", g.taps), ("i", g.piece)]
    meaning = LoopKernel(g.name, (rows, columns), b.nest(loops, copy))
    comment = (
        f"Columns of {g.pixels} pixels: {g.rows * g.taps} pieces of {g.piece} elements each.",
        "r0: rows; r1: columns; lr: counts pixels.",
    )
    return Intrinsic(g.name, meaning, "mve", _gather_text(g), comment)


def _gather_text(g: Gather) -> tuple[str, ...]:
    loads, source_moved = _addresses("r0", [source for source, _ in g.vectors])
    stores, target_moved = _addresses("r1", [target for _, target in g.vectors])
    lines = ["push {r4, lr}", f"movw r2, #{g.pixels}", "dls lr, r2", "1:"]
    for i, (load, store) in enumerate(zip(loads, stores, strict=True)):
        lines += [f"vldrb.8 q{i % 2}, {load[0]}", *load[1:]]
        lines += [f"vstrb.8 q{i % 2}, {store[0]}", *store[1:]]
    lines += _advance("r0", g.pixel_step - source_moved)
    lines += _advance("r1", g.column - target_moved)
    lines += ["le lr, 1b", "pop {r4, pc}"]
    return tuple(line if line.endswith(":") else f"  {line}" for line in lines)


def _addresses(register: str, offsets: list[int]) -> tuple[list[list[str]], int]:
    """For each offset the address and what has to follow; by how much the register moves."""
    if offsets[-1] <= _VECTOR_OFFSET:
        return [[f"[{register}, #{offset}]"] for offset in offsets], 0
    found = []
    for here, there in zip(offsets, [*offsets[1:], offsets[-1]], strict=True):
        if 0 < there - here <= _VECTOR_OFFSET:
            found.append([f"[{register}], #{there - here}"])
        else:
            found.append([f"[{register}]", *_advance(register, there - here)])
    return found, offsets[-1]


def _advance(register: str, distance: int) -> list[str]:
    operation, left = ("addw", distance) if distance >= 0 else ("subw", -distance)
    lines = []
    while left:
        part = min(left, _ADD_LIMIT)
        lines.append(f"{operation} {register}, {register}, #{part}")
        left -= part
    return lines
