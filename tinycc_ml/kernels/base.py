"""What a kernel is: a way to compute one operator's workloads as one C function.

A :class:`KernelDef` says which workloads it takes, builds the function for one, and packs the
constants that the function wants to read. A :class:`Kernel` is what was built. Memory planning
reads three things of it and nothing else: the access order, the scratch, and the alignments. How
row-streamed, packed, hand-scheduled and library kernels fit in is told in
``docs/decisions/0001-kernel-interface.md``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.loopir import LoopKernel, Role
from tinycc_ml.ops import Access, Workload
from tinycc_ml.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Kernel:
    """A built kernel: one C function with constant shapes.

    Attributes:
        definition: Name of the :class:`KernelDef` that built it.
        schedule: The schedule that led from the operator's own loop nest to `loops`.
        loops: Parameters and body. The parameters are pointers, in the order inputs, constants,
            outputs, states, scratch.
        access: The order of reads and writes that the function promises.
    """

    definition: str
    schedule: Schedule
    loops: LoopKernel
    access: Access

    @property
    def scratch_bytes(self) -> int:
        """Size of all scratch parameters, in bytes."""
        return sum(
            b.elements * b.dtype.size_bytes for b in self.loops.buffers if b.role is Role.SCRATCH
        )


def outputs(workload: Workload) -> int:
    """How many elements a layer computes."""
    return sum(type_.elements for _, type_ in workload.outputs)


class KernelDef(ABC):
    """A way to compute an operator. Subclasses are stateless; one instance each is registered."""

    #: `<op>_<dtype>[_<case>]__<isa>[_<tile>]`, as in XNNPACK.
    name: ClassVar[str]
    #: The operator's name.
    op: ClassVar[str]
    #: Features that the core must have.
    requires: ClassVar[frozenset[str]] = frozenset()
    #: The element type of the layer's first input; ``None`` for any. Layers of another type never
    #: get as far as :meth:`accepts`.
    dtype: ClassVar[DType | None] = DType.INT8
    #: Whether it reads a weight of 4 or 16 bits under int8 activations; others are not offered
    #: layers with one.
    odd_weight: ClassVar[bool] = False

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """Why this kernel cannot compute the workload, as one sentence; ``None`` when it can.

        Args:
            workload: What to compute.
            constants: The layer's constants: a packing may not hold all values.
        """
        return None

    @abstractmethod
    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """The function for a layer.

        Args:
            workload: What to compute.
            constants: The layer's constants. A kernel whose code does not depend on them ignores
                them, so that layers with equal workloads share it.
        """

    @abstractmethod
    def cycles(self, workload: Workload) -> int:
        """Estimated cycles of one call without wait states, good enough to rank kernels by."""

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """The constants in the layout that the built function reads, in parameter order."""
        return tuple(constants)
