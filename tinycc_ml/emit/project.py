"""Step 9: the files of a project, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.emit.arrays import arena_arrays, sections_of
from tinycc_ml.emit.functions import call_text, function_text
from tinycc_ml.emit.layout import Layout, Port
from tinycc_ml.emit.manifest import Manifest
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.pushing import pushing_context
from tinycc_ml.emit.render import render
from tinycc_ml.emit.sections import HOT_CODE_MACRO, fragment_name, placement_context
from tinycc_ml.emit.state import state_context
from tinycc_ml.emit.text import (
    COLUMNS,
    array_data,
    block_comment,
    comment_safe,
    float_literal,
    wrap,
)
from tinycc_ml.graph import Constant
from tinycc_ml.kernels import Call, GroupedLayer
from tinycc_ml.kernels.cmsis_nn import HEADER as CMSIS_NN_HEADER
from tinycc_ml.loopir import (
    ScalarFunction,
    print_c_function,
    print_c_intrinsics,
    required_functions,
    required_headers,
    required_intrinsics,
)
from tinycc_ml.memplan import Placement


@dataclass(frozen=True, slots=True)
class Accessor:
    """A function that gives the address of an input or output in the arena."""

    comment: str
    declaration: str
    definition: str


def emit_project(layout: Layout, manifest: Manifest, options: EmitOptions) -> dict[str, str]:
    """The content of every generated file, by name.

    Deterministic: the same model, board and options give the same bytes.
    """
    context = model_context(layout, manifest, options)
    return {
        **emit_model(context),
        **_fragment(layout.program.name, context),
        "README.md": render("scaffold/README.md.j2", context),
        "library.json": render("scaffold/library.json.j2", context),
        "manifest.json": manifest.to_json(),
    }


def emit_model(context: dict[str, Any]) -> dict[str, str]:
    """The C files of a model, by name, from its :func:`model_context`."""
    name = context["model"]
    return {
        f"{name}.h": render("scaffold/model.h.j2", context),
        f"{name}.c": render("scaffold/model.c.j2", context),
        f"{name}_weights.h": render("scaffold/model_weights.h.j2", context),
        f"{name}_weights.c": render("scaffold/model_weights.c.j2", context),
    }


def _fragment(name: str, context: dict[str, Any]) -> dict[str, str]:
    """The linker fragment, where something wants a memory of its own."""
    if not context["sections"]:
        return {}
    return {fragment_name(name): render("scaffold/model_sections.ld.j2", context)}


def model_context(layout: Layout, manifest: Manifest, options: EmitOptions) -> dict[str, Any]:
    """What the templates want to know of a model."""
    program, plan = layout.program, layout.plan
    with_context = options.arena == "caller"
    arrays = arena_arrays(layout, options)
    return {
        "banner": _banner(manifest),
        "model": program.name,
        "MODEL": program.name.upper(),
        "manifest": manifest,
        "model_file": comment_safe(manifest.model_file),
        "digest_macro": _digest_macro(program.name, manifest.model_sha256),
        "arena_bytes": plan.arena_bytes,
        "alignment": plan.alignment,
        "arena_comment": _arena_comment(manifest),
        "layer_count": len(program.calls),
        "inputs": [_port(port, manifest, "Input") for port in layout.inputs],
        "outputs": [_port(port, manifest, "Output") for port in layout.outputs],
        "context": with_context,
        "uses_arena": bool(arrays),
        "arrays": arrays,
        "output_arrays": [a for a in arrays if a.local in _output_arrays(layout)],
        "shared": options.shared if arrays and not with_context else "",
        "io_in_arena": options.io == "arena",
        "init_declaration": _init_head(layout, options, ");"),
        "init_definition": _init_head(layout, options, ") {"),
        "run_comment": _run_comment(layout, options),
        "run_declaration": _run_head(layout, options, ");"),
        "run_definition": _run_head(layout, options, ") {"),
        **pushing_context(layout, options),
        "accessors": _accessors(layout, options),
        "offsets": _offsets(layout),
        "headers": _headers(layout),
        "cmsis_nn_header": CMSIS_NN_HEADER,
        "stdbool": any(p.type.dtype is DType.BOOL for p in (*layout.inputs, *layout.outputs)),
        "is_float": any(port.type.dtype.is_float for port in layout.outputs),
        "weight_headers": _weight_headers(layout),
        "helpers": [print_c_function(f, m) for f, m in _helpers(layout).items()],
        "intrinsics": _intrinsics(layout),
        "functions": [function_text(layout, i) for i in range(len(program.functions))],
        "calls": [call_text(layout, i) for i, call in enumerate(program.calls) if not call.pushed],
        "copies_in": _copies_in(layout),
        "copies_out": _copies_out(layout),
        "constants": _constants(layout),
        **state_context(layout, options),
        **placement_context(sections_of(layout, options)),
    }


def _banner(manifest: Manifest) -> str:
    return block_comment(
        [
            f"{manifest.name}: generated by tinycc-ml {manifest.tool_version} from "
            f"{comment_safe(manifest.model_file)} for {manifest.board} ({manifest.core}).",
            "It belongs to you: use it as you like, without conditions. Do not edit, generate "
            "again.",
        ]
    )


def _arena_comment(manifest: Manifest) -> str:
    gap = (
        "no plan can be smaller"
        if manifest.gap_bytes == 0
        else f"at most {manifest.gap_bytes} more than the best possible"
    )
    return block_comment(
        [
            f"Working memory, {manifest.scratch_bytes} bytes of scratch included; {gap} for these "
            f"kernels in this order, {manifest.plan_method}."
        ]
    )


def _port(port: Port, manifest: Manifest, kind: str) -> dict[str, Any]:
    entry = next(e for e in (*manifest.inputs, *manifest.outputs) if e.name == port.parameter)
    quant = port.type.quant
    return {
        "parameter": port.parameter,
        "macro": port.macro,
        "title": f"{kind} `{port.parameter}`: {port.type.dtype.value}"
        + (", real value = SCALE * (q - ZERO_POINT)." if quant else "."),
        "c_type": port.c_type,
        "shape": "{" + ", ".join(map(str, port.type.shape)) + "}",
        "rank": len(port.type.shape),
        "elements": port.type.elements,
        "size_bytes": entry.size_bytes,
        "scale": float_literal(quant.scale) if quant else None,
        "zero_point": _integer_macro(quant.zero_point) if quant else None,
    }


def _integer_macro(value: int) -> str:
    return f"({value})" if value < 0 else str(value)


def _init_head(layout: Layout, options: EmitOptions, tail: str) -> str:
    model = layout.program.name
    state = ["void *state", "size_t state_size_bytes"] if layout.plan.states else []
    # In order: the arena comes first, so that a model without one has its parameters, too.
    arenas = [a.local for a in arena_arrays(layout, options)] or ["arena"]
    arena = [p for name in arenas for p in (f"void *{name}", f"size_t {name}_size_bytes")]
    return wrap(
        f"tcml_status {model}_init(",
        [f"{model}_context *context", *arena, *state],
        tail,
        declaration=True,
    )


def _run_head(layout: Layout, options: EmitOptions, tail: str) -> str:
    model = layout.program.name
    instance = [f"const {model}_context *context"] if options.arena == "caller" else []
    parameters = [
        *instance,
        *(f"const {port.c_type} *{port.parameter}" for port in layout.inputs),
        *(f"{port.c_type} *{port.parameter}" for port in layout.outputs),
    ]
    return wrap(f"tcml_status {model}_run(", parameters, tail, declaration=True)


def _run_comment(layout: Layout, options: EmitOptions) -> str:
    if options.arena == "caller":
        reentrant = "Instances with different arenas may run at the same time."
    elif options.shared:
        reentrant = (
            "Not re-entrant: there is one arena, for all models of this folder. No two of them "
            "may run at the same time."
        )
    else:
        reentrant = "Not re-entrant: there is one arena."
    return block_comment(
        [
            "Runs the network once. Each pointer is to the first element of a dense tensor, "
            "row-major, NHWC. Inputs and outputs must not overlap each other. " + reentrant
        ]
    )


def _accessors(layout: Layout, options: EmitOptions) -> list[Accessor]:
    if options.io == "external" or layout.plan.arena_bytes == 0:
        return []
    model = layout.program.name
    parameter = f"const {model}_context *context" if options.arena == "caller" else "void"
    arenas = {array.local: array.expression for array in arena_arrays(layout, options)}
    result: list[Accessor] = []
    inputs = layout.inputs if options.io == "arena" else ()
    when = "after a run, until the next run or input" if inputs else "once all rows are in"
    if options.shared:
        when += ", and until another model runs"
    lost = (
        "A run overwrites it, of any model that shares the arena."
        if options.shared
        else ("A run overwrites it.")
    )
    for kind, ports in (("input", inputs), ("output", layout.outputs)):
        for index, port in enumerate(ports):
            comment = (
                "Where the input lies in the arena: fill it there and pass this pointer to run, "
                f"and nothing is copied. {lost}"
                if kind == "input"
                else f"Where the output lies in the arena {when}."
            )
            star = f"{port.c_type} *" if kind == "input" else f"const {port.c_type} *"
            head = f"{star}{model}_{kind}_{index}("
            arena = arenas[layout.array_of(port.value)]
            place = (f"({star})({arena} +", f"{layout.offset_macro(port.value)})")
            result.append(
                Accessor(
                    block_comment([comment]),
                    wrap(head, [parameter], ");", declaration=True),
                    _accessor_definition(head, parameter, *place),
                )
            )
    return result


def _accessor_definition(head: str, parameter: str, start: str, end: str) -> str:
    line = f"{head}{parameter}) {{ return {start} {end}; }}"
    if len(line) <= COLUMNS:
        return line
    signature = wrap(head, [parameter], ") {", declaration=True)
    body = f"  return {start} {end};"
    if len(body) > COLUMNS:
        indent = " " * (body.index("(", body.index(")")) + 1)
        body = f"  return {start}\n{indent}{end};"
    return f"{signature}\n{body}\n}}"


def _offsets(layout: Layout) -> list[str]:
    """Macros of the places in the arena and the state area.

    The comments are aligned, as clang-format wants them.
    """
    rows = [
        (f"#define {layout.offset_macro(p.name)} {layout.offset_in_array(p)}", _held(layout, p))
        for p in layout.plan.placements
    ]
    rows += [
        (
            f"#define {layout.offset_macro(p.value)} {p.offset_bytes}",
            f"/* {p.size_bytes:,} bytes of state */",
        )
        for p in layout.plan.states
    ]
    width = max((len(macro) for macro, _ in rows), default=0)
    has_room = all(width + 1 + len(comment) <= COLUMNS for _, comment in rows)
    return [f"{macro:<{width}} {comment}" if has_room else macro for macro, comment in rows]


def _held(layout: Layout, place: Placement) -> str:
    region = layout.plan.region_of(place.name)
    where = f" of {layout.array_of(place.name)}" if region else ""
    return f"/* {place.size_bytes:,} bytes{where} */"


def _output_arrays(layout: Layout) -> set[str]:
    """The arrays that hold outputs."""
    values = [p.value for p in layout.outputs if layout.parameter_of(p.value) is None]
    return {layout.array_of(value) for value in values}


def _digest_macro(model: str, digest: str) -> str:
    name, value = f"#define {model.upper()}_MODEL_SHA256", f'"{digest}"'
    line = f"{name} {value}"
    return line if len(line) <= COLUMNS else f"{name:<{COLUMNS - 1}}\\\n  {value}"


def _headers(layout: Layout) -> list[str]:
    """What the source file includes of the C library."""
    kernels = [kernel.loops for kernel in layout.program.functions]
    special = {header for kernel in kernels for header in required_headers(kernel)}
    is_bool = any(b.dtype is DType.BOOL for kernel in kernels for b in kernel.buffers)
    return sorted({"string.h"} | special | ({"stdbool.h"} if is_bool else set()))


def _weight_headers(layout: Layout) -> list[str]:
    """What the constants need of the C library."""
    arrays = [constant.array for constant in layout.program.constants.values()]
    special = {"math.h"} if any(not np.isfinite(a).all() for a in arrays) else set()
    truth = {"stdbool.h"} if any(a.dtype == bool for a in arrays) else set()
    return sorted({"stdint.h"} | special | truth)


def _helpers(layout: Layout) -> dict[ScalarFunction, str]:
    """The scalar functions of all kernels, each once, those that others need first.

    With the macro above each: what code in RAM calls has to be there too.
    """
    ordered: dict[ScalarFunction, str] = {}
    for index, kernel in enumerate(layout.program.functions):
        is_hot = index in layout.placement.functions
        for function in required_functions(kernel.loops):
            ordered[function] = HOT_CODE_MACRO if is_hot else ordered.get(function, "")
    return ordered


def _intrinsics(layout: Layout) -> str:
    """The functions of all kernels that have a text of their own for the core, each once."""
    kernels = [kernel.loops for kernel in layout.program.functions]
    intrinsics = [i for kernel in kernels for i in required_intrinsics(kernel)]
    hot = dict.fromkeys(layout.placement.intrinsics, HOT_CODE_MACRO)
    return print_c_intrinsics(intrinsics, _helpers(layout), hot)


def _copies_in(layout: Layout) -> list[dict[str, str]]:
    if layout.io != "arena":
        return []
    return [_copy(layout.address(port.value), port.parameter, port) for port in layout.inputs]


def _copies_out(layout: Layout) -> list[dict[str, str]]:
    """Outputs that no layer has written through the output's own pointer."""
    return [
        _copy(
            port.parameter,
            layout.parameter_of(port.value) or layout.address(port.value),
            port,
        )
        for port in layout.outputs
        if layout.parameter_of(port.value) != port.parameter
    ]


