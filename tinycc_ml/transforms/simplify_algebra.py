"""Algebra: operators that change nothing, or that two in a row are one of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, Node, OpAttrs, RefusalLog
from tinycc_ml.numerics import affine_quantize
from tinycc_ml.ops import Activation, op
from tinycc_ml.ops.clamp import ClampNumbers
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.transforms.draft import Draft, apply_rule
from tinycc_ml.transforms.fuse_activations import own_activation

#: f(f(x)) = f(x); of integers only where nothing is rescaled.
_IDEMPOTENT = frozenset({"relu", "relu6", "abs", "ceil", "clip", "floor", "round", "sign"})
#: The constant that changes nothing, and whether it may be the first operand.
_NEUTRAL = {"add": (0.0, True), "sub": (0.0, False), "mul": (1.0, True), "div": (1.0, False)}


@dataclass(frozen=True, slots=True)
class SimplifyAlgebra:
    """Removes what calculation shows to be needless.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit, but for the sign of float32 zeros. None of these is left:
        a sum with 0, a product with or quotient by 1, in float32; a clamp of integers to all that
        their type holds; a function applied to its own result that does not change it any more; a
        rectifier before a `quantize` that cuts off as much; a reshape of a reshape; a pad of a pad;
        a negation of a negation. But those refused: nodes that hand an input or a constant of the
        model, or another of its outputs, on as an output.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "simplify_algebra"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _simplify)


def _simplify(draft: Draft, node: Node) -> str | None:
    rule = _RULES.get(node.op)
    reason = None if rule is None else rule(draft, node)
    if draft.nodes.get(node.name) is node and reason is None and node.op in _IDEMPOTENT:
        return _again(draft, node)
    return reason


def _neutral(draft: Draft, node: Node) -> str | None:
    neutral, may_be_first = _NEUTRAL[node.op]
    for position in (1, 0) if may_be_first else (1,):
        constant, other = node.inputs[position], node.inputs[1 - position]
        is_neutral = constant in draft.constants and bool(
            (draft.constants[constant].array == neutral).all()
        )
        if not is_neutral or draft.types[constant].dtype is not DType.FLOAT32:
            continue
        if draft.types[other] != draft.types[node.outputs[0]]:
            continue  # broadcast
        activation = Activation.NONE if node.op == "div" else own_activation(node)
        if activation is Activation.NONE:
            return draft.hand_on(node, other)
        if activation.value in ("relu", "relu6"):
            draft.put(node, replace(node, op=activation.value, inputs=(other,), attrs=OpAttrs()))
        return None
    return None


def _whole_clamp(draft: Draft, node: Node) -> str | None:
    """A clamp of integers that lets everything through."""
    (value,), (result,) = node.inputs, node.outputs
    type_ = draft.types[value]
    if type_.dtype is not DType.INT8 or type_ != draft.types[result]:
        return None
    numbers = op(node.op).integerize(draft.bound(node)).numbers
    if numbers != ClampNumbers(type_.dtype.min, type_.dtype.max):
        return None
    return draft.hand_on(node, value)


def _again(draft: Draft, node: Node) -> str | None:
    inner = draft.producer(node.inputs[0])
    if inner is None or inner.op != node.op or repr(inner.attrs) != repr(node.attrs):
        return None
    types = {draft.types[name] for name in (*inner.inputs, *inner.outputs, *node.outputs)}
    is_clamp = node.op in ("relu", "relu6")
    if len(types) != 1 or not (is_clamp or types.pop().dtype is DType.FLOAT32):
        return None
    return draft.hand_on(node, node.inputs[0])


def _clamp_before_quantize(draft: Draft, node: Node) -> str | None:
    """A rectifier whose limits are those that quantization saturates at."""
    clamp = draft.producer(node.inputs[0])
    if clamp is None or clamp.op not in ("relu", "relu6"):
        return None
    y = draft.types[node.outputs[0]]
    if draft.types[clamp.outputs[0]].dtype is not DType.FLOAT32 or y.quant is None:
        return None
    low, high = Activation(clamp.op).bounds
    limits = (y.dtype.min, y.dtype.max)
    for bound, limit in ((low, limits[0]), (high, limits[1])):
        if bound is None:
            continue
        step = affine_quantize(np.float32(bound), y.quant.scale, y.quant.zero_point, limits)
        if step != limit:
            return None
    draft.put(node, replace(node, inputs=clamp.inputs))
    if not draft.readers(clamp.outputs[0]) and not draft.is_result(clamp.outputs[0]):
        draft.remove(clamp)
    return None


def _reshape(draft: Draft, node: Node) -> str | None:
    inner = draft.producer(node.inputs[0])
    if inner is not None and inner.op == "reshape":
        draft.put(node, replace(node, inputs=inner.inputs))
        if not draft.readers(inner.outputs[0]) and not draft.is_result(inner.outputs[0]):
            draft.remove(inner)
    return None


def _pad(draft: Draft, node: Node) -> str | None:
    inner = draft.producer(node.inputs[0])
    if inner is None or inner.op != "pad":
        return None
    if not draft.is_only_read_by(inner.outputs[0], node):
        return f"{inner.name} is read by others too"
    first, second = cast(PadAttrs, inner.attrs), cast(PadAttrs, node.attrs)
    if first.fill != second.fill:
        return f"{inner.name} and {node.name} pad with different numbers"
    before, after = (
        tuple(one + other for one, other in zip(*pair, strict=True))
        for pair in ((first.before, second.before), (first.after, second.after))
    )
    draft.put(node, replace(node, inputs=inner.inputs, attrs=PadAttrs(before, after, first.fill)))
    draft.remove(inner)
    return None


def _negation(draft: Draft, node: Node) -> str | None:
    inner = draft.producer(node.inputs[0])
    is_float = draft.types[node.inputs[0]].dtype is DType.FLOAT32
    if inner is None or inner.op != "neg" or not is_float:
        return None
    return draft.hand_on(node, inner.inputs[0])


_RULES: dict[str, Callable[[Draft, Node], str | None]] = {
    **dict.fromkeys(_NEUTRAL, _neutral),
    "neg": _negation,
    "pad": _pad,
    "quantize": _clamp_before_quantize,
    "relu": _whole_clamp,
    "relu6": _whole_clamp,
    "reshape": _reshape,
}
