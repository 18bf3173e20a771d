"""Which ``static inline`` functions the C of a kernel needs, and their text.

The minimum and maximum of two numbers are operators in loop IR and functions in C: an expression
such as ``min(max(x, -128), 127)`` then evaluates each operand once, and compilers turn it into
their saturating or conditional instructions as they do with the ternary operator.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import checks
from tinycc_ml.loopir.functions import FUNCTIONS
from tinycc_ml.loopir.ir import Binary, Call, Literal, Load, Lookup, LoopKernel
from tinycc_ml.loopir.math_functions import HEADER, MATH
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.loopir.simplify import simplify_kernel
from tinycc_ml.loopir.typing import COMPUTED, type_of
from tinycc_ml.loopir.walk import expressions, intrinsic_calls, local_types
from tinycc_ml.numerics import unpack_int4

COLUMNS = 100
PREFIX = "tcml_"


def _min_or_max(operator: str, dtype: DType) -> ScalarFunction:
    is_min = operator == "min"
    return ScalarFunction(
        f"{operator}_{dtype.short_name}",
        (("a", dtype), ("b", dtype)),
        dtype,
        checks.lesser if is_min else checks.greater,
        (),
        f"The {'lesser' if is_min else 'greater'} of two numbers.",
        f"  return (a {'<' if is_min else '>'} b) ? a : b;\n",
    )


MIN_MAX: Mapping[str, ScalarFunction] = {
    function.name: function
    for function in (_min_or_max(o, dtype) for dtype in COMPUTED for o in ("min", "max"))
}

#: Reads an element of a buffer whose elements have no address; its first parameter is a pointer.
UNPACK = ScalarFunction(
    "load_s4",
    (("packed", DType.INT4), ("index", DType.INT32)),
    DType.INT32,
    lambda packed, index: int(unpack_int4(packed, (2 * len(packed),))[index]),
    (),
    "The element of that index of 4-bit integers, two in a byte, the first in its lower half.",
    """\
  const int32_t half = ((int32_t)packed[index >> 1] >> (4 * (index & 1))) & 15;
  return (half ^ 8) - 8;
""",
)


def required_functions(kernel: LoopKernel) -> tuple[ScalarFunction, ...]:
    """The functions that :func:`print_c_body` calls, each after those that it calls itself."""
    ordered: dict[str, ScalarFunction] = {}
    for name in _called(simplify_kernel(kernel)):
        _require(name, ordered)
    return tuple(ordered.values())


def _called(kernel: LoopKernel) -> Iterator[str]:
    buffers = {buffer.name: buffer for buffer in kernel.buffers}
    scope = local_types(kernel.body)
    for expr in expressions(kernel.body):
        match expr:
            case Call(function, _) if function in FUNCTIONS:
                yield function
            case Load(buffer, _) | Lookup(buffer, _) if buffers[buffer].dtype is DType.INT4:
                yield UNPACK.name
            case Binary("min" | "max" as operator, left, _):
                yield f"{operator}_{type_of(left, buffers, scope).short_name}"


def required_headers(kernel: LoopKernel) -> tuple[str, ...]:
    """The headers whose functions and constants :func:`print_c_body` names."""
    if kernel.text is not None:
        return kernel.text.headers
    body = simplify_kernel(kernel).body
    libraries = (call.intrinsic.library for call in intrinsic_calls(body))
    headers = dict.fromkeys(library.header for library in libraries if library)
    for expr in expressions(body):
        match expr:
            case Call(function, _) if function in MATH:
                headers[HEADER] = None
            case Literal(value, DType.FLOAT32) if not math.isfinite(value):
                headers[HEADER] = None
    return tuple(headers)


def _require(name: str, ordered: dict[str, ScalarFunction]) -> None:
    function = {UNPACK.name: UNPACK}.get(name) or FUNCTIONS.get(name) or MIN_MAX[name]
    for other in function.requires:
        _require(other, ordered)
    ordered.setdefault(name, function)


def print_c_function(function: ScalarFunction, macro: str = "") -> str:
    """The definition of a function with its comment, formatted as clang-format would.

    Args:
        function: The function.
        macro: A macro that stands above the definition.
    """
    parameters = [
        f"const {dtype.c_name} *{name}" if dtype is DType.INT4 else f"{dtype.c_name} {name}"
        for name, dtype in function.parameters
    ]
    head = f"static inline {function.result.c_name} {PREFIX}{function.name}("
    signature = wrapped(head, parameters, ") {")
    body = function.text
    above = comment([function.comment]) + (f"{macro}\n" if macro else "")
    one_line = f"{signature} {body.strip()} }}"
    if body.count("\n") == 1 and len(one_line) <= COLUMNS:
        return f"{above}{one_line}\n"
    return f"{above}{signature}\n{body}}}\n"


def wrapped(head: str, items: Sequence[str], tail: str) -> str:
    """A parameter list, continued below its bracket where the line is full."""
    lines = [head]
    for i, item in enumerate(items):
        last = i == len(items) - 1
        piece = item + (tail if last else ",")
        gap = " " if i else ""
        if len(lines[-1]) + len(gap) + len(piece) > COLUMNS:
            lines.append(" " * len(head) + piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def comment(sentences: Sequence[str]) -> str:
    """A block comment; each sentence starts a new line."""
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, COLUMNS - 6)]
    return "/* " + "\n * ".join(lines) + " */\n"
