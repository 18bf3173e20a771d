"""A memory plan as text."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_letters, digits
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # plan.py imports this module
    from tinycc_ml.memplan.plan import MemoryPlan, Placement

_KEYS = ascii_letters + digits
_MAP_ROWS = 16
_MAP_COLUMNS = 72


def render_plan(plan: MemoryPlan) -> str:
    """A table of all placements, the overlaps, a map: steps to the right, addresses upwards."""
    owners = [placement for placement in plan.placements if placement.view_of is None]
    # Keys repeat beyond 62 buffers; by then neighbours in time still differ.
    keys = {owner.name: _KEYS[index % len(_KEYS)] for index, owner in enumerate(owners)}
    head = (
        f"arena {plan.arena_bytes} B, lower bound {plan.lower_bound_bytes} B, "
        f"gap {plan.gap_bytes} B, alignment {plan.alignment}"
    )
    regions = [f"region {r.name}: {r.size_bytes} B from {r.start_bytes} on" for r in plan.regions]
    lines = [
        head,
        *regions,
        "",
        *_table(plan, keys),
        "",
        *_overlaps(plan),
        *_map(plan, owners, keys),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(plan: MemoryPlan, keys: Mapping[str, str]) -> list[str]:
    lines = [f"{'key':>3} {'offset':>8} {'end':>8} {'size':>8} {'steps':>9}  buffer"]
    for item in plan.placements:
        key = keys[item.name if item.view_of is None else item.view_of]
        steps = f"{item.first_step}..{item.last_step}"
        view = "" if item.view_of is None else f" (view of {item.view_of})"
        lines.append(
            f"{key:>3} {item.offset_bytes:>8} {item.end_bytes:>8} {item.size_bytes:>8} "
            f"{steps:>9}  {item.name}{view}"
        )
    return lines


def _overlaps(plan: MemoryPlan) -> list[str]:
    if not plan.shared:
        return []
    heads = f"{'step':>5} {'distance':>8} {'least':>8} {'shared':>8} {'pixel':>6}"
    lines = [f"{heads}  output over dying input"]
    lines += [
        f"{entry.step:>5} {entry.distance_bytes:>8} {entry.least_bytes:>8} "
        f"{entry.shared_bytes:>8} {entry.pixel_bytes:>6}  {entry.written} over {entry.dying}"
        for entry in plan.shared
    ]
    return [*lines, ""]


def _map(plan: MemoryPlan, owners: list[Placement], keys: Mapping[str, str]) -> list[str]:
    steps = max((owner.last_step for owner in owners), default=-1) + 1
    stride = max(1, -(-steps // _MAP_COLUMNS))
    rows = min(_MAP_ROWS, plan.arena_bytes)
    lines = [f"address of row, one column per {stride} step(s), '.' is all free"]
    for row in reversed(range(rows)):
        low, high = (plan.arena_bytes * edge // rows for edge in (row, row + 1))
        cells = "".join(
            _cell(owners, keys, range(low, high), step) for step in range(0, steps, stride)
        )
        lines.append(f"{low:>8} |{cells}")
    return lines


def _cell(owners: list[Placement], keys: Mapping[str, str], row: range, step: int) -> str:
    """The key of the buffer that holds most of a row of bytes; where two overlap, the older."""
    key, most_bytes = ".", 0
    for owner in owners:
        held_bytes = min(row.stop, owner.end_bytes) - max(row.start, owner.offset_bytes)
        if owner.first_step <= step <= owner.last_step and held_bytes > most_bytes:
            key, most_bytes = keys[owner.name], held_bytes
    return key
