"""The rule by which a transpose moves behind an operator that reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tinycc_ml.graph import Node, OpAttrs
from tinycc_ml.ops import op
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.transpose import TransposeAttrs
from tinycc_ml.transforms.draft import Draft

Order = tuple[int, ...]

#: Operators that are not elementwise, but compute the same elements in any order of dimensions.
_OTHERS = ("concatenation", "pad", "table")


def permutation_of(transpose: Node) -> Order:
    """Dimension ``i`` of the output is this ``[i]`` of the input."""
    return cast(TransposeAttrs, transpose.attrs).permutation


def sink(draft: Draft, node: Node) -> str | None:
    """Moves the transposes that a node reads behind it, if all that it reads comes from such.

    All of them have the same permutation and no other reader, so that they become one. Constants
    are brought into the order of what was transposed.
    """
    if not (op(node.op).is_elementwise or node.op in _OTHERS):
        return None
    rank = len(draft.types[node.outputs[0]].shape)
    found = _transposes(draft, node, rank)
    if not found or len(node.outputs) != 1:
        return None
    order = permutation_of(found[0])
    if any(permutation_of(transpose) != order for transpose in found):
        return None
    inputs = _untransposed(draft, node, {t.outputs[0]: t.inputs[0] for t in found}, order)
    if inputs is None:
        return None
    (result,) = node.outputs
    back = tuple(order.index(axis) for axis in range(rank))
    type_ = draft.types[result]
    shape = tuple(type_.shape[axis] for axis in back)
    inner = draft.new_value(result, replace(type_, shape=shape))
    moved = replace(node, inputs=inputs, outputs=(inner,), attrs=_attrs(node.attrs, order))
    if draft.problem(moved) is not None:
        return None
    for transpose in found:
        draft.remove(transpose)
    draft.put(node, moved)
    draft.insert_after(moved, replace(found[0], inputs=(inner,), outputs=(result,)))
    return None


def _transposes(draft: Draft, node: Node, rank: int) -> list[Node]:
    """What computes the node's operands; nothing unless all of that are transposes of its own."""
    found: dict[str, Node] = {}
    for name in node.inputs:
        if name in draft.constants:
            continue
        transpose = draft.producer(name)
        if transpose is None or transpose.op != "transpose":
            return []
        if len(draft.types[name].shape) != rank or not draft.is_only_read_by(name, node):
            return []
        found[name] = transpose
    return list(found.values())


def _untransposed(
    draft: Draft, node: Node, sources: dict[str, str], order: Order
) -> tuple[str, ...] | None:
    inputs: list[str] = []
    for name in node.inputs:
        if name in sources:
            inputs.append(sources[name])
            continue
        array, type_ = draft.constants[name].array, draft.types[name]
        if array.size == 1 or node.op == "table":
            inputs.append(name)
            continue
        if array.ndim > len(order):
            return None
        if type_.quant is not None and type_.quant.axis is not None:
            return None
        array = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
        back = [order.index(axis) for axis in range(len(order))]
        inputs.append(draft.add_constant(name, array.transpose(back), type_.quant))
    return tuple(inputs)


def _attrs(attrs: OpAttrs, order: Order) -> OpAttrs:
    """The attributes for dimensions in the order that the transposes find."""
    back = [order.index(axis) for axis in range(len(order))]
    match attrs:
        case PadAttrs(before, after, fill):
            first, last = (tuple(sizes[axis] for axis in back) for sizes in (before, after))
            return PadAttrs(first, last, fill)
        case ConcatenationAttrs(axis, activation):
            return ConcatenationAttrs(order[axis], activation)
    return attrs
