"""The assembly that transforms the inputs of a tile, four channels at a time.

A row's words, of four channels each, are loaded once; UXTB16 makes words of two channels from them,
first of channels 0 and 2, then of 1 and 3. Rows are transformed into the frame, and columns from
there into the inputs. With shifted operands F(4x4) takes 12 instructions for six words instead of
20 with SADD16 and SSUB16; see :class:`~tinycc_ml.kernels.dsp.winograd_algorithm.Algorithm` for why
nothing is carried from one half to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.dsp.instructions import OFFSET_LIMIT, Text, advance
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES
from tinycc_ml.kernels.dsp.winograd_program import run_transform
from tinycc_ml.kernels.dsp.winograd_tile import CHANNELS, TILES, InputTile

INPUT_PLAN = (
    "r0-r5: a row of four channels, then of channels 1 and 3, then a column",
    "r6-r11: a row of channels 0 and 2; r12: the frame; lr: the rows, then the inputs",
)
_WORD_BYTES = 4


def input_problem(tile: InputTile) -> str | None:
    """Why the instructions cannot reach all data of a tile, or ``None``."""
    n = tile.algorithm.size
    # The last element of a column, in the second word of four channels.
    limit = (OFFSET_LIMIT - 2 * TILES * ELEMENT_BYTES) // ((n - 1) * TILES * ELEMENT_BYTES)
    limit = limit // CHANNELS * CHANNELS
    return f"{tile.channels} channels; allowed up to {limit}" if tile.channels > limit else None


def assemble_inputs(tile: InputTile) -> tuple[str, ...]:
    """The lines of the naked function ``(const uint8_t *, int16_t *)``."""
    return _Assembler(tile).run()


@dataclass
class _Assembler:
    tile: InputTile

    def __post_init__(self) -> None:
        a = self.tile.algorithm
        self.text = Text()
        self.algorithm = a
        # The frame: for each column, for each of the two words, what the rows give; then pointers.
        self.column_bytes = 2 * a.size * _WORD_BYTES
        self.frame_bytes = a.size * self.column_bytes
        self.rows_slot, self.inputs_slot, self.end_slot = range(
            self.frame_bytes, self.frame_bytes + 12, 4
        )

    def run(self) -> tuple[str, ...]:
        text, groups = self.text, self.tile.channels // CHANNELS
        text.add("push {r4-r11, lr}", f"sub sp, sp, #{self.frame_bytes + 12}")
        text.add(f"str r1, [sp, #{self.inputs_slot}]", "mov lr, r0")
        if groups > 1:
            text.add(f"str r0, [sp, #{self.rows_slot}]", f"add r0, r0, #{self.tile.channels}")
            text.add(f"str r0, [sp, #{self.end_slot}]")
            text.label(1, "four channels")
        text.add("mov r12, sp")
        first = self.algorithm.lifted[0] if self.algorithm.lift else self.algorithm.size
        self.rows(2, 0, first, "a row", lift=False)
        if self.algorithm.lift:
            self.rows(3, first, self.algorithm.size, "a row with lifted inputs", lift=True)
        self.columns()
        if groups > 1:
            text.add(f"ldr r0, [sp, #{self.inputs_slot}]", f"ldr lr, [sp, #{self.rows_slot}]")
            text.add(f"ldr r1, [sp, #{self.end_slot}]")
            text.add(f"add r0, r0, #{CHANNELS * TILES * ELEMENT_BYTES}", f"add lr, lr, #{CHANNELS}")
            text.add(f"str r0, [sp, #{self.inputs_slot}]", f"str lr, [sp, #{self.rows_slot}]")
            text.add("cmp lr, r1", "bne 1b")
        text.add(f"add sp, sp, #{self.frame_bytes + 12}", "pop {r4-r11, pc}")
        return tuple(text.lines)

    def rows(self, label: int, first: int, end: int, what: str, *, lift: bool) -> None:
        """Transforms rows from the first to before the end into the frame."""
        text, n, lanes = self.text, self.algorithm.size, not self.algorithm.lift
        text.label(label, what)
        text.add(*(f"ldr r{x}, [lr, #{x * self.tile.channels}]" for x in range(n)))
        text.extend(advance("lr", "lr", self.tile.row_elements, "r6"))
        for word, rotation in enumerate(("", ", ror #8")):

            def load(slot: int, register: str, rotation: str = rotation) -> tuple[str, ...]:
                lines = [f"uxtb16 {register}, r{slot}{rotation}"]
                if lift and slot in self.algorithm.lifted:
                    lines.append(f"add {register}, {register}, #{self.algorithm.lift}")
                return tuple(lines)

            def store(result: int, register: str, word: int = word) -> tuple[str, ...]:
                offset = result * self.column_bytes + word * n * _WORD_BYTES
                return (f"str {register}, [r12, #{offset}]",)

            registers = self.spread() if word == 0 else self.in_place()
            steps = run_transform(
                self.algorithm.input, registers, load=load, store=store, lanes=lanes
            )
            text.extend(steps)
        text.add(f"add r12, r12, #{_WORD_BYTES}", f"add r6, sp, #{end * _WORD_BYTES}")
        text.add("cmp r12, r6", f"bne {label}b")

    def spread(self) -> dict[int, str]:
        """Registers for channels 0 and 2; the words in r0 to r5 stay.

        Slots 0 and 3 share one: the result in slot 0 is stored before input 3 is loaded.
        """
        slots = self.algorithm.input.slots
        names = {slot: f"r{6 + slot}" for slot in range(min(slots, 6))}
        return names if slots <= 6 else {**names, 3: names[0], 6: names[3]}

    def in_place(self) -> dict[int, str]:
        """Registers for channels 1 and 3, and for columns: the inputs lie in r0 to r5."""
        return {slot: f"r{slot}" for slot in range(self.algorithm.input.slots)}

    def columns(self) -> None:
        """Transforms the frame's columns into the inputs."""
        text, n, lanes = self.text, self.algorithm.size, not self.algorithm.lift
        position_bytes = self.tile.position_elements * ELEMENT_BYTES
        text.add("mov r12, sp", f"ldr lr, [sp, #{self.inputs_slot}]")
        text.label(4, "a column")
        for word in range(2):

            def store(result: int, register: str, word: int = word) -> tuple[str, ...]:
                offset = result * position_bytes + word * 2 * TILES * ELEMENT_BYTES
                return (f"str {register}, [lr, #{offset}]",)

            text.add(f"ldm r12!, {{r0-r{n - 1}}}")
            steps = run_transform(self.algorithm.input, self.in_place(), store=store, lanes=lanes)
            text.extend(steps)
        text.extend(advance("lr", "lr", n * position_bytes, "r0"))
        text.add(f"add r0, sp, #{self.frame_bytes}", "cmp r12, r0", "bne 4b")
