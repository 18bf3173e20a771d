"""Graph passes, one per file."""

from __future__ import annotations

from tinycc_ml.graph import Pass
from tinycc_ml.transforms.channel_report import kept_channels
from tinycc_ml.transforms.fold_constants import FoldConstants
from tinycc_ml.transforms.remove_constant_channels import RemoveConstantChannels
from tinycc_ml.transforms.remove_dead_nodes import RemoveDeadNodes
from tinycc_ml.transforms.remove_identities import RemoveIdentities

#: Step 3: what is done to every graph, in this order.
SIMPLIFY: tuple[Pass, ...] = (
    FoldConstants(),
    RemoveIdentities(),
    RemoveDeadNodes(),
    RemoveConstantChannels(),
)

__all__ = [
    "SIMPLIFY",
    "FoldConstants",
    "RemoveConstantChannels",
    "RemoveDeadNodes",
    "RemoveIdentities",
    "kept_channels",
]
