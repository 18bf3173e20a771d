"""Graph passes, one per file."""

from __future__ import annotations

from tinycc_ml.graph import Pass
from tinycc_ml.transforms.fold_constants import FoldConstants
from tinycc_ml.transforms.remove_dead_nodes import RemoveDeadNodes
from tinycc_ml.transforms.remove_identities import RemoveIdentities

#: Step 3: what is done to every graph, in this order.
SIMPLIFY: tuple[Pass, ...] = (FoldConstants(), RemoveIdentities(), RemoveDeadNodes())

__all__ = ["SIMPLIFY", "FoldConstants", "RemoveDeadNodes", "RemoveIdentities"]
