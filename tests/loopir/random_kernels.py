"""Kernels and arrays drawn at random: convolutions as lowered, and nests that nobody would write.

Everything is drawn from a ``random.Random``, so that Hypothesis can drive and shrink it and a
batch for the C compilers can be made from seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import TensorType
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Assign,
    Binary,
    Buffer,
    Cast,
    Condition,
    Expr,
    For,
    If,
    Literal,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Store,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2D, Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.window import Padding

STORED = (
    DType.INT8,
    DType.UINT8,
    DType.INT16,
    DType.INT32,
    DType.UINT32,
    DType.INT64,
    DType.FLOAT32,
)


def conv_kernel(r: Random) -> LoopKernel:
    """A small convolution with random window, padding and numbers, as its operator lowers it."""
    kernel = (r.randint(1, 3), r.randint(1, 3))
    dilation = (r.randint(1, 2), r.randint(1, 2))
    stride = (r.randint(1, 2), r.randint(1, 2))
    padding = Padding(*(r.randint(0, 2) for _ in range(4)))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [s + r.randint(0, 3) for s in span]
    out = (
        (size[0] + padding.top + padding.bottom - span[0]) // stride[0] + 1,
        (size[1] + padding.left + padding.right - span[1]) // stride[1] + 1,
    )
    in_c, out_c = r.randint(1, 3), r.randint(1, 6)
    numbers = ConvNumbers(r.randint(-128, 127), r.randint(-20, 20), -128, r.randint(0, 127))
    workload = Workload(
        "conv2d",
        Conv2DAttrs(stride, dilation, padding),
        numbers,
        (("input", TensorType((1, *size, in_c), DType.INT8)),),
        (
            ("weight", TensorType((out_c, *kernel, in_c), DType.INT8)),
            ("bias", TensorType((out_c,), DType.INT32)),
            ("multiplier", TensorType((out_c,), DType.INT32)),
            ("shift", TensorType((out_c,), DType.INT8)),
        ),
        (("output", TensorType((1, *out, out_c), DType.INT8)),),
    )
    return Conv2D().lower(workload)


def matmul_kernel(r: Random) -> LoopKernel:
    """``output = left @ right`` summed in a local, with a shift by a zero point."""
    m, n, k = (r.randint(1, 6) for _ in range(3))
    left = Buffer("left", DType.INT8, (m, k), Role.INPUT)
    right = Buffer("right", DType.INT8, (k, n), Role.CONSTANT)
    output = Buffer("output", DType.INT32, (m, n), Role.OUTPUT)
    term = b.mul(b.sub(b.load(left, "i", "l"), r.randint(-5, 5)), b.load(right, "l", "j"))
    body = b.nest(
        [("i", m), ("j", n)],
        Local("acc", DType.INT32, Literal(0)),
        *b.nest([("l", k)], Accumulate("acc", term)),
        b.store(output, ("i", "j"), Var("acc")),
    )
    return LoopKernel("matmul", (left, right, output), body)


@dataclass
class _Nest:
    """A random nest under construction; buffers get the shapes that their accesses need."""

    r: Random
    extents: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, list[int]] = field(default_factory=dict)
    locals: list[str] = field(default_factory=list)
    names: int = 0
    is_stored: bool = False

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def index(self, scope: list[str], *, guarded: bool = False) -> tuple[Affine, int, int]:
        """An index with its range; a guarded one may also be negative."""
        r = self.r
        index = affine(0)
        for variable in r.sample(scope, min(len(scope), r.randint(0, 2))):
            index = index + affine(variable) * r.choice((1, 1, 1, 2, 3, -1))
        low, _ = index.bounds(self.extents)
        index = index + (-low + (r.randint(-2, 1) if guarded else r.randint(0, 1)))
        return index, *index.bounds(self.extents)

    def element(self, buffer: str, scope: list[str]) -> tuple[Affine, ...]:
        shape = self.shapes[buffer]
        indices = []
        for dimension in range(len(shape)):
            index, _, high = self.index(scope)
            shape[dimension] = max(shape[dimension], high + 1)
            indices.append(index)
        return tuple(indices)

    def value(self, scope: list[str], depth: int) -> Expr:
        """An int32 whose magnitude stays below 2**30 up to depth 2."""
        r = self.r
        if depth == 0:
            kind = r.choice(("load", "load", "literal", "local"))
            if kind == "local" and self.locals:
                return Var(r.choice(self.locals))
            if kind == "literal":
                return Literal(r.randint(-9, 9))
            buffer = r.choice(("x", "y"))
            return Load(buffer, self.element(buffer, scope))
        if depth == 1 and r.random() < 0.2:
            return self.special(scope)
        operator = r.choice(("+", "-", "*", "min", "max", "/"))
        left = self.value(scope, depth - 1)
        right = self.value(scope, depth - 1)
        return Binary(operator, left, Literal(r.choice((-3, 2, 7))) if operator == "/" else right)

    def special(self, scope: list[str]) -> Expr:
        r = self.r
        if r.random() < 0.5:
            return Lookup("table", b.clamp(self.value(scope, 0), 0, 15))
        multiplier, shift = Literal(r.randint(1 << 30, (1 << 31) - 1)), Literal(r.randint(-9, 0))
        return b.call("requantize", self.value(scope, 0), multiplier, shift)

    def stored(self, value: Expr, dtype: DType) -> Expr:
        """The value in another type, with some arithmetic of that type."""
        if dtype is DType.FLOAT32:
            half = Literal(self.r.choice((0.5, -0.1, 3.0)), dtype)
            return Binary(self.r.choice("+-*/"), Cast(dtype, value), half)
        if dtype is DType.INT64:
            return Binary(self.r.choice("+*"), Cast(dtype, value), Literal(3_000_000_000, dtype))
        if dtype is DType.UINT32:
            positive = Cast(dtype, Binary("max", value, Literal(0)))
            return Binary(self.r.choice("+-*"), positive, Literal(4_000_000_000, dtype))
        if dtype is DType.INT32:
            return value
        clamped = b.clamp(value, dtype.min, dtype.max)
        return Cast(dtype, clamped) if self.r.random() < 0.3 else clamped

    def body(self, scope: list[str], depth: int, dtype: DType) -> tuple[Stmt, ...]:
        statements: list[Stmt] = []
        visible = len(self.locals)
        for _ in range(self.r.choice((1, 1, 1, 2))):
            statements += self.statement(scope, depth, dtype)
        del self.locals[visible:]
        return tuple(statements)

    def statement(self, scope: list[str], depth: int, dtype: DType) -> list[Stmt]:
        r = self.r
        if depth and r.random() < 0.8:
            variable = self.name("i")
            self.extents[variable] = r.randint(1, 4)
            inner = self.body([*scope, variable], depth - 1, dtype)
            return [For(variable, self.extents[variable], inner)]
        kind = r.choice(("store", "store", "sum", "guard", "assign"))
        if kind == "guard":
            index, low, high = self.index(scope, guarded=True)
            start = r.randint(low, high)
            condition = Condition(index, start, r.randint(start + 1, high + 1))
            return [If((condition,), self.body(scope, max(depth - 1, 0), dtype))]
        if kind == "sum":
            return self.sum(scope, dtype)
        if kind == "assign":
            name = self.name("v")
            statements: list[Stmt] = [Local(name, DType.INT32, self.value(scope, 1))]
            if r.random() < 0.5:
                statements.append(Assign(name, self.value(scope, 1)))
            self.locals.append(name)
            return [*statements, self.store(scope, self.value(scope, 1), dtype)]
        return [self.store(scope, self.value(scope, r.randint(0, 2)), dtype)]

    def sum(self, scope: list[str], dtype: DType) -> list[Stmt]:
        name, variables = self.name("acc"), [self.name("k") for _ in range(self.r.randint(1, 2))]
        for variable in variables:
            self.extents[variable] = self.r.randint(1, 4)
        inner = [*scope, *variables]
        added = b.clamp(self.value(inner, 1), -99, 99)
        body: tuple[Stmt, ...] = (Accumulate(name, added),)
        # What must keep the loops from being reordered: running sums, last values.
        running = self.r.random()
        if running < 0.15:
            body += (self.store(inner, Var(name), dtype),)
        elif running < 0.3:
            body = (Assign(name, added),)
        if self.r.random() < 0.4:
            index, low, high = self.index(inner, guarded=True)
            body = (If((Condition(index, low, max(low + 1, high)),), body),)
        start = Local(name, DType.INT32, self.value(scope, 0))
        nest = b.nest([(v, self.extents[v]) for v in variables], *body)
        return [start, *nest, self.store(scope, Var(name), dtype)]

    def store(self, scope: list[str], value: Expr, dtype: DType) -> Store:
        """A store; sometimes of something that an earlier store, or a later turn, may change."""
        if self.is_stored and promoted(dtype) is DType.INT32 and self.r.random() < 0.25:
            old = Load("output", self.element("output", scope))
            value = b.add(b.clamp(value, -99, 99), b.clamp(old, -99, 99))
        return Store("output", self.element("output", scope), self.stored(value, dtype))


def random_nest(r: Random) -> LoopKernel:
    """Any nest: stores that overwrite each other, values that live on, guards, all types."""
    shapes = {
        "x": [1] * r.randint(1, 3),
        "y": [1] * r.randint(1, 2),
        "output": [1] * r.randint(1, 3),
    }
    nest = _Nest(r, shapes=shapes)
    dtype = r.choice(STORED)
    first: tuple[Stmt, ...] = ()
    if r.random() < 0.6:
        first = (nest.store([], Literal(1), dtype),)
        nest.is_stored = True
    body = first + nest.body([], r.randint(1, 4), dtype)
    buffers = (
        Buffer("x", DType.INT8, tuple(shapes["x"]), Role.INPUT),
        Buffer("y", r.choice((DType.INT16, DType.INT32)), tuple(shapes["y"]), Role.INPUT),
        Buffer("table", r.choice((DType.INT8, DType.INT32)), (16,), Role.CONSTANT),
        Buffer("output", dtype, tuple(shapes["output"]), Role.OUTPUT),
    )
    return LoopKernel("nest", buffers, body)


def random_kernel(r: Random) -> LoopKernel:
    """One of the kernels above."""
    return r.choice((conv_kernel, matmul_kernel, random_nest, random_nest, random_nest))(r)


def random_arrays(kernel: LoopKernel, seed: int) -> dict[str, np.ndarray]:
    """Arrays for all buffers; outputs too, so that elements nobody stores are compared as well."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for buffer in kernel.buffers:
        low, high = {"multiplier": (1 << 30, (1 << 31) - 1), "shift": (-12, 1)}.get(
            buffer.name, (-100, 100)
        )
        low = 0 if buffer.dtype in (DType.UINT8, DType.UINT32) else low
        arrays[buffer.name] = rng.integers(low, high, buffer.shape).astype(buffer.dtype.numpy)
    return arrays
