"""The loops of ONNX's recurrent layers.

The hidden state lives where the last one is an output; so does the cell state. Scratch holds what a
step computes for all units, before it renews any.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    Accumulate,
    AffineLike,
    Binary,
    Buffer,
    Expr,
    Local,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Workload, buffers_of
from tinycc_ml.ops.floats import FloatNumbers, limited

if TYPE_CHECKING:  # recurrent.py imports this module
    from tinycc_ml.ops.recurrent import RecurrentAttrs

_F32 = DType.FLOAT32


def lower_recurrent(a: RecurrentAttrs, n: FloatNumbers, workload: Workload) -> LoopKernel:
    """The loop nest: direction by direction, step by step."""
    buffers = {buffer.name: buffer for buffer in buffers_of(workload)}
    size = buffers["recurrent"].shape[2]
    rows = buffers["weight"].shape[1] // size
    # The reset hidden state is needed as a whole, before any candidate.
    resets = a.kind == "gru" and not a.linear_before_reset
    gates = Buffer("gates", _F32, (rows + resets, size), Role.SCRATCH)
    body: list[Stmt] = []
    for direction in range(len(a.reverse)):
        body += _Direction(a, n, buffers, gates, direction).body()
    return LoopKernel("recurrent", (*buffers.values(), gates), tuple(body))


class _Direction:
    """Writes the loops of one direction; names end with its number."""

    def __init__(
        self,
        a: RecurrentAttrs,
        n: FloatNumbers,
        buffers: dict[str, Buffer],
        gates: Buffer,
        direction: int,
    ) -> None:
        self.a, self.n, self.b, self.gates, self.d = a, n, buffers, gates, direction
        self.size, self.width = gates.shape[1], buffers["input"].shape[2]
        time_axis = 1 if a.batch_first else 0
        self.steps = buffers["input"].shape[time_axis]
        self.batch = buffers["input"].shape[1 - time_axis]
        self.hidden = buffers["output1"]

    def name(self, name: str) -> str:
        return f"{name}{self.d}"

    def body(self) -> tuple[Stmt, ...]:
        row, unit = self.name("row"), self.name("first")
        begin = [self.store_state(self.hidden, row, unit, self.state("hidden0", row, unit))]
        if self.a.kind == "lstm":
            first = self.state("cell0", row, unit)
            begin.append(self.store_state(self.b["output2"], row, unit, first))
        parts = {"rnn": self.rnn, "gru": self.gru, "lstm": self.lstm}[self.a.kind]()
        return (
            *b.nest([(row, self.batch), (unit, self.size)], *begin),
            *b.nest([(self.name("t"), self.steps), (self.name("batch"), self.batch)], *parts),
        )

    # Places.

    def at(self, batch: AffineLike) -> tuple[AffineLike, AffineLike]:
        """The first two indices of a step of the input."""
        t = affine(self.name("t"))
        when = (self.steps - 1) + t * -1 if self.a.reverse[self.d] else t
        return (batch, when) if self.a.batch_first else (when, batch)

    def state(self, role: str, batch: AffineLike, unit: AffineLike) -> Expr:
        at = (batch, self.d) if self.a.batch_first else (self.d, batch)
        return b.load(self.b[role], *at, unit)

    def store_state(self, buffer: Buffer, batch: AffineLike, unit: AffineLike, x: Expr) -> Stmt:
        at = (batch, self.d) if self.a.batch_first else (self.d, batch)
        return b.store(buffer, (*at, unit), x)

    def kept(self, unit: AffineLike, role: str = "output1") -> Expr:
        return self.state(role, self.name("batch"), unit)

    # Sums.

    def bias(self, half: int, gate: AffineLike, unit: str) -> Expr:
        rows = self.b["weight"].shape[1]
        return b.load(self.b["bias"], self.d, affine(gate) * self.size + affine(unit) + half * rows)

    def seen(self, acc: str, gate: AffineLike, unit: str) -> tuple[Stmt, ...]:
        """Declares ``acc`` with ``W x``."""
        i = f"{acc}_i"
        at = self.at(self.name("batch"))
        row = affine(gate) * self.size + affine(unit)
        product = b.mul(b.load(self.b["input"], *at, i), b.load(self.b["weight"], self.d, row, i))
        return (
            Local(acc, _F32, b.number(0.0)),
            *b.nest([(i, self.width)], Accumulate(acc, product)),
        )

    def add_kept(
        self, acc: str, gate: AffineLike, unit: str, source: Callable[[str], Expr]
    ) -> tuple[Stmt, ...]:
        """Adds ``R h`` to ``acc``."""
        j = f"{acc}_j"
        row = affine(gate) * self.size + affine(unit)
        product = b.mul(source(j), b.load(self.b["recurrent"], self.d, row, j))
        return b.nest([(j, self.size)], Accumulate(acc, product))

    def total(self, acc: str, gate: AffineLike, unit: str) -> Expr:
        return b.add(b.add(Var(acc), self.bias(0, gate, unit)), self.bias(1, gate, unit))

    def sums(self, gates: int) -> tuple[Stmt, ...]:
        """``W x + R h + b + c`` of the first gates, to scratch."""
        gate, unit, acc = self.name("gate"), self.name("unit"), self.name("acc")
        return b.nest(
            [(gate, gates), (unit, self.size)],
            *self.seen(acc, gate, unit),
            *self.add_kept(acc, gate, unit, self.kept),
            b.store(self.gates, (gate, unit), self.total(acc, gate, unit)),
        )

    def gate(self, gate: int, unit: AffineLike) -> Expr:
        return b.load(self.gates, gate, unit)

    def limited(self, x: Expr) -> Expr:
        return limited(x, self.n)

    def finish(self, unit: str, result: Expr, *others: Stmt) -> tuple[Stmt, ...]:
        """Renews the hidden state, unit by unit."""
        batch, value = self.name("batch"), self.name("result")
        at = self.at(batch)
        where = (*at, self.d, unit) if self.a.batch_first else (at[0], self.d, batch, unit)
        return b.nest(
            [(unit, self.size)],
            *others,
            Local(value, _F32, result),
            self.store_state(self.hidden, batch, unit, Var(value)),
            b.store(self.b["output0"], where, Var(value)),
        )

    # Kinds.

    def rnn(self) -> tuple[Stmt, ...]:
        unit = self.name("s")
        x = self.limited(self.gate(0, unit))
        functions: dict[str, Callable[[Expr], Expr]] = {
            "tanh": _tanh,
            "logistic": _logistic,
            "relu": lambda x: Binary("max", x, b.number(0.0)),
        }
        return (*self.sums(1), *self.finish(unit, functions[self.a.activation](x)))

    def gru(self) -> tuple[Stmt, ...]:
        unit, last = self.name("s"), self.name("n")
        z, r = (_logistic(self.limited(self.gate(gate, last))) for gate in (0, 1))
        acc, again = self.name("seen"), self.name("kept")
        if self.a.linear_before_reset:
            before: tuple[Stmt, ...] = ()
            sums = (
                *self.seen(acc, 2, last),
                Local(again, _F32, b.number(0.0)),
                *self.add_kept(again, 2, last, self.kept),
            )
            reset = b.mul(r, b.add(Var(again), self.bias(1, 2, last)))
            total = b.add(b.add(Var(acc), self.bias(0, 2, last)), reset)
        else:
            u = self.name("u")
            r = _logistic(self.limited(self.gate(1, u)))
            before = b.nest([(u, self.size)], b.store(self.gates, (3, u), b.mul(r, self.kept(u))))
            sums = (
                *self.seen(acc, 2, last),
                *self.add_kept(acc, 2, last, lambda j: self.gate(3, j)),
            )
            total = self.total(acc, 2, last)
        candidate = b.nest(
            [(last, self.size)],
            *sums,
            b.store(self.gates, (2, last), _tanh(self.limited(total))),
        )
        share = self.name("z")
        z = _logistic(self.limited(self.gate(0, unit)))
        fresh = b.mul(b.sub(b.number(1.0), Var(share)), self.gate(2, unit))
        result = b.add(fresh, b.mul(Var(share), self.kept(unit)))
        return (
            *self.sums(2),
            *before,
            *candidate,
            *self.finish(unit, result, Local(share, _F32, z)),
        )

    def lstm(self) -> tuple[Stmt, ...]:
        unit, cell, new = self.name("s"), self.name("held"), self.name("renewed")

        def peeped(gate: int, part: int, state: str) -> Expr:
            x = self.gate(gate, unit)
            if self.a.has_peepholes:
                place = affine(unit) + part * self.size
                x = b.add(x, b.mul(b.load(self.b["peephole"], self.d, place), Var(state)))
            return self.limited(x)

        added = b.mul(_logistic(peeped(0, 0, cell)), _tanh(self.limited(self.gate(3, unit))))
        renewed = b.add(b.mul(_logistic(peeped(2, 2, cell)), Var(cell)), added)
        result = b.mul(_logistic(peeped(1, 1, new)), _tanh(Var(new)))
        others = (
            Local(cell, _F32, self.kept(unit, "output2")),
            Local(new, _F32, renewed),
            self.store_state(self.b["output2"], self.name("batch"), unit, Var(new)),
        )
        return (*self.sums(4), *self.finish(unit, result, *others))


def _tanh(x: Expr) -> Expr:
    return b.call("tanh", x)


def _logistic(x: Expr) -> Expr:
    power = b.call("exp", b.sub(b.number(0.0), x))
    return b.div(b.number(1.0), b.add(b.number(1.0), power))
