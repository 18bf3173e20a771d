"""Schedules: tuples of steps that can be applied, printed and stored."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import LoopKernel, format_kernel, verify_kernel
from tinycc_ml.schedule.fuse import Fuse
from tinycc_ml.schedule.reorder import Reorder
from tinycc_ml.schedule.split import Split
from tinycc_ml.schedule.step import Step
from tinycc_ml.schedule.unroll import Unroll

Schedule = tuple[Step, ...]

STEPS: dict[str, type[Step]] = {step.name: step for step in (Fuse, Reorder, Split, Unroll)}


def apply_schedule(kernel: LoopKernel, schedule: Schedule) -> LoopKernel:
    """Applies the steps in order, and verifies the kernel after each.

    Raises:
        ScheduleError: If a step is not legal; the message says which one and why, the details
            hold the kernel that it met.
    """
    for step in schedule:
        kernel = _apply(kernel, step)
    return kernel


def _apply(kernel: LoopKernel, step: Step) -> LoopKernel:
    try:
        return verify_kernel(step.apply(kernel))
    except ScheduleError as error:
        raise ScheduleError(
            f"{kernel.name}: {step}: {error}", details=format_kernel(kernel)
        ) from None


def format_schedule(schedule: Schedule) -> str:
    """``split(oc, 4) reorder(ox, oc_i) unroll(oc_i)``."""
    return " ".join(map(str, schedule)) or "as lowered"


def schedule_to_json(schedule: Schedule) -> list[dict[str, Any]]:
    """The schedule as JSON values, for tuning records."""
    return [
        {"step": step.name, **{f.name: _plain(getattr(step, f.name)) for f in _fields(type(step))}}
        for step in schedule
    ]


def schedule_from_json(data: object) -> Schedule:
    """The inverse of :func:`schedule_to_json`.

    Raises:
        ScheduleError: If the data is no schedule.
    """
    if not isinstance(data, list):
        raise ScheduleError(f"a schedule is a list of steps, not {type(data).__name__}")
    return tuple(_step(item) for item in data)


def _step(item: object) -> Step:
    if not isinstance(item, dict) or not isinstance(item.get("step"), str):
        raise ScheduleError(f"a step is an object with a name in 'step', not {item!r}")
    values = dict(item)
    name = values.pop("step")
    if name not in STEPS:
        raise ScheduleError(f"there is no step {name!r}; steps are {', '.join(STEPS)}")
    types = get_type_hints(STEPS[name])
    expected = {f.name: types[f.name] for f in _fields(STEPS[name])}
    if set(values) != set(expected):
        found = ", ".join(map(str, values)) or "no fields"
        raise ScheduleError(f"{name} has {found}; needed {', '.join(expected)}")
    return STEPS[name](**{k: _typed(values[k], expected[k], f"{name}, {k}") for k in expected})


def _typed(value: object, type_: object, where: str) -> object:
    if type_ == tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
    # bool is a subclass of int, but true is no factor.
    elif type(value) is type_:
        return value
    raise ScheduleError(f"{where} is {value!r}")


def _fields(step: type[Step]) -> tuple[Any, ...]:
    return fields(step)  # type: ignore[arg-type]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
