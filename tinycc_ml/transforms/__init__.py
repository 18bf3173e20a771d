"""Graph passes, one per file."""

from __future__ import annotations

from tinycc_ml.graph import Pass, Repeat
from tinycc_ml.transforms.channel_report import kept_channels
from tinycc_ml.transforms.compose_tables import ComposeTables
from tinycc_ml.transforms.fold_channel_affine import FoldChannelAffine
from tinycc_ml.transforms.fold_constants import FoldConstants
from tinycc_ml.transforms.fold_pads import FoldPads
from tinycc_ml.transforms.fuse_activations import FuseActivations
from tinycc_ml.transforms.merge_reductions import MergeReductions
from tinycc_ml.transforms.move_transposes import MoveTransposes
from tinycc_ml.transforms.remove_constant_channels import RemoveConstantChannels
from tinycc_ml.transforms.remove_dead_nodes import RemoveDeadNodes
from tinycc_ml.transforms.remove_identities import RemoveIdentities
from tinycc_ml.transforms.share_equal_nodes import ShareEqualNodes
from tinycc_ml.transforms.simplify_algebra import SimplifyAlgebra

#: Step 3: what is done to every graph, in this order.
SIMPLIFY: tuple[Pass | Repeat, ...] = (
    Repeat(
        (
            FoldConstants(),
            RemoveIdentities(),
            ShareEqualNodes(),
            SimplifyAlgebra(),
            MoveTransposes(),
            FoldPads(),
            FoldChannelAffine(),
            FuseActivations(),
            MergeReductions(),
            ComposeTables(),
            RemoveDeadNodes(),
        )
    ),
    RemoveConstantChannels(),
)

__all__ = [
    "SIMPLIFY",
    "ComposeTables",
    "FoldChannelAffine",
    "FoldConstants",
    "FoldPads",
    "FuseActivations",
    "MergeReductions",
    "MoveTransposes",
    "RemoveConstantChannels",
    "RemoveDeadNodes",
    "RemoveIdentities",
    "ShareEqualNodes",
    "SimplifyAlgebra",
    "kept_channels",
]
