"""Estimated cycles of an inference: counted blocks, priced by the core's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tinycc_ml.errors import InternalError, ToolchainError
from tinycc_ml.runner.cycles.cortex_m0plus import CORTEX_M0PLUS
from tinycc_ml.runner.cycles.cortex_m4 import CORTEX_M3, CORTEX_M4
from tinycc_ml.runner.cycles.cortex_m7 import CortexM7
from tinycc_ml.runner.cycles.disassembly import Disassembly, disassemble
from tinycc_ml.runner.cycles.plugin import build_plugin, missing_for_plugins
from tinycc_ml.runner.cycles.profile import (
    CLOSE,
    OPEN,
    SPLIT,
    Block,
    basic_blocks,
    inference,
    read_counts,
)


class Prices(Protocol):
    """What a core's cycles are reckoned with."""

    def cycles(self, blocks: Iterable[Block]) -> int:
        """Cycles of all runs of some blocks."""
        ...


#: By core. The others have no table: their cycles stay unknown.
PRICES: dict[str, Prices] = {
    "cortex-m0plus": CORTEX_M0PLUS,
    "cortex-m3": CORTEX_M3,
    "cortex-m4": CORTEX_M4,
    "cortex-m7": CortexM7(),
}


@dataclass(frozen=True, slots=True)
class CycleEstimate:
    """Estimated cycles of one inference, without wait states.

    Attributes:
        total: Of the whole inference, without the harness.
        layers: Of each layer. What is left of the total is the end of the model's run function.
        instructions: Executed, without the harness; to compare with what the clock counted.
    """

    total: int
    layers: tuple[int, ...]
    instructions: int


@dataclass(frozen=True, slots=True)
class CycleCounter:
    """Counts blocks while QEMU runs a firmware, and prices them afterwards.

    Attributes:
        core: Whose prices.
        program: The firmware's code.
        library: The plugin.
        output: Where the plugin writes.
    """

    core: str
    program: Disassembly
    library: Path
    output: Path

    @property
    def plugin_option(self) -> str:
        """What QEMU's option ``-plugin`` wants."""
        marks = {"open": OPEN, "split": SPLIT, "close": CLOSE}
        arguments = {
            "file": str(self.library),
            "output": str(self.output),
            **{key: f"{self.program.functions[name]:#x}" for key, name in marks.items()},
        }
        # QEMU writes a comma in a value as two.
        return ",".join(f"{key}={value.replace(',', ',,')}" for key, value in arguments.items())

    def estimate(self, layer_count: int) -> CycleEstimate:
        """Prices the first quiet inference that ran. QEMU may still be running.

        Args:
            layer_count: Number of the model's layers.

        Raises:
            InternalError: If there was no such inference.
        """
        stretches = read_counts(self.output.read_text(encoding="ascii"))
        phases = inference(stretches, layer_count)
        if phases is None:
            raise InternalError(f"block counts: no inference of {layer_count} layers among them")
        blocks = [basic_blocks(phase, self.program) for phase in phases]
        cycles = [PRICES[self.core].cycles(phase) for phase in blocks]
        executed = sum(b.times * len(b.code) for phase in blocks for b in phase)
        return CycleEstimate(sum(cycles), tuple(cycles[:-1]), executed)


def why_no_estimate(core: str) -> str:
    """Why cycles cannot be estimated, as a sentence; empty if they can.

    Args:
        core: The core that the model is for.
    """
    if core not in PRICES:
        return f"no cost table for {core} (there is one for {', '.join(PRICES)})"
    return missing_for_plugins()


def count_cycles(elf: Path, core: str, folder: Path) -> CycleCounter:
    """Prepares the counting; to be called where :func:`why_no_estimate` found nothing.

    Args:
        elf: The firmware, built with tracing.
        core: The core that the model is for.
        folder: Where to write.

    Raises:
        ToolchainError: If the plugin cannot be built or the firmware not be read.
    """
    program = disassemble(elf)
    missing = [name for name in (OPEN, SPLIT, CLOSE) if name not in program.functions]
    if missing:
        raise ToolchainError(f"{elf.name}: no symbol {missing[0]}; is it stripped?")
    return CycleCounter(core, program, build_plugin(folder), folder / "block_counts.txt")
