"""The shape of a float32 GEMM tile: one or two columns times all filters of a layer."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.fpu.assembly import LANES, activation_name, activation_problem
from tinycc_ml.ops.floats import FloatNumbers

WORD_BYTES = 4
#: Elements of a column that the loop handles in one turn.
BLOCK = 8
_LARGEST_SIZE = 65535


@dataclass(frozen=True, slots=True)
class FloatTile:
    """What a tile computes; distances are in elements.

    Attributes:
        pixels: Columns, 1 or 2.
        channels: Output channels: filters in all.
        runs: Pieces of a column.
        run: Elements of a piece.
        run_stride: Distance between the starts of pieces.
        pixel_stride: Distance between the two columns.
        numbers: The activation's limits.
    """

    pixels: int
    channels: int
    runs: int
    run: int
    run_stride: int
    pixel_stride: int
    numbers: FloatNumbers

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        shape = f"{self.runs}x{self.run}"
        if self.runs > 1:
            shape += f"_r{self.run_stride}"
        distance = f"_p{self.pixel_stride}" if self.pixels > 1 else ""
        return f"{self.shared_name}_{shape}{distance}_c{self.channels}"

    @property
    def shared_name(self) -> str:
        """The name of the text, the same for all tiles that it serves."""
        rest = f"_rest{self.rest}" if self.rest else ""
        activation = activation_name(self.numbers)
        return f"gemm_f32_{self.pixels}x{LANES}__fpu_any{rest}{activation}"

    @property
    def groups(self) -> int:
        """Groups of filters that have all of them."""
        return self.channels // LANES

    @property
    def rest(self) -> int:
        """Filters of the last group, if it has fewer."""
        return self.channels % LANES

    @property
    def column_elements(self) -> int:
        """From the first element of the first column to the last one of the last, inclusive."""
        between = (self.pixels - 1) * self.pixel_stride
        return between + (self.runs - 1) * self.run_stride + self.run

    @property
    def stream_elements(self) -> int:
        """Weights and biases."""
        return (self.runs * self.run + 1) * self.channels

    @property
    def sizes(self) -> tuple[int, ...]:
        """What the text reads from its table; distances are in bytes."""
        blocks, singles = divmod(self.run, BLOCK)
        gap = self.run_stride - self.run if self.runs > 1 else 0
        distances = (gap, self.pixel_stride, self.channels)
        bytes_ = tuple(WORD_BYTES * elements for elements in distances)
        return (self.groups, self.runs, blocks, singles, *bytes_)

    def problem(self) -> str | None:
        """Why the text cannot compute it, or ``None``."""
        if max(self.sizes) > _LARGEST_SIZE or min(self.sizes) < 0:
            return f"sizes {self.sizes} of the tile; allowed 0 to {_LARGEST_SIZE}"
        return activation_problem(self.numbers)
