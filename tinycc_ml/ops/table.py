"""Any function of one int8 operand, given as its 256 results.

``output = table[input + 128]``; input and output may have any quantization, for the table holds
integers.

Source: none; importers make it of float operators between dequantization and quantization.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.registry import register


@register
class Table(OpDef):
    """Inputs: any shape, and a constant (256,). Output: the first input's shape."""

    name = "table"
    summary = "any function of one operand, as a table"

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        entries = len(every_input(DType.INT8))
        if inputs[1].shape != (entries,):
            raise UnsupportedError(f"a table of shape {inputs[1].shape}; expected ({entries},)")
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if bound.constants[1] is None or bound.inputs[1].dtype is not DType.INT8:
            return "the table is no int8 constant"
        return int8_problem("input", bound.inputs[0]) or int8_problem("output", bound.outputs[0])

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        table = bound.constants[1]
        assert table  # checked by check
        return lookup_integers(table.array, DType.INT8)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return lookup_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return lower_lookup(workload)
