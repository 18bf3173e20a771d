"""The finished plan: where each buffer lies."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.memplan.render import render_plan


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one buffer lies, and when.

    Args:
        name: The buffer, view or scratch.
        offset_bytes: From the start of the arena.
        size_bytes: Its own size, which for a view may be less than that of its storage.
        first_step: The first step that needs its storage.
        last_step: The last one, inclusive.
        view_of: The buffer that owns the storage, if this is a view.
    """

    name: str
    offset_bytes: int
    size_bytes: int
    first_step: int
    last_step: int
    view_of: str | None = None

    @property
    def end_bytes(self) -> int:
        """The offset after its last byte."""
        return self.offset_bytes + self.size_bytes


@dataclass(frozen=True, slots=True)
class SharedBytes:
    """Bytes that a step takes from a dying buffer for its output.

    Args:
        step: The step that writes the one and reads the other for the last time.
        written: The output.
        dying: The input.
        distance_bytes: How far the input starts above the output; negative if below.
        least_bytes: The least such distance that is safe.
        shared_bytes: How many bytes belong to both.
        pixel_bytes: Where not 1, only multiples of it are safe.
    """

    step: int
    written: str
    dying: str
    distance_bytes: int
    least_bytes: int
    shared_bytes: int
    pixel_bytes: int = 1


@dataclass(frozen=True, slots=True)
class StatePlacement:
    """Where a state lies.

    Args:
        value: What it holds when an inference begins.
        renewed: What it holds when the inference ends.
        offset_bytes: From the start of the state area.
        size_bytes: Its size.
    """

    value: str
    renewed: str
    offset_bytes: int
    size_bytes: int

    @property
    def end_bytes(self) -> int:
        """The offset after its last byte."""
        return self.offset_bytes + self.size_bytes


@dataclass(frozen=True, slots=True)
class ArenaRegion:
    """A part of the arena that is an array of its own, in a memory of its own.

    Args:
        name: Of the board's memory.
        start_bytes: Where it begins, with all regions one behind the other.
        size_bytes: Its size.
    """

    name: str
    start_bytes: int
    size_bytes: int

    @property
    def end_bytes(self) -> int:
        """The offset after its last byte."""
        return self.start_bytes + self.size_bytes


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Offsets for everything in one arena, and in the state area.

    Args:
        placements: Tensors in order of their first write, then scratches, then views.
        arena_bytes: Size of the arena.
        lower_bound_bytes: No plan can be smaller.
        alignment: The arena must start at a multiple of it.
        shared: Where an output lies over an input, in order of steps.
        states: What lies in the state area, in ascending order of offsets.
        state_alignment: The state area must start at a multiple of it.
        regions: The arrays that make up the arena, which needs no addresses without a gap then;
            empty where it is one array.
    """

    placements: tuple[Placement, ...]
    arena_bytes: int
    lower_bound_bytes: int
    alignment: int
    shared: tuple[SharedBytes, ...] = ()
    states: tuple[StatePlacement, ...] = ()
    state_alignment: int = 1
    regions: tuple[ArenaRegion, ...] = ()

    @property
    def state_bytes(self) -> int:
        """Size of the state area."""
        return max((state.end_bytes for state in self.states), default=0)

    @property
    def gap_bytes(self) -> int:
        """By how much the plan may miss the optimum; 0 proves it optimal."""
        return self.arena_bytes - self.lower_bound_bytes

    @property
    def method(self) -> str:
        """How the layers share the arena, in words."""
        return "layer by layer" + (", outputs over dying inputs" if self.shared else "")

    def region_of(self, name: str) -> ArenaRegion | None:
        """The region of a buffer, view or scratch; ``None`` where the arena is one array."""
        start = self.placement(name).offset_bytes if self.regions else 0
        return next((r for r in self.regions if r.start_bytes <= start < r.end_bytes), None)

    def placement(self, name: str) -> Placement:
        """The placement of a buffer, view or scratch.

        Raises:
            KeyError: If the plan does not hold it.
        """
        for placement in self.placements:
            if placement.name == name:
                return placement
        raise KeyError(name)

    def render(self) -> str:
        """The plan as text: a table and a map of the arena over the steps."""
        return render_plan(self)
