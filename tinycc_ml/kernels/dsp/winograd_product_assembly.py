"""The assembly of a Winograd product tile.

A position's sums are a small matrix product: for each step, a word of inputs of each tile, four
words of weights and eight dual multiply-accumulates, 14 instructions for 16 products. When a group
of filters has all its sums, each filter's are transformed back for each tile: columns onto the
stack, rows from there, so that a row is loaded with a POP. Requantization takes the last
transform's results as they are: one multiplication by a constant puts the missing factor and the
inverse of the odd part of the scale right, and adds the bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from tinycc_ml.kernels.dsp.instructions import (
    OFFSET_LIMIT,
    Text,
    advance,
    clamp,
    constant,
    unrolled,
)
from tinycc_ml.kernels.dsp.winograd_program import run_transform
from tinycc_ml.kernels.dsp.winograd_tile import FILTERS, TILES, ProductTile

#: Up to so many steps have no loop.
_UNROLL = 16
_WORD_BYTES = 4

PRODUCT_PLAN = (
    "r0-r7: the sums of a position; r8, r9: inputs of each tile; r10, r11: weights",
    "r12: the inputs; lr: the stream; behind the products:",
    "r0-r5: a column or row of a filter's sums; r6-r8: multipliers of the outputs, or the sums",
    "r9-r12: bias, multiplier, rounding, exponent; lr: the output",
)


def product_problem(tile: ProductTile) -> str | None:
    """Why the instructions cannot reach all data of a tile, or ``None``."""
    limit = OFFSET_LIMIT // (tile.algorithm.outputs - 1)
    return f"{tile.filters} filters; allowed up to {limit}" if tile.filters > limit else None


def assemble_products(tile: ProductTile) -> tuple[str, ...]:
    """The lines of the naked function ``(inputs, stream, output, sums)``."""
    return _Assembler(tile).run()


#: Words of the frame behind the biases of the corners.
_SLOTS = (
    "inputs",
    "inputs_end",
    "run_end",
    "sums",
    "sum",
    "tile_end",
    "filter_end",
    "stream",
    "output",
    "output_end",
)


@dataclass
class _Assembler:
    tile: ProductTile

    def __post_init__(self) -> None:
        self.text = Text()
        self.algorithm = self.tile.algorithm
        self.corners = self.algorithm.corners()
        first = len(self.corners)
        self.slots = {name: _WORD_BYTES * (first + i) for i, name in enumerate(_SLOTS)}
        self.frame_bytes = _WORD_BYTES * (first + len(_SLOTS))

    def run(self) -> tuple[str, ...]:
        text, tile = self.text, self.tile
        text.add("push {r4-r11, lr}", f"sub sp, sp, #{self.frame_bytes}", "mov lr, r1")
        self.put("r0", "inputs")
        self.put("r2", "output")
        self.put("r3", "sums")
        inputs_bytes = self.algorithm.positions * tile.steps * TILES * _WORD_BYTES
        text.extend(advance("r0", "r0", inputs_bytes, "r8"))
        self.put("r0", "inputs_end")
        if len(tile.groups) > 1:
            text.extend(advance("r2", "r2", tile.filters, "r8"))
            self.put("r2", "output_end")
            text.label(1, f"{FILTERS} filters")
        self.products()
        self.filters()
        if len(tile.groups) > 1:
            self.branch_until("r1", "output_end", 1)
        text.add(f"add sp, sp, #{self.frame_bytes}", "pop {r4-r11, pc}")
        return tuple(text.lines)

    def put(self, register: str, slot: str) -> None:
        self.text.add(f"str {register}, [sp, #{self.slots[slot]}]")

    def get(self, register: str, slot: str) -> None:
        self.text.add(f"ldr {register}, [sp, #{self.slots[slot]}]")

    def branch_until(self, register: str, slot: str, label: int) -> None:
        """Back to a label until a register has the value of a slot; r0 is lost."""
        self.get("r0", slot)
        self.text.add(f"cmp {register}, r0", f"bne {label}b")

    # Sums

    def products(self) -> None:
        """The sums of all positions of a group of filters."""
        text, tile = self.text, self.tile
        self.get("r12", "inputs")
        self.get("r8", "sums")
        self.put("r8", "sum")
        text.label(2, "a position")
        unroll, turns, rest = unrolled(tile.steps, _UNROLL)
        if turns > 1:
            text.add(*(f"mov r{a}, #0" for a in range(tile.position_sums)))
            text.extend(advance("r8", "r12", unroll * turns * TILES * _WORD_BYTES, "r9"))
            self.put("r8", "run_end")
            text.label(3, f"{unroll} steps")
        self.steps(unroll, starts=turns == 1)
        if turns > 1:
            self.get("r8", "run_end")
            text.add("cmp r12, r8", "bne 3b")
            self.steps(rest, starts=False)
        self.get("r8", "sum")
        self.get("r9", "inputs_end")
        text.add(f"stm r8!, {{r0-r{tile.position_sums - 1}}}")
        self.put("r8", "sum")
        text.add("cmp r12, r9", "bne 2b")

    def steps(self, count: int, *, starts: bool) -> None:
        """Steps one behind the other; r12 and lr move on."""
        if not count:
            return
        for step in range(count):
            self.step(step, "smuad" if starts and step == 0 else "smlad")
        self.text.add(f"add r12, r12, #{count * TILES * _WORD_BYTES}")
        self.text.add(f"add lr, lr, #{count * FILTERS * _WORD_BYTES}")

    def step(self, step: int, operation: str) -> None:
        text, tiles = self.text, self.tile.tiles
        inputs = [f"r{8 + tile}" for tile in range(tiles)]
        for tile, x in enumerate(inputs):
            text.add(f"ldr {x}, [r12, #{(step * TILES + tile) * _WORD_BYTES}]")
        # With one tile, registers are free for all weights.
        weights = ["r10", "r11"] if tiles > 1 else ["r9", "r10", "r11", "r4"]
        for first in range(0, FILTERS, len(weights)):
            for i, w in enumerate(weights):
                text.add(f"ldr {w}, [lr, #{(step * FILTERS + first + i) * _WORD_BYTES}]")
            for (i, w), (tile, x) in product(enumerate(weights), enumerate(inputs)):
                a = f"r{(first + i) * tiles + tile}"
                text.add(f"{operation} {a}, {x}, {w}{f', {a}' if operation == 'smlad' else ''}")

    # Outputs

    def filters(self) -> None:
        """Transforms, requantizes and stores all filters of a group."""
        text, tile = self.text, self.tile
        self.get("r6", "sums")
        self.filter_end()
        text.label(4, "a filter")
        if self.corners:
            registers = f"{{r0-r{len(self.corners) - 1}}}"
            text.add(f"ldm lr!, {registers}", f"stm sp, {registers}")
        text.add("ldm lr!, {r9-r12}")
        self.put("lr", "stream")
        self.get("lr", "output")
        if tile.tiles > 1:
            text.add(f"add r0, r6, #{tile.tiles * _WORD_BYTES}")
            self.put("r0", "tile_end")
            text.label(5, "a tile")
        self.put("r6", "sum")
        self.columns()
        self.rows()
        self.get("r6", "sum")
        text.add(f"add r6, r6, #{_WORD_BYTES}")
        if tile.tiles > 1:
            back = (self.algorithm.outputs - 1) * tile.row_step
            text.extend(advance("lr", "lr", tile.tile_step - back, "r0"))
            self.branch_until("r6", "tile_end", 5)
        self.get("r1", "output")
        self.get("lr", "stream")
        text.add("add r1, r1, #1")
        self.put("r1", "output")
        self.branch_until("r6", "filter_end", 4)

    def filter_end(self) -> None:
        """The end of the sums that have outputs: all, but in the last group."""
        text, tile = self.text, self.tile
        if tile.filters % FILTERS == 0 or len(tile.groups) == 1:
            text.add(f"add r0, r6, #{tile.groups[0] * tile.tiles * _WORD_BYTES}")
        else:
            self.get("r0", "output")
            self.get("r1", "output_end")
            text.add("sub r0, r1, r0", f"cmp r0, #{FILTERS}", "it hi", f"movhi r0, #{FILTERS}")
            text.add(f"add r0, r6, r0, lsl #{tile.tiles.bit_length() + 1}")
        self.put("r0", "filter_end")

    def columns(self) -> None:
        """Transforms the columns of a filter's sums, behind r6, onto the stack."""
        text, a = self.text, self.algorithm
        text.add(f"sub sp, sp, #{a.outputs * a.size * _WORD_BYTES}")
        sum_bytes = self.tile.position_sums * _WORD_BYTES
        registers = {slot: f"r{slot}" for slot in range(a.size)}
        for column in range(a.size):

            def store(row: int, register: str, column: int = column) -> tuple[str, ...]:
                return (f"str {register}, [sp, #{(row * a.size + column) * _WORD_BYTES}]",)

            for row in range(a.size):
                text.add(f"ldr r{row}, [r6, #{(column * a.size + row) * sum_bytes}]")
            text.extend(run_transform(a.output, registers, store=store))

    def rows(self) -> None:
        """Transforms, requantizes and stores a tile's rows; lr moves to the last of them."""
        text, a = self.text, self.algorithm
        registers = {slot: f"r{slot}" for slot in range(a.size)}
        results = [registers[slot] for slot in a.output.results]
        spare = [r for r in registers.values() if r not in results]
        multipliers: dict[int, str] = {}
        for row in range(a.outputs):
            if row:
                text.extend(advance("lr", "lr", self.tile.row_step, "r0"))
            text.note(f"row {row}")
            text.add(f"pop {{r0-r{a.size - 1}}}")
            text.extend(run_transform(a.output, registers))
            multipliers = self.multipliers(row, multipliers)
            # What is left of the columns lies before the frame.
            left = (a.outputs - 1 - row) * a.size * _WORD_BYTES
            self.accumulators(row, results, spare, multipliers, left)
            self.requantize(results, spare[0])
            offsets = (column * self.tile.filters for column in range(a.outputs))
            text.add(*(f"strb {r}, [lr, #{o}]" for r, o in zip(results, offsets, strict=True)))

    def multipliers(self, row: int, known: dict[int, str]) -> dict[int, str]:
        """Makes the multipliers of a row; the result has the register of each factor."""
        a, text = self.algorithm, self.text
        if a.odd == 1 and set(a.factors) == {1}:
            return {}
        needed = sorted({a.factors[row] * factor for factor in a.factors})
        kept = {factor: r for factor, r in known.items() if factor in needed}
        for factor in needed:
            if factor in kept:
                continue
            register = next(r for r in ("r6", "r7", "r8") if r not in kept.values())
            lower = [other for other in kept if other < factor]
            if lower:
                shift = (factor // max(lower)).bit_length() - 1
                text.add(f"lsl {register}, {kept[max(lower)]}, #{shift}")
            else:
                text.extend(constant(register, a.inverse * factor & 0xFFFFFFFF))
            kept[factor] = register
        return kept

    def accumulators(
        self,
        row: int,
        results: list[str],
        spare: list[str],
        multipliers: dict[int, str],
        left: int,
    ) -> None:
        """Turns the results into scaled accumulators with their biases."""
        a, text = self.algorithm, self.text
        biases = ["r9"] * a.outputs
        corners = [j for i, j in self.corners if i == row]
        for register, column in zip(spare, corners, strict=False):
            slot = left + _WORD_BYTES * self.corners.index((row, column))
            text.add(f"ldr {register}, [sp, #{slot}]")
            biases[column] = register
        for column, (r, bias) in enumerate(zip(results, biases, strict=True)):
            if multipliers:
                factor = a.factors[row] * a.factors[column]
                text.add(f"mla {r}, {r}, {multipliers[factor]}, {bias}")
            else:
                text.add(f"add {r}, {r}, {bias}")

    def requantize(self, results: list[str], spare: str) -> None:
        text, tile = self.text, self.tile
        if tile.corrects_sign:
            shift = self.algorithm.scale_bits - 1
            for r in results:
                text.add(f"asr {spare}, {r}, #31", f"add {spare}, r11, {spare}, lsl #{shift}")
                text.add(f"smmla {r}, {r}, r10, {spare}")
        else:
            text.add(*(f"smmla {r}, {r}, r10, r11" for r in results))
        text.add(*(f"asr {r}, {r}, r12" for r in results))
        for r in results:
            text.extend(clamp(r, tile.low, tile.high))
