"""Pieces of assembly that the tiles for the floating-point unit share.

A multiplication and an addition, not the fused one: on a Cortex-M4 these take one cycle
each and VFMA takes three, and sums are rounded like those of TensorFlow Lite Micro. A result must
not be used by the very next instruction, which would wait for it: so products come in fours before
their sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tinycc_ml.ops.floats import FloatNumbers

#: Filters or channels that are computed together.
LANES = 8
#: Where weights are, inputs, and products before they are added.
WEIGHTS, INPUTS, PRODUCTS = 16, 24, 28
#: Products in flight.
_CHAIN = 4
_WORD_BYTES = 4


class Assembler:
    """Collects the lines of a naked function."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, *instructions: str) -> None:
        """Adds instructions."""
        self.lines += [f"  {instruction}" for instruction in instructions]

    def label(self, number: int, note: str) -> None:
        """Adds a local label."""
        self.lines.append(f"{number}:  @ {note}")

    def clear(self, count: int, zero: str) -> None:
        """Zeros into the first registers, by a core register that becomes zero."""
        self.add(f"mov {zero}, #0")
        self.add(*(f"vmov s{i}, s{i + 1}, {zero}, {zero}" for i in range(0, count - 1, 2)))
        if count % 2:
            self.add(f"vmov s{count - 1}, {zero}")

    def multiply_add(self, products: Sequence[tuple[int, int, int]]) -> None:
        """Adds products: registers of the sum and of both factors, each sum once."""
        for start in range(0, len(products), _CHAIN):
            chain = products[start : start + _CHAIN]
            for i, (_, x, w) in enumerate(chain):
                self.add(f"vmul.f32 s{PRODUCTS + i}, s{x}, s{w}")
            for i, (total, _, _) in enumerate(chain):
                self.add(f"vadd.f32 s{total}, s{total}, s{PRODUCTS + i}")

    def add_bias(self, first: int, count: int) -> None:
        """Adds what is in the weights' registers."""
        for i in range(count):
            self.add(f"vadd.f32 s{first + i}, s{first + i}, s{WEIGHTS + i}")

    def store(
        self,
        pointer: str,
        first: int,
        count: int,
        numbers: FloatNumbers,
        scratch: tuple[str, str, str],
    ) -> None:
        """Limits sums and stores them; the pointer moves on.

        What is below zero becomes zero by its sign bit; floats that are not below zero are ordered
        as integers.
        """
        if numbers.low is None:
            self.add(f"vstmia {pointer}!, {registers(first, count)}")
            return
        a, b, high = scratch
        if numbers.high is not None:
            bits = float_bits(numbers.high)
            self.add(f"movw {high}, #{bits & 0xFFFF}", f"movt {high}, #{bits >> 16}")
        for i in range(0, count - 1, 2):
            self.add(f"vmov {a}, {b}, s{first + i}, s{first + i + 1}")
            self.limit((a, b), numbers, high)
            self.add(f"strd {a}, {b}, [{pointer}], #{2 * _WORD_BYTES}")
        if count % 2:
            self.add(f"vmov {a}, s{first + count - 1}")
            self.limit((a,), numbers, high)
            self.add(f"str {a}, [{pointer}], #{_WORD_BYTES}")

    def limit(self, values: Sequence[str], numbers: FloatNumbers, high: str) -> None:
        """The activation of floats in core registers."""
        self.add(*(f"bic {x}, {x}, {x}, asr #31" for x in values))
        if numbers.high is not None:
            for x in values:
                self.add(f"cmp {x}, {high}", "it gt", f"movgt {x}, {high}")


def registers(first: int, count: int) -> str:
    """A list for VLDM and VSTM."""
    return f"{{s{first}-s{first + count - 1}}}" if count > 1 else f"{{s{first}}}"


def float_bits(value: float) -> int:
    """The bits of a float32."""
    return int(np.float32(value).view(np.uint32))


def activation_problem(numbers: FloatNumbers) -> str | None:
    """Why sums cannot be limited so, or ``None``."""
    low, high = numbers.low, numbers.high
    if (low is None and high is None) or (low == 0.0 and (high is None or high > 0.0)):
        return None
    return f"limits {low} and {high}; allowed none, or 0 and one above"


def activation_name(numbers: FloatNumbers) -> str:
    """Distinct for distinct activations: a part of a text's name."""
    if numbers.low is None:
        return ""
    return "_relu" if numbers.high is None else f"_relu_{float_bits(numbers.high):x}"


def group_sizes(channels: int) -> Iterator[int]:
    """Lanes of each group."""
    while channels:
        yield min(LANES, channels)
        channels -= min(LANES, channels)
