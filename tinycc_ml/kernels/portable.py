"""The portable kernels: every operator's own loop nest, on any core with a C compiler."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.loopir import verify_kernel
from tinycc_ml.ops import OpDef, Workload, all_ops, op
from tinycc_ml.schedule import Schedule, apply_schedule

#: Rough means over the benchmark's models on a Cortex-M4.
_CYCLES_PER_MAC, _CYCLES_PER_OUTPUT = 12, 30


class PortableKernel(KernelDef):
    """Lowers an operator with its own :meth:`OpDef.lower`."""

    def __init__(self, definition: OpDef) -> None:
        self.op = definition.name  # type: ignore[misc]
        self.name = f"{definition.name}__c"  # type: ignore[misc]

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        definition = op(self.op)
        schedule: Schedule = ()
        loops = apply_schedule(verify_kernel(definition.lower(workload)), schedule)
        return Kernel(self.name, schedule, loops, definition.access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return _CYCLES_PER_MAC * op(self.op).macs(workload) + _CYCLES_PER_OUTPUT * outputs(workload)


PORTABLE: dict[str, KernelDef] = {
    definition.name: PortableKernel(definition)
    for definition in all_ops()
    if not definition.is_view
}
