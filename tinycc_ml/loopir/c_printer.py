"""Prints a kernel as the statements of a C function whose parameters are named as the buffers.

The C is C99, C11 and C++, free of warnings, the same for the same kernel, and formatted as
clang-format does with the repository's ``.clang-format``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.bounds import index_range
from tinycc_ml.loopir.c_expr import Atom, CExpr, Infix, render
from tinycc_ml.loopir.c_indices import Names, affine_expr, choose_names, is_tick, uses
from tinycc_ml.loopir.c_lines import CLines
from tinycc_ml.loopir.c_names import RESERVED
from tinycc_ml.loopir.c_values import CValues
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import (
    Accumulate,
    Assign,
    CallIntrinsic,
    Condition,
    CText,
    For,
    If,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Stmt,
    Store,
)
from tinycc_ml.loopir.simplify import simplify_kernel
from tinycc_ml.loopir.walk import defined_names, expressions, intrinsic_calls, statements


def print_c_body(kernel: LoopKernel, *, indentation: int = 2, turn: str = "") -> str:
    """The C of a verified kernel.

    Args:
        kernel: The kernel; it is simplified first.
        indentation: Spaces before the outermost statements.
        turn: A further parameter: the number of the one turn to run of the outermost loops, which
            have no statements between them. Turns are numbered through.

    Returns:
        Lines that end with a line feed. Parameters are taken to be pointers to the element type
        (to ``const`` for inputs and constants), named as the buffers; the functions called are
        those of :func:`required_functions` and :func:`required_intrinsics`.
    """
    if kernel.text is not None:
        return _own_text(kernel, kernel.text, " " * indentation)
    return _Printer(simplify_kernel(kernel), indentation).run(turn)


def _own_text(kernel: LoopKernel, text: CText, indentation: str) -> str:
    """A body that somebody has written."""
    whole = "\n".join(text.lines)
    unused = [b.name for b in kernel.buffers if not re.search(rf"\b{b.name}\b", whole)]
    lines = [*(f"(void){name};" for name in unused), *text.lines]
    return "".join(f"{indentation if line else ''}{line}\n" for line in lines)


class _Printer:
    def __init__(self, kernel: LoopKernel, indentation: int) -> None:
        self.kernel = kernel
        taken = [buffer.name for buffer in kernel.buffers] + defined_names(kernel.body)
        names = Names([*taken, *RESERVED])
        self.single = frozenset(b.name for b in kernel.buffers if b.ring_rows == 1)
        self.index_names = choose_names(kernel.body, names, self.single)
        self.values = CValues(kernel, self.index_names)
        self.assigned = {
            s.name for s in statements(kernel.body) if isinstance(s, Assign | Accumulate)
        }
        self.declared: set[Affine] = set()
        self.out = CLines(names, indentation)

    def run(self, turn: str) -> str:
        used = {s.buffer for s in statements(self.kernel.body) if isinstance(s, Store)}
        for expr in expressions(self.kernel.body):
            if isinstance(expr, Load | Lookup):
                used.add(expr.buffer)
        for call in intrinsic_calls(self.kernel.body):
            used.update(argument.buffer for argument in call.arguments)
        for buffer in self.kernel.buffers:
            if buffer.name not in used:
                self.out.add(f"(void){buffer.name};")
        if turn:
            self.one_turn(turn)
        else:
            self.body(self.kernel.body, {}, ())
        return "\n".join([*self.out.lines, ""])

    def one_turn(self, turn: str) -> None:
        """One turn of the outermost loops, whose variables follow from its number."""
        body, extents = self.kernel.body, {}
        while len(body) == 1 and isinstance(body[0], For) and is_tick(body[0].variable):
            extents[body[0].variable] = body[0].extent
            body = body[0].body
        start = len(self.out.lines)
        self.body(body, extents, ())
        printed = self.out.lines[start:]
        del self.out.lines[start:]
        inner = prod(extents.values())
        for position, (variable, extent) in enumerate(extents.items()):
            inner //= extent
            value: CExpr = Atom(turn) if inner == 1 else Infix("/", Atom(turn), Atom(str(inner)))
            if position:
                value = Infix("%", value, Atom(str(extent)))
            # Where a buffer has one row, its number does not matter.
            if any(re.search(rf"\b{variable}\b", line) for line in printed):
                self.out.local(variable, DType.INT32, value)
        self.out.lines += printed

    def body(
        self,
        body: Sequence[Stmt],
        extents: Mapping[str, int],
        conditions: tuple[Condition, ...],
    ) -> None:
        for statement in body:
            self.name_indices(statement, tuple(extents))
            match statement:
                case For(variable, extent, inner):
                    self.out.open_for(variable, extent)
                    self.body(inner, {**extents, variable: extent}, conditions)
                    self.out.close()
                case If():
                    self.conditional(statement, extents, conditions)
                case _:
                    self.simple(statement, tuple(extents))

    def name_indices(self, statement: Stmt, order: tuple[str, ...]) -> None:
        """Declares the named indices that the statement uses, as soon as their loops are open."""
        for use in uses((statement,), self.single):
            name = self.index_names.get(use.index)
            if name and use.index not in self.declared and use.index.variables <= set(order):
                self.declared.add(use.index)
                self.out.local(name, DType.INT32, affine_expr(use.index, order))

    def conditional(
        self, statement: If, extents: Mapping[str, int], conditions: tuple[Condition, ...]
    ) -> None:
        if statement.comment:
            self.out.comment(statement.comment)
        if not statement.conditions:
            self.body(statement.body, extents, conditions)
            return
        tests: list[str] = []
        blocks = 0
        for condition in statement.conditions:
            for test in self.tests(condition, extents, conditions):
                if tests and len(f"if ({' && '.join([*tests, test])}) {{") > self.out.width:
                    self.out.open(f"if ({' && '.join(tests)}) {{")
                    blocks, tests = blocks + 1, []
                tests.append(test)
            conditions += (condition,)
        self.out.open(f"if ({' && '.join(tests)}) {{")
        self.body(statement.body, extents, conditions)
        for _ in range(blocks + 1):
            self.out.close()

    def tests(
        self, condition: Condition, extents: Mapping[str, int], conditions: tuple[Condition, ...]
    ) -> list[str]:
        """The comparisons that are not known to hold."""
        low, high = index_range(condition.index, extents, conditions)
        text = render(self.values.index(condition.index, tuple(extents)))
        if low < condition.low == condition.high - 1 < high:
            return [f"{text} == {condition.low}"]
        found = []
        if low < condition.low:
            found.append(f"{text} >= {condition.low}")
        if high >= condition.high:
            found.append(f"{text} < {condition.high}")
        return found

    def simple(self, statement: Stmt, order: tuple[str, ...]) -> None:
        match statement:
            case Local(name, dtype, value):
                constant = name not in self.assigned
                self.out.local(name, dtype, self.values.value(value, order), constant=constant)
            case Assign(name, value):
                self.out.assign(name, "=", self.values.value(value, order))
            case Accumulate(name, value):
                self.out.assign(name, "+=", self.values.value(value, order))
            case Store(buffer, indices, _):
                target = self.values.element(buffer, indices, order)
                self.out.store(target, self.values.stored(statement, order))
            case CallIntrinsic(intrinsic, arguments):
                windows = [self.values.element(a.buffer, a.start, order) for a in arguments]
                self.out.call(intrinsic.name, windows)
