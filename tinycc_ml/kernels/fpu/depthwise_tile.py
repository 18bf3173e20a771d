"""A float32 depthwise tile: one output pixel, eight channels at a time.

For each tap: the elements of the channels in one load, their weights in another, and a product and
a sum for each. The taps of a kernel row stand one behind the other; there is a loop over rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.fpu.assembly import (
    LANES,
    WEIGHTS,
    Assembler,
    activation_name,
    activation_problem,
    registers,
)
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Buffer,
    Intrinsic,
    Local,
    LoopKernel,
    Role,
    SharedText,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.floats import FloatNumbers, limited

_WORD_BYTES = 4
_LARGEST_SIZE = 65535
#: Taps of a kernel row that stand one behind the other.
_WIDEST = 16
#: Where elements of the input are: registers that other tiles have for sums.
_ELEMENTS = LANES
_PLAN = (
    "r0: input; r1: stream; r2: output; r3: distance of taps; r4: groups to go.",
    "r5: elements; r7: rows to go; r8: rows; r9: from row to row; r6, r10, r11: outputs.",
)


@dataclass(frozen=True, slots=True)
class DepthwiseTile:
    """What a tile computes; distances are in elements.

    Attributes:
        channels: Of input and output.
        kernel: Rows and columns.
        row_stride: Distance between rows of taps.
        tap_stride: Distance between the taps of a row.
        numbers: The activation's limits.
    """

    channels: int
    kernel: tuple[int, int]
    row_stride: int
    tap_stride: int
    numbers: FloatNumbers

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        strides = f"_r{self.row_stride}_t{self.tap_stride}"
        return f"{self.shared_name}_{self.kernel[0]}rows{strides}_c{self.channels}"

    @property
    def shared_name(self) -> str:
        """The name of the text, the same for all tiles that it serves."""
        rest = f"_rest{self.rest}" if self.rest else ""
        return f"depthwise_f32_{self.kernel[1]}taps__fpu_any{rest}{activation_name(self.numbers)}"

    @property
    def rest(self) -> int:
        """Channels of the last group, if it has fewer."""
        return self.channels % LANES

    @property
    def input_elements(self) -> int:
        """From the first tap's first channel to the last one's last, inclusive."""
        rows, taps = self.kernel
        return (rows - 1) * self.row_stride + (taps - 1) * self.tap_stride + self.channels

    @property
    def stream_elements(self) -> int:
        """Weights and biases."""
        return (self.kernel[0] * self.kernel[1] + 1) * self.channels

    @property
    def sizes(self) -> tuple[int, ...]:
        """What the text reads from its table; distances are in bytes."""
        rows, taps = self.kernel
        gap = self.row_stride - taps * self.tap_stride if rows > 1 else 0
        distances = (self.tap_stride, gap)
        return (self.channels // LANES, rows, *(_WORD_BYTES * d for d in distances))

    def problem(self) -> str | None:
        """Why the text cannot compute it, or ``None``."""
        if max(self.sizes) > _LARGEST_SIZE or min(self.sizes) < 0:
            return f"sizes {self.sizes} of the tile; allowed 0 to {_LARGEST_SIZE}"
        if self.kernel[1] > _WIDEST:
            return f"{self.kernel[1]} taps in a row; allowed up to {_WIDEST}"
        return activation_problem(self.numbers)


def depthwise_intrinsic(tile: DepthwiseTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters input, stream, output."""
    comment = f"A pixel of any number of channels, {LANES} at a time, {tile.kernel[1]} taps a row."
    text = SharedText(tile.shared_name, _assemble(tile), (comment, *_PLAN))
    size = f"{tile.kernel[0]}x{tile.kernel[1]}"
    comment = f"A pixel of {tile.channels} channels, {size} taps each."
    return Intrinsic(
        tile.name, _meaning(tile), "fpu", (), (comment,), shared=text, sizes=tile.sizes
    )


def _assemble(tile: DepthwiseTile) -> tuple[str, ...]:
    """All lines; of the tile only what is part of the text's name is used."""
    asm = Assembler()
    asm.add("push {r4-r11, lr}", "vpush {s16-s31}", "mov r6, r3")
    asm.add("ldrh r4, [r6]", "ldrh r8, [r6, #2]", "ldrh r3, [r6, #4]", "ldrh r9, [r6, #6]")
    asm.add("cmp r4, #0", "beq 3f")
    _group(asm, tile, LANES, 1)
    asm.add("subs r4, r4, #1", "bne 1b")
    asm.label(3, "the last channels")
    if tile.rest:
        _group(asm, tile, tile.rest, 4)
    asm.add("vpop {s16-s31}", "pop {r4-r11, pc}")
    return tuple(asm.lines)


def _group(asm: Assembler, tile: DepthwiseTile, channels: int, first: int) -> None:
    """Channels that are computed together; takes two numbers of labels."""
    asm.label(first, f"{channels} channels")
    asm.clear(channels, "r6")
    asm.add("mov r5, r0", "mov r7, r8")
    asm.label(first + 1, "a row of taps")
    for _ in range(tile.kernel[1]):
        asm.add(f"vldmia r5, {registers(_ELEMENTS, channels)}")
        asm.add(f"vldmia r1!, {registers(WEIGHTS, channels)}", "add r5, r5, r3")
        asm.multiply_add([(c, _ELEMENTS + c, WEIGHTS + c) for c in range(channels)])
    asm.add("add r5, r5, r9", "subs r7, r7, #1", f"bne {first + 1}b")
    asm.add(f"vldmia r1!, {registers(WEIGHTS, channels)}")
    asm.add_bias(0, channels)
    asm.store("r2", 0, channels, tile.numbers, ("r6", "r10", "r11"))
    asm.add(f"add r0, r0, #{_WORD_BYTES * channels}")


def _meaning(tile: DepthwiseTile) -> LoopKernel:
    x = Buffer("input", DType.FLOAT32, (tile.input_elements,), Role.INPUT)
    stream = Buffer("stream", DType.FLOAT32, (tile.stream_elements,), Role.CONSTANT)
    y = Buffer("output", DType.FLOAT32, (tile.channels,), Role.OUTPUT)
    rows, taps = tile.kernel

    def group(channels: int, first: Affine, suffix: str) -> tuple[Stmt, ...]:
        c, ky, kx = (f"{name}{suffix}" for name in ("c", "ky", "kx"))
        acc = f"acc{suffix}"
        start = first * (rows * taps + 1) + affine(c)
        tap = affine(ky) * tile.row_stride + affine(kx) * tile.tap_stride
        weight = start + (affine(ky) * taps + affine(kx)) * channels
        product = b.mul(b.load(x, tap + first + affine(c)), b.load(stream, weight))
        bias = b.load(stream, start + rows * taps * channels)
        return b.nest(
            [(c, channels)],
            Local(acc, DType.FLOAT32, b.number(0.0)),
            *b.nest([(ky, rows), (kx, taps)], Accumulate(acc, product)),
            b.store(y, (first + affine(c),), limited(b.add(Var(acc), bias), tile.numbers)),
        )

    body: tuple[Stmt, ...] = ()
    full = tile.channels // LANES
    if full:
        body += b.nest([("group", full)], *group(LANES, affine("group") * LANES, ""))
    if tile.rest:
        body += group(tile.rest, affine(full * LANES), "_last")
    return LoopKernel(tile.name, (x, stream, y), body)
