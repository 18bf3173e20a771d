"""The placement problem: buffers with a size, a lifespan and an alignment."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.errors import InternalError


@dataclass(frozen=True, slots=True)
class PlannedBuffer:
    """One piece of storage that needs an offset in the arena.

    Args:
        name: Unique within its problem; names the storage in every message.
        size_bytes: At least 1.
        first_step: The step that writes it first.
        last_step: The last step that needs it, inclusive.
        alignment: The offset must be a multiple of it; a power of two.

    Raises:
        InternalError: If a field is out of range.
    """

    name: str
    size_bytes: int
    first_step: int
    last_step: int
    alignment: int = 1

    def __post_init__(self) -> None:
        if self.size_bytes < 1:
            raise InternalError(f"buffer {self.name}: size {self.size_bytes} B; at least 1 B")
        if not 0 <= self.first_step <= self.last_step:
            raise InternalError(
                f"buffer {self.name}: lives from step {self.first_step} to {self.last_step}; "
                "the first must not be negative nor after the last"
            )
        if self.alignment < 1 or self.alignment & (self.alignment - 1):
            raise InternalError(
                f"buffer {self.name}: alignment {self.alignment}; must be a power of two"
            )

    @property
    def lifetime_steps(self) -> int:
        """How many steps the buffer lives."""
        return self.last_step - self.first_step + 1

    def lives_with(self, other: PlannedBuffer) -> bool:
        """Whether some step needs both buffers."""
        return self.first_step <= other.last_step and other.first_step <= self.last_step


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """All buffers that share one arena.

    Raises:
        InternalError: If two buffers have the same name.
    """

    buffers: tuple[PlannedBuffer, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for buffer in self.buffers:
            if buffer.name in seen:
                raise InternalError(f"buffer {buffer.name}: named twice in one memory plan")
            seen.add(buffer.name)

    @property
    def alignment(self) -> int:
        """The alignment that the arena itself needs."""
        return max((buffer.alignment for buffer in self.buffers), default=1)
