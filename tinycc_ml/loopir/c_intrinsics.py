"""Prints intrinsics in C: a naked function where the compiler can take it, else the meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinycc_ml.loopir.c_functions import (
    COLUMNS,
    PREFIX,
    print_c_function,
    required_functions,
    wrapped,
)
from tinycc_ml.loopir.c_functions import comment as c_comment
from tinycc_ml.loopir.c_printer import print_c_body
from tinycc_ml.loopir.functions import ScalarFunction
from tinycc_ml.loopir.ir import Buffer, Intrinsic, LoopKernel, Role
from tinycc_ml.loopir.walk import intrinsic_calls

#: When the assembly that needs a feature is used. The registers of big-endian cores would hold
#: the halves of words the other way round.
GUARDS = {
    "dsp": (
        "defined(__ARM_FEATURE_DSP)",
        "(__ARM_FEATURE_DSP == 1)",
        "defined(__GNUC__)",
        "!defined(__ARM_BIG_ENDIAN)",
        "!defined(TCML_PORTABLE)",
    ),
}


def _continued(text: str) -> str:
    """With a backslash in the last column where a line ends in ``@``."""
    lines = text.split("\n")
    return "\n".join(
        f"{line[:-1].rstrip():<{COLUMNS - 1}}\\" if line.endswith("@") else line for line in lines
    )


# Some compilers put code of their own into naked functions (stack protector, instrumentation),
# or would drop the arguments, which no C statement uses ("used" and "noipa" forbid it).
_ATTRIBUTES = _continued("""\
#if defined(__has_attribute)
#if __has_attribute(noipa)
#define TCML_NO_IPA , noipa
#endif
#if __has_attribute(no_stack_protector)
#define TCML_NO_STACK_PROTECTOR , no_stack_protector
#endif
#endif
#ifndef TCML_NO_IPA
#define TCML_NO_IPA
#endif
#ifndef TCML_NO_STACK_PROTECTOR
#define TCML_NO_STACK_PROTECTOR , optimize("no-stack-protector")
#endif
/* The body is all there is: the compiler adds no prologue, and takes the arguments for used. */
#define TCML_NAKED @
  __attribute__((naked, noinline, used, @
                 no_instrument_function TCML_NO_IPA TCML_NO_STACK_PROTECTOR))
#define TCML_UNUSED __attribute__((unused))
""")


def required_intrinsics(kernel: LoopKernel) -> tuple[Intrinsic, ...]:
    """The intrinsics that a kernel calls, each once."""
    return tuple(dict.fromkeys(call.intrinsic for call in intrinsic_calls(kernel.body)))


def print_c_intrinsics(
    intrinsics: Iterable[Intrinsic], known: Iterable[ScalarFunction] = ()
) -> str:
    """The definitions of intrinsics with their guards; empty when there are none.

    Args:
        intrinsics: What to print, each once; equal names must mean equal intrinsics.
        known: Scalar functions that stand above already.
    """
    blocks = []
    all_ = list(dict.fromkeys(intrinsics))
    for feature in dict.fromkeys(intrinsic.requires for intrinsic in all_):
        group = [intrinsic for intrinsic in all_ if intrinsic.requires == feature]
        naked = "\n".join(map(_naked, group))
        helpers = dict.fromkeys(f for i in group for f in required_functions(i.meaning))
        missing = [print_c_function(f) for f in helpers if f not in known]
        plain = "\n".join([*missing, *map(_plain, group)])
        blocks.append(
            f"{_condition(feature)}\n{_ATTRIBUTES}\n{naked}\n#else /* the same in C */\n\n"
            f"{plain}\n#endif\n"
        )
    return "\n".join(blocks)


def _condition(feature: str) -> str:
    terms = GUARDS[feature]
    lines = [f"#if {terms[0]}"]
    for term in terms[1:]:
        if len(lines[-1]) + len(f" && {term} && \\") > COLUMNS:
            lines[-1] = f"{lines[-1]} && @"
            lines.append(f"    {term}")
        else:
            lines[-1] += f" && {term}"
    return _continued("\n".join(lines))


def _naked(intrinsic: Intrinsic) -> str:
    head = f"static TCML_NAKED void {PREFIX}{intrinsic.name}("
    signature = wrapped(head, _parameters(intrinsic, "TCML_UNUSED "), ") {")
    open_ = '  __asm__ volatile("'
    lines = f'\\n"\n{" " * (len(open_) - 1)}"'.join(intrinsic.assembly)
    return f'{c_comment(intrinsic.comment)}{signature}\n{open_}{lines}\\n");\n}}\n'


def _plain(intrinsic: Intrinsic) -> str:
    head = f"static void {PREFIX}{intrinsic.name}("
    signature = wrapped(head, _parameters(intrinsic), ") {")
    return f"{c_comment(intrinsic.comment[:1])}{signature}\n{print_c_body(intrinsic.meaning)}}}\n"


def _parameters(intrinsic: Intrinsic, attribute: str = "") -> Sequence[str]:
    return [f"{attribute}{_parameter(buffer)}" for buffer in intrinsic.meaning.buffers]


def _parameter(buffer: Buffer) -> str:
    read_only = buffer.role in (Role.INPUT, Role.CONSTANT)
    return f"{'const ' if read_only else ''}{buffer.dtype.c_name} *{buffer.name}"
