"""The placement problem: buffers with a size, a lifespan and an alignment, and what may overlap."""

from __future__ import annotations

from collections.abc import Mapping
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
class WholePixels:
    """More distances that are legal: multiples of a pixel, as far as another least distance.

    Args:
        pixel_bytes: ``offset[dying] - offset[written]`` is a multiple of it ...
        least_bytes: ... and not less than this.
    """

    pixel_bytes: int
    least_bytes: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Leave for a buffer to lie over one that dies while it is written.

    ``offset[dying] >= offset[written] + forward_bytes`` is legal, and so is
    ``offset[written] >= offset[dying] + backward_bytes``. A distance may be negative. Disjoint
    places stay legal in any case.

    Args:
        written: The buffer that comes into being.
        dying: The buffer that nobody needs after that step.
        forward_bytes: Least distance when the dying buffer starts above; at most the size of
            `written`, which is disjoint.
        backward_bytes: Least distance when it starts below; the size of `dying`, which is
            disjoint, where ``None``.
        pixels: Legal distances below `forward_bytes`.
    """

    written: str
    dying: str
    forward_bytes: int
    backward_bytes: int | None = None
    pixels: WholePixels | None = None

    @property
    def least_bytes(self) -> int:
        """The least distance of all that are legal when the dying buffer starts above."""
        if self.pixels is None:
            return self.forward_bytes
        return min(self.forward_bytes, self.pixels.least_bytes)


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """All buffers that share one arena.

    Args:
        buffers: What needs a place.
        overlaps: The pairs that need not be disjoint; each buffer dies under one at most.

    Raises:
        InternalError: If two buffers have the same name, or if the buffers of an overlap do not
            meet in exactly the step in which one begins and the other ends, or are kept further
            apart than if they were disjoint.
    """

    buffers: tuple[PlannedBuffer, ...]
    overlaps: tuple[Overlap, ...] = ()

    def __post_init__(self) -> None:
        seen: dict[str, PlannedBuffer] = {}
        for buffer in self.buffers:
            if buffer.name in seen:
                raise InternalError(f"buffer {buffer.name}: named twice in one memory plan")
            seen[buffer.name] = buffer
        self._check_overlaps(seen)

    def _check_overlaps(self, buffers: Mapping[str, PlannedBuffer]) -> None:
        dying: set[str] = set()
        for overlap in self.overlaps:
            written, dead = buffers.get(overlap.written), buffers.get(overlap.dying)
            if written is None or dead is None or written.first_step != dead.last_step:
                raise InternalError(
                    f"buffer {overlap.written} over {overlap.dying}: the one must begin in the "
                    "step in which the other ends"
                )
            backward_bytes = overlap.backward_bytes or 0
            if overlap.forward_bytes > written.size_bytes or backward_bytes > dead.size_bytes:
                raise InternalError(
                    f"buffer {overlap.written} over {overlap.dying}: a distance above disjointness"
                )
            if dead.name in dying:
                raise InternalError(f"buffer {dead.name}: dies under two others")
            dying.add(dead.name)

    @property
    def alignment(self) -> int:
        """The alignment that the arena itself needs."""
        return max((buffer.alignment for buffer in self.buffers), default=1)
