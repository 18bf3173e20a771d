"""What removing channels did to a graph, for reports and for comparisons with other engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Graph
from tinycc_ml.ops import integerize
from tinycc_ml.transforms.channel_selection import select_channels
from tinycc_ml.transforms.remove_constant_channels import RemoveConstantChannels


@dataclass(frozen=True, slots=True)
class LayerMacs:
    """Multiply-accumulates of a layer, before and after."""

    node: str
    before: int
    after: int


def layer_macs(before: Graph, after: Graph) -> tuple[LayerMacs, ...]:
    """For each node of `before` that multiplies, in its order; removed nodes have 0 after."""
    left = {layer.name: layer.macs for layer in integerize(after).layers}
    return tuple(
        LayerMacs(layer.name, layer.macs, left.get(layer.name, 0))
        for layer in integerize(before).layers
        if layer.macs
    )


def kept_channels(
    before: Graph, after: Graph, pass_: RemoveConstantChannels | None = None
) -> dict[str, tuple[int, ...]]:
    """The channels (indices of the last dimension) that values of `after` have left.

    Values that have all of theirs are not listed. What `after` holds under a name is what `before`
    holds at ``value[..., kept]``.

    Args:
        before: What the pass was given.
        after: What it returned; later passes may have removed values.
        pass_: The pass; with its usual options by default.

    Raises:
        InternalError: If `after` does not come from `before`.
    """
    selection = select_channels(before, (pass_ or RemoveConstantChannels()).keep_multiple)
    result: dict[str, tuple[int, ...]] = {}
    for name, kept in selection.kept.items():
        if name not in after.types:
            continue
        if after.types[name].shape[-1] != kept.sum():
            raise InternalError(
                f"%{name} has {after.types[name].shape[-1]} channels; {before.name} without "
                f"constant channels has {kept.sum()}"
            )
        if not kept.all():
            result[name] = tuple(int(channel) for channel in np.flatnonzero(kept))
    return result
