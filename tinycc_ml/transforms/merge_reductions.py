"""Reductions of reductions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, Node, OpAttrs, RefusalLog
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.transforms.draft import Draft, apply_rule

_EXACT = ("reduce_max", "reduce_min")
_ROUNDING = ("mean", "sum")


@dataclass(frozen=True, slots=True)
class MergeReductions:
    """Makes one reduction of two in a row.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, within float32 rounding where `mean` and `sum` are in float32, else
        bit by bit. No `mean`, `sum`, `reduce_max` or `reduce_min` is read only by another of its
        kind, but those refused: integers would be rounded once instead of twice, or only one of
        the two keeps the dimensions that it reduces.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "merge_reductions"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _merge)


def _merge(draft: Draft, node: Node) -> str | None:
    inner = draft.producer(node.inputs[0]) if node.op in (*_EXACT, *_ROUNDING) else None
    if inner is None or inner.op != node.op:
        return None
    if not draft.is_only_read_by(inner.outputs[0], node):
        return f"{inner.name} is read by others too"
    if node.op in _ROUNDING and draft.types[inner.inputs[0]].dtype is not DType.FLOAT32:
        return f"{inner.name} rounds its result: together they would round once"
    first, second = (cast(MeanAttrs, n.attrs) for n in (inner, node))
    if first.keep_dims != second.keep_dims:
        return f"{inner.name} and {node.name} do not treat the dimensions that they reduce alike"
    rank = len(draft.types[inner.inputs[0]].shape)
    left = [i for i in range(rank) if first.keep_dims or i not in first.axes]
    axes = tuple(sorted({*first.axes, *(left[i] for i in second.axes)}))
    merged = replace(node, inputs=inner.inputs, attrs=_with_axes(node.attrs, axes))
    problem = draft.problem(merged)
    if problem is not None:
        return problem
    draft.put(node, merged)
    draft.remove(inner)
    return None


def _with_axes(attrs: OpAttrs, axes: tuple[int, ...]) -> OpAttrs:
    return replace(attrs, axes=axes)  # type: ignore[call-arg]
