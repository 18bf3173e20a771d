"""Padding moves into the layer that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from tinycc_ml.graph import Graph, Node, OpAttrs, RefusalLog, TensorType
from tinycc_ml.ops import Padding
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.floats import LOWEST
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.transforms.draft import Draft, apply_rule

_CONVOLUTIONS = ("conv2d", "depthwise_conv2d")
_POOLING = ("max_pool2d", "average_pool2d")


@dataclass(frozen=True, slots=True)
class FoldPads:
    """Makes a `pad` of rows and columns the padding of the layers that read it.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit. No `pad` is read by nothing but convolutions (of what is
        real zero) or maximum pooling (of the lowest value), but those refused. A pad that another
        node reads too stays: no memory would be saved.

    A convolution adds nothing where its input is padded, which is what real zero adds. Pooling
    leaves padding out, which for a maximum is what the lowest value does; an average divides by
    fewer elements then, so that it cannot take any.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "fold_pads"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _fold)


def _fold(draft: Draft, pad: Node) -> str | None:
    if pad.op != "pad":
        return None
    readers = draft.readers(pad.outputs[0])
    if not any(node.op in (*_CONVOLUTIONS, *_POOLING) for node in readers):
        return None
    if draft.is_result(pad.outputs[0]):
        return "its result is an output of the model"
    folded: list[Node] = []
    for node in readers:
        result = _folded(draft, pad, node)
        if isinstance(result, str):
            return f"{node.name}: {result}"
        folded.append(result)
    for node in folded:
        draft.put(draft.nodes[node.name], node)
    draft.remove(pad)
    return None


def _folded(draft: Draft, pad: Node, node: Node) -> Node | str:
    """The node with the padding, or why there is none."""
    a, x = cast(PadAttrs, pad.attrs), draft.types[pad.inputs[0]]
    if node.op not in (*_CONVOLUTIONS, *_POOLING):
        return f"{node.op} reads it too"
    if len(x.shape) != 4 or any(a.before[i] or a.after[i] for i in (0, 3)):
        return "batch or channels are padded"
    reason = _CHECKS[node.op](x, a)
    if reason is not None:
        return reason
    own = cast(Conv2DAttrs, node.attrs).padding
    padding = Padding(
        own.top + a.before[1],
        own.bottom + a.after[1],
        own.left + a.before[2],
        own.right + a.after[2],
    )
    inputs = (pad.inputs[0], *node.inputs[1:])
    if pad.outputs[0] in inputs:
        return "it is the weight too"
    padded = replace(node, inputs=inputs, attrs=_with_padding(node.attrs, padding))
    return draft.problem(padded) or padded


def _with_padding(attrs: OpAttrs, padding: Padding) -> OpAttrs:
    return replace(attrs, padding=padding)  # type: ignore[call-arg]


def _zero_problem(x: TensorType, attrs: PadAttrs) -> str | None:
    zero = x.quant.zero_point if x.quant is not None else 0
    if attrs.fill in (None, zero):
        return None
    return f"it is padded with {attrs.fill}; allowed {zero}, which is real zero"


def _lowest_problem(x: TensorType, attrs: PadAttrs) -> str | None:
    zero = x.quant.zero_point if x.quant is not None else 0
    fill = zero if attrs.fill is None else attrs.fill
    lowest = x.dtype.min if x.dtype.is_integer else LOWEST
    if fill <= lowest:
        return None
    return f"a maximum leaves padding out; it is padded with {fill}; allowed {lowest}"


def _average_problem(x: TensorType, attrs: PadAttrs) -> str | None:
    return "the average of a window divides by what is padded too"


_CHECKS: dict[str, Callable[[TensorType, PadAttrs], str | None]] = {
    "conv2d": _zero_problem,
    "depthwise_conv2d": _zero_problem,
    "max_pool2d": _lowest_problem,
    "average_pool2d": _average_problem,
}
