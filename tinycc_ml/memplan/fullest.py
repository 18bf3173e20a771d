"""What a full arena consists of: activations, and scratch."""

from __future__ import annotations

import numpy as np

from tinycc_ml.kernels import Program
from tinycc_ml.memplan.plan import MemoryPlan


def scratch_at_fullest(program: Program, plan: MemoryPlan) -> int:
    """Bytes of scratch in the step in which most of the arena is in use.

    All else that the arena holds then are activations: values, rings and sums. Of several steps
    that use as much, the one with the least scratch counts.
    """
    most, scratch_bytes = 0, 0
    for step, call in enumerate(program.calls):
        own = {name for name, _ in call.scratch if name not in call.held}
        used = np.zeros(plan.arena_bytes, np.bool_)
        for place in plan.placements:
            if place.first_step <= step <= place.last_step and place.name not in own:
                used[place.offset_bytes : place.end_bytes] = True
        total = int(used.sum()) + call.scratch_bytes
        if total > most or (total == most and call.scratch_bytes < scratch_bytes):
            most, scratch_bytes = total, call.scratch_bytes
    return scratch_bytes