def _copy(target: str, source: str, port: Port) -> dict[str, str]:
    """A copy of a tensor between the application's buffer and the arena, if these are two."""
    other = source if target == port.parameter else target
    return {
        "condition": f"(const void *){port.parameter} != (const void *)({other})",
        "text": wrap("    memcpy(", [target, source, f"{port.macro}_SIZE_BYTES"], ");"),
    }


def _constants(layout: Layout) -> list[dict[str, Any]]:
    program = layout.program
    origins: dict[str, Call | GroupedLayer] = {}
    for call in program.calls:
        origins |= dict.fromkeys((*call.constants, *call.inputs), call)
        for each in call.group:
            origins |= dict.fromkeys(each.constants, each)
    return [
        {
            "name": f"{program.name}_{name}",
            "c_type": from_numpy(constant.array.dtype).c_name,
            "elements": constant.array.size,
            "comment": comment_safe(_constant_comment(name, constant, origins.get(name)), 90),
            "data": array_data(constant.array),
            "is_hot": name in layout.placement.constants,
        }
        for name, constant in program.constants.items()
    ]


def _constant_comment(name: str, constant: Constant, reader: Call | GroupedLayer | None) -> str:
    shape = f"[{'x'.join(map(str, constant.array.shape))}]"
    if reader is None:  # no layer reads it, but the reset does
        return f"{name} {shape} of a state"
    return f"{name.removeprefix(reader.layer + '_')} {shape} of {reader.origin}"
