"""Prints intrinsics in C: a naked function where the compiler can take it, else the meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.c_expr import literal, render
from tinycc_ml.loopir.c_functions import (
    COLUMNS,
    PREFIX,
    print_c_function,
    required_functions,
    wrapped,
)
from tinycc_ml.loopir.c_functions import comment as c_comment
from tinycc_ml.loopir.c_printer import print_c_body
from tinycc_ml.loopir.ir import Buffer, Intrinsic, LibraryText, LoopKernel, Role, SharedText, Table
from tinycc_ml.loopir.scalar_function import ScalarFunction
from tinycc_ml.loopir.simplify import simplify_kernel
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
    # Bit 0 stands for the vectors of integers.
    "mve": (
        "defined(__ARM_FEATURE_MVE)",
        "((__ARM_FEATURE_MVE & 1) == 1)",
        "defined(__GNUC__)",
        "!defined(__ARM_BIG_ENDIAN)",
        "!defined(TCML_PORTABLE)",
    ),
    # Bit 2 stands for single precision.
    "fpu": (
        "defined(__ARM_FP)",
        "((__ARM_FP & 4) == 4)",
        "defined(__thumb2__)",
        "defined(__GNUC__)",
        "!defined(__ARM_BIG_ENDIAN)",
        "!defined(TCML_PORTABLE)",
    ),
    "thumb2": (
        "defined(__thumb2__)",
        "defined(__GNUC__)",
        "!defined(__ARM_BIG_ENDIAN)",
        "!defined(TCML_PORTABLE)",
    ),
    "thumb1": (
        "defined(__thumb__)",
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


#: What every compiler of C99 takes, without the zero at the end.
_LONGEST_STRING = 4094

# Some compilers put code of their own into naked functions (stack protector, instrumentation),
# or would drop the arguments, which no C statement uses ("used" and "noipa" forbid it).
_ATTRIBUTES = _continued("""\
#if defined(__has_attribute)
#if __has_attribute(noipa)
#define TCML_NO_IPA , noipa
#endif
#if __has_attribute(no_profile_instrument_function)
#define TCML_NO_PROFILE , no_profile_instrument_function
#endif
#if __has_attribute(no_stack_protector)
#define TCML_NO_STACK_PROTECTOR , no_stack_protector
#endif
#endif
#ifndef TCML_NO_IPA
#define TCML_NO_IPA
#endif
#ifndef TCML_NO_PROFILE
#define TCML_NO_PROFILE
#endif
#ifndef TCML_NO_STACK_PROTECTOR
#define TCML_NO_STACK_PROTECTOR , optimize("no-stack-protector")
#endif
/* The body is all there is: the compiler adds no prologue, and takes the arguments for used. */
#define TCML_NAKED @
  __attribute__((naked, noinline, used, @
                 no_instrument_function TCML_NO_IPA TCML_NO_PROFILE TCML_NO_STACK_PROTECTOR))
