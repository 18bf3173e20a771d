"""The portable kernels: every operator's own loop nest, on any core with a C compiler."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.loopir import Call, Expr, For, If, Load, Lookup, Stmt, verify_kernel
from tinycc_ml.loopir.walk import expressions
from tinycc_ml.ops import OpDef, Workload, all_ops, op
from tinycc_ml.schedule import Schedule, apply_schedule

#: Of a statement, its stores and branches, and of a node of its expressions. A called function, as
#: a requantization, has a dozen statements of its own.
_CYCLES_PER_STATEMENT = 3
#: Of a body in C, of which nothing is known.
_CYCLES_PER_ELEMENT = 20
_CYCLES: dict[type[Expr], int] = {Call: 20, Load: 2, Lookup: 2}


class PortableKernel(KernelDef):
    """Lowers an operator with its own :meth:`OpDef.lower`."""

    dtype = None

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
        kernel = op(self.op).lower(workload)
        if kernel.text is not None:
            return _CYCLES_PER_ELEMENT * outputs(workload)
        return _cycles(kernel.body)


def _cycles(body: Sequence[Stmt]) -> int:
    """Cycles of statements with all conditions met: a rough mean over cores and compilers."""
    total = 0
    for statement in body:
        total += _CYCLES_PER_STATEMENT
        if isinstance(statement, For):
            total += statement.extent * _cycles(statement.body)
        elif isinstance(statement, If):
            total += _cycles(statement.body)
        else:
            total += sum(_CYCLES.get(type(node), 1) for node in expressions((statement,)))
    return total


PORTABLE: dict[str, KernelDef] = {
    definition.name: PortableKernel(definition)
    for definition in all_ops()
    if not definition.is_view
}


def portable_kernel(op_name: str) -> KernelDef:
    """The portable kernel of an operator that is no view; it may have been registered just now."""
    if op_name not in PORTABLE:
        PORTABLE[op_name] = PortableKernel(op(op_name))
    return PORTABLE[op_name]
