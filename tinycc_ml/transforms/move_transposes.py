"""Transposes cancel, or sink to where they do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tinycc_ml.graph import Graph, Node, Refusal, RefusalLog
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.transpose import TransposeAttrs
from tinycc_ml.transforms.draft import Draft, apply_rule
from tinycc_ml.transforms.sink_transposes import permutation_of, sink

_MOST_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class MoveTransposes:
    """Removes transposes, by moving them to where they cancel if need be.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit, but that a fully connected layer in float32 may add up its
        products in another order. No transpose reads a transpose, moves only dimensions of extent
        1 (it is a reshape), or is flattened for a fully connected layer, whose weights are brought
        into its order instead. Transposes have moved behind elementwise operators, pads and
        concatenations where fewer bytes are moved by that in the whole graph; where they are not,
        the moves are refused.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "move_transposes"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        merged = apply_rule(graph, refuse, self.name, _merge)
        sunk = merged
        for _ in range(_MOST_ROUNDS):
            before = sunk
            sunk = apply_rule(sunk, _ignore, self.name, sink)
            sunk = apply_rule(sunk, _ignore, self.name, _merge)
            if sunk is before:
                break
        if _moved_bytes(sunk) < _moved_bytes(merged):
            return sunk
        if sunk is not merged:
            tried = {node.name: node for node in sunk.nodes}
            for node in merged.nodes:
                if node.op == "transpose" and tried.get(node.name) != node:
                    reason = "moved down it would cancel with nothing, and move as many bytes"
                    refuse(Refusal(self.name, node.name, reason))
        return merged


def _ignore(refusal: Refusal) -> None:
    """While the moves are only tried."""


def _moved_bytes(graph: Graph) -> int:
    moves = (node for node in graph.nodes if node.op == "transpose")
    return sum(graph.types[node.outputs[0]].size_bytes for node in moves)


def _merge(draft: Draft, node: Node) -> str | None:
    if node.op == "fully_connected":
        return _into_weights(draft, node)
    return _cancel(draft, node) if node.op == "transpose" else None


def _cancel(draft: Draft, node: Node) -> str | None:
    (value,) = node.inputs
    x, order = draft.types[value], permutation_of(node)
    moved = [axis for axis in order if x.shape[axis] != 1]
    if moved == sorted(moved):
        if draft.types[node.outputs[0]] == x:
            return draft.hand_on(node, value)
        shape = draft.types[node.outputs[0]].shape
        draft.put(node, replace(node, op="reshape", attrs=ReshapeAttrs(shape)))
        return None
    inner = draft.producer(value)
    if inner is None or inner.op != "transpose":
        return None
    both = TransposeAttrs(tuple(permutation_of(inner)[axis] for axis in order))
    draft.put(node, replace(node, inputs=inner.inputs, attrs=both))
    if not draft.readers(value) and not draft.is_result(value):
        draft.remove(inner)
    return None


def _into_weights(draft: Draft, layer: Node) -> str | None:
    """``transpose, reshape, fully connected``: the columns of the weight in another order."""
    reshape = draft.producer(layer.inputs[0])
    transpose = None if reshape is None else draft.producer(reshape.inputs[0])
    if reshape is None or transpose is None:
        return None
    if (reshape.op, transpose.op) != ("reshape", "transpose"):
        return None
    x, weight = draft.types[transpose.inputs[0]], draft.constants.get(layer.inputs[1])
    order = permutation_of(transpose)
    if weight is None:
        return None
    columns = weight.array.shape[1]
    rows = draft.types[reshape.outputs[0]].shape
    if order[0] != 0 or prod(x.shape[1:]) != columns or rows[-1] != columns:
        return None
    for value, reader in ((transpose.outputs[0], reshape), (reshape.outputs[0], layer)):
        if not draft.is_only_read_by(value, reader):
            return f"%{value} is read by others than {layer.name} too"
    if not draft.is_only_read_by(layer.inputs[1], layer):
        return f"the weight of {layer.name} is read by others too"
    # For each column of the weight, the element of the untransposed input that it belongs to.
    sources = np.arange(columns).reshape(x.shape[1:]).transpose([axis - 1 for axis in order[1:]])
    array = np.empty_like(weight.array)
    array[:, sources.reshape(-1)] = weight.array
    name = draft.add_constant(layer.inputs[1], array, draft.types[layer.inputs[1]].quant)
    draft.put(reshape, replace(reshape, inputs=transpose.inputs))
    draft.remove(transpose)
    draft.put(layer, replace(layer, inputs=(layer.inputs[0], name, *layer.inputs[2:])))
    return None