#define TCML_UNUSED __attribute__((unused))
""")


def required_intrinsics(kernel: LoopKernel) -> tuple[Intrinsic, ...]:
    """The intrinsics that :func:`print_c_body` calls, each once."""
    body = simplify_kernel(kernel).body
    return tuple(dict.fromkeys(call.intrinsic for call in intrinsic_calls(body)))


def print_c_intrinsics(
    intrinsics: Iterable[Intrinsic],
    known: Iterable[ScalarFunction] = (),
    macros: Mapping[str, str] | None = None,
) -> str:
    """The definitions of intrinsics with their guards; empty when there are none.

    Args:
        intrinsics: What to print, each once; equal names must mean equal intrinsics.
        known: Scalar functions that stand above already.
        macros: By an intrinsic's name a macro that stands above its definition.
    """
    blocks = []
    all_ = list(dict.fromkeys(intrinsics))
    printed: dict[str, set[ScalarFunction]] = {}
    above = {name: f"{macro}\n" for name, macro in (macros or {}).items()}
    blocks += [_library(i, i.library, above.get(i.name, "")) for i in all_ if i.library]
    for feature in dict.fromkeys(i.requires for i in all_ if not i.library):
        group = [intrinsic for intrinsic in all_ if intrinsic.requires == feature]
        shared = {i.shared: i for i in reversed(group) if i.shared}
        texts = (_shared(text, i, above.get(text.name, "")) for text, i in shared.items())
        naked = "\n".join([*texts, *(_naked(i, above.get(i.name, "")) for i in group)])
        helpers = dict.fromkeys(f for i in group for f in required_functions(i.meaning))
        missing = [f for f in helpers if f not in known]
        meanings = (_plain(i, above.get(i.name, "")) for i in group)
        plain = "\n".join([*(_helper(f, printed) for f in missing), *meanings])
        printed[feature] = set(missing)
        blocks.append(
            f"{_condition(feature)}\n{_ATTRIBUTES}\n{naked}\n#else /* the same in C */\n\n"
            f"{plain}\n#endif\n"
        )
    return "\n".join(blocks)


def _library(intrinsic: Intrinsic, text: LibraryText, above: str) -> str:
    """A function that calls a library."""
    parameters = list(map(_parameter, intrinsic.parameters))
    signature = _signature("static void", intrinsic.name, parameters)
    lines = "\n".join(text.lines)
    return f"{c_comment(intrinsic.comment)}{above}{signature}\n{lines}\n}}\n"


def _helper(function: ScalarFunction, printed: Mapping[str, set[ScalarFunction]]) -> str:
    """A function, but where a part for another feature has it already."""
    text = print_c_function(function)
    for feature, functions in printed.items():
        if function in functions:
            text = f"{_condition(feature)}\n{text}#endif\n"
    return text


def _condition(feature: str) -> str:
    terms = GUARDS[feature]
    lines = [f"#if {terms[0]}"]
    for number, term in enumerate(terms[1:], 2):
        more = " && \\" if number < len(terms) else ""
        if len(lines[-1]) + len(f" && {term}{more}") > COLUMNS:
            lines[-1] = f"{lines[-1]} && @"
            lines.append(f"    {term}")
        else:
            lines[-1] += f" && {term}"
    return _continued("\n".join(lines))


def _naked(intrinsic: Intrinsic, above: str) -> str:
    if intrinsic.shared:
        return _with_sizes(intrinsic, intrinsic.shared, above)
    parameters = map(_parameter, intrinsic.parameters)
    return _naked_text(intrinsic, parameters, intrinsic, above)


def _shared(text: SharedText, first: Intrinsic, above: str) -> str:
    """The text that intrinsics share; all of them have the parameters of the first."""
    parameters = [*map(_parameter, first.parameters), "const uint16_t *sizes"]
    return _naked_text(text, parameters, first, above)


def _naked_text(
    text: SharedText | Intrinsic, parameters: Iterable[str], intrinsic: Intrinsic, above: str
) -> str:
    unused = [f"TCML_UNUSED {parameter}" for parameter in parameters]
    signature = _signature("static TCML_NAKED void", text.name, unused)
    # GCC takes assembly for cores without Thumb-2 to be in the older syntax.
    head = ("  .syntax unified",) if intrinsic.requires == "thumb1" else ()
    room = _LONGEST_STRING - sum(len(line) + 1 for line in head)
    body = "".join(_asm((*head, *piece)) for piece in _pieces(text.assembly, room))
    return f"{c_comment(text.comment)}{above}{signature}\n{body}}}\n"


def _with_sizes(intrinsic: Intrinsic, text: SharedText, above: str) -> str:
    """A function that passes its sizes to a shared text."""
    arguments = [*(buffer.name for buffer in intrinsic.parameters), "sizes"]
    call = wrapped(f"  {PREFIX}{text.name}(", arguments, ");")
    sizes = ", ".join(map(str, intrinsic.sizes))
    table = f"  static const uint16_t sizes[] = {{{sizes}}};"
    return f"{_plain_head(intrinsic, above)}\n{table}\n{call}\n}}\n"


def _asm(lines: Sequence[str]) -> str:
    """A statement; nothing comes between it and the next, as the function is naked."""
    open_ = '  __asm__ volatile("'
    between = f'\\n"\n{" " * (len(open_) - 1)}"'
    return f'{open_}{between.join(lines)}\\n");\n'


def _pieces(lines: Sequence[str], room: int) -> Iterator[Sequence[str]]:
    """Parts of the text that are no longer than `room`."""
    start = length = 0
    for end, line in enumerate(lines):
        if length + len(line) + 1 > room:
            yield lines[start:end]
            start, length = end, 0
        length += len(line) + 1
    yield lines[start:]


def _plain(intrinsic: Intrinsic, above: str) -> str:
    tables = "".join(map(_table, intrinsic.tables, _buffers(intrinsic)))
    body = tables + print_c_body(intrinsic.meaning)
    return f"{_plain_head(intrinsic, above)}\n{body}}}\n"


def _buffers(intrinsic: Intrinsic) -> Iterator[Buffer]:
    """The buffers of the tables."""
    return (intrinsic.meaning.buffer(table.buffer) for table in intrinsic.tables)


def _table(table: Table, buffer: Buffer) -> str:
    """The definition of a table in a function."""
    numbers = [render(literal(value, DType.INT32)) for value in table.values]
    head = f"  static const {buffer.dtype.c_name} {table.buffer}[{len(numbers)}] = {{"
    one_line = f"{head}{', '.join(numbers)}}};"
    if len(one_line) <= COLUMNS:
        return f"{one_line}\n"
    text = textwrap.fill(
        ", ".join(numbers), COLUMNS - 1, initial_indent=" " * 6, subsequent_indent=" " * 6
    )
    # clang-format would put long lists into columns.
    return f"  /* clang-format off */\n{head}\n{text},\n  }};\n  /* clang-format on */\n"


def _plain_head(intrinsic: Intrinsic, above: str) -> str:
    """Comment and signature of a function that is not naked."""
    parameters = list(map(_parameter, intrinsic.parameters))
    signature = _signature("static void", intrinsic.name, parameters)
    return f"{c_comment(intrinsic.comment[:1])}{above}{signature}"


def _signature(head: str, function: str, parameters: Sequence[str]) -> str:
    """Laid out as clang-format does.

    It breaks where that costs least: 60 behind the type, 100 behind the bracket, about 30 between
    two parameters (inferred from what it makes of names of all lengths).
    """
    name, tail = f"{PREFIX}{function}(", ") {"
    layouts: list[tuple[int, list[str]]] = []
    for cost, above, start in (
        (0, [], f"{head} {name}"),
        (60, [head], name),
        (100, [f"{head} {name}"], "    "),
        (160, [head, name], "    "),
    ):
        rows = wrapped(start, parameters, tail).split("\n")
        if all(len(line) <= COLUMNS for line in (*above, *rows)):
            layouts.append((cost + 30 * len(rows), [*above, *rows]))
    return "\n".join(min(layouts, key=lambda layout: layout[0])[1])


def _parameter(buffer: Buffer) -> str:
    read_only = buffer.role in (Role.INPUT, Role.CONSTANT)
    return f"{'const ' if read_only else ''}{buffer.dtype.c_name} *{buffer.name}"
