"""Clamps move into the layer before them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, Node, OpAttrs, RefusalLog
from tinycc_ml.ops import Activation
from tinycc_ml.ops.floats import LOWEST
from tinycc_ml.ops.real_functions import SlopeAttrs
from tinycc_ml.transforms.draft import Draft, apply_rule

#: Operators that clamp their result before they store it.
CLAMPING = frozenset(
    {"conv2d", "depthwise_conv2d", "transpose_conv", "fully_connected", "add", "sub", "mul"}
    | {"average_pool2d", "max_pool2d"}
)
_ACTIVATIONS = {"relu": Activation.RELU, "relu6": Activation.RELU6}


class _Clamping(Protocol):
    activation: Activation


@dataclass(frozen=True, slots=True)
class FuseActivations:
    """Makes rectifiers the fused activation of the layer that they read.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit. No `relu`, `relu6` or `clip` to the limits of an
        activation reads an operator of :data:`CLAMPING`, but those refused: the layer's result is
        read by others too, or quantized otherwise than the rectifier's, which rounds again.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "fuse_activations"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _fuse)


def activation_of(node: Node) -> Activation | None:
    """The activation that a node is."""
    if node.op == "clip":
        a = cast(SlopeAttrs, node.attrs)
        low, high = a.alpha, None if a.beta >= -LOWEST else a.beta
        return next((a for a in Activation if a.bounds == (low, high)), None)
    return _ACTIVATIONS.get(node.op)


def with_activation(attrs: OpAttrs, activation: Activation) -> OpAttrs:
    """The attributes of an operator of :data:`CLAMPING` with another activation."""
    return replace(attrs, activation=activation)  # type: ignore[call-arg]


def own_activation(node: Node) -> Activation:
    """The fused activation of a node of :data:`CLAMPING`."""
    return cast(_Clamping, node.attrs).activation


def _fuse(draft: Draft, node: Node) -> str | None:
    activation, layer = activation_of(node), draft.producer(node.inputs[0]) if node.inputs else None
    if activation is None or layer is None or layer.op not in CLAMPING:
        return None
    value, result = layer.outputs[0], node.outputs[0]
    if draft.types[value] != draft.types[result]:
        return f"{layer.name} gives {draft.types[value]}: another scale means to round again"
    if node.op == "clip" and draft.types[value].dtype is not DType.FLOAT32:
        return None  # a table in integers
    if not draft.is_only_read_by(value, node):
        return f"{layer.name} is read by others too"
    both = _both(own_activation(layer), activation)
    if both is None:
        return f"{layer.name} has the activation {own_activation(layer).value} already"
    fused = replace(layer, outputs=(result,), attrs=with_activation(layer.attrs, both))
    problem = draft.problem(fused)
    if problem is not None:
        return problem
    draft.remove(node)
    draft.put(layer, fused)
    return None


def _both(first: Activation, second: Activation) -> Activation | None:
    """The one activation that two in a row are."""
    if first in (Activation.NONE, second):
        return second
    if {first, second} == {Activation.RELU, Activation.RELU6}:
        return Activation.RELU6
    return None
