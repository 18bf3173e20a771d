"""Loop-nest IR: buffers, loops, stores; printer to C, verifier, interpreter."""

from __future__ import annotations

from tinycc_ml.loopir.c_expr import float_text
from tinycc_ml.loopir.c_functions import print_c_function, required_functions, required_headers
from tinycc_ml.loopir.c_intrinsics import print_c_intrinsics, required_intrinsics
from tinycc_ml.loopir.c_printer import print_c_body
from tinycc_ml.loopir.functions import FUNCTIONS
from tinycc_ml.loopir.index import Affine, AffineLike, affine
from tinycc_ml.loopir.interpreter import run_kernel
from tinycc_ml.loopir.ir import (
    Accumulate,
    Argument,
    Assign,
    Binary,
    Buffer,
    Call,
    CallIntrinsic,
    Cast,
    Compare,
    Condition,
    CText,
    Expr,
    For,
    If,
    Intrinsic,
    LibraryText,
    Literal,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Select,
    SharedText,
    Stmt,
    Store,
    Table,
    Var,
)
from tinycc_ml.loopir.math_functions import MATH, MathFunction
from tinycc_ml.loopir.printer import format_kernel
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.loopir.simplify import simplify_kernel
from tinycc_ml.loopir.verifier import verify_kernel

__all__ = [
    "FUNCTIONS",
    "MATH",
    "Accumulate",
    "Affine",
    "AffineLike",
    "Argument",
    "Assign",
    "Binary",
    "Buffer",
    "CText",
    "Call",
    "CallIntrinsic",
    "Cast",
    "Compare",
    "Condition",
    "Expr",
    "For",
    "If",
    "Intrinsic",
    "LibraryText",
    "Literal",
    "Load",
    "Local",
    "Lookup",
    "LoopKernel",
    "MathFunction",
    "Role",
    "ScalarFunction",
    "Select",
    "SharedText",
    "Stmt",
    "Store",
    "Table",
    "Var",
    "affine",
    "float_text",
    "format_kernel",
    "print_c_body",
    "print_c_function",
    "print_c_intrinsics",
    "required_functions",
    "required_headers",
    "required_intrinsics",
    "run_kernel",
    "simplify_kernel",
    "verify_kernel",
]
