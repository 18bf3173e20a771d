"""Schedules drawn at random, legal or not."""

from __future__ import annotations

from random import Random

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import For, LoopKernel
from tinycc_ml.loopir.walk import statements
from tinycc_ml.schedule import Fuse, Reorder, Schedule, Split, Step, Unroll, apply_schedule


def random_step(r: Random, kernel: LoopKernel) -> Step | None:
    """A step on loops that exist; ``None`` where there are none."""
    loops = {s.variable: s for s in statements(kernel.body) if isinstance(s, For)}
    if not loops:
        return None
    name = r.choice(sorted(loops))
    nested = [s.variable for s in statements(loops[name].body) if isinstance(s, For)]
    kind = r.choice((Split, Split, Reorder, Reorder, Unroll, Fuse))
    if kind is Split:
        return Split(name, r.randint(1, loops[name].extent), tail=r.random() < 0.5)
    if kind is Unroll:
        return Unroll(name)
    if not nested:
        return None
    if kind is Fuse:
        return Fuse(name, nested[0], f"{name}_f")
    chosen = [name, *r.sample(nested, r.randint(1, min(3, len(nested))))]
    r.shuffle(chosen)
    return Reorder(tuple(chosen))


def random_schedule(r: Random, kernel: LoopKernel) -> tuple[Schedule, LoopKernel, list[str]]:
    """Legal steps, the kernel after them, and the reasons why others were refused."""
    schedule: Schedule = ()
    refusals = []
    for _ in range(r.randint(1, 6)):
        step = random_step(r, kernel)
        if step is None:
            continue
        try:
            kernel = apply_schedule(kernel, (step,))
        except ScheduleError as error:
            refusals.append(str(error))
        else:
            schedule += (step,)
    return schedule, kernel, refusals
