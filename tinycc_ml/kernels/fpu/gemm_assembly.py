"""The assembly of a float32 GEMM tile.

For each element of the column: eight weights in one load, then a product and a sum for each of them
and for each pixel. Elements of the columns are loaded two or four at a time. All 32 registers of
the floating-point unit are in use: 16 sums (or 8), 8 weights, 4 elements, 4 products.
"""

from __future__ import annotations

from tinycc_ml.kernels.fpu.assembly import INPUTS, LANES, WEIGHTS, Assembler, registers
from tinycc_ml.kernels.fpu.gemm_tile import BLOCK, FloatTile

PLAN = (
    "r0: columns; r1: stream; r2: output; r3: distance of columns; r4: groups to go.",
    "r5, r6: elements of both columns; r7: runs to go; r8: turns to go; r9: from run to run.",
    "r10: runs; r11: turns of a run; r12: single elements of a run; lr: distance of outputs.",
)
_COLUMNS = ("r5", "r6")


def assemble(tile: FloatTile) -> tuple[str, ...]:
    """All lines; of the tile only what is part of the text's name is used."""
    asm = _GemmAssembler(tile)
    asm.run()
    return tuple(asm.lines)


class _GemmAssembler(Assembler):
    def __init__(self, tile: FloatTile) -> None:
        super().__init__()
        self.tile = tile

    def run(self) -> None:
        self.add("push {r4-r11, lr}", "vpush {s16-s31}", "mov r8, r3")
        sizes = ("r4", "r10", "r11", "r12", "r9", "r3", "lr")
        self.add(*(f"ldrh {size}, [r8, #{2 * i}]" for i, size in enumerate(sizes)))
        self.add("cmp r4, #0", "beq 7f")
        self.group(LANES, 1)
        self.add("subs r4, r4, #1", "bne 1b")
        self.label(7, "the last filters")
        if self.tile.rest:
            self.group(self.tile.rest, 8)
        self.add("vpop {s16-s31}", "pop {r4-r11, pc}")

    def group(self, filters: int, first: int) -> None:
        """Filters that are computed together; takes six numbers of labels."""
        run, block, single, turn, end = range(first + 1, first + 6)
        columns = _COLUMNS[: self.tile.pixels]
        self.label(first, f"{filters} filters")
        self.clear(filters * self.tile.pixels, "r8")
        self.add("mov r5, r0")
        if self.tile.pixels > 1:
            self.add("add r6, r0, r3")
        self.add("mov r7, r10")
        self.label(run, "a run of the columns")
        self.add("movs r8, r11", f"beq {single}f")
        self.label(block, f"{BLOCK} elements")
        together = 4 // self.tile.pixels
        for _ in range(0, BLOCK, together):
            self.elements(filters, together)
        self.add("subs r8, r8, #1", f"bne {block}b")
        self.label(single, "single elements")
        self.add("movs r8, r12", f"beq {end}f")
        self.label(turn, "an element")
        self.elements(filters, 1)
        self.add("subs r8, r8, #1", f"bne {turn}b")
        self.label(end, "the next run")
        self.add(*(f"add {column}, {column}, r9" for column in columns))
        self.add("subs r7, r7, #1", f"bne {run}b")
        self.finish(filters)

    def elements(self, filters: int, count: int) -> None:
        """The products of some elements of each column."""
        pixels = range(self.tile.pixels)
        for pixel in pixels:
            self.add(f"vldmia {_COLUMNS[pixel]}!, {registers(INPUTS + pixel * count, count)}")
        for element in range(count):
            self.add(f"vldmia r1!, {registers(WEIGHTS, filters)}")
            self.multiply_add(
                [
                    (pixel * filters + f, INPUTS + pixel * count + element, WEIGHTS + f)
                    for pixel in pixels
                    for f in range(filters)
                ]
            )

    def finish(self, filters: int) -> None:
        """Biases, activation and stores."""
        self.add(f"vldmia r1!, {registers(WEIGHTS, filters)}")
        if self.tile.pixels > 1:
            self.add("add r8, r2, lr")
        for pixel, pointer in enumerate(("r2", "r8")[: self.tile.pixels]):
            first = pixel * filters
            self.add_bias(first, filters)
            self.store(pointer, first, filters, self.tile.numbers, ("r5", "r6", "r7"))
