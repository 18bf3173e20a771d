"""The kernels of this package with their tiles reordered for cores that start two instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.dsp.dual_issue import interleave
from tinycc_ml.loopir import CallIntrinsic, For, If, Intrinsic, Stmt
from tinycc_ml.ops import Workload

_COMMENT = "Ordered for a core that starts two instructions at a time."


class DualIssue(KernelDef):
    """What another kernel computes, constants and scratch included, with the same instructions."""

    def __init__(self, inner: KernelDef) -> None:
        self.inner = inner
        self.op = inner.op  # type: ignore[misc]
        self.name = _renamed(inner.name)  # type: ignore[misc]
        self.requires = inner.requires | {"dual_issue"}  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        return self.inner.accepts(workload, constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        kernel = self.inner.build(workload, constants)
        loops = replace(kernel.loops, body=tuple(map(_reordered, kernel.loops.body)))
        return replace(kernel, definition=self.name, loops=loops)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return self.inner.pack(workload, constants)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return self.inner.cycles(workload) * 3 // 4


def _reordered(statement: Stmt) -> Stmt:
    if isinstance(statement, For | If):
        return replace(statement, body=tuple(map(_reordered, statement.body)))
    if isinstance(statement, CallIntrinsic):
        return replace(statement, intrinsic=reordered(statement.intrinsic))
    return statement


def reordered(intrinsic: Intrinsic) -> Intrinsic:
    """The intrinsic with its assembly reordered, under a name of its own."""
    name = _renamed(intrinsic.name)
    return replace(
        intrinsic,
        name=name,
        meaning=replace(intrinsic.meaning, name=name),
        assembly=interleave(intrinsic.assembly),
        comment=(*intrinsic.comment, _COMMENT),
    )


def _renamed(name: str) -> str:
    """As long as before: clang-format lays out long names differently."""
    assert "__dsp" in name, name
    return name.replace("__dsp", "__m7")
