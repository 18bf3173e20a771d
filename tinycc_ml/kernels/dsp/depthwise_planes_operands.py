"""Which register holds which operand of a run of multiply-accumulates, and when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MultiplyAccumulate:
    """``total = start + x * weight``, on halves of words as the instruction says.

    Attributes:
        instruction: SMLAD or one of its relatives on single halves.
        total: The register of the sum.
        start: The register of the sum before.
        x: A register, or an address in brackets: then it has to be loaded.
        weight: Likewise.
    """

    instruction: str
    total: str
    start: str
    x: str
    weight: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """The operands that have to be loaded."""
        return tuple(operand for operand in (self.x, self.weight) if operand.startswith("["))


def with_loads(steps: Sequence[MultiplyAccumulate], registers: Sequence[str]) -> Iterator[str]:
    """The instructions with the loads that they need.

    When something must be loaded, so is what is needed next, as far as registers are free:
    the core pipelines loads that stand together.

    Args:
        steps: In order.
        registers: For loaded operands; those of one step and what is needed again must fit.
    """
    held: dict[str, str] = {}
    for number, step in enumerate(steps):
        needed = dict.fromkeys(a for later in steps[number:] for a in later.addresses)
        held = {address: register for address, register in held.items() if address in needed}
        missing = [address for address in needed if address not in held]
        if any(address not in held for address in step.addresses):
            free = [register for register in registers if register not in held.values()]
            for address, register in zip(missing, free, strict=False):
                held[address] = register
                yield f"ldr {register}, {address}"
        x, weight = (held.get(operand, operand) for operand in (step.x, step.weight))
        yield f"{step.instruction} {step.total}, {x}, {weight}, {step.start}"
