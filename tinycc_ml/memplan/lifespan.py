"""From an execution order to the placement problem: which steps need which storage."""

from __future__ import annotations

from collections.abc import Mapping

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.execution import Execution, Step
from tinycc_ml.memplan.overlap import overlaps
from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem


def storage_roots(execution: Execution) -> dict[str, str]:
    """Per buffer, the buffer that owns its storage: itself unless it is a view.

    Raises:
        InternalError: If a view or its source is unknown, a view is larger than its storage, or
            views form a circle.
    """
    roots = {name: _root(execution, name) for name in (*execution.size_bytes, *execution.views)}
    for name, root in roots.items():
        if execution.size_bytes[name] > execution.size_bytes[root]:
            raise InternalError(
                f"memory plan: view {name} has {execution.size_bytes[name]} B, its storage {root} "
                f"only {execution.size_bytes[root]} B"
            )
    return roots


def _root(execution: Execution, name: str) -> str:
    path = [name]
    while True:
        if path[-1] not in execution.size_bytes:
            raise InternalError(f"memory plan: {' -> '.join(path)}: no size is known for the last")
        if path[-1] not in execution.views:
            return path[-1]
        path.append(execution.views[path[-1]])
        if path[-1] in path[:-1]:
            raise InternalError(f"memory plan: views in a circle: {' -> '.join(path)}")


def plan_problem(execution: Execution) -> PlanProblem:
    """The placement problem of an execution; views are merged into the storage they share.

    Inputs live from step 0 on, outputs until the last step, a scratch during its step only. A
    buffer that nobody reads lives during the step that writes it.

    Raises:
        InternalError: If a buffer is read before it is written, written twice, unknown or never
            written, or if a view is written.
    """
    roots = storage_roots(execution)
    first, last = _lifespans(execution, roots)
    alignments: dict[str, int] = {}
    for name, root in roots.items():
        alignments[root] = max(alignments.get(root, 1), execution.alignments.get(name, 1))
    tensors = tuple(
        PlannedBuffer(root, execution.size_bytes[root], first[root], last[root], alignments[root])
        for root in first
    )
    scratches = tuple(
        PlannedBuffer(scratch.name, scratch.size_bytes, index, index, scratch.alignment)
        for index, step in enumerate(execution.steps)
        for scratch in step.scratch
    )
    return PlanProblem(tensors + scratches, overlaps(execution, roots, last))


def _lifespans(
    execution: Execution, roots: Mapping[str, str]
) -> tuple[dict[str, int], dict[str, int]]:
    """First and last step per storage root."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for name in execution.inputs:
        _begin(execution, name, 0, "the caller", first)
    last.update(first)
    for index, step in enumerate(execution.steps):
        for name in step.reads:
            last[_written_root(roots, first, name, _place(index, step))] = index
        for name in step.writes:
            _begin(execution, name, index, _place(index, step), first)
            last[name] = index
    for name in execution.outputs:
        root = _written_root(roots, first, name, "the end")
        last[root] = max(len(execution.steps) - 1, 0)
    unused = [name for name, root in roots.items() if root not in first]
    if unused:
        raise InternalError(f"memory plan: never written: {', '.join(unused)}")
    return first, last


def _begin(execution: Execution, name: str, step: int, where: str, first: dict[str, int]) -> None:
    if name not in execution.size_bytes:
        raise InternalError(f"memory plan: {where} writes {name}, whose size is not known")
    if name in execution.views:
        raise InternalError(
            f"memory plan: {where} writes {name}, a view of {execution.views[name]}; "
            "views are never written"
        )
    if name in first:
        raise InternalError(f"memory plan: {where} writes {name} a second time")
    first[name] = step


def _written_root(roots: Mapping[str, str], first: Mapping[str, int], name: str, where: str) -> str:
    if name not in roots:
        raise InternalError(f"memory plan: {where} reads {name}, whose size is not known")
    if roots[name] not in first:
        raise InternalError(f"memory plan: {where} reads {name} before it is written")
    return roots[name]


def _place(index: int, step: Step) -> str:
    return f"step {index} ({step.name})"
