"""The curve of RAM against time: the plans of a program from the fastest to the smallest."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.kernels import Program
from tinycc_ml.memplan.program_plan import Io, plan_program
from tinycc_ml.memplan.stream import Streamed, Streaming


def ram_curve(program: Program, io: Io, streaming: Streaming) -> tuple[Streamed, ...]:
    """Plans, each with a smaller arena than the one before.

    First layer by layer, then with outputs over dying inputs, then each time the fastest plan found
    with a smaller arena. A plan beyond the first is left out where a smaller one takes no
    more estimated cycles.

    Args:
        program: With one call for each layer.
        io: Where inputs and outputs lie.
        streaming: What the program can be grouped into, for the same `io`.
    """
    # Rows that the application pushes are taken by a group in any case.
    whole = streaming.fastest() if io == "rows" else Streamed(program, plan_program(program, io))
    kept: list[Streamed] = []
    for point in _candidates(program, io, streaming, whole.plan.arena_bytes):
        while kept and kept[-1].program.cycles >= point.program.cycles:
            kept.pop()
        kept.append(point)
    return (whole, *kept)


def _candidates(
    program: Program, io: Io, streaming: Streaming, arena_bytes: int
) -> Iterator[Streamed]:
    """What comes after whole layers apart, which take `arena_bytes`, in order of falling size."""
    if io != "rows":
        overlapping = Streamed(program, plan_program(program, io, overlap=True))
        if overlapping.plan.arena_bytes < arena_bytes:
            yield overlapping
            arena_bytes = overlapping.plan.arena_bytes
    while True:
        point = streaming.within(arena_bytes - 1)
        if point.plan.arena_bytes >= arena_bytes:
            return
        yield point
        arena_bytes = point.plan.arena_bytes
